//! The timing wheel against an ordered map (G6: no timer lost, never early).

use std::collections::BTreeMap;

use fastcond_queue::{TimerHandle, TimingWheel};
use proptest::prelude::*;

const YEAR_MS: i64 = 365 * 24 * 3_600 * 1_000;
const NOW_MS: i64 = 1_760_000_000_000;

fn advance(wheel: &mut TimingWheel<u32>, now_ms: i64) -> Vec<(i64, u32)> {
    let mut fired = Vec::new();
    wheel.advance(now_ms, &mut fired);
    fired
}

#[test]
fn equal_due_times_fire_in_insertion_order_from_any_level() {
    let mut wheel = TimingWheel::new(0);
    let due = 300_000;
    wheel.insert(due, 1);
    advance(&mut wheel, 200_000);
    wheel.insert(due, 2);
    advance(&mut wheel, due - 70);
    wheel.insert(due, 3);
    advance(&mut wheel, due - 1);
    wheel.insert(due, 4);
    assert_eq!(advance(&mut wheel, due), [(due, 1), (due, 2), (due, 3), (due, 4)]);
}

#[test]
fn year_jump_forward_fires_everything_in_order() {
    let mut wheel = TimingWheel::new(NOW_MS);
    let delays = [YEAR_MS, 1, 0, -5, 64, 63, 65, 4_096, YEAR_MS - 1, 86_400_000];
    for (number, delay) in (0u32..).zip(delays) {
        wheel.insert(NOW_MS + delay, number);
    }
    let mut expected: Vec<_> = (0u32..).zip(delays).map(|(number, delay)| (NOW_MS + delay, number)).collect();
    expected.sort_unstable();
    assert_eq!(advance(&mut wheel, NOW_MS + YEAR_MS), expected);
    assert!(wheel.is_empty());
}

#[test]
fn year_jump_back_loses_nothing_and_fires_nothing_early() {
    let mut wheel = TimingWheel::new(NOW_MS);
    wheel.insert(NOW_MS + 10, 1);
    assert_eq!(advance(&mut wheel, NOW_MS - YEAR_MS), []);
    wheel.insert(NOW_MS - YEAR_MS + 5, 2);
    assert_eq!(wheel.next_due(), Some(NOW_MS - YEAR_MS + 5));
    assert_eq!(advance(&mut wheel, NOW_MS - YEAR_MS + 4), []);
    assert_eq!(advance(&mut wheel, NOW_MS - YEAR_MS + 5), [(NOW_MS - YEAR_MS + 5, 2)]);
    assert_eq!(advance(&mut wheel, NOW_MS + 9), []);
    assert_eq!(advance(&mut wheel, NOW_MS + 10), [(NOW_MS + 10, 1)]);
}

#[test]
fn extreme_times_are_ordinary() {
    let mut wheel = TimingWheel::new(NOW_MS);
    wheel.insert(i64::MAX, 1);
    wheel.insert(i64::MIN, 2);
    wheel.insert(i64::MAX - 1, 3);
    assert_eq!(advance(&mut wheel, NOW_MS), [(i64::MIN, 2)]);
    assert_eq!(advance(&mut wheel, i64::MAX - 1), [(i64::MAX - 1, 3)]);
    assert_eq!(advance(&mut wheel, i64::MAX), [(i64::MAX, 1)]);
}

#[test]
fn handle_of_a_fired_timer_names_nothing_though_its_slot_is_used_again() {
    let mut wheel = TimingWheel::new(0);
    let first = wheel.insert(5, 1);
    assert_eq!(wheel.due(first), Some(5));
    assert_eq!(advance(&mut wheel, 5), [(5, 1)]);
    let second = wheel.insert(9, 2);
    assert_eq!((wheel.cancel(first), wheel.due(first), wheel.reschedule(first, 7)), (None, None, false));
    assert_eq!(wheel.cancel(second), Some(2));
    assert_eq!(wheel.cancel(second), None);
}

#[test]
fn wake_ups_by_next_due_reach_a_far_timer_in_one_step_per_level() {
    let mut wheel = TimingWheel::new(NOW_MS);
    let due = NOW_MS + YEAR_MS + 12_345;
    wheel.insert(due, 1);
    let mut wake_ups = 0;
    loop {
        let next = wheel.next_due().expect("a timer is left");
        assert!(next <= due);
        wake_ups += 1;
        let fired = advance(&mut wheel, next);
        if !fired.is_empty() {
            assert_eq!((fired, next), (vec![(due, 1)], due));
            break;
        }
    }
    assert!(wake_ups <= 11, "{wake_ups}");
}

#[derive(Debug, Clone)]
enum Step {
    Insert { delay: i64 },
    Cancel { which: usize },
    Reschedule { which: usize, delay: i64 },
    Advance { ms: i64 },
    AdvanceToNext,
}

fn delay() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -3..70i64,
        4 => -200..5_000i64,
        2 => 0..400_000i64,
        1 => -YEAR_MS..3 * YEAR_MS,
        1 => (0..62u32).prop_map(|bits| 1i64 << bits),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => delay().prop_map(|delay| Step::Insert { delay }),
        1 => any::<usize>().prop_map(|which| Step::Cancel { which }),
        1 => (any::<usize>(), delay()).prop_map(|(which, delay)| Step::Reschedule { which, delay }),
        3 => prop_oneof![3 => 0..80i64, 3 => 0..6_000i64, 1 => -YEAR_MS..YEAR_MS]
            .prop_map(|ms| Step::Advance { ms }),
        2 => Just(Step::AdvanceToNext),
    ]
}

#[derive(Default)]
struct Model {
    timers: BTreeMap<(i64, u32), u32>,
    handles: Vec<(TimerHandle, u32)>,
    next_order: u32,
}

impl Model {
    fn insert(&mut self, due_ms: i64, number: u32) {
        self.next_order += 1;
        self.timers.insert((due_ms, self.next_order), number);
    }

    fn remove(&mut self, number: u32) -> Option<u32> {
        let key = self.timers.iter().find(|(_, held)| **held == number).map(|(key, _)| *key)?;
        self.timers.remove(&key)
    }

    fn fire(&mut self, now_ms: i64) -> Vec<(i64, u32)> {
        let later = self.timers.split_off(&(now_ms, u32::MAX));
        let due = std::mem::replace(&mut self.timers, later);
        due.into_iter().map(|((due_ms, _), number)| (due_ms, number)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn wheel_equals_the_ordered_map(
        start in prop_oneof![Just(0), Just(NOW_MS), -70..70i64],
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let (mut wheel, mut model, mut now) = (TimingWheel::new(start), Model::default(), start);
        for (number, step) in (0u32..).zip(steps) {
            match step {
                Step::Insert { delay } => {
                    let due_ms = now.saturating_add(delay);
                    model.handles.push((wheel.insert(due_ms, number), number));
                    model.insert(due_ms, number);
                }
                Step::Cancel { which } if !model.handles.is_empty() => {
                    let (handle, number) = model.handles[which % model.handles.len()];
                    prop_assert_eq!(wheel.cancel(handle), model.remove(number));
                }
                Step::Reschedule { which, delay } if !model.handles.is_empty() => {
                    let (handle, number) = model.handles[which % model.handles.len()];
                    let due_ms = now.saturating_add(delay);
                    let held = model.remove(number).is_some();
                    prop_assert_eq!(wheel.reschedule(handle, due_ms), held);
                    if held {
                        model.insert(due_ms, number);
                    }
                }
                Step::Cancel { .. } | Step::Reschedule { .. } => {}
                Step::Advance { ms } => {
                    now = now.saturating_add(ms);
                    prop_assert_eq!(advance(&mut wheel, now), model.fire(now));
                }
                Step::AdvanceToNext => {
                    now = wheel.next_due().unwrap_or(now);
                    prop_assert_eq!(advance(&mut wheel, now), model.fire(now));
                }
            }
            prop_assert_eq!(wheel.len(), model.timers.len());
            let next = model.timers.first_key_value().map(|((due_ms, _), _)| *due_ms);
            prop_assert_eq!(wheel.next_due().is_some(), next.is_some());
            prop_assert!(wheel.next_due() <= next);
        }
        prop_assert_eq!(advance(&mut wheel, i64::MAX), model.fire(i64::MAX));
    }
}
