//! Parked polls against a plain list, and the table of last polls.

use fastcond_queue::poll_data::{ACTIVE_MS, POLL_DATA_ROWS_MAX};
use fastcond_queue::{ParkedPolls, PollData, QueueId, QueueKey, ReadyQueues, Waiter};
use proptest::prelude::*;

fn ids() -> [QueueId; 3] {
    let mut queues = ReadyQueues::new();
    ["a", "b", "c"].map(|name| queues.intern(&QueueKey::worker(name, None)))
}

#[test]
fn first_come_first_served_per_queue() {
    let (mut polls, [a, b, c]) = (ParkedPolls::new(), ids());
    polls.park(a, 1, 1, 500);
    polls.park(b, 2, 3, 400);
    polls.park(a, 3, 1, 300);
    assert!(polls.has_waiter(b) && !polls.has_waiter(c));
    assert_eq!(polls.next_deadline(), Some(300));
    let first = polls.take_waiter(a).expect("two wait");
    assert_eq!(first.poll_id, 1);
    polls.put_back(first.clone());
    assert_eq!(polls.take_waiter(a), Some(first), "a poll that found nothing keeps its place");
    assert_eq!(polls.take_waiter(a).map(|waiter| waiter.poll_id), Some(3));
    assert_eq!(polls.take_waiter(a), None);
    assert_eq!(polls.take_waiter(b).map(|waiter| waiter.wanted), Some(3));
    assert!(polls.is_empty());
}

#[test]
fn a_poll_on_several_queues_is_taken_once_and_keeps_its_place_in_each() {
    let (mut polls, [a, b, c]) = (ParkedPolls::new(), ids());
    polls.park(b, 1, 1, 500);
    polls.park_on_several(a, [b, c].into(), 2, 1, 400);
    polls.park(c, 3, 1, 300);
    assert_eq!((polls.len(), polls.next_deadline()), (3, Some(300)));
    let taken = polls.take_waiter(c).expect("it waits there too");
    assert_eq!(taken.poll_id, 2, "it came before the other one of that queue");
    assert!(!polls.has_waiter(a), "taken from one line it has left all");
    polls.put_back(taken);
    assert_eq!(polls.take_waiter(b).map(|waiter| waiter.poll_id), Some(1));
    assert_eq!(polls.take_waiter(b).map(|waiter| waiter.poll_id), Some(2));
    assert_eq!([a, b, c].map(|queue| polls.has_waiter(queue)), [false, false, true]);
}

#[derive(Debug, Clone)]
enum Step {
    Park { queues: [bool; 3], wait: i64 },
    Take { queue: usize, put_back: bool },
    Cancel { which: u64 },
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<[bool; 3]>(), 0..100i64).prop_map(|(queues, wait)| Step::Park { queues, wait }),
        2 => (0..3usize, any::<bool>()).prop_map(|(queue, put_back)| Step::Take { queue, put_back }),
        1 => (0..60u64).prop_map(|which| Step::Cancel { which }),
        1 => (0..50i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    #[test]
    fn parked_polls_equal_the_plain_list(steps in prop::collection::vec(step(), 1..150)) {
        let (mut polls, ids, mut now) = (ParkedPolls::new(), ids(), 0i64);
        let mut parked: Vec<Waiter> = Vec::new();
        for (number, step) in (0u64..).zip(steps) {
            match step {
                Step::Park { queues, wait } => {
                    let on: Vec<QueueId> = (0..3).filter(|at| queues[*at]).map(|at| ids[at]).collect();
                    let Some((&queue, others)) = on.split_first() else { continue };
                    let others: Box<[QueueId]> = others.into();
                    polls.park_on_several(queue, others.clone(), number, 1, now + wait);
                    let order = parked.iter().map(|waiter| waiter.order + 1).max().unwrap_or(0);
                    // Only the order among those parked matters, and the newest is always last.
                    let deadline_ms = now + wait;
                    parked.push(Waiter { poll_id: number, queue, others, wanted: 1, deadline_ms, order });
                }
                Step::Take { queue, put_back } => {
                    let at = parked.iter().position(|waiter| waiter.queues().any(|one| one == ids[queue]));
                    prop_assert_eq!(polls.has_waiter(ids[queue]), at.is_some());
                    let taken = polls.take_waiter(ids[queue]);
                    prop_assert_eq!(taken.as_ref().map(|waiter| waiter.poll_id), at.map(|at| parked[at].poll_id));
                    match (taken, at) {
                        (Some(waiter), _) if put_back => polls.put_back(waiter),
                        (_, Some(at)) => { parked.remove(at); }
                        _ => {}
                    }
                }
                Step::Cancel { which } => {
                    let at = parked.iter().position(|waiter| waiter.poll_id == which);
                    prop_assert_eq!(polls.cancel(which).is_some(), at.is_some());
                    at.map(|at| parked.remove(at));
                }
                Step::Wait { ms } => {
                    now += ms;
                    let mut out = Vec::new();
                    polls.expire(now, &mut out);
                    let over = parked.iter().filter(|waiter| waiter.deadline_ms <= now).cloned();
                    let mut over: Vec<_> = over.collect();
                    over.sort_by_key(|waiter| (waiter.deadline_ms, waiter.order));
                    let numbers = |all: &[Waiter]| all.iter().map(|one| one.poll_id).collect::<Vec<_>>();
                    prop_assert_eq!(numbers(&out), numbers(&over));
                    parked.retain(|waiter| waiter.deadline_ms > now);
                }
            }
            prop_assert_eq!(polls.len(), parked.len());
            prop_assert_eq!(polls.next_deadline(), parked.iter().map(|waiter| waiter.deadline_ms).min());
        }
    }
}

/// S-51.7, S-50.6
#[test]
fn last_polls_by_type_and_domain() {
    let mut polls = PollData::new();
    polls.record("pay", Some("eu"), "w1", 1_000);
    polls.record("pay", None, "w2", 2_000);
    polls.record("pay", Some("eu"), "w3", 3_000);
    polls.record("pa", Some("eu"), "w4", 4_000);
    let row = polls.last_poll("pay", Some("eu")).expect("it polled");
    assert_eq!((&*row.worker_id, row.at_ms), ("w3", 3_000));
    let domains: Vec<_> = polls.list("pay").iter().map(|row| row.domain.as_deref()).collect();
    assert_eq!(domains, [None, Some("eu")]);
    assert_eq!(polls.all().map(|(name, _)| name).collect::<Vec<_>>(), ["pa", "pay", "pay"]);
    assert!(polls.is_active("pay", Some("eu"), 3_000 + ACTIVE_MS));
    assert!(!polls.is_active("pay", Some("eu"), 3_001 + ACTIVE_MS));
    assert!(!polls.is_active("pay", Some("us"), 3_000));
    assert_eq!(polls.list("none"), []);
}

#[test]
fn the_table_of_last_polls_is_bounded_and_forgets_the_oldest() {
    let mut polls = PollData::new();
    let rows = i64::try_from(POLL_DATA_ROWS_MAX).expect("fits");
    for number in 0..rows {
        polls.record("pay", Some(&format!("{number:06}")), "w", number);
    }
    assert_eq!(polls.len(), POLL_DATA_ROWS_MAX);
    polls.record("pay", Some("one more"), "w", rows);
    assert_eq!(polls.len(), POLL_DATA_ROWS_MAX - POLL_DATA_ROWS_MAX / 10);
    assert_eq!(polls.list("pay").first().map(|row| row.at_ms), Some(rows / 10 + 1));
    assert!(polls.last_poll("pay", Some("one more")).is_some());
    // All at the same moment: still only a tenth goes.
    let mut polls = PollData::new();
    for number in 0..=rows {
        polls.record(&number.to_string(), None, "w", 0);
    }
    assert_eq!(polls.len(), POLL_DATA_ROWS_MAX - POLL_DATA_ROWS_MAX / 10);
}
