//! Concurrency and rate limits at hand-out (S-53).

use super::Machine;
use fastcond_engine::Live;
use fastcond_engine::tasks::Mode;
use fastcond_model::{Task, TaskDef, TaskStatus};
use fastcond_queue::{QueueId, TaskKey};
use std::sync::Arc;

/// Whether a task may be handed out now.
pub enum Admission {
    /// Yes; a slot was taken if there is a limit.
    Granted,
    /// Not before a slot is free.
    NoSlot,
    /// Not before this time.
    Later(i64),
}

/// Whether a running task holds a slot: only tasks that are handed out are limited (S-53.3).
pub fn holds_slot(live: &Live, task: &Task) -> bool {
    task.status == TaskStatus::InProgress
        && live.node_of(task).is_some_and(|node| {
            matches!(node.behaviour.mode, Mode::Worker | Mode::System)
                && node.task_def.concurrent_exec_limit.is_some_and(|n| n > 0)
        })
}

impl Machine {
    /// Asks both limits of a definition for one hand-out.
    pub fn admit(&mut self, queue: QueueId, key: TaskKey, name: &Arc<str>, def: &TaskDef) -> Admission {
        let limit = def.concurrent_exec_limit.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let is_limited = limit > 0;
        if is_limited && !self.concurrency.try_acquire(name, limit) {
            self.waiting_for_slot.entry(name.clone()).or_default().insert(queue);
            return Admission::NoSlot;
        }
        if let (Ok(rate @ 1..), Ok(window_s @ 1..)) =
            (u32::try_from(def.rate_limit_per_frequency), u32::try_from(def.rate_limit_frequency_in_seconds))
            && let Err(at) = self.rates.allow(name, self.now_ms, rate, i64::from(window_s) * 1000)
        {
            if is_limited {
                self.concurrency.release(name, limit);
            }
            return Admission::Later(at);
        }
        if is_limited {
            self.holding.insert(key, name.clone());
        }
        Admission::Granted
    }

    /// Slots that running tasks hold, by limited name (G16).
    pub fn slots(&self) -> impl Iterator<Item = (&str, u32)> {
        self.concurrency.all()
    }

    /// Notes a slot that a running task holds, at recovery.
    pub fn resume_slot(&mut self, key: TaskKey, name: &Arc<str>) {
        if self.holding.insert(key, name.clone()).is_none() {
            let taken = self.concurrency.in_progress(name);
            self.concurrency.set(name, taken + 1);
        }
    }

    /// A task no longer runs: its slot is freed and the next waiter goes at once (S-53.1 Do).
    ///
    /// Tasks of one name may be held to different limits (S-53.4), so this one's own says nothing about the waiters.
    pub fn release_slot(&mut self, key: TaskKey) {
        let Some(name) = self.holding.remove(&key) else { return };
        self.concurrency.release(&name, 0);
        for queue in self.waiting_for_slot.remove(&name).unwrap_or_default() {
            self.note_waiting_work(queue, self.now_ms);
        }
    }
}
