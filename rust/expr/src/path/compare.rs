//! The conditions in `[?(...)]`: deciding them.

use std::borrow::Cow;
use std::cmp::Ordering;

use fastcond_json::{Kind, Value, as_bool, as_i64, as_str, elements, kind, members};

use super::filter::{Filter, Operand, Operator};
use super::walk::{self, Work};
use crate::error::ExprError;

impl Filter {
    /// Whether the condition holds for `item`; recursion is bounded by the reader of the condition.
    pub(super) fn accepts(&self, item: &str, work: &Work<'_>) -> Result<bool, ExprError> {
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.accepts(item, work)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.accepts(item, work)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => Ok(!inner.accepts(item, work)?),
            Self::Exists(operand) => exists(operand, item, work),
            Self::Compare(left, operator, right) => {
                let found = left.value(item, work)?;
                if let (Operator::Matches, Operand::Pattern(pattern)) = (operator, right) {
                    let text = found.as_deref().and_then(plain_text);
                    work.charge(text.as_ref().map_or(0, |text| text.len()))?;
                    return Ok(text.is_some_and(|text| pattern.is_match(&text)));
                }
                let wanted = right.value(item, work)?;
                work.charge(found.as_ref().map_or(0, |text| text.len()))?;
                relates(found.as_deref(), *operator, wanted.as_deref(), work)
            }
        }
    }
}

impl Operand {
    fn value<'t>(&'t self, item: &'t str, work: &'t Work<'_>) -> Result<Option<Cow<'t, str>>, ExprError> {
        match self {
            Self::Item(path) => walk::run(&path.steps, item, work),
            Self::Document(path) => walk::run(&path.steps, work.document(), work),
            Self::Literal(raw) => Ok(Some(Cow::Borrowed(raw.as_text()))),
            Self::Pattern(_) => Ok(None),
        }
    }
}

/// A path alone holds when it finds something, be it null or false; a literal when it is true.
fn exists(operand: &Operand, item: &str, work: &Work<'_>) -> Result<bool, ExprError> {
    let found = operand.value(item, work)?;
    Ok(match (operand, found) {
        (_, None) => false,
        (Operand::Item(path) | Operand::Document(path), Some(text)) => path.definite || text != "[]",
        (Operand::Literal(_) | Operand::Pattern(_), Some(text)) => text == "true",
    })
}

fn relates(
    left: Option<&str>,
    operator: Operator,
    right: Option<&str>,
    work: &Work<'_>,
) -> Result<bool, ExprError> {
    let holds = match operator {
        Operator::Equal => equal(left, right),
        Operator::NotEqual => !equal(left, right),
        Operator::Less => order(left, right) == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order(left, right), Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order(left, right) == Some(Ordering::Greater),
        Operator::GreaterOrEqual => matches!(order(left, right), Some(Ordering::Greater | Ordering::Equal)),
        Operator::Matches => false,
        Operator::In => is_in(left, right),
        Operator::NotIn => !is_in(left, right),
        Operator::Contains => contains(left, right),
        Operator::Size => size(left).is_some_and(|size| right.and_then(as_i64) == Some(size)),
        Operator::Empty => size(left).is_some_and(|size| right.and_then(as_bool) == Some(size == 0)),
        Operator::SubsetOf | Operator::AnyOf | Operator::NoneOf => {
            return overlap(left, operator, right, work);
        }
    };
    Ok(holds)
}

fn overlap(
    left: Option<&str>,
    operator: Operator,
    right: Option<&str>,
    work: &Work<'_>,
) -> Result<bool, ExprError> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
    if kind(left) != Kind::Array || kind(right) != Kind::Array {
        return Ok(false);
    }
    let (mut all, mut any) = (true, false);
    for element in elements(left) {
        work.charge(right.len())?;
        let inside = is_in(Some(element), Some(right));
        all &= inside;
        any |= inside;
    }
    Ok(match operator {
        Operator::SubsetOf => all,
        Operator::AnyOf => any,
        _ => !any,
    })
}

/// Equality of what two nodes mean; a string and a number are equal when they read the same.
fn equal(left: Option<&str>, right: Option<&str>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return false };
    match (kind(left), kind(right)) {
        (Kind::String, Kind::String) => as_str(left) == as_str(right),
        (Kind::Number, Kind::Number) => numbers(left, right) == Some(Ordering::Equal),
        (Kind::String, Kind::Number) => as_str(left).as_deref() == Some(right),
        (Kind::Number, Kind::String) => {
            as_str(right).is_some_and(|text| numbers(left, &text) == Some(Ordering::Equal))
        }
        (Kind::Array, Kind::Array) | (Kind::Object, Kind::Object) => {
            matches!((Value::of_checked(left), Value::of_checked(right)), (Ok(a), Ok(b)) if a == b)
        }
        _ => left == right,
    }
}

fn order(left: Option<&str>, right: Option<&str>) -> Option<Ordering> {
    let (left, right) = (left?, right?);
    match (kind(left), kind(right)) {
        (Kind::Number, Kind::Number) => numbers(left, right),
        (Kind::String, Kind::String) => Some(as_str(left)?.cmp(&as_str(right)?)),
        _ => None,
    }
}

/// Orders two texts as numbers; none when one of them is not a number.
fn numbers(left: &str, right: &str) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (as_i64(left), as_i64(right)) {
        return Some(a.cmp(&b));
    }
    match (Value::parse(left), Value::parse(right)) {
        (Ok(Value::Number(a)), Ok(Value::Number(b))) => Some(a.compare(&b)),
        _ => None,
    }
}

fn is_in(left: Option<&str>, list: Option<&str>) -> bool {
    list.is_some_and(|list| elements(list).any(|element| equal(left, Some(element))))
}

fn contains(left: Option<&str>, part: Option<&str>) -> bool {
    let (Some(left), Some(part)) = (left, part) else { return false };
    match kind(left) {
        Kind::Array => is_in(Some(part), Some(left)),
        Kind::String => {
            matches!((as_str(left), plain_text(part)), (Some(text), Some(part)) if text.contains(&*part))
        }
        _ => false,
    }
}

fn size(node: Option<&str>) -> Option<i64> {
    let node = node?;
    let count = match kind(node) {
        Kind::Array => elements(node).count(),
        Kind::Object => members(node).count(),
        Kind::String => as_str(node)?.chars().count(),
        _ => return None,
    };
    i64::try_from(count).ok()
}

/// The text a pattern is matched against.
fn plain_text(node: &str) -> Option<Cow<'_, str>> {
    match kind(node) {
        Kind::String => as_str(node),
        Kind::Number | Kind::Bool => Some(Cow::Borrowed(node)),
        _ => None,
    }
}
