//! What paths and queries mean (H20-H24, H40, sdk-clients rule 5).

use fastcond_wire::{Query, segments};
use proptest::prelude::*;

fn refused<T>(result: Result<T, fastcond_wire::Refusal>) -> bool {
    result.err().is_some_and(|refusal| refusal.status == 400)
}

#[test]
fn segments_are_decoded_one_by_one() {
    for (path, expected) in [
        ("/", &[""][..]),
        ("/a", &["a"]),
        ("/a/", &["a", ""]),
        ("/a//b", &["a", "", "b"]),
        ("/a%20b/c+d", &["a b", "c+d"]),
        ("/%e2%82%ac/%41", &["\u{20ac}", "A"]),
        ("/a%3Fb%25c%3b", &["a?b%c;"]),
        ("/...", &["..."]),
        ("/a%5Cb", &["a\\b"]),
        ("*", &["*"]),
    ] {
        assert_eq!(segments(path).expect(path), expected, "{path}");
    }
}

#[test]
fn hostile_paths_are_refused() {
    for path in [
        "/a%2Fb",
        "/a%2fb",
        "/..%2fetc",
        "/%",
        "/%2",
        "/%zz",
        "/%2x",
        "/a%00",
        "/%c0%af",
        "/%ff",
        "/%ed%a0%80",
        "/..",
        "/a/../b",
        "/.",
        "/%2e%2e/b",
        "/.%2E",
        "/a/%2e",
    ] {
        assert!(refused(segments(path)), "{path}");
    }
}

#[test]
fn query_parameters() {
    let query = Query::parse(Some("a=1&b=x+y%2Bz&a=2&&c&d=&=e&f=g=h&a=3")).expect("well formed");
    assert_eq!(query.first("a"), Some("1"));
    assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(query.joined("a").as_deref(), Some("1,2,3"));
    assert_eq!(query.joined("b").as_deref(), Some("x y+z"));
    assert_eq!((query.first("c"), query.first("d"), query.first("")), (Some(""), Some(""), Some("e")));
    assert_eq!(query.first("f"), Some("g=h"));
    assert_eq!((query.first("g"), query.joined("g")), (None, None));
    assert_eq!(query.iter().count(), 8);
    assert_eq!(Query::parse(None).expect("empty"), Query::default());
}

#[test]
fn hostile_queries_are_refused() {
    for query in ["a=%", "a=%2", "%zz=1", "a=%00", "a=%ff", "%c0%80"] {
        assert!(refused(Query::parse(Some(query))), "{query}");
    }
    assert_eq!(Query::parse(Some("a=%2F..%2f")).expect("fine in a query").first("a"), Some("/../"));
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02x}"))
}

proptest! {
    #[test]
    fn encoded_text_comes_back(names in prop::collection::vec("[^/\0]{1,9}", 1..4), value in "[^\0]{0,9}") {
        prop_assume!(!names.iter().any(|name| name == "." || name == ".."));
        let path = names.iter().fold(String::new(), |path, name| format!("{path}/{}", encode(name)));
        prop_assert_eq!(segments(&path).expect("well formed"), names);
        let query = format!("{}={}", encode("k&="), encode(&value));
        let query = Query::parse(Some(&query)).expect("well formed");
        prop_assert_eq!(query.first("k&="), Some(&*value));
    }

    #[test]
    fn any_target_is_read_or_refused(text in "[!-~]{0,40}") {
        let _: Result<_, _> = segments(&text);
        let _: Result<_, _> = Query::parse(Some(&text));
    }
}
