use super::*;

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, "POST", path, "127.0.0.1:1", Some(&[body]));
    out
}

#[test]
fn a_made_request_is_taken_apart_again() {
    let bytes = post("/api/tasks", b"{\"a\":1}");
    let request = parse(&bytes).unwrap().unwrap();
    assert_eq!(request, Request { is_get: false, body: b"{\"a\":1}", consumed: bytes.len() });
}

#[test]
fn get_has_no_body() {
    let mut bytes = Vec::new();
    append(&mut bytes, "GET", "/api/tasks/poll/t", "h", None);
    let request = parse(&bytes).unwrap().unwrap();
    assert!(request.is_get);
    assert!(request.body.is_empty());
}

#[test]
fn every_prefix_of_a_request_is_incomplete() {
    let bytes = post("/x", b"0123456789");
    for cut in 0..bytes.len() {
        assert_eq!(parse(&bytes[..cut]).unwrap(), None, "cut at {cut}");
    }
}

#[test]
fn pipelined_requests_are_taken_one_by_one() {
    let mut bytes = post("/x", b"one");
    bytes.extend(post("/y", b"two"));
    let first = parse(&bytes).unwrap().unwrap();
    assert_eq!(first.body, b"one");
    assert_eq!(parse(&bytes[first.consumed..]).unwrap().unwrap().body, b"two");
}

#[test]
fn ambiguous_or_oversized_bodies_are_refused() {
    let cases: [(&str, WireError); 5] = [
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", WireError::Body),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", WireError::Body),
        ("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", WireError::Length),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", WireError::Length),
        ("POST / HTTP/1.1\r\nContent-Length: \r\n\r\n", WireError::Length),
    ];
    for (bytes, error) in cases {
        assert_eq!(parse(bytes.as_bytes()), Err(error), "{bytes:?}");
    }
    assert!(matches!(parse(b"\x00\x01\r\n\r\n"), Err(WireError::Head(_))));
}
