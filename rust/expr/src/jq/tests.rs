use super::evaluate;
use crate::script::{Given, ScriptError, Watch};

fn given() -> Given {
    Given { now_ms: 1_700_000_000_250, seed: 0 }
}

fn jq(source: &str, document: &str) -> Result<String, ScriptError> {
    evaluate(source, document, &given(), None).map(|raw| raw.to_string())
}

fn results(source: &str, document: &str) -> String {
    jq(source, document).unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[test]
fn the_answer_lists_every_result_s_39_1() {
    assert_eq!(results(".a", r#"{"a":{"b":[1,null]}}"#), r#"[{"b":[1,null]}]"#);
    assert_eq!(results(".[] | . * 2", "[1,2,3]"), "[2,4,6]");
    assert_eq!(results("empty", "{}"), "[]");
    assert_eq!(
        results(
            "{ids: [.items[] | select(.n > 1) | .id]}",
            r#"{"items":[{"id":"x","n":1},{"id":"y","n":2}]}"#
        ),
        r#"[{"ids":["y"]}]"#
    );
}

#[test]
fn numbers_keep_their_digits_and_whole_results_are_integers_s_39_1() {
    assert_eq!(results(".[]", "[1.0,12345678901234567890,1e3,0.10]"), "[1.0,12345678901234567890,1e3,0.10]");
    assert_eq!(
        results(".[0] + .[1], 6 / 2, 1 / 4, 9007199254740993 + 0", "[1,2]"),
        "[3,3,0.25,9007199254740993]"
    );
    assert_eq!(results("nan, infinite", "null"), "[null,null]");
}

#[test]
fn the_functions_of_jq_1_5_are_there_s_39_2() {
    let mut wrong = Vec::new();
    for (source, document, expected) in [
        ("to_entries", r#"{"a":1}"#, r#"[[{"key":"a","value":1}]]"#),
        ("with_entries(.value += 1)", r#"{"a":1}"#, r#"[{"a":2}]"#),
        ("from_entries", r#"[{"name":"a","value":1},{"key":"b","value":2}]"#, r#"[{"a":1,"b":2}]"#),
        ("map(.a) | add", r#"[{"a":1},{"a":2}]"#, "[3]"),
        ("group_by(.k) | map(length)", r#"[{"k":1},{"k":2},{"k":1}]"#, "[[2,1]]"),
        (
            "unique, (sort | reverse), min, max, length, any(. > 1), all(. > 1)",
            "[2,1,2]",
            "[[1,2],[2,2,1],1,2,3,true,false]",
        ),
        ("[paths], [leaf_paths]", r#"{"a":[1]}"#, r#"[[["a"],["a",0]],[["a",0]]]"#),
        (
            "getpath([\"a\",0]), del(.a), delpaths([[\"a\"]]), setpath([\"b\"];1)",
            r#"{"a":[1]}"#,
            r#"[1,{},{},{"a":[1],"b":1}]"#,
        ),
        (
            "split(\",\"), test(\"b\"), sub(\"a\";\"x\"), ascii_upcase, ltrimstr(\"a\"), startswith(\"a\"), length",
            r#""a,b""#,
            r#"[["a","b"],true,"x,b","A,B",",b",true,3]"#,
        ),
        (
            "[match(\"(?<l>[a-z])\";\"g\").captures[0].name], capture(\"(?<n>\\\\d)\")",
            r#""ab1""#,
            r#"[["l","l"],{"n":"1"}]"#,
        ),
        (
            "@base64, (@base64 | @base64d), @uri, @html, @json, @text",
            r#""a<b""#,
            r#"["YTxi","a<b","a%3Cb","a&lt;b","\"a<b\"","a<b"]"#,
        ),
        ("@csv, @tsv", r#"["a",1]"#, "[\"\\\"a\\\",1\",\"a\\t1\"]"),
        ("tojson, tostring, (tojson | fromjson)", "[1]", r#"["[1]","[1]",[1]]"#),
        (
            "flatten, (flatten | index(3)), indices(1), first, last, nth(0), .[1:], contains([1]), inside([1,[2,3],4])",
            "[1,[2,3]]",
            "[[1,2,3],2,[0],1,[2,3],1,[[2,3]],true,true]",
        ),
        (
            "[range(3)], [range(0;6;3)], [limit(2; 1,2,3)], first(4,5), [until(. > 4; . + 1)], [while(. < 3; . + 1)], [recurse(if . < 2 then . + 1 else empty end)], isnan, floor, sqrt, (pow(.;2)), tostring",
            "1",
            r#"[[0,1,2],[0,3],[1,2],4,[5],[1,2],[1,2],false,1,1,1,"1"]"#,
        ),
        (
            "reduce .[] as $x (0; . + $x), [foreach .[] as $x (0; . + $x)], (. as [$a, $b] | $b)",
            "[1,2]",
            "[3,[1,3],2]",
        ),
        (
            "has(\"a\"), keys, map_values(. + 1), (.a as $x | [$x]), (.a // 5), (.z // 5), (.z? // \"n\"), (try error(\"x\") catch .), ([.[]?])",
            r#"{"a":1}"#,
            r#"[true,["a"],{"a":2},[1],1,5,"n","x",[1]]"#,
        ),
        (
            "if .a then 1 elif .b then 2 else 3 end, (.a | type), (.b |= 4), \"n=\\(.b)\", (.. | numbers)",
            r#"{"a":false,"b":2}"#,
            r#"[2,"boolean",{"a":false,"b":4},"n=2",2]"#,
        ),
        ("transpose, combinations", "[[1],[2]]", "[[[1,2]],[1,2]]"),
        ("walk(if type == \"number\" then . + 1 else . end), [splits(\"a\")?]", "[1]", "[[2],[]]"),
        (
            "def f(x): x * 2; f(.), (label $out | 1, break $out), ([.,1] | implode?)",
            "2",
            "[4,1,\"\\u0002\\u0001\"]",
        ),
        (
            "todate, (todate | fromdate), (gmtime | mktime), strftime(\"%Y\"), (now | floor)",
            "0",
            r#"["1970-01-01T00:00:00Z",0,0,"1970",1700000000]"#,
        ),
        (
            "ascii_downcase, explode, tonumber?, utf8bytelength, (.[0:1]), rindex(\"a\"), ([., .] | join(\"-\")), (. * 2)",
            r#""Aa""#,
            r#"["aa",[65,97],2,"A",1,"Aa-Aa","AaAa"]"#,
        ),
        (
            "min_by(.n), max_by(.n), (unique_by(.n) | length), (sort_by(.n) | .[0].n), ([.[] | objects, arrays, scalars] | length)",
            r#"[{"n":2},{"n":1}]"#,
            r#"[{"n":1},{"n":2},2,1,2]"#,
        ),
    ] {
        if jq(source, document).as_deref() != Ok(expected) {
            wrong.push(format!("{source}: {:?}", jq(source, document)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_cannot_be_read_says_where_s_39_2() {
    let message = |source: &str| match jq(source, "null") {
        Err(ScriptError::Syntax { message, .. }) => message,
        other => panic!("{source}: {other:?}"),
    };
    assert!(message(".a |").contains("line 1"), "{}", message(".a |"));
    assert!(message("1\n| foo(").contains("line 2"), "{}", message("1\n| foo("));
    assert_eq!(message("nope(1)"), "undefined filter nope");
    assert_eq!(message("$ENV"), "undefined variable $ENV");
    assert_eq!(message("input"), "undefined filter input");
    assert!(message("import \"m\" as m; 1").contains("modules"));
    assert!(message(&"1+".repeat(40_000)).contains("larger"));
}

#[test]
fn what_fails_says_why_and_the_world_is_out_of_reach_s_39_2() {
    let message = |source: &str, document: &str| match jq(source, document) {
        Err(ScriptError::Thrown { message, .. }) => message,
        other => panic!("{source}: {other:?}"),
    };
    assert!(message(".a", "[1]").contains("index"), "{}", message(".a", "[1]"));
    assert_eq!(message("error(\"no luck\")", "null"), "no luck");
    for source in ["env", "halt", "halt_error", "now | localtime", "now | strflocaltime(\"%Y\")"] {
        assert_eq!(message(source, "null"), "this function is not available", "{source}");
    }
    assert!(message("{(1|tostring|tonumber): 2}", "null").contains("keys must be strings"));
    assert!(message("error(\"x\" * 100000)", "null").len() <= 500);
}

struct Over;
impl Watch for Over {
    fn start(&self) {}
    fn is_over(&self) -> bool {
        true
    }
}

#[test]
fn results_have_a_size_and_a_depth_and_time_between_them() {
    let large = jq("range(1e12) | tostring", "null");
    assert_eq!(large, Err(ScriptError::OutputTooLarge));
    assert_eq!(jq("reduce range(200) as $i (0; [.])", "null"), Err(ScriptError::OutputTooLarge));
    let out = evaluate("range(1e12)", "null", &given(), Some(&Over));
    assert_eq!(out.map(|_| ()), Err(ScriptError::OutOfTime));
}
