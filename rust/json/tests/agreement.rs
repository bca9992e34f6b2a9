//! The crate agrees with an independent JSON parser apart from the stated stricter rules.

use fastcond_json::{
    JsonErrorKind as Kind, Limits, Raw, Value, check, elements, get, get_path, members, merged, push_compact,
    push_string, with_defaults,
};
use proptest::prelude::*;
use serde::de::IgnoredAny;

/// Any JSON tree, keys and strings full of characters that need escapes.
fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i32>().prop_map(|quarters| (f64::from(quarters) / 4.0).into()),
        "[a-c\"\\\\/\n\u{0}é😀]{0,20}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map("[a-d\"\\\\é]{0,3}", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn stricter(kind: Kind) -> bool {
    matches!(kind, Kind::DuplicateKey | Kind::LoneSurrogate)
}

fn same_verdict(text: &str) {
    let theirs = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match check(text.as_bytes(), &Limits::DEFAULT) {
        Ok(_) => assert!(theirs, "accepted: {text:?}"),
        Err(error) => assert!(!theirs || stricter(error.kind), "{error}: {text:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn verdict_on_damaged_json(tree in tree(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:,\"\\\\0-9eE.+\\-a\u{1} ]{0,2}", cut in 0..3_usize) {
        let mut text = serde_json::to_string_pretty(&tree).unwrap();
        same_verdict(&text);
        let mut from = at.index(text.len());
        while !text.is_char_boundary(from) { from -= 1; }
        let mut to = (from + cut).min(text.len());
        while !text.is_char_boundary(to) { to += 1; }
        text.replace_range(from..to, &with);
        same_verdict(&text);
    }

    #[test]
    fn verdict_on_soup(text in "[\\[\\]{}:,\"\\\\u0d8ftrnl1e.+\\- \\n]{0,12}") {
        same_verdict(&text);
    }

    #[test]
    fn readers_survive_unchecked_text(text in "[\\[\\]{}:,\"\\\\u0d8é1 ]{0,24}") {
        for (key, value) in members(&text) { let _ = (key.decoded(), value); }
        for element in elements(&text) { let _ = element; }
        let _ = (get(&text, "d"), fastcond_json::as_str(&text), fastcond_json::depth_exceeds(&text, 0));
        let _ = Value::of_checked(&text);
    }

    #[test]
    fn round_trip_through_a_tree(tree in tree()) {
        let text = serde_json::to_string(&tree).unwrap();
        let value = Value::parse(&text).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&value.to_text()).unwrap(), tree);
        prop_assert_eq!(Value::parse(&value.to_text()).unwrap(), value);
    }

    #[test]
    fn compact_form_equals_the_tree_written(tree in tree()) {
        let pretty = serde_json::to_string_pretty(&tree).unwrap();
        let mut compact = String::new();
        push_compact(&mut compact, &pretty);
        prop_assert_eq!(compact, serde_json::to_string(&tree).unwrap());
    }

    #[test]
    fn lazy_lookup_equals_tree_lookup(tree in tree(), path in prop::collection::vec("[a-d\"\\\\é]{0,3}", 0..3)) {
        let text = serde_json::to_string_pretty(&tree).unwrap();
        let theirs = path.iter().try_fold(&tree, |value, key| value.get(key));
        let ours = get_path(&text, &path).map(|found| serde_json::from_str::<serde_json::Value>(found).unwrap());
        prop_assert_eq!(ours.as_ref(), theirs);
        if let Some(map) = tree.as_object() {
            let listed: Vec<_> = members(&text).map(|(key, _)| key.decoded().into_owned()).collect();
            prop_assert_eq!(listed, map.keys().cloned().collect::<Vec<_>>());
            for key in map.keys() {
                prop_assert!(get(&text, key).is_some());
            }
        }
        if let Some(list) = tree.as_array() {
            prop_assert_eq!(elements(&text).count(), list.len());
        }
    }

    #[test]
    fn written_string_is_read_back(text in any::<String>()) {
        let mut out = String::new();
        push_string(&mut out, &text);
        prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text.clone());
        prop_assert_eq!(fastcond_json::as_str(&out).unwrap(), text);
    }

    #[test]
    fn merging_equals_inserting(base in tree(), over in tree()) {
        let empty = serde_json::Map::new();
        let (below, above) = (base.as_object().unwrap_or(&empty), over.as_object().unwrap_or(&empty));
        let (base, over) = (base.to_string(), over.to_string());
        let mut expected = below.clone();
        expected.extend(above.clone());
        prop_assert_eq!(merged(&base, &over), serde_json::Value::Object(expected).to_string());

        let mut filled = below.clone();
        for (key, value) in above {
            if filled.get(key).is_none_or(serde_json::Value::is_null) { filled.insert(key.clone(), value.clone()); }
        }
        prop_assert_eq!(with_defaults(&base, &over), serde_json::Value::Object(filled).to_string());
    }

    #[test]
    fn raw_is_a_transparent_serde_field(tree in tree()) {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Record { input: Raw }
        let text = format!("{{\"input\":{tree}}}");
        let record: Record = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&record).unwrap(), text);
    }
}
