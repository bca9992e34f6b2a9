//! How many instances of a task name are in progress: an exact semaphore per name (S-53.1).

use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts of tasks in progress, by task name.
///
/// The limit comes with every call, because each task carries the limit of its own definition (S-53.4). Who
/// waits for a slot is the caller's to know; [`Released`] says when to look.
#[derive(Debug, Clone, Default)]
pub struct Concurrency {
    in_progress: BTreeMap<Arc<str>, u32>,
}

/// What a release changed, seen with the limit of the task that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// There was room before, so nobody can be waiting for this slot.
    HadRoom,
    /// The limit was reached before and is not any more: the next waiter can go.
    Freed,
    /// More were in progress than the limit allows, and the limit is still reached: it was lowered.
    StillFull,
}

impl Concurrency {
    /// Makes a table in which nothing is in progress.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a slot if fewer than `limit` are taken; a limit of zero means none.
    pub fn try_acquire(&mut self, name: &str, limit: u32) -> bool {
        match self.in_progress.get_mut(name) {
            Some(taken) if limit > 0 && *taken >= limit => false,
            Some(taken) => {
                *taken += 1;
                true
            }
            None => {
                self.in_progress.insert(name.into(), 1);
                true
            }
        }
    }

    /// Gives a slot back. Every release has its acquire: the count is the number of tasks in progress (G16).
    pub fn release(&mut self, name: &str, limit: u32) -> Released {
        let taken =
            self.in_progress.get_mut(name).expect("a slot is released once, by the task that took it");
        let before = *taken;
        *taken -= 1;
        if before == 1 {
            self.in_progress.remove(name);
        }
        match limit {
            0 => Released::HadRoom,
            limit if before < limit => Released::HadRoom,
            limit if before == limit => Released::Freed,
            _ => Released::StillFull,
        }
    }

    /// Sets a count found in the records at recovery.
    pub fn set(&mut self, name: &str, in_progress: u32) {
        if in_progress == 0 {
            self.in_progress.remove(name);
        } else {
            self.in_progress.insert(name.into(), in_progress);
        }
    }

    /// Counts the tasks of a name that are in progress.
    pub fn in_progress(&self, name: &str) -> u32 {
        self.in_progress.get(name).copied().unwrap_or(0)
    }

    /// Walks over all names with something in progress, in name order.
    pub fn all(&self) -> impl Iterator<Item = (&str, u32)> {
        self.in_progress.iter().map(|(name, &taken)| (&**name, taken))
    }
}
