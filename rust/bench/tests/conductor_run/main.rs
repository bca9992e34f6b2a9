//! Runs against a stand-in for a Conductor server that can be told to misbehave: the client must notice.

use std::process::{Command, Output};

use serde_json::{Value, json};
use stand_in::{Manners, StandIn};

mod open_loop;
mod profiles;
mod stand_in;

const PROGRAM: &str = env!("CARGO_BIN_EXE_fastcond-bench");

fn run(manners: Manners, options: &str) -> (Output, Option<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let output = Command::new(PROGRAM)
        .args([
            "run",
            "--url",
            &StandIn::start(manners),
            "--workers",
            "4",
            "--starters",
            "2",
            "--seconds",
            "30",
        ])
        .args(options.split(' '))
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    (output, std::fs::read(json).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap()))
}

#[test]
fn every_execution_is_started_worked_and_asked_for() {
    let (output, report) = run(Manners::Good, "--profile exec --executions 100");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!(report["executions"]["count"], 100);
    assert_eq!(report["conservation"]["outcomes"], json!({"COMPLETED": 100}));
    assert_eq!(report["latency_us"]["start_to_completed"]["count"], 100);
    assert_eq!(report["client"]["reconnects"], 0);
    assert_eq!(report["server"], Value::Null);
    // Nobody looks: no line that is rewritten in place.
    assert_eq!(output.stderr, b"");
}

#[test]
fn a_chain_is_worked_with_the_next_task_of_each_update() {
    let (output, report) = run(Manners::Good, "--profile chain:5 --executions 20");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!((&report["executions"]["count"], &report["tasks"]["count"]), (&json!(20), &json!(100)));
    // Fewer polls than tasks: the updates brought the rest.
    assert!(report["latency_us"]["poll"]["count"].as_u64().unwrap() < 100);
}

#[test]
fn a_closing_server_is_connected_to_again() {
    let (output, report) = run(Manners::Closing, "--profile exec --executions 20 --sample 7");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert!(report["client"]["reconnects"].as_u64().unwrap() > 20);
    assert_eq!(report["conservation"]["asked"], 7);
}

#[test]
fn misbehaviour_is_named_and_fails_the_run() {
    for (manners, want) in [
        (Manners::Doubling, "1 tasks were handed out twice"),
        (Manners::Failing, "1 executions ended as FAILED, not COMPLETED"),
        (Manners::Losing, "1 of 10 executions did not finish"),
    ] {
        let (output, report) =
            run(manners, "--profile exec --executions 10 --inflight 20 --seconds 0.5 --drain-seconds 0.5");
        assert_eq!(output.status.code(), Some(1), "{manners:?}: {output:?}");
        let violations = report.unwrap()["conservation"]["violations"].to_string();
        assert!(violations.contains(want), "{manners:?}: {violations}");
    }
}

#[test]
fn a_refusal_ends_the_run_with_its_text() {
    let (output, report) = run(Manners::Refusing, "--profile exec --executions 10");
    assert_eq!((output.status.code(), report), (Some(2), None));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("update was answered 500") && text.contains("\"message\":\"no\""), "{text}");
}
