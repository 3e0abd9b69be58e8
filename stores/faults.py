"""A proxy that stands before a store and lets one request of ten fail.

    python stores/faults.py PORT UPSTREAM_PORT

It answers 429, 500 or 503, closes the connection before the request, closes it when the request was
carried out and nobody was told, cuts a body in half, or takes its time.
"""

import http.client
import random
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = ("429", "500", "503", "reset", "unanswered", "cut", "slow")


class Faulty(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = 0
    chance = random.Random(7)
    told = {}

    def carry(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        fault = self.chance.choice(FAULTS) if self.chance.random() < 0.1 else None
        if fault:
            self.told[fault] = self.told.get(fault, 0) + 1
            print(f"{fault} {self.command} {self.path.split('?')[0]} {self.told}", flush=True)
        if fault in ("429", "500", "503"):
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == "reset":
            self.close_connection = True
            self.connection.close()
            return
        # The signature covers the host, so that it goes on as it came.
        upstream = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                upstream.putheader(name, value)
        upstream.endheaders(body if length else None)
        answer = upstream.getresponse()
        content = answer.read()
        if fault == "unanswered":
            self.close_connection = True
            self.connection.close()
            return
        if fault == "slow":
            time.sleep(3)
        self.send_response(answer.status, answer.reason)
        has_length = False
        for name, value in answer.getheaders():
            if name.lower() in ("connection", "transfer-encoding", "keep-alive", "date", "server"):
                continue
            has_length |= name.lower() == "content-length"
            self.send_header(name, value)
        if not has_length and answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if fault == "cut" and len(content) > 1:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = carry

    def log_message(self, *_):
        pass


def main():
    Faulty.upstream = int(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Faulty).serve_forever()


if __name__ == "__main__":
    main()
