//! What the door accepts and refuses (quality H1-H4).

use std::fmt::Write as _;

use fastcond_json::{JsonErrorKind as Kind, Limits, check};

fn refusal(text: &[u8]) -> (Kind, usize) {
    let error = check(text, &Limits::DEFAULT).expect_err(&String::from_utf8_lossy(text));
    (error.kind, error.offset)
}

#[test]
fn accepted_texts() {
    let accepted = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1",
        "1.5",
        "1e400",
        "1E+2",
        "0.0e-0",
        "12345678901234567890123",
        r#""""#,
        r#""a""#,
        r#""\u0000""#,
        r#""\ud83d\ude00""#,
        r#""\"\\\/\b\f\n\r\t""#,
        "\"\u{7f}\u{2028}é\"",
        "[]",
        "[1]",
        "[[],{}]",
        "{}",
        r#"{"a":1}"#,
        r#"{"a":{"a":1},"b":[{"a":1}]}"#,
        r#"{"":0}"#,
    ];
    for text in accepted {
        assert_eq!(check(text.as_bytes(), &Limits::DEFAULT), Ok(text));
        let padded = format!(" \t\r\n{text} \n");
        assert_eq!(
            check(padded.as_bytes(), &Limits::DEFAULT),
            Ok(text),
            "outer whitespace is not part of the value"
        );
    }
}

#[test]
fn refused_texts_with_their_reason_and_place() {
    let refused: [(&[u8], Kind, usize); 54] = [
        (b"", Kind::UnexpectedEnd, 0),
        (b"  ", Kind::UnexpectedEnd, 2),
        (b"[", Kind::UnexpectedEnd, 1),
        (b"{", Kind::UnexpectedEnd, 1),
        (b"[1", Kind::UnexpectedEnd, 2),
        (b"[1,", Kind::UnexpectedEnd, 3),
        (b"{\"a\"", Kind::UnexpectedEnd, 4),
        (b"{\"a\":", Kind::UnexpectedEnd, 5),
        (b"{\"a\":1", Kind::UnexpectedEnd, 6),
        (b"\"", Kind::UnexpectedEnd, 1),
        (b"\"a", Kind::UnexpectedEnd, 2),
        (b"\"\\", Kind::UnexpectedEnd, 1),
        (b"[1,]", Kind::UnexpectedByte, 3),
        (b"[,1]", Kind::UnexpectedByte, 1),
        (b"[1 2]", Kind::UnexpectedByte, 3),
        (b"[1}", Kind::UnexpectedByte, 2),
        (b"{]", Kind::UnexpectedByte, 1),
        (b"{\"a\":1]", Kind::UnexpectedByte, 6),
        (b"{\"a\":1,}", Kind::UnexpectedByte, 7),
        (b"{a:1}", Kind::UnexpectedByte, 1),
        (b"{1:1}", Kind::UnexpectedByte, 1),
        (b"{\"a\" 1}", Kind::UnexpectedByte, 5),
        (b"{\"a\":}", Kind::UnexpectedByte, 5),
        (b"'a'", Kind::UnexpectedByte, 0),
        (b"nul", Kind::UnexpectedByte, 0),
        (b"True", Kind::UnexpectedByte, 0),
        (b"// c\n1", Kind::UnexpectedByte, 0),
        (b"[1/*c*/]", Kind::UnexpectedByte, 2),
        (b"\x0b1", Kind::UnexpectedByte, 0),
        (b"NaN", Kind::BadNumber, 0),
        (b"Infinity", Kind::BadNumber, 0),
        (b"-Infinity", Kind::BadNumber, 1),
        (b"+1", Kind::BadNumber, 0),
        (b".5", Kind::BadNumber, 0),
        (b"-", Kind::BadNumber, 1),
        (b"01", Kind::BadNumber, 1),
        (b"1.", Kind::BadNumber, 2),
        (b"1e", Kind::BadNumber, 2),
        (b"1e+", Kind::BadNumber, 3),
        (b"0x10", Kind::TrailingBytes, 1),
        (b"1 2", Kind::TrailingBytes, 2),
        (b"{}{}", Kind::TrailingBytes, 2),
        (b"nullx", Kind::TrailingBytes, 4),
        (b"1\0", Kind::TrailingBytes, 1),
        (b"\"\\x\"", Kind::BadEscape, 1),
        (b"\"\\u12g4\"", Kind::BadEscape, 1),
        (b"\"\\ud800\"", Kind::LoneSurrogate, 1),
        (b"\"\\udc00\"", Kind::LoneSurrogate, 1),
        (b"\"\\ud800\\u0041\"", Kind::LoneSurrogate, 1),
        (b"\"a\nb\"", Kind::ControlCharacter, 2),
        (b"\"longer than one word\x1f\"", Kind::ControlCharacter, 21),
        (b"\xef\xbb\xbf{}", Kind::ByteOrderMark, 0),
        (b"\"\xff\"", Kind::InvalidUtf8, 1),
        (b"\"\xed\xa0\x80\"", Kind::InvalidUtf8, 1),
    ];
    for (text, kind, offset) in refused {
        assert_eq!(refusal(text), (kind, offset), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn duplicate_keys_are_refused_however_they_are_written() {
    assert_eq!(refusal(br#"{"a":1,"a":2}"#), (Kind::DuplicateKey, 7));
    assert_eq!(refusal(br#"{"a":1,"\u0061":2}"#), (Kind::DuplicateKey, 7));
    assert_eq!(refusal(br#"[{"x":{"k":1,"b":2,"k":3}}]"#), (Kind::DuplicateKey, 19));
    let many: Vec<String> = (0..500).map(|i| format!("\"k{i}\":{i}")).collect();
    let unique = format!("{{{}}}", many.join(","));
    assert!(check(unique.as_bytes(), &Limits::DEFAULT).is_ok());
    let twin = format!("{{{},\"k\\u0037\":0}}", many.join(","));
    assert_eq!(refusal(twin.as_bytes()).0, Kind::DuplicateKey);
}

#[test]
fn depth_limit_is_inclusive() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(check(nested(128).as_bytes(), &Limits::DEFAULT).is_ok());
    assert_eq!(refusal(nested(129).as_bytes()), (Kind::TooDeep, 128));
    assert_eq!(refusal("[".repeat(100_000).as_bytes()).0, Kind::TooDeep);
    assert_eq!(refusal("{\"a\":".repeat(100_000).as_bytes()).0, Kind::TooDeep);
    let endless = Limits { depth: usize::MAX, ..Limits::DEFAULT };
    assert!(check(nested(512).as_bytes(), &endless).is_ok());
    assert!(check(nested(513).as_bytes(), &endless).is_err(), "the ceiling holds whatever is configured");
}

#[test]
fn size_limits() {
    let limits = Limits { bytes: 10, number_chars: 4, keys_open: 2, ..Limits::DEFAULT };
    assert!(check(b"[12345678]", &Limits { number_chars: 8, ..limits }).is_ok());
    assert_eq!(check(b"[123456789]", &limits).unwrap_err().kind, Kind::TooLarge);
    assert_eq!(check(b"[12345]", &limits).unwrap_err().kind, Kind::NumberTooLong);
    let roomy = Limits { bytes: 100, ..limits };
    assert!(check(br#"[{"a":1,"b":2},{"a":1,"b":2}]"#, &roomy).is_ok());
    assert_eq!(check(br#"{"a":1,"b":2,"c":3}"#, &roomy).unwrap_err().kind, Kind::TooManyKeys);
    assert_eq!(check(br#"{"a":1,"b":{"c":1}}"#, &roomy).unwrap_err().kind, Kind::TooManyKeys);
    assert_eq!(refusal("1".repeat(10_000_000).as_bytes()).0, Kind::NumberTooLong);
}

#[test]
fn a_million_chosen_keys_cost_no_more_than_sorting() {
    // Same length, long common prefix: the worst case for comparisons, refused at the key limit.
    let mut text = String::from("{");
    for i in 0..100_001 {
        write!(text, "\"collide-collide-collide-{i:07}\":0,").unwrap();
    }
    text.push_str("\"z\":0}");
    assert_eq!(refusal(text.as_bytes()).0, Kind::TooManyKeys);
    let limits = Limits { keys_open: 200_000, ..Limits::DEFAULT };
    assert!(check(text.as_bytes(), &limits).is_ok());
}
