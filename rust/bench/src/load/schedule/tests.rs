use super::*;

fn after(begun: Instant, millis: u64) -> Instant {
    begun + Duration::from_millis(millis)
}

#[test]
fn starts_fall_due_evenly_and_keep_their_moment_in_line() {
    let begun = Instant::now();
    let mut schedule = Schedule::new(begun, 100.0, Duration::from_secs(1), None, 1000);
    schedule.advance(begun);
    assert_eq!((schedule.take(), schedule.take()), (Some(begun), None));
    // Nobody looked for 30 ms: the three starts of that time are timed from when they were due all the same.
    schedule.advance(after(begun, 30));
    let due: Vec<_> = std::iter::from_fn(|| schedule.take()).collect();
    assert_eq!(due, [after(begun, 10), after(begun, 20), after(begun, 30)]);
}

#[test]
fn a_schedule_ends_with_its_window_or_its_limit() {
    let begun = Instant::now();
    for (limit, want) in [(None, 100), (Some(7), 7), (Some(1000), 100)] {
        let mut schedule = Schedule::new(begun, 50.0, Duration::from_secs(2), limit, 1000);
        schedule.advance(after(begun, 1));
        assert!(schedule.is_open());
        schedule.advance(after(begun, 3_600_000));
        assert_eq!(schedule.offered(), want);
        while schedule.take().is_some() {}
        assert!(!schedule.is_open());
    }
}

#[test]
fn a_rate_that_divides_nothing_keeps_the_count() {
    let begun = Instant::now();
    let mut schedule = Schedule::new(begun, 0.4, Duration::from_secs(5), None, 10);
    schedule.advance(after(begun, 2_499));
    assert_eq!(schedule.offered(), 1);
    schedule.advance(after(begun, 2_500));
    assert_eq!(schedule.offered(), 2);
}

#[test]
fn what_finds_the_line_full_or_is_left_in_it_is_missed() {
    let begun = Instant::now();
    let mut schedule = Schedule::new(begun, 1000.0, Duration::from_secs(1), None, 4);
    schedule.advance(after(begun, 9));
    assert_eq!((schedule.offered(), schedule.missed()), (10, 6));
    // The line holds the oldest, so that those who wait longest are served and timed.
    assert_eq!(schedule.take(), Some(begun));
    schedule.give_up();
    assert_eq!((schedule.missed(), schedule.take()), (9, None));
}
