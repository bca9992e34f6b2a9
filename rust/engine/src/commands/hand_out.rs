//! Hand-out (S-51.2): one state transition, atomic with leaving the queue (S-51.5 Do).

use crate::command::Outcome;
use crate::step::Step;
use crate::tasks::Mode;
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

/// Gives a queued task to a worker; a task that is no longer queued is gone.
///
/// An attempt inside the server that is in progress was lost with the process that made it, and is made again (S-35.6).
pub fn run(step: &mut Step<'_, '_>, no: TaskNo, worker: Option<Arc<str>>) {
    let is_offered = step.live.execution.tasks.get(no).is_some_and(|task| {
        let mode = step.live.node_of(task).map(|node| node.behaviour.mode);
        match task.status {
            TaskStatus::Scheduled => matches!(mode, Some(Mode::Worker | Mode::System)),
            TaskStatus::InProgress => mode == Some(Mode::System),
            _ => false,
        }
    });
    if !is_offered || step.live.execution.header.status.is_terminal() {
        step.outcome = Outcome::Gone;
        return;
    }
    let now_ms = step.now();
    step.edit(no, TaskChange::default(), |t| {
        t.status = TaskStatus::InProgress;
        if t.start_ms == 0 {
            t.start_ms = now_ms;
        }
        t.callback_after_s = 0;
        t.poll_count += 1;
        t.worker = worker;
    });
}
