//! Leases against the whole history of grants: exclusive, with rising fences (G5).

use std::collections::BTreeMap;

use fastcond_queue::{Lease, LeaseLost, LeaseTable, TaskKey};
use proptest::prelude::*;

fn task(number: u32) -> TaskKey {
    TaskKey { workflow: 1, task: number }
}

#[test]
fn a_lease_is_over_at_its_last_millisecond() {
    let mut leases = LeaseTable::new();
    let first = leases.grant(task(1), 0, 100).expect("nobody holds it");
    assert_eq!(leases.grant(task(1), 99, 200), Err(first));
    assert_eq!(leases.extend(task(1), 1, 100, 200), Err(LeaseLost::Expired));
    let second = leases.grant(task(1), 100, 200).expect("the first is over");
    assert_eq!(second.fence, 2);
    assert_eq!(leases.extend(task(1), 1, 101, 300), Err(LeaseLost::Fenced));
    assert_eq!(leases.release(task(1), 1), Err(LeaseLost::Fenced));
    assert_eq!(leases.release(task(1), 2), Ok(()));
    assert_eq!(leases.release(task(1), 2), Err(LeaseLost::NotHeld));
}

#[test]
fn fences_rise_across_release_and_recovery_until_the_attempt_is_forgotten() {
    let mut leases = LeaseTable::new();
    leases.resume(task(1), 7);
    leases.resume(task(1), 3);
    assert_eq!(leases.grant(task(1), 0, 10).map(|lease| lease.fence), Ok(8));
    assert_eq!(leases.release(task(1), 8), Ok(()));
    assert_eq!(leases.grant(task(1), 0, 10).map(|lease| lease.fence), Ok(9));
    leases.forget(task(1));
    assert!(leases.is_empty());
    assert_eq!(leases.next_end(), None);
}

#[test]
fn expired_leases_are_collected_earliest_end_first() {
    let mut leases = LeaseTable::new();
    for (number, until_ms) in [(1, 30), (2, 10), (3, 20), (4, 31)] {
        leases.grant(task(number), 0, until_ms).expect("nobody holds it");
    }
    let mut out = Vec::new();
    leases.expired(30, &mut out);
    assert_eq!(out.iter().map(|lease| lease.task.task).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!((leases.len(), leases.next_end()), (1, Some(31)));
}

#[derive(Debug, Clone)]
enum Step {
    Grant { task: u32, length: i64 },
    Extend { task: u32, stale: bool, length: i64 },
    Release { task: u32 },
    Collect,
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4u32, 1..50i64).prop_map(|(task, length)| Step::Grant { task, length }),
        (0..4u32, any::<bool>(), 1..50i64).prop_map(|(task, stale, length)| Step::Extend {
            task,
            stale,
            length
        }),
        (0..4u32).prop_map(|task| Step::Release { task }),
        Just(Step::Collect),
        (0..30i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    /// The model keeps the last lease of each task; a lease holds while the clock is before its end.
    #[test]
    fn leases_are_exclusive_and_fences_rise(steps in prop::collection::vec(step(), 1..200)) {
        let (mut leases, mut now) = (LeaseTable::new(), 0i64);
        let mut held: BTreeMap<u32, Lease> = BTreeMap::new();
        let mut fences: BTreeMap<u32, u32> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Grant { task: number, length } => {
                    let holder = held.get(&number).copied().filter(|lease| lease.until_ms > now);
                    let granted = leases.grant(task(number), now, now + length);
                    prop_assert_eq!(granted.err(), holder);
                    if let Ok(lease) = granted {
                        let fence = fences.entry(number).or_insert(0);
                        prop_assert!(lease.fence > *fence);
                        *fence = lease.fence;
                        held.insert(number, lease);
                    }
                }
                Step::Extend { task: number, stale, length } => {
                    let fence = fences.get(&number).copied().unwrap_or(0) + u32::from(stale);
                    let extended = leases.extend(task(number), fence, now, now + length);
                    let holds = held.get(&number).is_some_and(|lease| lease.until_ms > now && !stale);
                    prop_assert_eq!(extended.is_ok(), holds);
                    held.extend(extended.ok().map(|lease| (number, lease)));
                }
                Step::Release { task: number } => {
                    let fence = fences.get(&number).copied().unwrap_or(0);
                    let released = leases.release(task(number), fence).is_ok();
                    prop_assert_eq!(released, held.remove(&number).is_some());
                }
                Step::Collect => {
                    let mut out = Vec::new();
                    leases.expired(now, &mut out);
                    let over = held.values().copied().filter(|lease| lease.until_ms <= now);
                    let mut over: Vec<Lease> = over.collect();
                    over.sort_by_key(|lease| (lease.until_ms, lease.task));
                    prop_assert_eq!(out, over);
                    held.retain(|_, lease| lease.until_ms > now);
                }
                Step::Wait { ms } => now += ms,
            }
            prop_assert_eq!(leases.len(), held.len());
            prop_assert_eq!(leases.next_end(), held.values().map(|lease| lease.until_ms).min());
        }
    }
}
