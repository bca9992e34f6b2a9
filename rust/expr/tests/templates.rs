//! `${...}` resolution, rule by rule (S-8.2 to S-8.20).

mod common;

use common::Context;
use fastcond_expr::{ExprError, Mention, Scope, Template, resolve_string, text_form, truthy};
use fastcond_json::Raw;

fn context() -> Context {
    Context(
        r#"{
        "workflow": {
          "input": {"s": "text", "n": 5, "d": 2.50, "big": 12345678901234567890, "b": true, "nil": null,
                    "list": [1, {"a" : "x"}], "map": {"k": "v", "j": [1]}, "tpl": "${workflow.input.s}", "key": "map",
                    "i": 1, "quote": "a\"b\n", "dollars": "$${x}", "": 9},
          "workflowId": "w1", "variables": {"v": 1}
        },
        "t1": {"output": {"result": {"deep": [10, 20]}, "e": 1e3}, "status": "COMPLETED", "retryCount": 0}
      }"#
        .to_owned(),
    )
}

fn resolved(json: &str) -> String {
    Template::compile(json).resolve_raw(&context()).unwrap().to_string()
}

/// Resolves one string given as itself.
fn string(text: &str) -> String {
    resolve_string(text, &context()).unwrap().to_string()
}

fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(string(text), *expected, "{text}");
        assert_eq!(resolved(&Raw::string(text)), *expected, "as JSON: {text}");
    }
}

/// S-8.9: exactly one reference keeps the type; S-8.18: what is missing is null.
#[test]
fn whole_references_keep_their_type() {
    table(&[
        ("${workflow.input.s}", r#""text""#),
        ("${workflow.input.n}", "5"),
        ("${workflow.input.d}", "2.50"),
        ("${workflow.input.big}", "12345678901234567890"),
        ("${workflow.input.nil}", "null"),
        ("${workflow.input.list}", r#"[1, {"a" : "x"}]"#),
        ("${t1.output.result.deep[1]}", "20"),
        ("${t1.output.result.deep[*]}", "[10,20]"),
        ("${$.t1.status}", r#""COMPLETED""#),
        ("${['t1'].status}", r#""COMPLETED""#),
        ("${t1.output.nope}", "null"),
        ("${never.output.x}", "null"),
        ("${workflow.priority}", "null"),
        ("${workflow.variables}", r#"{"v": 1}"#),
        ("${$..workflowId}", r#"["w1"]"#),
        ("${}", r#""""#),
        ("${  }", r#""""#),
        ("${t1.output.}", "null"),
        ("${t1.output }", "null"),
    ]);
}

/// S-8.10.
#[test]
fn interpolation_uses_text_forms() {
    table(&[
        ("a ${workflow.input.s} b", r#""a text b""#),
        (" ${workflow.input.n}", r#"" 5""#),
        ("${workflow.input.n}${workflow.input.b}", r#""5true""#),
        ("<${workflow.input.d}>", r#""<2.5>""#),
        ("<${t1.output.e}>", r#""<1000.0>""#),
        ("<${workflow.input.big}>", r#""<12345678901234567890>""#),
        ("<${workflow.input.nil}${never.x}>", r#""<nullnull>""#),
        ("<${workflow.input.list}>", r#""<[1,{\"a\":\"x\"}]>""#),
        ("<${workflow.input.map}>", r#""<{\"k\":\"v\",\"j\":[1]}>""#),
        ("<${workflow.input.quote}>", r#""<a\"b\n>""#),
        ("line\n${workflow.input.n}", r#""line\n5""#),
        ("<${}>", r#""<>""#),
    ]);
}

/// S-8.3, S-8.4, S-8.5.
#[test]
fn escapes_and_unbalanced_braces() {
    table(&[
        ("$${a}", r#""${a}""#),
        ("$$${a}", r#""$${a}""#),
        ("x $${a} ${workflow.input.n}", r#""x ${a} 5""#),
        ("$${a ${workflow.input.n}}", r#""${a 5}""#),
        ("${a ${workflow.input.n}", r#""${a 5""#),
        ("${workflow.input.n", r#""${workflow.input.n""#),
        ("}${workflow.input.n}{", r#""}5{""#),
        ("$ {a} $a {}", r#""$ {a} $a {}""#),
        ("<${workflow.input.dollars}>", r#""<${x}>""#),
        ("${workflow.input.dollars}", r#""$${x}""#),
    ]);
}

/// S-8.6, S-8.15.
#[test]
fn nested_references_resolve_inside_out_once() {
    table(&[
        ("${workflow.input.${workflow.input.key}.k}", r#""v""#),
        ("${workflow.input.${workflow.input.key}.j[0]}", "1"),
        ("${workflow.input.list[${workflow.input.i}].a}", r#""x""#),
        ("${workflow.input.${never.x}}", "null"),
        ("${${workflow.input.tpl}}", "null"),
        ("${workflow.input.tpl}", r#""${workflow.input.s}""#),
        ("<${workflow.input.tpl}>", r#""<${workflow.input.s}>""#),
    ]);
}

/// A scope without environment and task.
struct Nameless(Context);
impl Scope for Nameless {
    fn field(&self, root: &str, field: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.0.field(root, field)
    }
    fn root(&self, root: &str) -> Option<std::borrow::Cow<'_, str>> {
        self.0.root(root)
    }
    fn all(&self) -> String {
        self.0.all()
    }
    fn env(&self, _: &str) -> Option<String> {
        None
    }
    fn task_id(&self) -> Option<String> {
        None
    }
}

/// S-8.7, S-8.8, S-8.20.
#[test]
fn environment_and_secrets() {
    table(&[
        ("${workflow.env.REGION}", r#""eu\"1""#),
        ("in ${workflow.env.REGION}", r#""in eu\"1""#),
        ("${workflow.env.PATH}", "null"),
        ("${PATH}", "null"),
        ("${CPEWF_TASK_ID}", r#""id-1""#),
        ("${NETFLIX_ENV}", r#""${NETFLIX_ENV}""#),
        ("at ${NETFLIX_STACK}", r#""at ${NETFLIX_STACK}""#),
        ("${workflow.secrets.DB}", r#""${workflow.secrets.DB}""#),
        ("pw=${workflow.secrets.DB.password}", r#""pw=${workflow.secrets.DB.password}""#),
        ("${workflow.secrets.${workflow.input.s}}", r#""${workflow.secrets.text}""#),
    ]);
    let left = resolve_string("${CPEWF_TASK_ID}", &Nameless(context())).unwrap();
    assert_eq!(&*left, r#""${CPEWF_TASK_ID}""#, "no id: left in place (S-8.7)");
}

/// S-8.2.
#[test]
fn structures_are_walked_and_keys_are_not() {
    assert_eq!(
        resolved(
            r#" {"${t1.status}" : ["${t1.status}", 1.0, true, null, {"x": "n=${workflow.input.n}"}], "c": "plain"} "#
        ),
        r#"{"${t1.status}":["COMPLETED",1.0,true,null,{"x":"n=5"}],"c":"plain"}"#
    );
    assert_eq!(resolved(r#""\u0024{t1.status}""#), r#""COMPLETED""#, "an escape does not hide a reference");
    assert_eq!(resolved(r#""\u00e9\\u${t1.status}""#), r#""é\\uCOMPLETED""#);
}

#[test]
fn constants_are_known_at_compile_time() {
    for text in ["{}", r#"{"a": [1, "x", "$", "{}", "$${a}"]}"#, "null", r#""a ${b""#] {
        assert!(Template::compile(text).is_constant(), "{text}");
    }
    assert_eq!(resolved(r#"{"a": "$${a}"}"#), r#"{"a":"${a}"}"#);
    assert!(!Template::compile(r#"{"a": "${b}"}"#).is_constant());
    assert!(!Template::of_string("${b}").is_constant());
}

/// S-2.12: what registration asks about references.
#[test]
fn mentions_for_registration() {
    let template = Template::compile(
        r#"{"a": "${workflow.input.x} ${t1.output.y", "b": ["${t2['output']}", "${t3.${k}}", "${t4.out[}"],
            "c": "${CPEWF_TASK_ID}${}${workflow.secrets.S}${${k}.x}${$..x}"}"#,
    );
    let mentions: Vec<(&str, Option<&str>, bool)> = template
        .references()
        .map(|Mention { text, first_segment, is_well_formed }| (text, first_segment, is_well_formed))
        .collect();
    assert_eq!(
        mentions,
        [
            ("workflow.input.x", Some("workflow"), true),
            ("t2['output']", Some("t2"), true),
            ("t3.${k}", Some("t3"), true),
            ("t4.out[", Some("t4"), false),
            ("workflow.secrets.S", Some("workflow"), true),
            ("${k}.x", None, true),
            ("$..x", None, true),
        ]
    );
}

/// Quality H10-H14: `${a.${b.${...}}}` and references that multiply.
#[test]
fn hostile_templates_are_bounded() {
    let nested = |depth: usize| format!("{}x{}", "${a.".repeat(depth), "}".repeat(depth));
    assert_eq!(string(&nested(32)), "null");
    assert_eq!(resolve_string(&nested(33), &context()), Err(ExprError::SubstitutionTooDeep));
    assert_eq!(resolve_string(&nested(100_000), &context()), Err(ExprError::SubstitutionTooDeep));

    let unbalanced = "${".repeat(500_000);
    assert_eq!(string(&unbalanced).len(), 1_000_002);

    let megabyte = format!("{{\"t\":{{\"output\":\"{}\"}}}}", "x".repeat(1 << 20));
    let fan = |n: usize| format!("\"{}\"", "${t.output}".repeat(n));
    let scope = Context(megabyte);
    assert_eq!(Template::compile(&fan(9)).resolve_raw(&scope).unwrap().len(), 9 * (1 << 20) + 2);
    assert_eq!(Template::compile(&fan(10)).resolve_raw(&scope), Err(ExprError::OutputTooLarge));
    let list = format!("[{}]", ["\"${t.output}\""; 12].join(","));
    let mut out = String::from("kept");
    assert_eq!(Template::compile(&list).resolve(&scope, &mut out), Err(ExprError::OutputTooLarge));
    assert_eq!(out, "kept");
}

#[test]
fn a_value_cannot_be_wrapped_deeper_than_a_payload_may_nest() {
    let deep = format!("{}1{}", "[".repeat(127), "]".repeat(127));
    let scope = Context(format!("{{\"t\":{{\"output\":{deep}}}}}"));
    assert!(Template::compile(r#"["${t.output}"]"#).resolve_raw(&scope).is_ok());
    assert_eq!(Template::compile(r#"[["${t.output}"]]"#).resolve_raw(&scope), Err(ExprError::OutputTooDeep));
}

#[test]
fn texts_of_values() {
    let rows = [
        ("null", "null"),
        ("true", "true"),
        ("\"a\\u0062\"", "ab"),
        ("5", "5"),
        ("5.0", "5.0"),
        ("5.50", "5.5"),
        ("1E3", "1000.0"),
        ("1e300", "1.0e300"),
        ("-0.1", "-0.1"),
        ("1e999", "1e999"),
        ("[ 1 ]", "[1]"),
    ];
    for (json, expected) in rows {
        assert_eq!(text_form(json), expected, "{json}");
    }
}

/// S-8.25.
#[test]
fn truth_of_values() {
    for json in ["true", "1", "0.1", "1e999"] {
        assert!(truthy(json), "{json}");
    }
    for json in ["false", "0", "-1", "-1e999", "0.0", "null", "\"true\"", "[1]", "{}"] {
        assert!(!truthy(json), "{json}");
    }
}

/// B-32.2.
#[test]
fn value_param_is_a_key() {
    let evaluate = fastcond_expr::evaluate_value_param;
    assert_eq!(&*evaluate("case", r#"{"case": {"a":1.0}}"#), "{\"a\":1.0}");
    assert_eq!(&*evaluate("a.b", r#"{"a.b": 1, "a": {"b": 2}}"#), "1");
    assert!(evaluate("nope", "{}").is_null());
}
