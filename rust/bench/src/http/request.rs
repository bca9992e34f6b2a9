//! Requests: made by the client, taken apart by the null server.

use std::io::Write;

use super::{HEADERS_MAX, WireError, content_length, has_token};

#[cfg(test)]
mod tests;

/// Largest request body the null server takes: enough for a payload of 1,000 KB.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Appends one request with its head; the body comes in parts so that nobody has to join them first.
///
/// Without a body (`None`) there is no Content-Length either, as a `GET` wants it.
pub fn append(out: &mut Vec<u8>, method: &str, path: &str, host: &str, body: Option<&[&[u8]]>) {
    let Some(parts) = body else {
        write!(out, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("a vector takes every write");
        return;
    };
    let length: usize = parts.iter().map(|part| part.len()).sum();
    write!(
        out,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .expect("a vector takes every write");
    out.reserve(length);
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// One request as the null server sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// `GET`, as opposed to anything with a body.
    pub is_get: bool,
    /// The body; empty when there is none.
    pub body: &'a [u8],
    /// How many bytes the whole request takes.
    pub consumed: usize,
}

/// Takes the first request apart; `None` when it has not arrived completely.
pub fn parse(bytes: &[u8]) -> Result<Option<Request<'_>>, WireError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = head.parse(bytes).map_err(WireError::Head)? else {
        return Ok(None);
    };
    if has_token(head.headers, "transfer-encoding", "chunked") {
        return Err(WireError::Body);
    }
    let length = content_length(head.headers)?.unwrap_or(0);
    if length > BODY_BYTES_MAX {
        return Err(WireError::Body);
    }
    let consumed = head_bytes + length;
    let is_get = head.method == Some("GET");
    Ok(bytes.get(head_bytes..consumed).map(|body| Request { is_get, body, consumed }))
}
