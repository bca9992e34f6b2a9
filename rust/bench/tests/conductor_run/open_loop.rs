//! Starts on a schedule, and a server that cannot or will not keep up.

use serde_json::json;

use crate::run;
use crate::stand_in::{Manners, STALL};

#[test]
fn a_rate_is_kept_and_reported() {
    let (output, report) = run(Manners::Good, "--profile exec --rate 200 --executions 60");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!(report["settings"]["rate"], 200.0);
    assert_eq!(report["executions"]["count"], 60);
    assert_eq!((&report["executions"]["offered"], &report["executions"]["missed"]), (&json!(60), &json!(0)));
    // Sixty starts, the first at once: the last is due after 59/200 s whatever the machine does.
    assert!(report["wall_s"].as_f64().unwrap() >= 59.0 / 200.0);
}

#[test]
fn the_series_adds_up_to_the_run() {
    let (output, report) =
        run(Manners::Full, "--profile exec --rate 200 --executions 100 --series-seconds 0.1");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    let series = report["series"].as_array().unwrap();
    let sum = |field: &str| series.iter().map(|slice| slice[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("finished"), sum("refused")), (50, 50));
    // Half a second of starts; an entry ends every tenth, the last one with the run.
    assert!(series.len() >= 5, "{series:?}");
    assert_eq!(series[1]["at_s"], 0.2);
    assert!(series[1]["start_p50_us"].as_f64().unwrap() > 0.0);
    assert!(series[1]["start_to_completed_p99_us"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_stalled_server_is_blamed_for_every_start_that_was_due_meanwhile() {
    let (output, report) = run(Manners::Stalling, "--profile exec --rate 250 --executions 100 --starters 1");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    let start = &report["latency_us"]["start"];
    assert_eq!(start["count"], 100);
    // All hundred fall due during the stall: the median waited half of it although it was sent after it.
    let stall = STALL.as_secs_f64() * 1e6;
    assert!(start["p50"].as_f64().unwrap() > stall / 3.0, "{start}");
    assert!(start["max"].as_f64().unwrap() >= stall, "{start}");
    assert!(report["latency_us"]["start_to_completed"]["p50"].as_f64().unwrap() > stall / 3.0);
}

#[test]
fn what_cannot_be_sent_in_time_is_missed_and_said() {
    let (output, report) =
        run(Manners::Stalling, "--profile exec --rate 250 --seconds 0.2 --starters 1 --drain-seconds 0.1");
    let report = report.unwrap();
    let executions = &report["executions"];
    assert_eq!(executions["offered"], 50);
    // One start was sent and not answered; the others waited for its connection until the time was over.
    assert_eq!((&executions["missed"], &report["conservation"]["started"]), (&json!(49), &json!(1)));
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("49 of 50 starts due were never sent"),
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn refusals_are_counted_and_leave_the_books() {
    for options in ["--profile exec --executions 40", "--profile exec --executions 40 --rate 400"] {
        let (output, report) = run(Manners::Full, options);
        assert!(output.status.success(), "{options}: {output:?}");
        let report = report.unwrap();
        let refused = &report["refused"];
        assert_eq!((&refused["count"], &refused["with_retry_after"]), (&json!(20), &json!(20)));
        assert_eq!(refused["latency_us"]["count"], 20);
        assert_eq!((&refused["polls"], &refused["updates"]), (&json!(1), &json!(1)));
        assert_eq!(report["executions"]["count"], 20);
        let books = &report["conservation"];
        assert_eq!(
            (&books["started"], &books["finished"], &books["refused"]),
            (&json!(40), &json!(20), &json!(20))
        );
        assert_eq!(books["outcomes"], json!({"COMPLETED": 20}));
    }
}
