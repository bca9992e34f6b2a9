//! What a head says: the request line, the fields, and how long the body is.

use memchr::memchr;

use crate::ascii::{TOKEN, is_token, is_value, trim};
use crate::limits::{Limits, METHOD_BYTES_MAX, TARGET_BYTES_MAX};
use crate::refusal::Refusal;
use crate::request::{Field, Method, Request, Span};

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes follow.
    Length(usize),
    /// Chunks follow.
    Chunked,
}

/// The request line, as offsets into the head.
#[derive(Debug)]
pub(crate) struct RequestLine {
    method: Method,
    http10: bool,
    target: Span,
    path: Span,
    query: Option<Span>,
}

/// What the fields say about the connection and the body.
#[derive(Default)]
struct Facts {
    hosts: usize,
    length: Option<u64>,
    coding: Option<Result<(), Refusal>>,
    close: bool,
    keep_alive: bool,
    expectation: Option<Result<(), Refusal>>,
}

/// Reads a whole head whose request line has been read; `ends` are the offsets after each line's CRLF,
/// without the empty line's.
pub(crate) fn parse(
    line: RequestLine,
    bytes: &[u8],
    ends: &[usize],
    limits: &Limits,
) -> Result<(Request, Framing), Refusal> {
    let (line_end, field_ends) = ends.split_first().expect("a head has a request line");
    let mut head = bytes.to_vec();
    let mut fields = Vec::with_capacity(field_ends.len());
    let mut facts = Facts::default();
    let mut start = *line_end;
    for &end in field_ends {
        let field = field(&mut head, start, end - 2)?;
        facts.note(&head, field)?;
        fields.push(field);
        start = end;
    }
    let framing = facts.framing(line.http10, limits)?;
    let expects_continue = !line.http10 && facts.expectation.transpose()?.is_some();
    let request = Request {
        seq: 0,
        method: line.method,
        body: Vec::new(),
        keep_alive: !facts.close && (!line.http10 || facts.keep_alive),
        http10: line.http10,
        head,
        target: line.target,
        path: line.path,
        query: line.query,
        fields,
        expects_continue,
    };
    Ok((request, framing))
}

/// Reads a request line without its CRLF.
pub(crate) fn request_line(line: &[u8]) -> Result<RequestLine, Refusal> {
    let method_end = memchr(b' ', line).ok_or(Refusal::bad("request line without a target"))?;
    let (method, rest) = (&line[..method_end], &line[method_end + 1..]);
    let target_length = memchr(b' ', rest).ok_or(Refusal::bad("request line without a version"))?;
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(Refusal::bad("method is not a token"));
    }
    let http10 = version(&rest[target_length + 1..])?;
    if method.len() > METHOD_BYTES_MAX || method == b"CONNECT" {
        return Err(Refusal::new(501, "method not implemented"));
    }
    if target_length > TARGET_BYTES_MAX {
        return Err(Refusal::new(414, "target too long"));
    }
    let method = Method::read(method);
    let start = method_end + 1;
    let target = &rest[..target_length];
    let path_offset = path_offset(target, &method)?;
    let path = &target[path_offset..];
    let question = memchr(b'?', path).map(|at| start + path_offset + at);
    let end = start + target_length;
    Ok(RequestLine {
        method,
        http10,
        target: Span::new(start..end),
        path: Span::new(start + path_offset..question.unwrap_or(end)),
        query: question.map(|at| Span::new(at + 1..end)),
    })
}

/// Says whether the version is 1.0; anything but 1.0 and 1.1 is refused.
fn version(bytes: &[u8]) -> Result<bool, Refusal> {
    match bytes {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Refusal::new(505, "only HTTP/1.1 and HTTP/1.0 are spoken here"))
        }
        _ => Err(Refusal::bad("not an HTTP version")),
    }
}

/// Checks a target's form and says where its path starts: after the authority of an absolute one, else at
/// once.
fn path_offset(target: &[u8], method: &Method) -> Result<usize, Refusal> {
    if !target.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Refusal::bad("target holds a byte that must be percent-encoded"));
    }
    if target.first() == Some(&b'/') || target == b"*" && *method == Method::Options {
        return Ok(0);
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else {
        return Err(Refusal::bad("target is neither a path nor an absolute URL"));
    };
    let rest = &target[scheme.len()..];
    let length = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    if length == 0 || !is_authority(&rest[..length]) {
        return Err(Refusal::bad("authority of the target is malformed"));
    }
    Ok(scheme.len() + length)
}

/// Says whether bytes could be a host and port. User names, lists and paths in here only serve to confuse
/// readers.
fn is_authority(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(byte))
}

/// Reads the field line at `start..end`: checks it and puts its name into lower case.
fn field(head: &mut [u8], start: usize, end: usize) -> Result<Field, Refusal> {
    let mut colon = start;
    loop {
        if colon == end {
            return Err(Refusal::bad("field line without a colon"));
        }
        if head[colon] == b':' {
            break;
        }
        // Catches a space before the colon and a folded line as well: neither starts or ends with a token.
        match TOKEN[usize::from(head[colon])] {
            0 => return Err(Refusal::bad("field name is not a token")),
            lower => head[colon] = lower,
        }
        colon += 1;
    }
    if colon == start {
        return Err(Refusal::bad("field name is empty"));
    }
    let value = &head[colon + 1..end];
    if !value.iter().copied().all(is_value) {
        return Err(Refusal::bad("field value holds a control character"));
    }
    let value_start = end - value.trim_ascii_start().len();
    let value_end = value_start + trim(value).len();
    Ok(Field { name: Span::new(start..colon), value: Span::new(value_start..value_end) })
}

impl Facts {
    fn note(&mut self, head: &[u8], field: Field) -> Result<(), Refusal> {
        let span = |span: Span| &head[span.start as usize..span.end as usize];
        let value = span(field.value);
        match span(field.name) {
            b"host" => {
                self.hosts += 1;
                expect(is_authority(value), "host is malformed")?;
            }
            b"content-length" => {
                let before = self.length.replace(content_length(value)?);
                expect(before.is_none(), "more than one content length")?;
            }
            b"transfer-encoding" => {
                let before = self.coding.replace(coding(value));
                expect(before.is_none(), "more than one transfer encoding")?;
            }
            b"connection" => {
                for token in value.split(|&byte| byte == b',').map(trim) {
                    self.close |= token.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            b"expect" => {
                let known = value.eq_ignore_ascii_case(b"100-continue");
                let unknown = Refusal::new(417, "only 100-continue can be expected");
                self.expectation = Some(if known { Ok(()) } else { Err(unknown) });
            }
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, http10: bool, limits: &Limits) -> Result<Framing, Refusal> {
        if self.hosts > 1 || self.hosts == 0 && !http10 {
            return Err(Refusal::bad("exactly one host is needed"));
        }
        match (self.coding, self.length) {
            (Some(_), Some(_)) => Err(Refusal::bad("both a transfer encoding and a content length")),
            (Some(_), None) if http10 => Err(Refusal::bad("transfer encoding in HTTP/1.0")),
            (Some(coding), None) => coding.map(|()| Framing::Chunked),
            (None, length) => match usize::try_from(length.unwrap_or(0)) {
                Ok(length) if length <= limits.body_bytes => Ok(Framing::Length(length)),
                _ => Err(Refusal::new(413, "body too large")),
            },
        }
    }
}

fn expect(holds: bool, otherwise: &'static str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::bad(otherwise)) }
}

/// Reads digits and nothing else; more of them than a length can have mean "too large".
fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad("content length is not a number"));
    }
    let add = |sum: u64, byte: &u8| sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    Ok(value.iter().try_fold(0, add).unwrap_or(u64::MAX))
}

/// Accepts `chunked` alone. Other codings are not implemented; a list without one, or `chunked` twice, is
/// malformed.
fn coding(value: &[u8]) -> Result<(), Refusal> {
    let mut codings = value.split(|&byte| byte == b',').map(trim);
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    if codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"chunked")) {
        return Err(Refusal::bad("transfer encoding is malformed"));
    }
    Err(Refusal::new(501, "transfer encoding not implemented"))
}
