//! Which parked poll is answered next: long polls waiting for work, first come first served per queue.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::QueueId;

/// A poll that waits for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    /// The caller's own number for the poll.
    pub poll_id: u64,
    /// The queue it waits on.
    pub queue: QueueId,
    /// Further queues that it waits on at the same time; nearly always none.
    pub others: Box<[QueueId]>,
    /// How many tasks it asked for.
    pub wanted: u32,
    /// When it must be answered, with or without work.
    pub deadline_ms: i64,
    /// Its place in the line of everything ever parked.
    pub order: u64,
}

impl Waiter {
    /// Every queue it waits on.
    pub fn queues(&self) -> impl Iterator<Item = QueueId> {
        std::iter::once(self.queue).chain(self.others.iter().copied())
    }
}

/// All parked polls of one server.
#[derive(Debug, Clone, Default)]
pub struct ParkedPolls {
    waiters: BTreeMap<u64, Waiter>,
    lines: BTreeSet<(QueueId, u64, u64)>,
    deadlines: BTreeSet<(i64, u64, u64)>,
    next_order: u64,
}

impl ParkedPolls {
    /// Makes a set without polls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parks a poll at the end of its queue's line. A poll is parked once at a time.
    pub fn park(&mut self, queue: QueueId, poll_id: u64, wanted: u32, deadline_ms: i64) {
        self.park_on_several(queue, Box::default(), poll_id, wanted, deadline_ms);
    }

    /// Parks a poll at the end of several lines at once; taken from one of them it leaves all.
    pub fn park_on_several(
        &mut self,
        queue: QueueId,
        others: Box<[QueueId]>,
        poll_id: u64,
        wanted: u32,
        deadline_ms: i64,
    ) {
        let order = self.next_order;
        self.next_order += 1;
        self.put_back(Waiter { poll_id, queue, others, wanted, deadline_ms, order });
    }

    /// Parks a poll again that was taken and found nothing after all, at its old place in the line.
    pub fn put_back(&mut self, waiter: Waiter) {
        for queue in waiter.queues() {
            self.lines.insert((queue, waiter.order, waiter.poll_id));
        }
        self.deadlines.insert((waiter.deadline_ms, waiter.order, waiter.poll_id));
        let before = self.waiters.insert(waiter.poll_id, waiter);
        assert!(before.is_none(), "a poll is parked once at a time");
    }

    /// Takes the poll that has waited longest on a queue.
    pub fn take_waiter(&mut self, queue: QueueId) -> Option<Waiter> {
        let poll_id = self.first_in_line(queue)?;
        self.cancel(poll_id)
    }

    /// Says whether any poll waits on a queue.
    pub fn has_waiter(&self, queue: QueueId) -> bool {
        self.first_in_line(queue).is_some()
    }

    /// Takes every poll whose deadline has come, earliest deadline first.
    pub fn expire(&mut self, now_ms: i64, out: &mut Vec<Waiter>) {
        while let Some(&(deadline_ms, _, poll_id)) = self.deadlines.first() {
            if deadline_ms > now_ms {
                break;
            }
            out.extend(self.cancel(poll_id));
        }
    }

    /// Takes a poll out, for example because its connection closed.
    pub fn cancel(&mut self, poll_id: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&poll_id)?;
        for queue in waiter.queues() {
            self.lines.remove(&(queue, waiter.order, poll_id));
        }
        self.deadlines.remove(&(waiter.deadline_ms, waiter.order, poll_id));
        Some(waiter)
    }

    /// Says when the next poll must be answered.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|&(deadline_ms, _, _)| deadline_ms)
    }

    /// Counts the parked polls.
    pub fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Says whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    fn first_in_line(&self, queue: QueueId) -> Option<u64> {
        let first = self.lines.range((queue, 0, 0)..).next()?;
        (first.0 == queue).then_some(first.2)
    }
}
