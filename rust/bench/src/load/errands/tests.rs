use super::*;

#[test]
fn a_worker_stays_with_its_type_where_there_are_enough() {
    let mut errands = Errands::new(6, 3);
    assert_eq!([0, 1, 4, 4].map(|worker| errands.next(worker, worker)), [Some(0), Some(1), Some(1), Some(1)]);
    assert_eq!(errands.started(2), None);
}

#[test]
fn fewer_workers_go_where_something_was_started() {
    let mut errands = Errands::new(2, 10);
    assert_eq!((errands.next(7, 0), errands.next(8, 1)), (None, None));
    // Someone who waited is woken for each start.
    assert_eq!(errands.started(13), Some(8));
    assert_eq!(errands.next(8, 1), Some(3));
    errands.started(14);
    errands.started(15);
    assert_eq!(errands.next(7, 0), Some(4));
    // What was not found is looked for again, before anything younger.
    errands.failed(4);
    assert_eq!([errands.next(7, 0), errands.next(8, 1)], [Some(4), Some(5)]);
}
