use super::*;

fn series(now: Instant) -> Series {
    Series::begin(Duration::from_secs(1), &[std::process::id()], now).unwrap()
}

fn park(ledger: &mut Ledger, executions: usize, now: Instant) {
    for _ in 0..executions {
        let number = ledger.begin(now, now);
        ledger.started(number, "w");
    }
}

/// When each ended, in milliseconds.
fn ends(slices: &[Slice]) -> Vec<u128> {
    slices.iter().map(|slice| Duration::from_secs_f64(slice.at_s).as_millis()).collect()
}

#[test]
fn each_slice_holds_what_happened_in_it() {
    let begun = Instant::now();
    let at = |millis| begun + Duration::from_millis(millis);
    let mut ledger = Ledger::new(0, 0);
    let mut series = series(begun);
    park(&mut ledger, 3, begun);
    series.record_start(Duration::from_millis(4));
    series.advance(at(999), &ledger).unwrap();
    series.advance(at(1000), &ledger).unwrap();
    park(&mut ledger, 2, begun);
    let number = ledger.begin(begun, begun);
    ledger.refused(number);
    let slices = series.close(at(1500), &ledger).unwrap();
    let counts: Vec<_> = slices.iter().map(|slice| (slice.finished, slice.refused)).collect();
    assert_eq!(counts, [(3, 0), (2, 1)]);
    assert_eq!(ends(&slices), [1000, 1500]);
    assert!((slices[0].start_p50_us - 4000.0).abs() < 10.0 && slices[1].start_p50_us < 1.0);
    assert!(slices[0].resident_bytes.unwrap() > 0);
}

#[test]
fn a_stall_of_the_client_leaves_no_gap() {
    let begun = Instant::now();
    let ledger = Ledger::new(0, 0);
    let slices = series(begun).close(begun + Duration::from_millis(3200), &ledger).unwrap();
    assert_eq!(ends(&slices), [1000, 2000, 3000, 3200]);
}

#[test]
fn figures_of_the_server_are_missing_without_it() {
    let begun = Instant::now();
    let series = Series::begin(Duration::from_secs(1), &[], begun).unwrap();
    let slices = series.close(begun, &Ledger::new(0, 0)).unwrap();
    assert_eq!((slices[0].server_cpu_s, slices[0].resident_bytes), (None, None));
}
