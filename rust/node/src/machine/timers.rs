//! Time: one armed timer per execution, delayed queue entries, and when to wake.

use super::Machine;
use super::deliver::READ_AGAIN_MS;
use fastcond_engine::Command;
use fastcond_model::WorkflowId;

/// How often names that nothing uses are forgotten.
const TRIM_EVERY_MS: i64 = 60_000;
/// Timers handled in one go before new calls are looked at.
const TICK_TIMERS_MAX: usize = 512;

impl Machine {
    /// Keeps the timer of an execution in step with its next deadline.
    pub fn arm(&mut self, id: u128, due: Option<i64>) {
        match (self.armed.get(&id).copied(), due) {
            (Some((at, _)), Some(due)) if at == due => {}
            (Some((_, handle)), Some(due)) => {
                self.timers.cancel(handle);
                let handle = self.timers.insert(due, id);
                self.armed.insert(id, (due, handle));
            }
            (Some((_, handle)), None) => {
                self.timers.cancel(handle);
                self.armed.remove(&id);
            }
            (None, Some(due)) => {
                let handle = self.timers.insert(due, id);
                self.armed.insert(id, (due, handle));
            }
            (None, None) => {}
        }
    }

    /// Lets everything that is due happen: messages first, then timers, delayed queue entries, ends of parked polls.
    pub fn tick(&mut self) {
        self.deliver(super::deliver::DELIVERIES_MAX);
        let mut fired = Vec::new();
        self.timers.advance(self.now_ms, &mut fired);
        let rest = fired.split_off(fired.len().min(TICK_TIMERS_MAX));
        for (due, id) in rest {
            let handle = self.timers.insert(due, id);
            self.armed.insert(id, (due, handle));
        }
        for (_, id) in fired {
            self.armed.remove(&id);
            let workflow = WorkflowId(id);
            self.take_read_fault();
            if self.command(workflow, Command::Tick).is_ok() {
                let due = self.executions.get(&id).and_then(|e| e.live.next_due());
                self.arm(id, due);
            } else if self.take_read_fault().is_some() {
                // G6: a timer is not lost because its execution cannot be read just now.
                self.arm(id, Some(self.now_ms + READ_AGAIN_MS));
            }
        }
        self.deliver(super::deliver::DELIVERIES_MAX);
        self.wake_delayed();
        self.serve_waiting();
        self.expire_polls();
        self.expire_waits();
        self.trim_when_due();
        self.forget_event_actions();
        self.run_trials();
    }

    /// Forgets names of queues and limits that nothing uses any more.
    fn trim_when_due(&mut self) {
        if self.now_ms - self.trimmed_ms < TRIM_EVERY_MS {
            return;
        }
        self.trimmed_ms = self.now_ms;
        let parked = &self.parked;
        self.queues.trim(|queue| parked.has_waiter(queue));
        self.rates.trim(self.now_ms);
    }

    /// Executions with a timer, and when it fires.
    pub fn armed(&self) -> impl Iterator<Item = (u128, i64)> {
        self.armed.iter().map(|(id, (due, _))| (*id, *due))
    }

    /// When [`Self::tick`] has something to do next; none is never.
    pub fn next_wake(&self) -> Option<i64> {
        if !self.outbox.is_empty() || self.admissions.is_due() || !self.trials.is_empty() {
            return Some(self.now_ms);
        }
        let delayed = self.delayed.first().map(|(due_ms, _)| *due_ms);
        let undelivered = (!self.undelivered.is_empty()).then_some(self.deliver_again_ms);
        let waits = self.waits.next_deadline();
        let times = [self.timers.next_due(), delayed, self.parked.next_deadline(), undelivered, waits];
        times.into_iter().flatten().min()
    }
}
