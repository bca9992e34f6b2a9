//! How a reply looks on the wire.
//!
//! No `date` field is written: this crate has no clock, and a recipient without one fills it in. Who wants it
//! passes it among the extra fields.

/// How the reply to a certain request has to be framed; [`crate::Request::form`] makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Whether the connection goes on after this reply.
    pub keep_alive: bool,
    /// Whether the peer has to be told that it goes on.
    pub http10: bool,
    /// Whether only the head is wanted.
    pub head_only: bool,
}

impl Form {
    /// The form of the answer to a refusal: the last on its connection.
    pub const LAST: Self = Self { keep_alive: false, http10: false, head_only: false };
}

/// What stands above the body.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: u16,
    /// The content type; needed wherever there is a body (sdk-clients rule 9).
    pub content_type: Option<&'a str>,
    /// How the reply is framed.
    pub form: Form,
    /// Further fields, names in lower case.
    pub extra: &'a [(&'a str, &'a str)],
}

/// Appends a whole reply.
///
/// The content length is always there, zero included (sdk-clients rule 10), except where the status forbids a
/// body. Control characters in values become spaces, so that no value can start a field of its own.
pub fn write_response(out: &mut Vec<u8>, head: &ResponseHead<'_>, body: &[u8]) {
    let has_body = !matches!(head.status, 100..=199 | 204 | 304);
    out.reserve(160 + body.len());
    write_status(out, head.status);
    if let Some(content_type) = head.content_type.filter(|_| has_body) {
        write_field(out, "content-type", content_type);
    }
    if has_body {
        write_field(out, "content-length", itoa::Buffer::new().format(body.len()));
    }
    for (name, value) in head.extra {
        write_field(out, name, value);
    }
    match head.form {
        Form { keep_alive: false, .. } => out.extend_from_slice(b"connection: close\r\n"),
        Form { http10: true, .. } => out.extend_from_slice(b"connection: keep-alive\r\n"),
        Form { .. } => {}
    }
    out.extend_from_slice(b"\r\n");
    if has_body && !head.form.head_only {
        out.extend_from_slice(body);
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    let start = out.len();
    out.extend_from_slice(value.as_bytes());
    for byte in &mut out[start..] {
        if byte.is_ascii_control() {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn write_status(out: &mut Vec<u8>, status: u16) {
    if let Some(line) = status_line(status) {
        out.extend_from_slice(line.as_bytes());
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
        out.extend_from_slice(b" \r\n");
    }
}

const fn status_line(status: u16) -> Option<&'static str> {
    Some(match status {
        200 => "HTTP/1.1 200 OK\r\n",
        201 => "HTTP/1.1 201 Created\r\n",
        202 => "HTTP/1.1 202 Accepted\r\n",
        204 => "HTTP/1.1 204 No Content\r\n",
        301 => "HTTP/1.1 301 Moved Permanently\r\n",
        302 => "HTTP/1.1 302 Found\r\n",
        303 => "HTTP/1.1 303 See Other\r\n",
        304 => "HTTP/1.1 304 Not Modified\r\n",
        307 => "HTTP/1.1 307 Temporary Redirect\r\n",
        308 => "HTTP/1.1 308 Permanent Redirect\r\n",
        400 => "HTTP/1.1 400 Bad Request\r\n",
        401 => "HTTP/1.1 401 Unauthorized\r\n",
        403 => "HTTP/1.1 403 Forbidden\r\n",
        404 => "HTTP/1.1 404 Not Found\r\n",
        405 => "HTTP/1.1 405 Method Not Allowed\r\n",
        406 => "HTTP/1.1 406 Not Acceptable\r\n",
        408 => "HTTP/1.1 408 Request Timeout\r\n",
        409 => "HTTP/1.1 409 Conflict\r\n",
        411 => "HTTP/1.1 411 Length Required\r\n",
        412 => "HTTP/1.1 412 Precondition Failed\r\n",
        413 => "HTTP/1.1 413 Content Too Large\r\n",
        414 => "HTTP/1.1 414 URI Too Long\r\n",
        415 => "HTTP/1.1 415 Unsupported Media Type\r\n",
        417 => "HTTP/1.1 417 Expectation Failed\r\n",
        422 => "HTTP/1.1 422 Unprocessable Content\r\n",
        429 => "HTTP/1.1 429 Too Many Requests\r\n",
        431 => "HTTP/1.1 431 Request Header Fields Too Large\r\n",
        500 => "HTTP/1.1 500 Internal Server Error\r\n",
        501 => "HTTP/1.1 501 Not Implemented\r\n",
        502 => "HTTP/1.1 502 Bad Gateway\r\n",
        503 => "HTTP/1.1 503 Service Unavailable\r\n",
        504 => "HTTP/1.1 504 Gateway Timeout\r\n",
        505 => "HTTP/1.1 505 HTTP Version Not Supported\r\n",
        _ => return None,
    })
}
