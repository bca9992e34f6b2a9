//! Reading checked text lazily: kinds, members, elements, look-ups, scalars.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::{deeper_than, next_string, non_space, string_end, value_end};
use crate::text::unescaped;

/// What a JSON text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// A list.
    Array,
    /// A map.
    Object,
}

/// Tells the kind of a checked text from its first byte.
#[inline]
pub fn kind(text: &str) -> Kind {
    let bytes = text.as_bytes();
    match bytes.get(non_space(bytes, 0)) {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'-' | b'0'..=b'9') => Kind::Number,
        _ => Kind::Null,
    }
}

/// The key of a member, as a slice of the text it came from.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    quoted: &'a str,
}

impl<'a> Key<'a> {
    fn inner(self) -> &'a str {
        self.quoted.get(1..self.quoted.len().saturating_sub(1)).unwrap_or_default()
    }

    /// The key as written, quotes and escapes included: ready to be copied into another object.
    pub fn quoted(self) -> &'a str {
        self.quoted
    }

    /// The key's meaning; borrowed unless it is escaped.
    pub fn decoded(self) -> Cow<'a, str> {
        unescaped(self.inner())
    }

    /// Whether the key means `name`.
    #[inline]
    pub fn is(self, name: &str) -> bool {
        let inner = self.inner();
        if inner == name {
            // Equal spelling is equal meaning only without escapes.
            return !name.contains('\\');
        }
        inner.len() > name.len() && inner.contains('\\') && unescaped(inner) == name
    }
}

impl PartialEq<str> for Key<'_> {
    fn eq(&self, other: &str) -> bool {
        self.is(other)
    }
}

impl PartialEq<&str> for Key<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.is(other)
    }
}

/// Members of an object in the order written; see [`members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    text: &'a str,
    at: usize,
}

/// Walks the members of an object; anything else has none.
pub fn members(text: &str) -> Members<'_> {
    Members { text, at: inside(text, b'{') }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let open = non_space(bytes, self.at);
        if bytes.get(open) != Some(&b'"') {
            self.at = bytes.len();
            return None;
        }
        let close = string_end(bytes, open);
        // One past the colon.
        let start = non_space(bytes, non_space(bytes, close) + 1);
        let end = value_end(bytes, start);
        self.at = after_comma(bytes, end);
        Some((Key { quoted: self.text.get(open..close)? }, self.text.get(start..end)?))
    }
}

/// Elements of an array in order; see [`elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    text: &'a str,
    at: usize,
}

/// Walks the elements of an array; anything else has none.
pub fn elements(text: &str) -> Elements<'_> {
    Elements { text, at: inside(text, b'[') }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let start = non_space(bytes, self.at);
        if matches!(bytes.get(start), None | Some(b']')) {
            self.at = bytes.len();
            return None;
        }
        let end = value_end(bytes, start);
        self.at = after_comma(bytes, end);
        self.text.get(start..end)
    }
}

/// The index after the opening byte of a container, or the end when the text is something else.
fn inside(text: &str, open: u8) -> usize {
    let bytes = text.as_bytes();
    let start = non_space(bytes, 0);
    if bytes.get(start) == Some(&open) { start + 1 } else { bytes.len() }
}

fn after_comma(bytes: &[u8], end: usize) -> usize {
    let next = non_space(bytes, end);
    if bytes.get(next) == Some(&b',') { next + 1 } else { next }
}

/// The value of one member, as a slice; none when the key is absent or the text is no object.
#[inline]
pub fn get<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    members(text).find_map(|(name, value)| name.is(key).then_some(value))
}

/// The value under a path of keys, as a slice; list indices are not keys.
pub fn get_path<'a>(text: &'a str, path: &[impl AsRef<str>]) -> Option<&'a str> {
    path.iter().try_fold(text, |value, key| get(value, key.as_ref()))
}

/// The string a text stands for, if it is one; borrowed unless it is escaped.
pub fn as_str(text: &str) -> Option<Cow<'_, str>> {
    let trimmed = text.trim_ascii();
    trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(unescaped)
}

/// The boolean a text stands for, if it is one.
pub fn as_bool(text: &str) -> Option<bool> {
    match text.trim_ascii() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The integer a text stands for: written without fraction or exponent and within 64 bits.
pub fn as_i64(text: &str) -> Option<i64> {
    match kind(text) {
        Kind::Number => text.trim_ascii().parse().ok(),
        _ => None,
    }
}

/// The number a text stands for as a double; none when it is no number or beyond a double's range.
pub fn as_f64(text: &str) -> Option<f64> {
    match kind(text) {
        Kind::Number => text.trim_ascii().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Whether a checked text nests deeper than `limit`: the bound for text composed out of checked parts.
pub fn depth_exceeds(text: &str, limit: usize) -> bool {
    deeper_than(text.as_bytes(), limit)
}

/// String values of a text at any depth, keys left out; see [`string_values`].
#[derive(Clone, Debug)]
pub struct StringValues<'a> {
    text: &'a str,
    at: usize,
}

/// Walks every string that is a value rather than a key, in order, giving where its literal stands.
///
/// The ranges include the quotes. This is what a template needs: all else in the text is copied.
pub fn string_values(text: &str) -> StringValues<'_> {
    StringValues { text, at: 0 }
}

impl Iterator for StringValues<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        loop {
            let open = next_string(bytes, self.at);
            if open >= bytes.len() {
                self.at = bytes.len();
                return None;
            }
            let close = string_end(bytes, open);
            self.at = close;
            if bytes.get(non_space(bytes, close)) != Some(&b':') {
                return Some(open..close);
            }
        }
    }
}
