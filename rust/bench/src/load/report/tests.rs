use super::*;

#[test]
fn rates_over_nothing_are_zero() {
    for (count, amount, want) in [(10, 4.0, "2.5"), (10, 3.0, "3.3"), (5, 0.0, "0"), (0, 0.0, "0")] {
        assert_eq!(over(count, amount).to_string(), want);
    }
}
