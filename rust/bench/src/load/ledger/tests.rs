use super::*;

fn lease(task: &str, execution: Option<usize>) -> Lease {
    Lease { task_id: task.to_owned(), workflow_id: "w".to_owned(), execution }
}

/// Begins one execution that was due and sent at once.
fn begin(ledger: &mut Ledger) -> usize {
    let now = Instant::now();
    ledger.begin(now, now)
}

#[test]
fn an_execution_is_finished_by_its_last_result_and_timed_from_when_it_was_due() {
    let due = Instant::now();
    let mut ledger = Ledger::new(2, 10);
    let number = ledger.begin(due, due + Duration::from_millis(3));
    ledger.started(number, "w");
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert_eq!(ledger.reported(number, due), None);
    assert_eq!((ledger.unfinished(), ledger.is_balanced()), (1, false));
    assert_eq!(ledger.sent(number), Some(due + Duration::from_millis(3)));
    assert_eq!(ledger.handed(&lease("b", Some(number))), Handed::Work(number));
    let took = ledger.reported(number, due + Duration::from_millis(5));
    assert_eq!(took, Some(Duration::from_millis(5)));
    assert!(ledger.is_balanced());
    assert_eq!((ledger.begun(), ledger.finished(), ledger.results()), (1, 1, 2));
}

#[test]
fn results_may_overtake_the_answer_to_the_start() {
    let mut ledger = Ledger::new(1, 10);
    let number = begin(&mut ledger);
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert!(ledger.reported(number, Instant::now()).is_some());
    assert!(!ledger.is_balanced());
    ledger.started(number, "w");
    assert!(ledger.is_balanced());
}

#[test]
fn doubled_and_foreign_tasks_are_counted() {
    let mut ledger = Ledger::new(1, 10);
    let number = begin(&mut ledger);
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Work(number));
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Again);
    assert_eq!(ledger.handed(&lease("b", None)), Handed::Stranger);
    assert_eq!(ledger.handed(&lease("c", Some(99))), Handed::Stranger);
    ledger.reported(number, Instant::now());
    assert_eq!(ledger.handed(&lease("d", Some(number))), Handed::Stranger);
    assert_eq!((ledger.duplicates(), ledger.strangers()), (1, 3));
}

#[test]
fn a_task_of_a_finished_execution_is_still_known_as_doubled() {
    let mut ledger = Ledger::new(1, 10);
    let number = begin(&mut ledger);
    ledger.handed(&lease("a", Some(number)));
    ledger.started(number, "w");
    ledger.reported(number, Instant::now());
    assert!(ledger.open.is_empty());
    assert_eq!(ledger.handed(&lease("a", Some(number))), Handed::Again);
}

#[test]
fn a_refused_execution_leaves_the_books() {
    let mut ledger = Ledger::new(1, 10);
    let (refused, kept) = (begin(&mut ledger), begin(&mut ledger));
    ledger.refused(refused);
    assert_eq!((ledger.begun(), ledger.unfinished(), ledger.refused_starts()), (2, 1, 1));
    assert_eq!(ledger.handed(&lease("a", Some(refused))), Handed::Stranger);
    ledger.handed(&lease("b", Some(kept)));
    ledger.started(kept, "w");
    ledger.reported(kept, Instant::now());
    assert!(ledger.is_balanced());
    assert_eq!((ledger.finished(), ledger.sample()), (1, vec!["w"]));
}

#[test]
fn an_execution_that_was_refused_and_run_is_not_counted_twice() {
    let mut ledger = Ledger::new(1, 10);
    let number = begin(&mut ledger);
    ledger.handed(&lease("a", Some(number)));
    ledger.reported(number, Instant::now());
    ledger.refused(number);
    assert_eq!((ledger.finished(), ledger.unfinished(), ledger.refused_starts()), (0, 0, 1));
    assert_eq!(ledger.strangers(), 1);
}

#[test]
fn an_execution_without_tasks_is_finished_by_its_acknowledgement() {
    let mut ledger = Ledger::new(0, 10);
    let number = begin(&mut ledger);
    assert_eq!(ledger.unfinished(), 1);
    ledger.started(number, "w");
    assert!(ledger.is_balanced() && ledger.open.is_empty());
    let number = begin(&mut ledger);
    ledger.refused(number);
    assert_eq!((ledger.finished(), ledger.unfinished(), ledger.refused_starts()), (1, 0, 1));
}
