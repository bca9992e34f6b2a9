//! Concurrency and rate limits at hand-out (S-53).

use super::Machine;
use fastcond_engine::Live;
use fastcond_engine::tasks::Mode;
use fastcond_model::{Task, TaskDef, TaskStatus};
use fastcond_queue::{QueueId, Released, TaskKey};
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

/// The limit whose slot a running task holds: only tasks that are handed out are limited (S-53.3).
pub fn limit_held(live: &Live, task: &Task) -> Option<u32> {
    let node =
        live.node_of(task).filter(|node| matches!(node.behaviour.mode, Mode::Worker | Mode::System))?;
    let limit = u32::try_from(node.task_def.concurrent_exec_limit?).ok()?;
    (limit > 0 && task.status == TaskStatus::InProgress).then_some(limit)
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
            self.slot_limits.insert(name.clone(), limit);
        }
        Admission::Granted
    }

    /// Slots that running tasks hold, by limited name (G16).
    pub fn slots(&self) -> impl Iterator<Item = (&str, u32)> {
        self.concurrency.all()
    }

    /// Notes a slot that a running task holds, at recovery.
    pub fn resume_slot(&mut self, key: TaskKey, name: &Arc<str>, limit: u32) {
        if self.holding.insert(key, name.clone()).is_none() {
            let taken = self.concurrency.in_progress(name);
            self.concurrency.set(name, taken + 1);
            self.slot_limits.insert(name.clone(), limit);
        }
    }

    /// A task no longer runs: its slot is freed and the next waiter goes at once (S-53.1 Do).
    pub fn release_slot(&mut self, key: TaskKey) {
        let Some(name) = self.holding.remove(&key) else { return };
        let limit = self.slot_limits.get(&name).copied().unwrap_or(0);
        if self.concurrency.release(&name, limit) != Released::Freed {
            return;
        }
        // Whoever waits in a queue of this name is looked at again now.
        for queue in self.waiting_for_slot.remove(&name).unwrap_or_default() {
            self.note_waiting_work(queue, self.now_ms);
        }
    }
}
