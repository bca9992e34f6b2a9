//! A result of a filter as JSON text.

use fastcond_json::push_string;
use jaq_json::{Num, Val};

use crate::script::{OUTPUT_BYTES_MAX, OUTPUT_DEPTH_MAX, ScriptError};

/// Doubles below this hold every whole number exactly and fit 64 bits.
const WHOLE_BELOW: f64 = 9_007_199_254_740_992.0;

/// Appends a value; the nesting it may have bounds the recursion.
pub(super) fn write(out: &mut String, value: &Val) -> Result<(), ScriptError> {
    write_at(out, value, 0)
}

fn write_at(out: &mut String, value: &Val, depth: usize) -> Result<(), ScriptError> {
    if depth > OUTPUT_DEPTH_MAX || out.len() > OUTPUT_BYTES_MAX {
        return Err(ScriptError::OutputTooLarge);
    }
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(is_true) => out.push_str(if *is_true { "true" } else { "false" }),
        Val::Num(number) => write_number(out, number),
        Val::TStr(bytes) | Val::BStr(bytes) => push_string(out, &String::from_utf8_lossy(bytes)),
        Val::Arr(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_at(out, element, depth + 1)?;
            }
            out.push(']');
        }
        Val::Obj(members) => {
            out.push('{');
            for (at, (key, member)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                let Val::TStr(name) = key else {
                    return Err(super::thrown(&format!("object keys must be strings, not {key}")));
                };
                push_string(out, &String::from_utf8_lossy(name));
                out.push(':');
                write_at(out, member, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Whole doubles as integers, what JSON has no number for as null, everything else with its digits.
fn write_number(out: &mut String, number: &Num) {
    match number {
        Num::Float(double) if !double.is_finite() => out.push_str("null"),
        Num::Float(double) if double.fract() == 0.0 && double.abs() < WHOLE_BELOW => {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within 53 bits")]
            let whole = *double as i64;
            out.push_str(&whole.to_string());
        }
        other => out.push_str(&Val::Num(other.clone()).to_string()),
    }
}
