use super::*;
use crate::load::ledger::Ledger;
use crate::load::messages::Lease;
use crate::load::outcome::{Latencies, Refusals};

fn finished(executions: usize) -> Ledger {
    let mut ledger = Ledger::new(1, 10);
    for number in 0..executions {
        let now = Instant::now();
        ledger.begin(now, now);
        ledger.started(number, &format!("w{number}"));
        ledger.handed(&Lease {
            task_id: format!("t{number}"),
            workflow_id: "w".into(),
            execution: Some(number),
        });
        ledger.reported(number, now);
    }
    ledger
}

fn outcome(ledger: Ledger) -> Outcome {
    Outcome {
        offered: ledger.begun() as u64,
        missed: 0,
        early: 0,
        idle: None,
        series: Vec::new(),
        elapsed: Duration::from_secs(1),
        ledger,
        latencies: Latencies::default(),
        refusals: Refusals::default(),
        requests: 0,
        polls_empty: 0,
        reconnects: 0,
    }
}

fn outcomes(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect()
}

#[test]
fn a_clean_run_holds() {
    let conservation = judge(Profile::Exec, &outcome(finished(3)), outcomes(&[("COMPLETED", 3)]));
    assert!(conservation.holds);
    assert_eq!((conservation.asked, conservation.violations.len()), (3, 0));
}

#[test]
fn every_broken_promise_is_named() {
    let mut ledger = finished(1);
    let lease = |task: &str| Lease { task_id: task.into(), workflow_id: "w".into(), execution: None };
    ledger.handed(&lease("t0"));
    ledger.handed(&lease("foreign"));
    ledger.begin(Instant::now(), Instant::now());
    let outcome = Outcome { early: 5, ..outcome(ledger) };
    let conservation =
        judge(Profile::Exec, &outcome, outcomes(&[("COMPLETED", 1), ("FAILED", 1), ("HTTP 404", 2)]));
    assert!(!conservation.holds);
    assert_eq!(
        conservation.violations,
        [
            "1 of 2 executions did not finish",
            "1 executions ended as FAILED, not COMPLETED",
            "2 executions ended as HTTP 404, not COMPLETED",
            "1 tasks were handed out twice",
            "1 tasks of no unfinished execution were handed out",
            "5 tasks were handed out before their timer was due",
        ]
    );
}

#[test]
fn an_empty_run_is_no_success() {
    assert!(!judge(Profile::Exec, &outcome(finished(0)), outcomes(&[])).holds);
    assert!(judge(Profile::IdlePolls(4), &outcome(finished(0)), outcomes(&[])).holds);
}

#[test]
fn a_parked_execution_shall_still_run() {
    let of = |counts: &[(&str, usize)]| judge(Profile::Parked(3), &outcome(finished(3)), outcomes(counts));
    assert!(of(&[("RUNNING", 3)]).holds);
    assert_eq!(
        of(&[("RUNNING", 2), ("COMPLETED", 1)]).violations,
        ["1 executions ended as COMPLETED, not RUNNING"]
    );
}
