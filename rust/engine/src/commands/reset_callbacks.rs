//! Reset callbacks (S-60.9): queued worker tasks that wait for a callback are due now.

use crate::command::Rejection;
use crate::step::Step;
use crate::tasks::Mode;
use fastcond_model::{TaskChange, TaskNo, TaskStatus};

/// Makes every waiting callback due.
pub fn run(step: &mut Step<'_, '_>) -> Result<(), Rejection> {
    if step.live.execution.header.status.is_terminal() {
        return Err(Rejection::Conflict(
            "Workflow is in terminal state, callbacks cannot be reset.".to_owned(),
        ));
    }
    let now_ms = step.now();
    let waiting: Vec<TaskNo> = step
        .live
        .execution
        .tasks
        .iter()
        .filter(|t| t.status == TaskStatus::Scheduled && t.callback_after_s > 0)
        .filter(|t| step.live.node_of(t).is_some_and(|n| n.behaviour.mode == Mode::Worker))
        .map(|t| t.no)
        .collect();
    for no in waiting {
        step.edit(no, TaskChange::default(), |t| {
            t.callback_after_s = 0;
            t.ready_ms = now_ms;
        });
    }
    Ok(())
}
