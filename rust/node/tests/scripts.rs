//! Scripts in a process of their own: the same answers, and an end to whatever does not end (quality H15 to H19).

use fastcond_expr::script::{Given, ScriptError, Scripts};
use fastcond_node::scripts::{Process, serve};
use std::ffi::OsString;
use std::time::{Duration, Instant};

const GIVEN: Given = Given { now_ms: 1_700_000_000_000, seed: 7 };

/// How long a call may take that has to be ended, on a machine that does other things too.
const END_MAX: Duration = Duration::from_secs(3);

/// An evaluator whose process is this test binary, running `the_child`.
fn hosted() -> Scripts {
    let program = std::env::current_exe().expect("a test knows its binary");
    let arguments = ["--exact", "the_child", "--ignored", "--nocapture"].map(OsString::from);
    let command = std::iter::once(program.into_os_string()).chain(arguments).collect();
    Scripts::hosted(Box::new(Process::new(command)))
}

#[test]
#[ignore = "the process that the other tests start"]
fn the_child() {
    serve().expect("the server closes the socket between calls");
}

#[test]
fn answers_are_those_of_the_evaluator() {
    let (mut here, mut there) = (Scripts::new(), hosted());
    let dollar = r#"{"text": "ä\u0000€", "big": 9007199254740993, "list": [1, 2.5, null]}"#;
    let long = format!("'{}'", "é".repeat(200_000));
    for source in [
        "$.text + $.list.length",
        "$.big",
        "({a: $.list, b: [Math.random(), Date.now()]})",
        "",
        "throw new Error('no')",
        "\n\nnot javascript",
        "missing.name",
        "'a'.repeat(2**24)",
        "'x'.repeat(2**20)",
        "for(;;);",
        &long,
    ] {
        let expected = here.evaluate(source, dollar, &GIVEN);
        assert_eq!(there.evaluate(source, dollar, &GIVEN), expected, "{source}");
        assert_eq!(there.check_syntax(source), here.check_syntax(source), "{source}");
        let body = format!("return {source}");
        let expected = here.call_lambda(&body, dollar, &GIVEN);
        assert_eq!(there.call_lambda(&body, dollar, &GIVEN), expected, "{body}");
    }
}

#[test]
fn filters_answer_there_as_they_do_here_s_39_1() {
    let (mut here, mut there) = (Scripts::new(), hosted());
    for filter in [".list[]", ".big, now", "nope", "error(.list)", "|", "\"x\" * 2000000"] {
        let expected = here.filter(filter, r#"{"list": [1, "é"], "big": 9007199254740993}"#, &GIVEN);
        let answer = there.filter(filter, r#"{"list": [1, "é"], "big": 9007199254740993}"#, &GIVEN);
        assert_eq!(answer, expected, "{filter}");
    }
}

/// Each of these takes what the interpreter has no bound for: time, memory, stack.
#[test]
fn a_filter_that_does_not_end_is_ended() {
    let mut scripts = hosted();
    for filter in
        ["[range(1e12)]", "last(range(1e12))", "def f: f | f; f", "def f: 1 + f; f", "\"x\" * 10000000000"]
    {
        let began = Instant::now();
        let answer = scripts.filter(filter, "null", &GIVEN);
        assert!(
            matches!(
                answer,
                Err(ScriptError::OutOfTime | ScriptError::OutOfMemory | ScriptError::Lost { .. })
            ),
            "{filter}: {answer:?}"
        );
        assert!(began.elapsed() < END_MAX, "{filter} took {:?}", began.elapsed());
        assert_eq!(scripts.filter(".", "1", &GIVEN).as_deref(), Ok("[1]"), "after {filter}");
    }
}

/// Each of these holds the evaluator for minutes, because it looks at its budget only between operations.
#[test]
fn a_built_in_that_does_not_end_is_ended() {
    let mut scripts = hosted();
    assert_eq!(scripts.evaluate("1", "{}", &GIVEN).as_deref(), Ok("1"));
    for source in [
        "new Array(4294967295).join('')",
        "[].concat.call(Object.assign([], {length: 4294967295}), 1)",
        "new Array(4294967295).sort()",
        "new Array(4294967295).splice(0, 4294967294)",
        "'a'.repeat(100000).replace(/(?=(a+))/g, '')",
    ] {
        let began = Instant::now();
        let result = scripts.evaluate(source, "{}", &GIVEN);
        assert!(matches!(result, Err(ScriptError::OutOfTime)), "{source}: {result:?}");
        assert!(began.elapsed() < END_MAX, "{source}: {:?}", began.elapsed());
        assert_eq!(scripts.evaluate("$.x + 1", r#"{"x": 1}"#, &GIVEN).as_deref(), Ok("2"), "after {source}");
    }
}

#[test]
fn a_process_that_cannot_be_started_is_an_answer() {
    for command in [vec![], vec!["/nowhere/at/all".into()], vec!["/bin/true".into()]] {
        let mut scripts = Scripts::hosted(Box::new(Process::new(command)));
        for _ in 0..2 {
            let result = scripts.evaluate("1", "{}", &GIVEN);
            assert!(matches!(result, Err(ScriptError::Lost { .. })), "{result:?}");
        }
    }
}
