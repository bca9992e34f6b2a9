use super::*;

#[test]
fn quantiles_are_in_microseconds() {
    let mut waits = Waits::new();
    for micros in 1..=100 {
        waits.record(Duration::from_micros(micros));
    }
    let found = waits.quantiles();
    assert_eq!((found.count, waits.count()), (100, 100));
    for (found, want) in [(found.p50, 50.0), (found.p90, 90.0), (found.p99, 99.0), (found.max, 100.0)] {
        assert!((found - want).abs() < 0.2, "{found} is not about {want}");
    }
}

#[test]
fn the_longest_wait_bounds_all_others() {
    let mut waits = Waits::new();
    waits.record(Duration::MAX);
    let hour_in_micros = 3.6e9;
    assert!((waits.quantiles().max / hour_in_micros - 1.0).abs() < 0.001);
}

#[test]
fn nothing_seen_is_all_zero() {
    assert_eq!(Waits::new().quantiles(), Quantiles { count: 0, p50: 0.0, p90: 0.0, p99: 0.0, max: 0.0 });
}

#[test]
fn values_are_rounded_to_decimal_places() {
    for (value, digits, want) in [(1.25, 1, "1.3"), (1234.5, 0, "1235"), (0.000_4, 3, "0")] {
        assert_eq!(rounded(value, digits).to_string(), want);
    }
}
