use super::*;
use crate::load::messages::Lease;

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

fn outcomes(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect()
}

#[test]
fn a_clean_run_holds() {
    let conservation = judge(&finished(3), outcomes(&[("COMPLETED", 3)]));
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
    let conservation = judge(&ledger, outcomes(&[("COMPLETED", 1), ("FAILED", 1), ("HTTP 404", 2)]));
    assert!(!conservation.holds);
    assert_eq!(
        conservation.violations,
        [
            "1 of 2 executions did not finish",
            "1 executions ended as FAILED, not COMPLETED",
            "2 executions ended as HTTP 404, not COMPLETED",
            "1 tasks were handed out twice",
            "1 tasks of no unfinished execution were handed out",
        ]
    );
}

#[test]
fn an_empty_run_is_no_success() {
    assert!(!judge(&finished(0), outcomes(&[])).holds);
}
