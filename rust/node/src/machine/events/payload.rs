//! What a message says, as conditions and templates see it (S-80.4, S-80.8).

use fastcond_expr::{Scope, Template, text_form};
use fastcond_json::{Kind, Limits, Raw, Value, check, get, kind};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A payload with every text in it that is a JSON object or list put in as what it says. One that would become too deep or
/// too large stays as it is.
pub fn expanded(payload: &Raw) -> Raw {
    let Ok(mut root) = payload.to_value() else { return payload.clone() };
    let mut next = vec![&mut root];
    while let Some(value) = next.pop() {
        if let Value::String(text) = &*value
            && let Some(inner) = embedded(text)
        {
            *value = inner;
        }
        match value {
            Value::Array(items) => next.extend(items),
            Value::Object(members) => next.extend(members.values_mut()),
            _ => {}
        }
    }
    let text = root.to_text();
    match check(text.as_bytes(), &Limits::default()) {
        Ok(_) => Raw::of_checked(text),
        Err(_) => payload.clone(),
    }
}

fn embedded(text: &str) -> Option<Value> {
    let text = text.trim();
    text.starts_with(['{', '[']).then(|| Value::parse(text).ok()).flatten()
}

/// The payload behind `${a.b}`, and the environment behind `${workflow.env.NAME}`.
pub struct PayloadScope<'a> {
    /// The payload.
    pub payload: &'a Raw,
    /// Environment entries that expressions may read (S-8.8).
    pub environment: &'a BTreeMap<String, String>,
}

impl PayloadScope<'_> {
    /// A JSON text with its references filled in; the error says why it cannot be.
    pub fn resolve(&self, written: &Raw) -> Result<Raw, String> {
        Template::compile(written).resolve_raw(self).map_err(|error| error.to_string())
    }

    /// A text with its references filled in, null as none.
    pub fn resolve_text(&self, written: Option<&str>) -> Result<Option<String>, String> {
        let Some(written) = written else { return Ok(None) };
        let value = self.resolve(&Raw::string(written))?;
        Ok(Some(value).filter(|value| !value.is_null()).map(|value| text_form(&value).into_owned()))
    }
}

impl Scope for PayloadScope<'_> {
    fn field(&self, root: &str, field: &str) -> Option<Cow<'_, str>> {
        get(self.payload, root).and_then(|inner| get(inner, field)).map(Cow::Borrowed)
    }

    fn root(&self, root: &str) -> Option<Cow<'_, str>> {
        get(self.payload, root).map(Cow::Borrowed)
    }

    fn all(&self) -> String {
        match kind(self.payload) {
            Kind::Object => self.payload.to_string(),
            _ => "{}".to_owned(),
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn task_id(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{PayloadScope, expanded};
    use fastcond_json::Raw;
    use std::collections::BTreeMap;

    #[test]
    fn texts_that_hold_objects_or_lists_are_expanded_and_others_stay_s_80_4() {
        let text = r#"{"a":"{\"b\":\"[1]\"}","n":"12","s":"{no","l":[" [true] "]}"#;
        assert_eq!(&*expanded(&Raw::of_checked(text)), r#"{"a":{"b":[1]},"n":"12","s":"{no","l":[[true]]}"#);
        assert_eq!(&*expanded(&Raw::string("{\"a\":1}")), r#"{"a":1}"#);
    }

    #[test]
    fn what_would_nest_too_deep_stays_text() {
        let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
        let mut payload = Raw::string(&deep);
        for _ in 0..20 {
            payload = Raw::of_checked(format!("[{payload}]"));
        }
        assert_eq!(expanded(&payload), payload);
    }

    #[test]
    fn templates_look_into_the_payload_s_80_8() {
        let payload = Raw::of_checked(r#"{"a":{"b":[1,{"c":"x"}]},"n":7}"#);
        let scope = PayloadScope { payload: &payload, environment: &BTreeMap::new() };
        let written = Raw::of_checked(r#"{"c":"${a.b[1].c}","n":"${n}","t":"n=${n}","no":"${q.r}"}"#);
        assert_eq!(scope.resolve(&written).as_deref(), Ok(r#"{"c":"x","n":7,"t":"n=7","no":null}"#));
        assert_eq!(scope.resolve_text(Some("${n}")), Ok(Some("7".to_owned())));
        assert_eq!(scope.resolve_text(Some("${q}")), Ok(None));
    }
}
