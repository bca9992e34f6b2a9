//! Who holds a task attempt, and until when: the reference model of leases with fences.

use std::collections::{BTreeMap, BTreeSet};

use crate::TaskKey;

/// The right to run one task attempt until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The attempt that is leased.
    pub task: TaskKey,
    /// The number of this hand-out; each hand-out of an attempt has a higher one than all before.
    pub fence: u32,
    /// When the right ends; at that very millisecond it is over.
    pub until_ms: i64,
}

/// Why a holder no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseLost {
    /// Nobody holds a lease on this task: it was released, collected, or never granted.
    NotHeld,
    /// The lease's time is over, though nobody has collected it yet.
    Expired,
    /// A later hand-out holds the task.
    Fenced,
}

/// All leases of one store: at most one unexpired lease per task (G5).
#[derive(Debug, Clone, Default)]
pub struct LeaseTable {
    held: BTreeMap<TaskKey, Lease>,
    by_end: BTreeSet<(i64, TaskKey)>,
    fences: BTreeMap<TaskKey, u32>,
}

impl LeaseTable {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands a task out, or shows the unexpired lease that stands in the way.
    pub fn grant(&mut self, task: TaskKey, now_ms: i64, until_ms: i64) -> Result<Lease, Lease> {
        assert!(until_ms > now_ms, "a lease lasts");
        if let Some(holder) = self.held.get(&task).copied() {
            if holder.until_ms > now_ms {
                return Err(holder);
            }
            self.drop_lease(holder);
        }
        let last = self.fences.entry(task).or_insert(0);
        *last = last.checked_add(1).expect("fewer than 2^32 hand-outs of one attempt");
        let lease = Lease { task, fence: *last, until_ms };
        self.keep(lease);
        Ok(lease)
    }

    /// Moves the end of a lease that is still held; the fence stays.
    pub fn extend(
        &mut self,
        task: TaskKey,
        fence: u32,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Lease, LeaseLost> {
        let holder = self.holder(task, fence)?;
        if holder.until_ms <= now_ms {
            return Err(LeaseLost::Expired);
        }
        self.drop_lease(holder);
        let lease = Lease { until_ms, ..holder };
        self.keep(lease);
        Ok(lease)
    }

    /// Gives a lease up. An expired one may be given up too, as long as nobody else holds the task.
    pub fn release(&mut self, task: TaskKey, fence: u32) -> Result<(), LeaseLost> {
        let holder = self.holder(task, fence)?;
        self.drop_lease(holder);
        Ok(())
    }

    /// Collects every lease whose time is over, earliest end first.
    pub fn expired(&mut self, now_ms: i64, out: &mut Vec<Lease>) {
        while let Some(&(until_ms, task)) = self.by_end.first() {
            if until_ms > now_ms {
                break;
            }
            let lease = self.held[&task];
            self.drop_lease(lease);
            out.push(lease);
        }
    }

    /// Says when the next lease ends.
    pub fn next_end(&self) -> Option<i64> {
        self.by_end.first().map(|&(until_ms, _)| until_ms)
    }

    /// Shows the lease on a task, expired or not, until it is collected.
    pub fn lease(&self, task: TaskKey) -> Option<Lease> {
        self.held.get(&task).copied()
    }

    /// Takes over the last fence of an attempt from its record, at recovery. A fence never goes down.
    pub fn resume(&mut self, task: TaskKey, fence: u32) {
        let last = self.fences.entry(task).or_insert(fence);
        *last = fence.max(*last);
    }

    /// Forgets everything about an attempt that has ended.
    pub fn forget(&mut self, task: TaskKey) {
        if let Some(lease) = self.lease(task) {
            self.drop_lease(lease);
        }
        self.fences.remove(&task);
    }

    /// Counts the leases held, expired ones included until they are collected.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Says whether nothing is leased.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn holder(&self, task: TaskKey, fence: u32) -> Result<Lease, LeaseLost> {
        match self.lease(task) {
            Some(lease) if lease.fence == fence => Ok(lease),
            Some(_) => Err(LeaseLost::Fenced),
            None => Err(LeaseLost::NotHeld),
        }
    }

    fn keep(&mut self, lease: Lease) {
        let before = self.held.insert(lease.task, lease);
        assert!(before.is_none(), "one lease per task (G5)");
        self.by_end.insert((lease.until_ms, lease.task));
    }

    fn drop_lease(&mut self, lease: Lease) {
        self.held.remove(&lease.task);
        self.by_end.remove(&(lease.until_ms, lease.task));
    }
}
