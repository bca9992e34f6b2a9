//! `${workflow.secrets.NAME}`: literal in everything that is stored, filled in for whoever runs a task (S-8.20).

use crate::{OUTPUT_BYTES_MAX, Path};
use fastcond_json::{Raw, as_str, push_string, string_values};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How a reference to a secret begins.
pub const MENTION: &str = "${workflow.secrets.";

/// Values shorter than this are not searched for in texts: they stand there by chance.
const REDACTED_CHARS_MIN: usize = 4;

/// Secrets by name. Shown to nobody: even its debug form has names only.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl FromIterator<(String, String)> for Secrets {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Secrets {
    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A payload with its references filled in; none when it has none, or would become larger than a payload may be.
    ///
    /// A string that is one reference takes the value's type, null when there is no such secret; inside a string the
    /// value is text, and nothing when it is missing.
    pub fn filled(&self, payload: &str) -> Option<String> {
        if !payload.contains(MENTION) {
            return None;
        }
        let mut out = String::with_capacity(payload.len());
        let mut copied = 0;
        for range in string_values(payload) {
            let literal = &payload[range.clone()];
            if !literal.contains(MENTION) {
                continue;
            }
            out.push_str(&payload[copied..range.start]);
            self.push_filled(&mut out, &as_str(literal)?);
            copied = range.end;
            if out.len() > OUTPUT_BYTES_MAX {
                return None;
            }
        }
        out.push_str(&payload[copied..]);
        (out.len() <= OUTPUT_BYTES_MAX).then_some(out)
    }

    fn push_filled(&self, out: &mut String, text: &str) {
        let whole = text.strip_prefix(MENTION).and_then(|rest| rest.strip_suffix('}'));
        if let Some(named) = whole.filter(|named| !named.contains('}')) {
            out.push_str(&self.value(named));
            return;
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(MENTION) {
            let after = &rest[at + MENTION.len()..];
            let Some(end) = after.find('}').filter(|_| filled.len() <= OUTPUT_BYTES_MAX) else { break };
            filled.push_str(&rest[..at]);
            let value = self.value(&after[..end]);
            if !value.is_null() {
                filled.push_str(&crate::text_form(&value));
            }
            rest = &after[end + 1..];
        }
        filled.push_str(rest);
        push_string(out, &filled);
    }

    /// What `NAME` or `NAME.<path>` stands for, as JSON.
    fn value(&self, named: &str) -> Raw {
        let (name, path) = named.split_once('.').map_or((named, None), |(name, path)| (name, Some(path)));
        let found = self.get(name).and_then(|value| match path {
            None => Some(Raw::string(value)),
            Some(path) => {
                let document = Raw::parse(value.as_bytes(), &fastcond_json::Limits::DEFAULT).ok()?;
                Path::parse(path).ok()?.evaluate(&document).ok()
            }
        });
        found.unwrap_or_else(Raw::null)
    }

    /// [`Self::redacted`] for bytes that are text for those who read them.
    pub fn redacted_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        if self.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let text = String::from_utf8_lossy(bytes);
        Cow::Owned(self.redacted(&text).into_owned().into_bytes())
    }

    /// A text in which no secret can be read any more (quality G22).
    pub fn redacted<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut shown = Cow::Borrowed(text);
        for value in self.0.values().filter(|value| value.len() >= REDACTED_CHARS_MIN) {
            if shown.contains(value.as_str()) {
                shown = Cow::Owned(shown.replace(value.as_str(), "***"));
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        let pairs = [("KEY", "hunter2"), ("DB", r#"{"user": "u", "port": 5432}"#)];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn filled(payload: &str) -> String {
        secrets().filled(payload).expect("something is mentioned")
    }

    #[test]
    fn a_whole_reference_takes_the_value_and_its_type() {
        // S-8.20
        assert_eq!(filled(r#"{"a":"${workflow.secrets.KEY}"}"#), r#"{"a":"hunter2"}"#);
        assert_eq!(filled(r#"{"a":["${workflow.secrets.DB.port}"]}"#), r#"{"a":[5432]}"#);
        assert_eq!(filled(r#"{"a":"${workflow.secrets.NONE}"}"#), r#"{"a":null}"#);
        assert_eq!(filled(r#"{"a":"${workflow.secrets.KEY.x}"}"#), r#"{"a":null}"#);
    }

    #[test]
    fn inside_a_string_it_is_text_and_nothing_when_missing() {
        // S-8.20
        let payload = r#"{"a":"Bearer ${workflow.secrets.KEY}:${workflow.secrets.NONE}!","b":1}"#;
        assert_eq!(filled(payload), r#"{"a":"Bearer hunter2:!","b":1}"#);
        assert_eq!(filled(r#"["${workflow.secrets.KEY}${workflow.secrets.DB.user}"]"#), r#"["hunter2u"]"#);
        assert_eq!(filled(r#"["x ${workflow.secrets.KEY"]"#), r#"["x ${workflow.secrets.KEY"]"#);
    }

    #[test]
    fn a_payload_without_references_is_left_alone() {
        assert_eq!(secrets().filled(r#"{"a":"${other}"}"#), None);
    }

    #[test]
    fn what_would_outgrow_a_payload_stays_as_it_is() {
        let large: Secrets = [("L".to_owned(), "x".repeat(1 << 20))].into_iter().collect();
        let payload = format!("[{}]", vec!["\"${workflow.secrets.L}\""; 20].join(","));
        assert_eq!(large.filled(&payload), None);
        let within = format!("[\"{}\"]", "-${workflow.secrets.L}".repeat(20));
        assert_eq!(large.filled(&within), None);
    }

    #[test]
    fn a_secret_is_in_no_text_that_was_redacted_and_in_no_debug_form() {
        assert_eq!(secrets().redacted("GET /?key=hunter2 failed"), "GET /?key=*** failed");
        assert!(!format!("{:?}", secrets()).contains("hunter2"));
    }
}
