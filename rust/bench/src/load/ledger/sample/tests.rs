use super::*;

fn sample(wanted: usize, numbers: impl Iterator<Item = usize>) -> Sample {
    let mut sample = Sample::new(wanted);
    numbers.for_each(|number| sample.offer(number, &number.to_string()));
    sample
}

#[test]
fn a_short_run_is_kept_whole_and_in_order() {
    assert_eq!(sample(10, [2, 0, 1].into_iter()).ids(), ["0", "1", "2"]);
    assert!(sample(0, 0..10).ids().is_empty());
}

#[test]
fn a_long_run_is_spread_evenly_in_bounded_memory() {
    let sample = sample(100, 0..1_000_000);
    assert!(sample.kept.len() < 200);
    let ids: Vec<usize> = sample.ids().iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids.len(), 100);
    let widest = ids.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(ids[0] == 0 && widest < 30_000 && ids[99] > 950_000, "{ids:?}");
}
