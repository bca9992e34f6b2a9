//! The tree form, for the places that must compute with a payload.

use indexmap::IndexMap;

use crate::check::check;
use crate::error::{JsonError, JsonErrorKind};
use crate::limits::{DEPTH_CEILING, Limits};
use crate::number::Number;
use crate::raw::Raw;
use crate::scan::{non_space, string_end, value_end};
use crate::text::{push_string, unescaped};

/// Members of an object in the order written, found by key in constant time.
pub type Map = IndexMap<String, Value>;

/// A JSON value as a tree.
///
/// Trees that come from text nest at most [`DEPTH_CEILING`] deep, which is what bounds the recursion of dropping
/// and cloning one. Code that builds trees adds a constant number of levels to what it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number with its digits.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// A map.
    Object(Map),
}

impl Value {
    /// Checks `text` and builds its tree.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Self::of_checked(check(text.as_bytes(), &Limits::COMPOSED)?)
    }

    /// Builds the tree of text that was checked before, or composed out of checked parts.
    ///
    /// Refuses nesting beyond [`DEPTH_CEILING`]; other faults of unchecked text give a wrong tree.
    pub fn of_checked(text: &str) -> Result<Self, JsonError> {
        let mut at = 0;
        build(text, &mut at, 0)
    }

    /// The JSON text of the tree, without whitespace.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Appends the JSON text of the tree, without whitespace.
    pub fn write(&self, out: &mut String) {
        let mut open = Vec::new();
        let mut next = Some(self);
        loop {
            if let Some(value) = next {
                open.extend(value.write_start(out));
            }
            let Some(innermost) = open.last_mut() else { return };
            next = innermost.step(out);
            if next.is_none() {
                open.pop();
            }
        }
    }

    fn write_start<'a>(&'a self, out: &mut String) -> Option<Open<'a>> {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => out.push_str(number.as_str()),
            Self::String(text) => push_string(out, text),
            Self::Array(elements) => {
                out.push('[');
                return Some(Open::Array(elements.iter(), true));
            }
            Self::Object(members) => {
                out.push('{');
                return Some(Open::Object(members.iter(), true));
            }
        }
        None
    }

    /// The tree as checked text.
    pub fn to_raw(&self) -> Raw {
        Raw::of_checked(self.to_text())
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The value of one member; none when absent or no object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }
}

/// A container being written: what is left of it and whether nothing was written yet.
enum Open<'a> {
    Array(std::slice::Iter<'a, Value>, bool),
    Object(indexmap::map::Iter<'a, String, Value>, bool),
}

impl<'a> Open<'a> {
    /// Writes what stands before the next value and gives that value, or closes the container.
    fn step(&mut self, out: &mut String) -> Option<&'a Value> {
        match self {
            Self::Array(elements, first) => {
                let Some(value) = elements.next() else {
                    out.push(']');
                    return None;
                };
                separate(out, first);
                Some(value)
            }
            Self::Object(members, first) => {
                let Some((key, value)) = members.next() else {
                    out.push('}');
                    return None;
                };
                separate(out, first);
                push_string(out, key);
                out.push(':');
                Some(value)
            }
        }
    }
}

fn separate(out: &mut String, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(',');
    }
}

/// Builds the value at `at` and moves `at` past it; recursion is bounded by the ceiling.
fn build(text: &str, at: &mut usize, depth: usize) -> Result<Value, JsonError> {
    let bytes = text.as_bytes();
    let start = non_space(bytes, *at);
    let slice = |end: usize| text.get(start..end).unwrap_or_default();
    match bytes.get(start) {
        Some(b'{' | b'[') if depth == DEPTH_CEILING => {
            Err(JsonError { offset: start, kind: JsonErrorKind::TooDeep })
        }
        Some(b'{') => build_object(text, at, start, depth),
        Some(b'[') => build_array(text, at, start, depth),
        Some(b'"') => {
            *at = string_end(bytes, start);
            Ok(Value::String(inner(text, start, *at)))
        }
        Some(_) => {
            *at = value_end(bytes, start);
            Ok(match slice(*at) {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                number => Value::Number(Number::of_checked(number)),
            })
        }
        None => Err(JsonError { offset: start, kind: JsonErrorKind::UnexpectedEnd }),
    }
}

fn build_object(text: &str, at: &mut usize, start: usize, depth: usize) -> Result<Value, JsonError> {
    let bytes = text.as_bytes();
    let mut map = Map::new();
    *at = start + 1;
    loop {
        let open = non_space(bytes, *at);
        if bytes.get(open) != Some(&b'"') {
            *at = open + 1;
            return Ok(Value::Object(map));
        }
        let close = string_end(bytes, open);
        let key = inner(text, open, close);
        *at = non_space(bytes, close) + 1;
        let value = build(text, at, depth + 1)?;
        map.insert(key, value);
        skip_comma(bytes, at);
    }
}

fn build_array(text: &str, at: &mut usize, start: usize, depth: usize) -> Result<Value, JsonError> {
    let bytes = text.as_bytes();
    let mut list = Vec::new();
    *at = start + 1;
    loop {
        let next = non_space(bytes, *at);
        if matches!(bytes.get(next), None | Some(b']')) {
            *at = next + 1;
            return Ok(Value::Array(list));
        }
        list.push(build(text, at, depth + 1)?);
        skip_comma(bytes, at);
    }
}

fn skip_comma(bytes: &[u8], at: &mut usize) {
    let next = non_space(bytes, *at);
    *at = if bytes.get(next) == Some(&b',') { next + 1 } else { next };
}

fn inner(text: &str, open: usize, end: usize) -> String {
    text.get(open + 1..end.saturating_sub(1)).map(unescaped).unwrap_or_default().into_owned()
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}
