//! S-92.6: what a schema says, and what it cannot do.

use super::*;

fn violations(schema: &str, document: &str) -> Vec<String> {
    let list = Schemas::default().violations(schema, document).expect("the schema can be used");
    serde_json::from_str(&list).expect("a list of texts")
}

fn refusal(schema: &str, document: &str) -> String {
    let error = Schemas::default().violations(schema, document).expect_err("it cannot be used");
    match error {
        ScriptError::Syntax { message, .. } | ScriptError::Thrown { message, .. } => message,
        other => panic!("{other}"),
    }
}

#[test]
fn a_document_that_follows_its_schema_has_no_violation() {
    let schema = r#"{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}"#;
    assert_eq!(violations(schema, r#"{"n": 1}"#), Vec::<String>::new());
}

#[test]
fn violations_name_place_and_rule_and_never_a_value() {
    let schema = r#"{"required": ["m"], "properties": {"n": {"type": "integer"}, "p": {"enum": ["a"]}}}"#;
    let found = violations(schema, r#"{"n": "hunter2", "p": "hunter3"}"#);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().any(|text| text.starts_with("/n: ")), "{found:?}");
    assert!(found.iter().all(|text| !text.contains("hunter")), "{found:?}");
}

#[test]
fn no_more_violations_are_named_than_fit() {
    let document = format!("[{}]", vec!["1"; 1_000].join(","));
    assert_eq!(violations(r#"{"items": {"type": "string"}}"#, &document).len(), VIOLATIONS_MAX);
}

#[test]
fn nothing_outside_of_the_schema_is_reached() {
    for reference in ["http://127.0.0.1:9/s.json", "file:///etc/passwd", "other.json"] {
        let message = refusal(&format!(r#"{{"$ref": "{reference}"}}"#), "{}");
        assert!(message.starts_with("the schema cannot be used"), "{message}");
    }
}

#[test]
fn what_is_no_schema_is_refused() {
    for schema in [r#"{"type": "text"}"#, r#"{"pattern": "("}"#, "[]", "{"] {
        assert!(refusal(schema, "{}").starts_with("the schema cannot be used"), "{schema}");
    }
    let wide = format!(r#"{{"title": "{}"}}"#, "x".repeat(SOURCE_BYTES_MAX));
    assert!(refusal(&wide, "{}").contains("256 KiB"));
}

#[test]
fn a_pattern_that_explodes_elsewhere_does_not_here() {
    let text = format!("\"{}!\"", "a".repeat(100_000));
    assert_eq!(violations(r#"{"pattern": "^(a+)+$"}"#, &text).len(), 1);
    assert!(refusal(r#"{"pattern": "(?:a{1000}){1000}"}"#, "\"\"").starts_with("the schema"));
}

#[test]
fn a_document_nested_too_deeply_is_said_to_be() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(refusal("{}", &deep).starts_with("the payload cannot be validated"));
}
