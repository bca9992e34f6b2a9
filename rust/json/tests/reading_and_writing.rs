//! Scalars, numbers, writers and shared text.

use std::cmp::Ordering;

use fastcond_json::{
    ArrayWriter, Kind, Limits, Number, ObjectWriter, Raw, Value, as_bool, as_f64, as_i64, as_str,
    depth_exceeds, get, kind, merged, string_values, with_defaults,
};

fn number(text: &str) -> Number {
    match Value::parse(text).unwrap() {
        Value::Number(number) => number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn kinds_and_scalars() {
    let rows = [
        ("null", Kind::Null),
        (" true", Kind::Bool),
        ("false", Kind::Bool),
        ("-1", Kind::Number),
        ("\"\"", Kind::String),
        ("[]", Kind::Array),
        ("\n{}", Kind::Object),
    ];
    for (text, expected) in rows {
        assert_eq!(kind(text), expected, "{text}");
    }
    assert_eq!((as_bool("true"), as_bool(" false "), as_bool("1")), (Some(true), Some(false), None));
    assert_eq!((as_i64("9223372036854775807"), as_i64("9223372036854775808")), (Some(i64::MAX), None));
    assert_eq!((as_i64("1.0"), as_i64("\"1\""), as_i64("-5")), (None, None, Some(-5)));
    assert_eq!((as_f64("1e3"), as_f64("1e400"), as_f64("null")), (Some(1000.0), None, None));
    assert_eq!(as_str(r#""\ud83d\ude00\n""#).as_deref(), Some("😀\n"));
    assert_eq!(as_str("5"), None);
}

#[test]
fn numbers_keep_their_digits() {
    for text in ["1", "1.0", "1.50", "1E5", "-0", "12345678901234567890", "0.1234567890123456789"] {
        assert_eq!(Value::parse(text).unwrap().to_text(), text);
    }
    assert!(number("5").is_integral() && !number("5.0").is_integral() && !number("5e0").is_integral());
    assert_eq!(Number::from_f64(5.0).unwrap().as_str(), "5.0");
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from(-7).as_i64(), Some(-7));
}

#[test]
fn numbers_compare_by_value() {
    let rows = [
        ("1", "1.0", Ordering::Equal),
        ("2", "10", Ordering::Less),
        ("-2", "-10", Ordering::Greater),
        ("-0", "0", Ordering::Equal),
        ("9007199254740993", "9007199254740992", Ordering::Greater),
        ("1e400", "5", Ordering::Greater),
        ("-1", "1", Ordering::Less),
        ("12345678901234567891", "12345678901234567890", Ordering::Greater),
    ];
    for (a, b, expected) in rows {
        assert_eq!(number(a).compare(&number(b)), expected, "{a} {b}");
    }
}

#[test]
fn key_written_with_escapes_is_found_by_its_meaning() {
    let text = r#"{"\u0061b":1,"a\"b":2,"":3}"#;
    assert_eq!((get(text, "ab"), get(text, "a\"b"), get(text, "")), (Some("1"), Some("2"), Some("3")));
    assert_eq!(get(text, "x"), None);
    assert_eq!(get("[1]", "x"), None);
}

#[test]
fn writers_compose_objects() {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str("name", "a\"b").i64("count", -3).bool("ok", true).raw("input", "{\"a\":1.0}");
    object.str_if_some("left", None).str_if_some("there", Some("x")).entry("user\nkey", "null");
    let mut inner = object.object("inner");
    inner.i64("n", 1);
    inner.end();
    let mut list = object.array("list");
    list.raw("1").str("two");
    list.object().end();
    list.end();
    object.end();
    assert_eq!(
        out,
        r#"{"name":"a\"b","count":-3,"ok":true,"input":{"a":1.0},"there":"x","user\nkey":null,"inner":{"n":1},"list":[1,"two",{}]}"#
    );
    let mut empty = String::new();
    ArrayWriter::begin(&mut empty).end();
    assert_eq!(empty, "[]");
}

#[test]
fn merges_of_many_and_of_odd_keys() {
    let wide = |from: usize, to: usize, value: &str| {
        let members: Vec<String> = (from..to).map(|i| format!("\"k{i}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let both = merged(&wide(0, 40, "1"), &wide(20, 60, "2"));
    assert_eq!((get(&both, "k19"), get(&both, "k20"), get(&both, "k59")), (Some("1"), Some("2"), Some("2")));
    let filled = with_defaults(&wide(0, 40, "null"), &wide(20, 60, "2"));
    assert_eq!((get(&filled, "k19"), get(&filled, "k20")), (Some("null"), Some("2")));
    assert_eq!(merged(r#"{"\u0061":1}"#, r#"{"a":2}"#), r#"{"\u0061":2}"#);
    assert_eq!(merged("null", r#"{"a":2}"#), r#"{"a":2}"#);
}

#[test]
fn depth_of_composed_text() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(!depth_exceeds(&nested(128), 128));
    assert!(depth_exceeds(&nested(129), 128));
    assert!(!depth_exceeds(&format!("\"{}\"", "[".repeat(500)), 128), "brackets in strings do not nest");
    assert!(Value::of_checked(&nested(600)).is_err(), "no tree deeper than the ceiling");
}

#[test]
fn raw_shares_and_checks() {
    let raw = Raw::parse(b" {\"a\": 1} ", &Limits::DEFAULT).unwrap();
    assert_eq!(&*raw, "{\"a\": 1}");
    assert_eq!(raw.kind(), Kind::Object);
    assert!(std::ptr::eq(raw.as_text(), raw.clone().as_text()));
    assert!(Raw::null().is_null() && Raw::default().is_null());
    assert_eq!(&*Raw::empty_object(), "{}");
    assert_eq!(&*Raw::string("a\"b"), r#""a\"b""#);
    assert!(Raw::parse(b"{", &Limits::DEFAULT).is_err());
    assert!(serde_json::from_str::<Raw>(r#"{"a":1,"a":2}"#).is_err(), "the door is the same for records");
}

#[test]
fn string_values_leave_keys_out() {
    let text = r#"{"k":"v", "a\"b" : ["x\"y", {"n":1,"m":""}], "z":null}"#;
    let found: Vec<&str> = string_values(text).map(|range| &text[range]).collect();
    assert_eq!(found, [r#""v""#, r#""x\"y""#, r#""""#]);
    assert_eq!(string_values("\"alone\"").next(), Some(0..7));
}
