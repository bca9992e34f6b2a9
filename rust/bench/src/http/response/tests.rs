use super::*;

fn whole(text: &str) -> Response<'_> {
    parse(text.as_bytes()).unwrap().unwrap()
}

#[test]
fn a_counted_body_is_borrowed() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP";
    let response = whole(text);
    assert_eq!((response.status, response.consumed), (200, text.len() - 4));
    assert!(matches!(response.body, Cow::Borrowed(b"abc")));
    assert!(!response.closes);
}

#[test]
fn chunks_are_joined() {
    let text = "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n";
    let response = whole(text);
    assert_eq!(response.body.as_ref(), b"abc0123456789");
    assert_eq!(response.consumed, text.len());
}

#[test]
fn no_content_has_no_body_and_may_close() {
    let response = whole("HTTP/1.1 204 \r\nConnection: Close\r\n\r\n");
    assert_eq!((response.status, response.body.len(), response.closes), (204, 0, true));
}

#[test]
fn a_wish_to_be_left_alone_is_seen() {
    let full = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\nContent-Length: 0\r\n\r\n";
    assert!(whole(full).has_retry_after);
    assert!(!whole(&full.replace("retry-after", "X-Retry-After")).has_retry_after);
}

#[test]
fn every_prefix_of_a_response_is_incomplete() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n",
    ] {
        for cut in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..cut]).unwrap(), None, "{text:?} cut at {cut}");
        }
        assert!(parse(text.as_bytes()).unwrap().is_some());
    }
}

#[test]
fn broken_framing_is_an_error() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (text, error) in [
        ("HTTP/1.1 200 OK\r\n\r\nabc".to_owned(), WireError::NoLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_owned(), WireError::Length),
        (format!("{chunked}zz\r\n"), WireError::Chunk),
        (format!("{chunked}1\r\nabc\r\n"), WireError::Chunk),
        (format!("{chunked}0\r\n\n"), WireError::Chunk),
    ] {
        assert_eq!(parse(text.as_bytes()), Err(error), "{text:?}");
    }
}
