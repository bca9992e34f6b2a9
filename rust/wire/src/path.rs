//! What path and query mean once percent-encoding is undone.

use std::borrow::Cow;

use crate::refusal::Refusal;

/// Splits a path into its decoded segments: `/a/b` gives `a`, `b`; `/a/` gives `a` and an empty one.
///
/// A `+` stays a `+` (sdk-clients rule 5). Refused are malformed escapes, NUL, a slash hidden in an escape,
/// bytes that are not UTF-8, and the segments `.` and `..`, encoded or not: clients resolve those themselves.
pub fn segments(path: &str) -> Result<Vec<Cow<'_, str>>, Refusal> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(segment).collect()
}

fn segment(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    let segment = decode(raw, Plus::Literal)?;
    if segment.contains('/') {
        return Err(Refusal::bad("path segment with an encoded slash"));
    }
    if matches!(&*segment, "." | "..") {
        return Err(Refusal::bad("path with a dot segment"));
    }
    Ok(segment)
}

/// The decoded parameters of a query, in the order they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads `name=value` pairs joined by `&`; a `+` is a space, a name without `=` has an empty value.
    pub fn parse(query: Option<&'a str>) -> Result<Self, Refusal> {
        let pairs = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
        let parameters = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name, Plus::Space)?, decode(value, Plus::Space)?))
        });
        Ok(Self { parameters: parameters.collect::<Result<_, Refusal>>()? })
    }

    /// Gives the first value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Walks over all values of a parameter.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters.iter().filter(move |(held, _)| held == name).map(|(_, value)| &**value)
    }

    /// Gives the values of a repeated parameter joined by commas, as one that is sent once.
    pub fn joined(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut values = self.all(name);
        let first = values.next()?;
        let joined = values.fold(Cow::Borrowed(first), |mut joined, value| {
            joined.to_mut().push(',');
            joined.to_mut().push_str(value);
            joined
        });
        Some(joined)
    }

    /// Walks over all parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Literal,
    Space,
}

fn decode(raw: &str, plus: Plus) -> Result<Cow<'_, str>, Refusal> {
    let is_plain = |byte: u8| byte != b'%' && byte != 0 && (byte != b'+' || plus == Plus::Literal);
    if raw.bytes().all(is_plain) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => escape(bytes.next(), bytes.next()).ok_or(Refusal::bad("malformed percent-encoding"))?,
            b'+' if plus == Plus::Space => b' ',
            plain => plain,
        };
        if byte == 0 {
            return Err(Refusal::bad("NUL in the target"));
        }
        decoded.push(byte);
    }
    let text = String::from_utf8(decoded).map_err(|_| Refusal::bad("target is not UTF-8"))?;
    Ok(Cow::Owned(text))
}

fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    Some(hex(high?)? << 4 | hex(low?)?)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
