//! One request as it was read: three allocations, whatever it holds.

use std::fmt;
use std::ops::Range;

use crate::response::Form;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `PATCH`
    Patch,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// Any other token, as it was written: method names are case-sensitive.
    Other(Box<str>),
}

/// A whole request: a compact head and its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number on the connection, from zero; replies leave in this order.
    pub seq: u64,
    /// What it asks for.
    pub method: Method,
    /// The whole body, chunks already joined.
    pub body: Vec<u8>,
    /// Whether the connection goes on after the reply.
    pub keep_alive: bool,
    /// Whether the peer speaks HTTP/1.0 and has to be told that the connection goes on.
    pub http10: bool,
    pub(crate) head: Vec<u8>,
    pub(crate) target: Span,
    /// Empty for an absolute target that ends with its authority.
    pub(crate) path: Span,
    pub(crate) query: Option<Span>,
    pub(crate) fields: Vec<Field>,
    pub(crate) expects_continue: bool,
}

/// A range of the head's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// A field line: where its lower-cased name and its trimmed value stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Span,
    pub(crate) value: Span,
}

impl Span {
    /// Makes a span of offsets within a head, whose length is bounded far below 4 GiB.
    pub(crate) fn new(range: Range<usize>) -> Self {
        let offset = |at| u32::try_from(at).expect("a head is shorter than 4 GiB");
        Self { start: offset(range.start), end: offset(range.end) }
    }

    const fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Method {
    /// Reads a method name, which the caller has found to be a token.
    pub(crate) fn read(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"PATCH" => Self::Patch,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            other => Self::Other(String::from_utf8_lossy(other).into()),
        }
    }

    /// Gives the name as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Other(name) => name,
        }
    }
}

impl Request {
    /// Gives the target as it was written.
    pub fn target(&self) -> &str {
        self.ascii(self.target)
    }

    /// Gives the path, still percent-encoded: `/` and what follows, or `*`.
    pub fn path(&self) -> &str {
        match self.ascii(self.path) {
            "" => "/",
            path => path,
        }
    }

    /// Gives what follows the `?`, still percent-encoded.
    pub fn query(&self) -> Option<&str> {
        self.query.map(|span| self.ascii(span))
    }

    /// Gives the first value of a field; `name` is lower case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(held, _)| *held == name.as_bytes()).map(|(_, value)| value)
    }

    /// Walks over all fields as sent, with lower-case names and trimmed values.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (&self.head[field.name.range()], &self.head[field.value.range()]))
    }

    /// Says how the reply to this request has to be framed.
    pub fn form(&self) -> Form {
        Form { keep_alive: self.keep_alive, http10: self.http10, head_only: self.method == Method::Head }
    }

    fn ascii(&self, span: Span) -> &str {
        std::str::from_utf8(&self.head[span.range()]).expect("a target is visible ASCII")
    }
}

/// Shows what was asked and how long the body is; never the fields, which may hold credentials.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {} ({} bytes)", self.seq, self.method.as_str(), self.target(), self.body.len())
    }
}
