//! Shapes whose client does more than start, poll and report.

use serde_json::json;

use crate::run;
use crate::stand_in::Manners;

#[test]
fn a_task_behind_a_timer_is_timed_from_when_it_was_due() {
    let (output, report) = run(Manners::Good, "--profile timers1 --executions 20");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    let (late, took) = (&report["latency_us"]["late"], &report["latency_us"]["start_to_completed"]);
    assert_eq!(late["count"], 20);
    assert!(took["p50"].as_f64().unwrap() >= 1e6);
    // What was late is what was waited beyond the second.
    assert!(late["max"].as_f64().unwrap() <= took["max"].as_f64().unwrap() - 1e6, "{late} {took}");
}

#[test]
fn a_timer_that_fires_early_breaks_a_promise() {
    let (output, report) = run(Manners::Hasty, "--profile timers1 --executions 5");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let violations = report.unwrap()["conservation"]["violations"].to_string();
    assert!(violations.contains("5 tasks were handed out before their timer was due"), "{violations}");
}

#[test]
fn parked_executions_are_started_and_left() {
    // The client watches itself for want of a server process: all of its memory and time is somebody's.
    let pid = std::process::id();
    let (output, report) =
        run(Manners::Good, &format!("--profile parked300 --idle-seconds 0.1 --settle-seconds 0 --pid {pid}"));
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!((&report["executions"]["count"], &report["tasks"]["count"]), (&json!(300), &json!(0)));
    assert_eq!(report["conservation"]["outcomes"], json!({"RUNNING": 300}));
    assert_eq!(report["client"]["requests"], 300);
    let server = &report["server"];
    assert!(server["resident_bytes_before"].as_u64().unwrap() > 0, "{server}");
    assert!(server["idle_cpu_share"].as_f64().is_some(), "{server}");
}

#[test]
fn idle_polls_find_nothing_and_are_renewed() {
    let pid = std::process::id();
    let (output, report) = run(Manners::Good, &format!("--profile idlepolls20 --seconds 0.3 --pid {pid}"));
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!((&report["settings"]["workers"], &report["settings"]["types"]), (&json!(20), &json!(20)));
    assert_eq!(report["executions"]["offered"], 0);
    // The stand-in lets a poll wait 20 ms: each of the twenty came back and was made again.
    assert!(report["client"]["polls_empty"].as_u64().unwrap() > 40);
    assert!(report["server"]["idle_cpu_share"].as_f64().is_some());
}

#[test]
fn many_types_are_worked_by_few_workers_and_by_many() {
    for workers in [2, 9] {
        let (output, report) =
            run(Manners::Good, &format!("--profile exec --types 6 --executions 60 --workers {workers}"));
        assert!(output.status.success(), "{output:?}");
        let report = report.unwrap();
        assert_eq!((&report["executions"]["count"], &report["settings"]["types"]), (&json!(60), &json!(6)));
        // Few workers go only where something was started.
        assert!(workers > 6 || report["client"]["polls_empty"] == 0, "{report}");
    }
}

#[test]
fn a_child_is_registered_and_its_task_finishes_the_execution() {
    let (output, report) = run(Manners::Good, "--profile sub --executions 20");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(report.unwrap()["executions"]["count"], 20);
}
