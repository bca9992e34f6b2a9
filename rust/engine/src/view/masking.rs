//! Payloads as readers see them: values of masked fields are hidden, at any depth (S-92.7).

use fastcond_json::{Elements, Kind, Members, elements, get, kind, members};
use std::borrow::Cow;

/// What stands in place of a hidden value.
const HIDDEN: &str = "\"***\"";

enum Open<'a> {
    Object(Members<'a>),
    List(Elements<'a>),
}

/// A payload with the values of `fields` hidden; the text itself when there is nothing to hide.
pub fn masked<'a>(payload: &'a str, fields: &[impl AsRef<str>]) -> Cow<'a, str> {
    if fields.is_empty() || kind(payload) != Kind::Object {
        return Cow::Borrowed(payload);
    }
    let mut out = String::with_capacity(payload.len());
    let mut open = Vec::new();
    begin(payload, &mut open, &mut out);
    while let Some(top) = open.last_mut() {
        match top {
            Open::Object(rest) => match rest.next() {
                None => end('}', &mut open, &mut out),
                Some((key, value)) => {
                    separate(&mut out);
                    out.push_str(key.quoted());
                    out.push(':');
                    if fields.iter().any(|field| key.is(field.as_ref())) {
                        out.push_str(HIDDEN);
                    } else {
                        begin(value, &mut open, &mut out);
                    }
                }
            },
            Open::List(rest) => match rest.next() {
                None => end(']', &mut open, &mut out),
                Some(value) => {
                    separate(&mut out);
                    begin(value, &mut open, &mut out);
                }
            },
        }
    }
    Cow::Owned(out)
}

fn begin<'a>(value: &'a str, open: &mut Vec<Open<'a>>, out: &mut String) {
    match kind(value) {
        Kind::Object => {
            out.push('{');
            open.push(Open::Object(members(value)));
        }
        Kind::Array => {
            out.push('[');
            open.push(Open::List(elements(value)));
        }
        _ => out.push_str(value),
    }
}

fn end(bracket: char, open: &mut Vec<Open<'_>>, out: &mut String) {
    out.push(bracket);
    open.pop();
}

fn separate(out: &mut String) {
    if !out.ends_with(['{', '[']) {
        out.push(',');
    }
}

/// The masked fields of a definition given as JSON.
pub fn fields_of(definition: &str) -> Vec<Cow<'_, str>> {
    let list = get(definition, "maskedFields").unwrap_or("[]");
    elements(list).filter_map(fastcond_json::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::{fields_of, masked};

    #[test]
    fn values_are_hidden_at_any_depth_and_the_rest_stays() {
        // S-92.7
        let text =
            r#"{"a":1,"card":{"no":"4111"},"list":[{"card":7},[{"pin":"x"}],"card","{","["],"e":{},"l":[]}"#;
        let hidden =
            r#"{"a":1,"card":"***","list":[{"card":"***"},[{"pin":"***"}],"card","{","["],"e":{},"l":[]}"#;
        assert_eq!(masked(text, &["card", "pin"]), hidden);
        assert_eq!(masked(text, &["none"]), text);
        assert_eq!(masked("null", &["a"]), "null");
    }

    #[test]
    fn fields_are_read_from_a_definition() {
        // S-92.7
        assert_eq!(fields_of(r#"{"maskedFields":["a","b"]}"#), ["a", "b"]);
        assert!(fields_of("{}").is_empty());
    }
}
