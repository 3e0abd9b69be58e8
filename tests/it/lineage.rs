//! A service of lineage hears of a run, and holds up none.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use crate::base::{Base, Place};

/// One request: its first line and headers, and its body.
type Request = (String, String);

/// A service on a port of its own that answers every request with a status.
fn service(status: &'static str) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            if sender.send(answer(connection.unwrap(), status)).is_err() {
                return;
            }
        }
    });
    (url, requests)
}

fn answer(mut connection: TcpStream, status: &str) -> Request {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = |bytes: &[u8]| bytes.windows(4).position(|four| four == b"\r\n\r\n");
    loop {
        let count = connection.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let Some(head) = end(&bytes) else { continue };
        let headers = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let lower = headers.to_lowercase();
        let length = lower.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        if bytes.len() >= head + 4 + length {
            let body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
            let text =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            connection.write_all(text.as_bytes()).unwrap();
            return (headers, body);
        }
    }
}

fn place() -> Place {
    let place = Place::new();
    Base::alike(&["1001"], 2).write(&place.path("deliveries"), "2026-10-21");
    place
}

#[test]
fn a_service_gets_an_event_at_start_and_end() {
    let (url, requests) = service("201 Created");
    let place = place();
    place
        .run()
        .args(["--openlineage", &url])
        .env("OPENLINEAGE_API_KEY", "top-secret")
        .assert()
        .success();
    let events: Vec<Request> = requests.try_iter().collect();
    let kinds: Vec<serde_json::Value> = events
        .iter()
        .map(|(headers, body)| {
            assert!(headers.starts_with("POST /api/v1/lineage HTTP/1.1"), "{headers}");
            let headers = headers.to_lowercase();
            assert!(headers.contains("authorization: bearer top-secret"), "{headers}");
            assert!(headers.contains("content-type: application/json"), "{headers}");
            let event: serde_json::Value = serde_json::from_str(body).unwrap();
            event["eventType"].clone()
        })
        .collect();
    assert_eq!(kinds, ["START", "COMPLETE"]);
}

#[test]
fn a_service_that_refuses_holds_up_no_run() {
    let (url, requests) = service("403 Forbidden");
    let place = place();
    let told = place.run().args(["--openlineage", &format!("{url}/some/path")]).output().unwrap();
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(told.status.success(), "{text}");
    assert!(text.contains("was not delivered"), "{text}");
    let paths: Vec<Request> = requests.try_iter().collect();
    // Refused once each; only what may be mended by waiting is tried again.
    assert_eq!(paths.len(), 2);
    assert!(paths.iter().all(|(headers, _)| headers.starts_with("POST /some/path ")));
    assert!(place.path("tables/fact_area_score/2026-09.parquet").exists());
}
