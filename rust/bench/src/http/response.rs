//! Responses: taken apart by the client, whatever framing the server chose.

use std::borrow::Cow;

use super::{HEADERS_MAX, WireError, content_length, has_token};

#[cfg(test)]
mod tests;

/// One complete response.
#[derive(Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// Status code.
    pub status: u16,
    /// The body, borrowed where the framing leaves it in one piece.
    pub body: Cow<'a, [u8]>,
    /// How many bytes the whole response takes.
    pub consumed: usize,
    /// The server will close the connection; the next request needs a new one.
    pub closes: bool,
    /// The server says when to come again.
    pub has_retry_after: bool,
}

/// Takes the first response apart; `None` when it has not arrived completely.
pub fn parse(bytes: &[u8]) -> Result<Option<Response<'_>>, WireError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_bytes) = head.parse(bytes).map_err(WireError::Head)? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or(0);
    let closes = has_token(head.headers, "connection", "close");
    let has_retry_after = head.headers.iter().any(|header| header.name.eq_ignore_ascii_case("retry-after"));
    let rest = &bytes[head_bytes..];
    let framed = if matches!(status, 100..=199 | 204 | 304) {
        Some((Cow::Borrowed(&[][..]), 0))
    } else if has_token(head.headers, "transfer-encoding", "chunked") {
        unchunk(rest)?.map(|(body, length)| (Cow::Owned(body), length))
    } else {
        let length = content_length(head.headers)?.ok_or(WireError::NoLength)?;
        rest.get(..length).map(|body| (Cow::Borrowed(body), length))
    };
    Ok(framed.map(|(body, length)| Response {
        status,
        body,
        consumed: head_bytes + length,
        closes,
        has_retry_after,
    }))
}

/// Joins the chunks of a body; the second value is how many bytes they take on the wire.
fn unchunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, WireError> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let httparse::Status::Complete((line, size)) =
            httparse::parse_chunk_size(&bytes[at..]).map_err(|_| WireError::Chunk)?
        else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(|_| WireError::Chunk)?;
        at += line;
        if size == 0 {
            return skip_trailers(bytes, at).map(|end| end.map(|end| (body, end)));
        }
        let end = at.checked_add(size).ok_or(WireError::Chunk)?;
        let Some(chunk) = bytes.get(at..end) else { return Ok(None) };
        match bytes.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => {}
            Some(_) => return Err(WireError::Chunk),
        }
        body.extend_from_slice(chunk);
        at = end + 2;
    }
}

/// Finds the end of the trailer fields, which are ignored.
fn skip_trailers(bytes: &[u8], mut at: usize) -> Result<Option<usize>, WireError> {
    loop {
        let Some(line) = bytes[at..].iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let end = at + line + 1;
        match &bytes[at..end] {
            b"\r\n" => return Ok(Some(end)),
            other if other.len() > 2 => at = end,
            _ => return Err(WireError::Chunk),
        }
    }
}
