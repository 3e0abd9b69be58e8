"""Starts the stores that `make test-stores` tests with, runs the tests, and stops them.

    python stores/check.py FOLDER COMMAND...

FOLDER holds what requirements.txt and package.json name. A store that does not start, or that
cannot do what the tests need, is named as not run.
"""

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

# The well-known account of every Azurite.
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = base64.b64encode(
    bytes.fromhex(
        "11eb358ef0e90a3fe8d58e3a14ec5e6a3e7e5e0e5f0e7e5e0e5f0e7e5e0e5f0e"
    )
).decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, name):
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{name} did not start")


def main():
    folder, command = os.path.abspath(sys.argv[1]), sys.argv[2:]
    python = os.path.join(folder, "venv", "bin")
    environment = dict(os.environ)
    # Settings of the caller are for other stores.
    for name in list(environment):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            del environment[name]
    servers, stores, missing = [], [], []
    files = tempfile.TemporaryDirectory(prefix="azurite-")

    def start(name, port, arguments, extra=None):
        log = open(os.path.join(folder, f"{name}.log"), "w")
        server = subprocess.Popen(
            arguments, stdout=log, stderr=subprocess.STDOUT, env={**environment, **(extra or {})}
        )
        servers.append(server)
        wait_for(port, name)

    try:
        port = free_port()
        start(
            "azurite",
            port,
            [
                os.path.join(folder, "node_modules", ".bin", "azurite-blob"),
                # Its store in memory stops answering for ever when clients are killed often enough.
                "--location",
                files.name,
                "--skipApiVersionCheck",
                "--silent",
                "--blobHost",
                "127.0.0.1",
                "--blobPort",
                str(port),
            ],
            {"AZURITE_ACCOUNTS": f"{AZURE_ACCOUNT}:{AZURE_KEY}"},
        )
        environment.update(
            AZURE_STORAGE_ACCOUNT_NAME=AZURE_ACCOUNT,
            AZURE_STORAGE_ACCOUNT_KEY=AZURE_KEY,
            AZURE_STORAGE_ENDPOINT=f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}",
            AZURE_ALLOW_HTTP="true",
        )
        create_azure_container(port)
        stores.append("azure=az://capscore")
        faulty = free_port()
        faults = os.path.join(os.path.dirname(os.path.abspath(__file__)), "faults.py")
        start("faults", faulty, [sys.executable, faults, str(faulty), str(port)])
        environment["CAPSCORE_TEST_FAULTY"] = f"http://127.0.0.1:{faulty}/{AZURE_ACCOUNT}"

        port = free_port()
        start("s3", port, [os.path.join(python, "moto_server"), "-H", "127.0.0.1", "-p", str(port)])
        environment.update(
            AWS_ACCESS_KEY_ID="test-access",
            AWS_SECRET_ACCESS_KEY="test-secret",
            AWS_REGION="us-east-1",
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
            AWS_ALLOW_HTTP="true",
        )
        request = urllib.request.Request(f"http://127.0.0.1:{port}/capscore", method="PUT")
        urllib.request.urlopen(request).read()
        stores.append("s3=s3://capscore")

        port = free_port()
        start(
            "gcs",
            port,
            [
                os.path.join(python, "gcp-storage-emulator"),
                "start",
                "--in-memory",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--default-bucket",
                "capscore",
            ],
        )
        problem = probe_gcs(port)
        if problem:
            missing.append(f"gs:// ({problem})")
        else:
            environment.update(
                GOOGLE_BASE_URL=f"http://127.0.0.1:{port}",
                GOOGLE_SKIP_SIGNATURE="true",
                GOOGLE_ALLOW_HTTP="true",
            )
            stores.append("gcs=gs://capscore")
        missing += [
            "OneLake (no emulator)",
            "managed and workload identity (no emulator)",
        ]
        environment["CAPSCORE_TEST_STORES"] = " ".join(stores)
        status = subprocess.run(command, env=environment).returncode
    finally:
        for server in servers:
            server.terminate()
    print("stores tested: " + ", ".join(store.split("=")[0] for store in stores))
    for store in missing:
        print(f"NOT RUN: {store}")
    raise SystemExit(status)


def create_azure_container(port):
    import hashlib
    import hmac
    from email.utils import formatdate

    date, version = formatdate(usegmt=True), "2021-08-06"
    path = f"/{AZURE_ACCOUNT}/capscore"
    headers = f"x-ms-date:{date}\nx-ms-version:{version}\n"
    resource = f"/{AZURE_ACCOUNT}{path}\nrestype:container"
    text = "PUT\n\n\n\n\n\n\n\n\n\n\n\n" + headers + resource
    key = base64.b64decode(AZURE_KEY)
    signature = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}?restype=container",
        method="PUT",
        headers={
            "x-ms-date": date,
            "x-ms-version": version,
            "Content-Length": "0",
            "Authorization": f"SharedKey {AZURE_ACCOUNT}:{signature}",
        },
    )
    urllib.request.urlopen(request).read()


def probe_gcs(port):
    """Why the emulator cannot stand for the store: it has to refuse to create what exists, to tell
    of an object without its content, and to list."""
    once = {"x-goog-if-generation-match": "0"}
    found = []
    for what, method, path, headers, expected in (
        ("a conditional create", "PUT", "capscore/probe.txt", once, 200),
        ("a second conditional create", "PUT", "capscore/probe.txt", once, 412),
        ("a look at an object", "HEAD", "capscore/probe.txt", {}, 200),
        ("a listing", "GET", "capscore?list-type=2", {}, 200),
    ):
        data = b"x" if method == "PUT" else None
        url = f"http://127.0.0.1:{port}/{path}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            status = urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError as error:
            return f"the emulator does not answer: {error}"
        if status != expected:
            found.append(f"{status} to {what}")
    return "the emulator answers " + ", ".join(found) if found else None


if __name__ == "__main__":
    main()
