//! The Jayway dialect, form by form (S-8.13, S-8.14).

mod common;

use std::fmt::Write as _;

use common::Context;
use fastcond_expr::{ExprError, Path, Template};
use fastcond_json::Value;
use proptest::prelude::*;

const DOCUMENT: &str = r#"{
  "a": {"b": {"c": 7}, "x y": 1, "d.e": 2, "n-1": 3, "@t": 4, "$u": 5, "quo'te": 6, "nil": null, "s": "text"},
  "list": [
    {"n": "one", "p": 1, "tags": ["x"]}, {"n": "two", "p": 2.50, "q": null}, {"n": "three", "p": "3"}, 4, [5, 6]
  ],
  "nums": [3, 1.5, "no", 2, null], "empty": [], "hole": {}, "big": 12345678901234567890
}"#;

/// The result in compact form, or the refusal to compile.
fn eval(path: &str) -> String {
    match Path::parse(path) {
        Ok(path) => Value::parse(&path.evaluate(DOCUMENT).unwrap()).unwrap().to_text(),
        Err(_) => "malformed".to_owned(),
    }
}

fn table(rows: &[(&str, &str)]) {
    for (path, expected) in rows {
        assert_eq!(eval(path), *expected, "{path}");
    }
}

#[test]
fn dotted_and_bracketed_names() {
    table(&[
        ("a.b.c", "7"),
        ("$.a.b.c", "7"),
        ("a['b']", r#"{"c":7}"#),
        ("['a'].b", r#"{"c":7}"#),
        ("$['a'][\"b\"]['c']", "7"),
        ("a.['b'].c", "7"),
        ("a['x y']", "1"),
        ("a[ 'd.e' ]", "2"),
        ("a.n-1", "3"),
        ("a.@t", "4"),
        ("a.$u", "5"),
        (r"a['quo\'te']", "6"),
        ("big", "12345678901234567890"),
        ("a.nil", "null"),
    ]);
}

#[test]
fn what_is_missing_is_null() {
    table(&[
        ("nope", "null"),
        ("a.nope.deeper", "null"),
        ("a.s.length", "null"),
        ("list.n", "null"),
        ("list[99]", "null"),
        ("list[-99]", "null"),
        ("a[0]", "null"),
        ("a.nil.x", "null"),
    ]);
}

#[test]
fn positions() {
    table(&[
        ("list[0].n", r#""one""#),
        ("list[-1]", "[5,6]"),
        ("list[4][1]", "6"),
        ("nums[0,2]", r#"[3,"no"]"#),
        ("nums[ 0 , 9 ]", "[3]"),
        ("nums[0:2]", "[3,1.5]"),
        ("nums[:2]", "[3,1.5]"),
        ("nums[3:]", "[2,null]"),
        ("nums[-2:]", "[2,null]"),
        ("nums[:-3]", "[3,1.5]"),
        ("nums[4:2]", "[]"),
        ("nums[*]", r#"[3,1.5,"no",2,null]"#),
    ]);
}

#[test]
fn functions() {
    table(&[
        ("list.length()", "5"),
        ("list.size()", "5"),
        ("a.length()", "9"),
        ("a.s.length()", "null"),
        ("nums.sum()", "6.5"),
        ("nums.min()", "1.5"),
        ("nums.max()", "3.0"),
        ("nums.avg()", "2.1666666666666665"),
        ("empty.sum()", "null"),
        ("empty.first()", "null"),
        ("nums.first()", "3"),
        ("nums.last()", "null"),
        ("list.first().n", "malformed"),
        ("a.b.keys()", r#"["c"]"#),
        ("nums.keys()", "null"),
        ("nope.length()", "null"),
        ("list[*].length()", "[]"),
        ("list[4:].length()", "[2]"),
        ("$..p.sum()", "3.5"),
        ("a.b.nosuch()", "malformed"),
    ]);
}

#[test]
fn filters() {
    table(&[
        ("list[?(@.p==2.5)].n", r#"["two"]"#),
        ("list[?(@.p == 1)].n", r#"["one"]"#),
        ("list[?(@.p == '3')].n", r#"["three"]"#),
        ("list[?(@.p == 3)].n", r#"["three"]"#),
        ("list[?(@.p > 1)].n", r#"["two"]"#),
        ("list[?(@.p >= 1 && @.p < 2)].n", r#"["one"]"#),
        ("list[?(@.n == 'one' || @.n == 'two')].p", "[1,2.50]"),
        ("list[?(@.q)].n", r#"["two"]"#),
        ("list[?(!(@.p))]", "[4,[5,6]]"),
        ("list[?(@.n in ['one', \"three\"])].n", r#"["one","three"]"#),
        ("list[?(@.n nin ['one'])].n", r#"["two","three"]"#),
        ("list[?(@.n =~ /t.*/)].n", r#"["two","three"]"#),
        ("list[?(@.n =~ /T.O/i)].n", r#"["two"]"#),
        ("list[?(@.n =~ /w/)].n", "[]"),
        ("list[?(@.n != 'one')].n", r#"["two","three"]"#),
        ("list[?(@.tags contains 'x')].n", r#"["one"]"#),
        ("list[?(@.tags size 1)].n", r#"["one"]"#),
        ("list[?(@.tags empty false)].n", r#"["one"]"#),
        ("list[?(@.tags anyof ['x','y'])].n", r#"["one"]"#),
        ("list[?(@.tags.length() == 1)].n", r#"["one"]"#),
        ("list[?(@['n']=='one')].p", "[1]"),
        ("list[?(@.p == $.nums[1])].n", "[]"),
        ("list[?(@.p < $.nums[0])].n", r#"["one","two"]"#),
        ("list[?(@ == 4)]", "[4]"),
        ("list[?(@.q == null)].n", r#"["two"]"#),
        ("list[?(@.p == 99)]", "[]"),
        ("nope[?(@.x)]", "[]"),
        ("a.s[?(@.x)]", "[]"),
        ("a[?(@.nil)]['s']", r#"["text"]"#),
    ]);
}

#[test]
fn scans_wildcards_and_choices() {
    table(&[
        ("$..c", "[7]"),
        ("$..n", r#"["one","two","three"]"#),
        ("$..['n']", r#"["one","two","three"]"#),
        ("$..nope", "[]"),
        ("list[*].p", r#"[1,2.50,"3"]"#),
        ("list[*].nope", "[]"),
        ("a.b.*", "[7]"),
        ("hole.*", "[]"),
        ("a.s.*", "[]"),
        ("nope[*]", "[]"),
        ("list..[0]", r#"[{"n":"one","p":1,"tags":["x"]},"x",5]"#),
        ("$..[?(@.q)].n", r#"["two"]"#),
        ("a['n-1','@t']", r#"{"n-1":3,"@t":4}"#),
        ("a['n-1','nope']", r#"{"n-1":3}"#),
        ("list[0:2]['n','p']", r#"[{"n":"one","p":1},{"n":"two","p":2.50}]"#),
        ("a['b','hole'].c", "[7]"),
        ("$..['n','p']", r#"[{"n":"one","p":1},{"n":"two","p":2.50},{"n":"three","p":"3"}]"#),
    ]);
}

#[test]
fn malformed_paths() {
    for path in [
        "a.b ",
        " a",
        "a.",
        "a..",
        "a.b.",
        "a b",
        "a[",
        "a[0",
        "a[']",
        "a['b'",
        "a[b]",
        "a[]",
        "a[:]",
        "a[1:2:3]",
        "a[?(@.x]",
        "a[?()]",
        "a[?(@.x ==)]",
        "a[?(@.x = 1)]",
        "a[?(@.x =~ /(/)]",
        "a[?]",
        "$a",
        "a.f(x)",
        "a[0]b",
        "..",
        "..c",
        ".",
        "$.",
        "a...b",
        "a[9223372036854775808]",
        "",
    ] {
        assert_eq!(eval(path), "malformed", "{path:?}");
    }
}

#[test]
fn first_segment_and_definiteness() {
    let path = Path::parse("$.t1.output['x'][0]").unwrap();
    assert_eq!((path.first_segment(), path.is_definite()), (Some("t1"), true));
    let path = Path::parse("['t1'].output[*]").unwrap();
    assert_eq!((path.first_segment(), path.is_definite()), (Some("t1"), false));
    assert_eq!(Path::parse("$..x").unwrap().first_segment(), None);
}

/// Quality H10-H19: chosen paths and documents end in bounded work.
#[test]
fn hostile_paths_are_bounded() {
    let deep_filter = format!("a[?{}@.x{}]", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(eval(&deep_filter), "malformed");
    let nested_filter = format!("{}x{}", "a[?(@.".repeat(100), ")]".repeat(100));
    assert_eq!(eval(&nested_filter), "malformed");
    assert_eq!(eval(&format!("a[?({}@.x)]", "!".repeat(5_000))), "malformed");
    assert_eq!(eval(&"[*]".repeat(20_000)), "[]");
    assert_eq!(eval("list[?(@.n =~ /(a{1000}){1000}/)]"), "malformed");
    assert_eq!(eval("list[?(@.n =~ /(x+x+)+y/)]"), "[]");

    let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    let below_all = Path::parse("$..*").unwrap().evaluate(&deep).unwrap();
    assert_eq!(fastcond_json::elements(&below_all).count(), 128);

    let wide = format!("[{}]", vec!["[1]"; 200_000].join(","));
    let context = Context(format!("{{\"t\":{{\"output\":{wide}}}}}"));
    let fan = format!("\"{}\"", "${t.output[?(@[0] == 2)]}".repeat(2_000));
    let outcome = Template::compile(&fan).resolve_raw(&context);
    assert_eq!(outcome, Err(ExprError::TooMuchWork));
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![any::<i64>().prop_map(Into::into), "[a-c]{0,3}".prop_map(Into::into)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The slow, obvious meaning of keys and positions on a tree.
fn plain(tree: &serde_json::Value, steps: &[Result<String, i64>]) -> serde_json::Value {
    let mut node = tree.clone();
    for step in steps {
        node = match (step, &node) {
            (Ok(key), serde_json::Value::Object(map)) => map.get(key).cloned().unwrap_or_default(),
            (Err(index), serde_json::Value::Array(list)) => {
                let length = i64::try_from(list.len()).unwrap();
                let at = if *index < 0 { index + length } else { *index };
                usize::try_from(at).ok().and_then(|at| list.get(at)).cloned().unwrap_or_default()
            }
            _ => serde_json::Value::Null,
        };
    }
    node
}

fn below(tree: &serde_json::Value, name: &str, found: &mut Vec<serde_json::Value>) {
    match tree {
        serde_json::Value::Object(map) => {
            found.extend(map.get(name).cloned());
            map.values().for_each(|value| below(value, name, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| below(value, name, found)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn definite_path_equals_plain_walk(
        tree in tree(),
        steps in prop::collection::vec(prop_oneof!["[a-c]{1,2}".prop_map(Ok), (-3..3_i64).prop_map(Err)], 0..4),
    ) {
        let mut path = String::from("$");
        for step in &steps {
            match step {
                Ok(key) => write!(path, "['{key}']").unwrap(),
                Err(index) => write!(path, "[{index}]").unwrap(),
            }
        }
        let found = Path::parse(&path).unwrap().evaluate(&tree.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&found).unwrap(), plain(&tree, &steps));
    }

    #[test]
    fn deep_scan_equals_plain_recursion(tree in tree(), name in "[a-c]{1,2}") {
        let mut expected = Vec::new();
        below(&tree, &name, &mut expected);
        let found = Path::parse(&format!("$..{name}")).unwrap().evaluate(&tree.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&found).unwrap(), expected);
    }

    #[test]
    fn any_text_compiles_or_not_but_never_panics(text in "[a$@.*?()\\[\\]'\"0-3:,=!<>~&|/\\\\ ]{0,24}", tree in tree()) {
        if let Ok(path) = Path::parse(&text) {
            let _ = path.evaluate(&tree.to_string()).unwrap();
        }
    }
}
