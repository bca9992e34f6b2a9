//! Concurrency and rate limits against plain counts and plain lists of hand-outs.

use std::collections::BTreeMap;

use fastcond_queue::limits::RATE_RUNS_MAX;
use fastcond_queue::{Concurrency, RateLimit, Released};
use proptest::prelude::*;

/// S-53.1, G16
#[test]
fn a_full_name_refuses_until_a_slot_is_freed() {
    let mut slots = Concurrency::new();
    assert!(slots.try_acquire("pay", 2));
    assert!(slots.try_acquire("pay", 2));
    assert!(!slots.try_acquire("pay", 2));
    assert!(slots.try_acquire("ship", 1), "names do not share slots");
    assert_eq!(slots.release("pay", 2), Released::Freed);
    assert!(slots.try_acquire("pay", 2));
    assert_eq!(slots.in_progress("pay"), 2);
    assert_eq!(slots.all().collect::<Vec<_>>(), [("pay", 2), ("ship", 1)]);
}

/// S-53.4: the limit is that of each task's own definition.
#[test]
fn a_lowered_limit_stays_full_until_enough_have_ended() {
    let mut slots = Concurrency::new();
    slots.set("pay", 3);
    assert!(!slots.try_acquire("pay", 2));
    assert_eq!(slots.release("pay", 2), Released::StillFull);
    assert_eq!(slots.release("pay", 2), Released::Freed);
    assert_eq!(slots.release("pay", 2), Released::HadRoom);
    assert_eq!(slots.in_progress("pay"), 0);
}

#[test]
fn a_limit_of_zero_counts_and_never_refuses() {
    let mut slots = Concurrency::new();
    assert!((0..100).all(|_| slots.try_acquire("pay", 0)));
    assert_eq!(slots.in_progress("pay"), 100);
    assert_eq!(slots.release("pay", 0), Released::HadRoom);
}

#[test]
#[should_panic(expected = "released once")]
fn a_slot_released_twice_ends_the_process() {
    let mut slots = Concurrency::new();
    slots.try_acquire("pay", 1);
    slots.release("pay", 1);
    slots.release("pay", 1);
}

/// S-53.2: with a window of one second, a refused hand-out may go after one second, not after sixty.
#[test]
fn a_refused_hand_out_is_allowed_when_the_window_has_room() {
    let mut rates = RateLimit::new();
    assert_eq!(rates.allow("pay", 1_000, 2, 1_000), Ok(()));
    assert_eq!(rates.allow("pay", 1_400, 2, 1_000), Ok(()));
    assert_eq!(rates.allow("pay", 1_999, 2, 1_000), Err(2_000));
    assert_eq!(rates.allow("ship", 1_999, 2, 1_000), Ok(()));
    assert_eq!(rates.allow("pay", 2_000, 2, 1_000), Ok(()));
    assert_eq!(rates.allow("pay", 2_000, 2, 1_000), Err(2_400));
    rates.undo("pay");
    assert_eq!(rates.allow("pay", 2_001, 2, 1_000), Ok(()));
}

#[test]
fn a_clock_set_back_blocks_for_one_window_at_most() {
    let mut rates = RateLimit::new();
    assert_eq!(rates.allow("pay", 1_000_000, 1, 1_000), Ok(()));
    assert_eq!(rates.allow("pay", 5_000, 1, 1_000), Err(6_000));
    assert_eq!(rates.allow("pay", 5_999, 1, 1_000), Err(6_000));
    assert_eq!(rates.allow("pay", 6_000, 1, 1_000), Ok(()));
}

#[test]
fn zero_means_no_rate_limit_and_empty_windows_are_trimmed() {
    let mut rates = RateLimit::new();
    assert!((0..9).all(|_| rates.allow("pay", 0, 0, 1_000).is_ok() && rates.allow("pay", 0, 1, 0).is_ok()));
    assert!(rates.is_empty());
    assert_eq!(rates.allow("pay", 0, 1, 1_000), Ok(()));
    rates.trim(999);
    assert_eq!(rates.len(), 1);
    rates.trim(1_000);
    assert!(rates.is_empty());
}

/// More distinct milliseconds than the window remembers: memory stays bounded and the limit holds.
#[test]
fn a_long_window_is_coarse_but_never_too_generous() {
    let mut rates = RateLimit::new();
    let (n_per, window_ms) = (100_000u32, 1_000_000i64);
    let mut allowed = Vec::new();
    for now in (0..2_500_000).step_by(7) {
        if rates.allow("pay", now, n_per, window_ms).is_ok() {
            allowed.push(now);
        }
    }
    let most = usize::try_from(n_per).expect("fits");
    assert!(allowed.windows(most + 1).all(|span| span[most] - span[0] >= window_ms));
    // The price: at most the joined part of the window, once per window.
    assert!(allowed.len() >= 2 * most && most > RATE_RUNS_MAX, "{}", allowed.len());
}

proptest! {
    #[test]
    fn concurrency_equals_a_count(
        steps in prop::collection::vec((0..3usize, any::<bool>(), 0..4u32), 1..200),
    ) {
        let names = ["a", "b", "c"];
        let (mut slots, mut counts) = (Concurrency::new(), BTreeMap::<&str, u32>::new());
        for (which, acquire, limit) in steps {
            let (name, count) = (names[which], counts.entry(names[which]).or_insert(0));
            if acquire {
                let room = limit == 0 || *count < limit;
                prop_assert_eq!(slots.try_acquire(name, limit), room);
                *count += u32::from(room);
            } else if *count > 0 {
                let was_full = limit > 0 && *count >= limit;
                *count -= 1;
                let expected = match (was_full, *count < limit) {
                    (false, _) => Released::HadRoom,
                    (true, true) => Released::Freed,
                    (true, false) => Released::StillFull,
                };
                prop_assert_eq!(slots.release(name, limit), expected);
            }
            prop_assert_eq!(slots.in_progress(name), *count);
        }
    }

    #[test]
    fn rate_limit_equals_a_list_of_hand_outs(
        (n_per, window_ms) in (1..6u32, 1..60i64),
        steps in prop::collection::vec(
            (0..20i64, prop::bool::weighted(0.05), prop::bool::weighted(0.1)),
            1..200,
        ),
    ) {
        let (mut rates, mut handed_out, mut now) = (RateLimit::new(), Vec::<i64>::new(), 1_000i64);
        for (ms, back, undo) in steps {
            now += if back { -3 * ms } else { ms };
            handed_out.retain(|at| at + window_ms > now);
            for at in &mut handed_out {
                *at = (*at).min(now);
            }
            let limit = usize::try_from(n_per).expect("fits");
            let expected = match handed_out.len() {
                taken if taken < limit => Ok(()),
                taken => Err(handed_out[taken - limit] + window_ms),
            };
            prop_assert_eq!(rates.allow("a", now, n_per, window_ms), expected);
            if expected.is_ok() {
                handed_out.push(now);
            }
            if undo {
                handed_out.pop();
                rates.undo("a");
            }
        }
    }
}
