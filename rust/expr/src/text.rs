//! Reading a value as text or as truth.

use std::borrow::Cow;

use fastcond_json::{Kind, as_bool, as_f64, as_str, kind, push_compact};

/// The text form of a value: in an interpolated string (S-8.10) and as a switch case (S-27.1).
///
/// Strings without quotes, null as `null`, integers plain with all their digits, other numbers as doubles with a
/// decimal point, lists and maps as compact JSON.
pub fn text_form(json: &str) -> Cow<'_, str> {
    match kind(json) {
        Kind::String => as_str(json).unwrap_or_default(),
        Kind::Number => number_form(json.trim_ascii()),
        Kind::Null | Kind::Bool => Cow::Borrowed(json.trim_ascii()),
        Kind::Array | Kind::Object => {
            let mut out = String::with_capacity(json.len());
            push_compact(&mut out, json);
            Cow::Owned(out)
        }
    }
}

fn number_form(text: &str) -> Cow<'_, str> {
    if !text.contains(['.', 'e', 'E']) {
        return Cow::Borrowed(text);
    }
    let Some(number) = as_f64(text) else { return Cow::Borrowed(text) };
    let mut form = format!("{number:?}");
    if let Some(exponent) = form.find('e')
        && !form.contains('.')
    {
        form.insert_str(exponent, ".0");
    }
    Cow::Owned(form)
}

/// Whether a result counts as true where a boolean is asked for (S-8.25).
///
/// Booleans as they are, numbers when greater than zero; everything else, strings included, is false.
pub fn truthy(json: &str) -> bool {
    match kind(json) {
        Kind::Bool => as_bool(json) == Some(true),
        // A number beyond a double's range has only its sign left.
        Kind::Number => as_f64(json).map_or(!json.trim_ascii().starts_with('-'), |number| number > 0.0),
        Kind::Null | Kind::String | Kind::Array | Kind::Object => false,
    }
}
