//! As much HTTP/1.1 as a closed-loop client and a null server need.

pub mod blocking;
pub mod request;
pub mod response;
pub mod url;

/// Header fields taken of one message; more than that is refused.
const HEADERS_MAX: usize = 64;

/// Why a message on the wire cannot be understood; the connection is of no further use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireError {
    /// The start line or a header field breaks the grammar, or there are too many fields.
    Head(httparse::Error),
    /// The Content-Length is not a number, or is given twice with different values.
    Length,
    /// A chunk of a chunked body breaks the grammar.
    Chunk,
    /// The message says nowhere how long its body is.
    NoLength,
    /// The request has a body of a kind that is not taken here (chunked), or one above the bound.
    Body,
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head(error) => write!(f, "bad HTTP head: {error}"),
            Self::Length => f.write_str("bad Content-Length"),
            Self::Chunk => f.write_str("bad chunk"),
            Self::NoLength => f.write_str("a body without a length"),
            Self::Body => f.write_str("a body that is chunked or too large"),
        }
    }
}

impl std::error::Error for WireError {}

/// Reads the Content-Length of a message, if there is one.
fn content_length(headers: &[httparse::Header<'_>]) -> Result<Option<usize>, WireError> {
    let mut length = None;
    for header in headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length")) {
        let text = std::str::from_utf8(header.value).map_err(|_| WireError::Length)?.trim();
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(WireError::Length);
        }
        let value: usize = text.parse().map_err(|_| WireError::Length)?;
        if length.is_some_and(|known| known != value) {
            return Err(WireError::Length);
        }
        length = Some(value);
    }
    Ok(length)
}

/// Whether a header field has this comma-separated token, in any case.
fn has_token(headers: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).any(|header| {
        header
            .value
            .split(|byte| *byte == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}
