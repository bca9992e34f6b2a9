//! Which JSON Schemas a definition is held to (S-92.6).

use fastcond_json::{Kind, Raw, as_str, get, kind};

/// Schemas that are enforced, as texts; most definitions have none.
#[derive(Clone, Debug, Default)]
pub struct Enforced {
    /// What an input must follow.
    pub input: Option<Raw>,
    /// What an output must follow.
    pub output: Option<Raw>,
}

impl Enforced {
    /// The schemas of a definition; none when it does not enforce them.
    pub fn of(input: Option<&Raw>, output: Option<&Raw>, is_enforced: bool) -> Self {
        let text = |schema: Option<&Raw>| schema.filter(|_| is_enforced).and_then(|def| enforceable(def));
        Self { input: text(input), output: text(output) }
    }

    /// Whether nothing is enforced.
    pub fn is_empty(&self) -> bool {
        self.input.is_none() && self.output.is_none()
    }
}

/// The schema in a `SchemaDef`: one that is only named, or of another kind than JSON, is not enforced.
fn enforceable(schema_def: &str) -> Option<Raw> {
    let is_json = get(schema_def, "type").and_then(as_str).is_none_or(|word| word == "JSON");
    let data = get(schema_def, "data").filter(|data| is_json && kind(data) == Kind::Object)?;
    Some(Raw::of_checked(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_enforced_when_it_has_data_and_is_json() {
        // S-92.6
        let given = |text: &str, is_enforced| {
            Enforced::of(Some(&Raw::of_checked(text)), None, is_enforced).input.map(|raw| raw.to_string())
        };
        let data = r#"{"type":"object"}"#;
        assert_eq!(given(&format!(r#"{{"data":{data}}}"#), true).as_deref(), Some(data));
        assert_eq!(given(&format!(r#"{{"type":"JSON","data":{data}}}"#), true).as_deref(), Some(data));
        assert_eq!(given(&format!(r#"{{"data":{data}}}"#), false), None);
        assert_eq!(given(&format!(r#"{{"type":"AVRO","data":{data}}}"#), true), None);
        assert_eq!(given(r#"{"name":"order","version":2}"#, true), None);
        assert_eq!(given(r#"{"type":"JSON","data":null}"#, true), None);
    }
}
