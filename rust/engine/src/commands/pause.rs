//! Pause (S-60.1): nothing new is scheduled; what runs may end.

use crate::command::Rejection;
use crate::step::Step;
use fastcond_model::WorkflowStatus;

/// Pauses a running execution; a paused one stays so.
pub fn run(step: &mut Step<'_, '_>) -> Result<(), Rejection> {
    let status = step.live.execution.header.status;
    if status.is_terminal() {
        return Err(Rejection::Conflict(format!(
            "Workflow {} has ended, status cannot be updated.",
            step.live.execution.id
        )));
    }
    if status == WorkflowStatus::Running {
        step.live.execution.header.status = WorkflowStatus::Paused;
        step.touch_header();
    }
    Ok(())
}
