use super::*;

fn lease(task: &str, execution: Option<usize>) -> Lease {
    Lease { task_id: task.to_owned(), workflow_id: "w".to_owned(), execution }
}

#[test]
fn an_execution_is_finished_by_its_last_result() {
    let begun = Instant::now();
    let mut ledger = Ledger::new(2);
    let number = ledger.begin(begun);
    ledger.started(number, "w");
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert_eq!(ledger.reported(number, begun), None);
    assert_eq!((ledger.unfinished(), ledger.is_balanced()), (1, false));
    assert_eq!(ledger.handed(&lease("b", Some(number))), Handed::Work(number));
    let took = ledger.reported(number, begun + Duration::from_millis(5));
    assert_eq!(took, Some(Duration::from_millis(5)));
    assert!(ledger.is_balanced());
    assert_eq!((ledger.begun(), ledger.finished(), ledger.results()), (1, 1, 2));
}

#[test]
fn results_may_overtake_the_answer_to_the_start() {
    let mut ledger = Ledger::new(1);
    let now = Instant::now();
    let number = ledger.begin(now);
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert!(ledger.reported(number, now).is_some());
    assert!(!ledger.is_balanced());
    ledger.started(number, "w");
    assert!(ledger.is_balanced());
}

#[test]
fn doubled_and_foreign_tasks_are_counted() {
    let mut ledger = Ledger::new(1);
    let number = ledger.begin(Instant::now());
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Again);
    assert_eq!(ledger.handed(&lease("b", None)), Handed::Stranger);
    assert_eq!(ledger.handed(&lease("c", Some(99))), Handed::Stranger);
    ledger.reported(number, Instant::now());
    assert_eq!(ledger.handed(&lease("d", Some(number))), Handed::Stranger);
    assert_eq!((ledger.duplicates(), ledger.strangers()), (1, 3));
}

#[test]
fn the_sample_is_spread_over_the_run() {
    let mut ledger = Ledger::new(1);
    for number in 0..10 {
        ledger.begin(Instant::now());
        ledger.started(number, &format!("w{number}"));
    }
    assert_eq!(ledger.sample(100).len(), 10);
    assert_eq!(ledger.sample(3), ["w0", "w3", "w6"]);
    assert!(ledger.sample(0).is_empty());
}
