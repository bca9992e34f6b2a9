//! The conditions in `[?(...)]`: reading them.

use fastcond_json::{Limits, Raw, Value, check};
use regex::Regex;

use super::parse::{FILTER_DEPTH_MAX, Reader};
use super::{Path, PathError};

/// Compiled size one pattern may take: a pattern of a few characters can ask for gigabytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// A condition on a node.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    /// All hold: `&&`.
    All(Vec<Filter>),
    /// One holds: `||`.
    Any(Vec<Filter>),
    /// `!`
    Not(Box<Filter>),
    /// A path alone: it finds something, be it null.
    Exists(Operand),
    /// Two operands and how they must relate.
    Compare(Operand, Operator, Operand),
}

/// How two operands must relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    In,
    NotIn,
    Contains,
    Size,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

/// Longest first, where one is the beginning of another.
const OPERATORS: [(&str, Operator); 17] = [
    ("===", Operator::Equal),
    ("!==", Operator::NotEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=~", Operator::Matches),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("contains", Operator::Contains),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
];

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// `@...`: a path from the node under test.
    Item(Path),
    /// `$...`: a path from the document.
    Document(Path),
    /// A literal, as JSON text.
    Literal(Raw),
    /// `/pattern/flags`, to be matched as a whole.
    Pattern(Regex),
}

impl Filter {
    /// Reads `( condition )`.
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, PathError> {
        reader.expect("(")?;
        let filter = any_of(reader)?;
        reader.skip_space();
        reader.expect(")")?;
        Ok(filter)
    }
}

fn any_of(reader: &mut Reader<'_>) -> Result<Filter, PathError> {
    chain(reader, "||", Filter::Any, |reader| chain(reader, "&&", Filter::All, single))
}

/// Reads one or more conditions with `between` between them; recursion is bounded by the depth of the reader.
fn chain(
    reader: &mut Reader<'_>,
    between: &str,
    join: fn(Vec<Filter>) -> Filter,
    each: fn(&mut Reader<'_>) -> Result<Filter, PathError>,
) -> Result<Filter, PathError> {
    let mut parts = vec![each(reader)?];
    loop {
        reader.skip_space();
        if !reader.take(between) {
            break;
        }
        parts.push(each(reader)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
}

fn single(reader: &mut Reader<'_>) -> Result<Filter, PathError> {
    reader.skip_space();
    if reader.depth >= FILTER_DEPTH_MAX {
        return reader.fail();
    }
    reader.depth += 1;
    let filter = match reader.peek() {
        Some(b'!') => {
            reader.at += 1;
            Filter::Not(Box::new(single(reader)?))
        }
        Some(b'(') => Filter::parse(reader)?,
        _ => comparison(reader)?,
    };
    reader.depth -= 1;
    Ok(filter)
}

fn comparison(reader: &mut Reader<'_>) -> Result<Filter, PathError> {
    let left = operand(reader)?;
    reader.skip_space();
    let Some(operator) = operator(reader) else { return Ok(Filter::Exists(left)) };
    reader.skip_space();
    let right = operand(reader)?;
    Ok(Filter::Compare(left, operator, right))
}

fn operator(reader: &mut Reader<'_>) -> Option<Operator> {
    let (token, operator) = OPERATORS.iter().find(|(token, _)| {
        reader.rest().strip_prefix(token).is_some_and(|after| {
            !token.as_bytes()[0].is_ascii_alphabetic()
                || !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    })?;
    reader.at += token.len();
    Some(*operator)
}

fn operand(reader: &mut Reader<'_>) -> Result<Operand, PathError> {
    match reader.peek() {
        Some(b'@') => path(reader).map(Operand::Item),
        Some(b'$') => path(reader).map(Operand::Document),
        Some(b'/') => pattern(reader).map(Operand::Pattern),
        _ => literal(reader).map(Operand::Literal),
    }
}

/// Reads a path inside a condition: up to the first byte outside brackets that cannot belong to it.
fn path(reader: &mut Reader<'_>) -> Result<Path, PathError> {
    let bytes = reader.text.as_bytes();
    let start = reader.at;
    let mut end = start + 1;
    let mut open = 0_usize;
    let mut quote = None;
    while let Some(&byte) = bytes.get(end) {
        match (quote, byte) {
            (Some(_), b'\\') => end += 1,
            (Some(q), _) => quote = (q != byte).then_some(q),
            (None, b'\'' | b'"') if open > 0 => quote = Some(byte),
            (None, b'[') => open += 1,
            (None, b']') if open > 0 => open -= 1,
            (None, b'(') if open == 0 && bytes.get(end + 1) == Some(&b')') => end += 1,
            (None, b' ' | b')' | b']' | b'=' | b'!' | b'<' | b'>' | b'&' | b'|' | b',') if open == 0 => break,
            _ => {}
        }
        end += 1;
    }
    let text = reader.text.get(start..end.min(bytes.len())).unwrap_or_default();
    if reader.depth >= FILTER_DEPTH_MAX {
        return reader.fail();
    }
    let mut inner = Reader::new(text, reader.depth + 1);
    let path = inner.path().map_err(|error| PathError { offset: start + error.offset })?;
    reader.at = start + text.len();
    Ok(path)
}

fn pattern(reader: &mut Reader<'_>) -> Result<Regex, PathError> {
    let body = &reader.rest()[1..];
    let mut escaped = false;
    let end = body.find(|c| {
        let closes = c == '/' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    let Some(end) = end else { return reader.fail() };
    let flags: &str = &body[end + 1..];
    let flags = &flags[..flags.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(flags.len())];
    let whole = format!("^(?:{})$", body[..end].replace("\\/", "/"));
    let compiled = regex::RegexBuilder::new(&whole)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .ignore_whitespace(flags.contains('x'))
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .build();
    let Ok(regex) = compiled else { return reader.fail() };
    reader.at += 1 + end + 1 + flags.len();
    Ok(regex)
}

/// Reads a literal: JSON, with single quotes allowed around strings.
fn literal(reader: &mut Reader<'_>) -> Result<Raw, PathError> {
    match reader.peek() {
        Some(b'\'' | b'"') => reader.quoted().map(|text| Raw::string(&text)),
        Some(b'[') => list(reader),
        Some(b'{') => object(reader),
        _ => {
            let rest = reader.rest();
            let length = rest.find([' ', ')', ']', ',', '=', '!', '<', '>', '&', '|']).unwrap_or(rest.len());
            let Ok(raw) = Raw::parse(&rest.as_bytes()[..length], &Limits::DEFAULT) else {
                return reader.fail();
            };
            reader.at += length;
            Ok(raw)
        }
    }
}

fn list(reader: &mut Reader<'_>) -> Result<Raw, PathError> {
    reader.at += 1;
    let mut elements = Vec::new();
    reader.skip_space();
    if !reader.take("]") {
        loop {
            reader.skip_space();
            if reader.peek() == Some(b'[') {
                return reader.fail();
            }
            elements.push(literal(reader)?.to_value().unwrap_or(Value::Null));
            reader.skip_space();
            if reader.take("]") {
                break;
            }
            reader.expect(",")?;
        }
    }
    Ok(Value::Array(elements).to_raw())
}

/// Reads a JSON object: the shortest text that is one.
fn object(reader: &mut Reader<'_>) -> Result<Raw, PathError> {
    let rest = reader.rest();
    for (end, _) in rest.match_indices('}').take(FILTER_DEPTH_MAX) {
        if let Ok(text) = check(&rest.as_bytes()[..=end], &Limits::DEFAULT) {
            let raw = Raw::of_checked(text);
            reader.at += end + 1;
            return Ok(raw);
        }
    }
    reader.fail()
}
