//! The `value-param` evaluator.

use fastcond_json::{Raw, get};

/// Evaluates `value-param`: the expression is a key of the input, the result its value (B-32.2, S-8.27).
///
/// A key that is not there gives null.
pub fn evaluate_value_param(expression: &str, dollar: &str) -> Raw {
    get(dollar, expression).map_or_else(Raw::null, Raw::of_checked)
}
