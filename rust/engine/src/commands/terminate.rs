//! Terminate (S-60.4, S-30.11).

use crate::command::Rejection;
use crate::step::Step;
use crate::step::ending::Ending;
use fastcond_model::WorkflowStatus;

/// Ends an execution that is not over; a completed one refuses, other terminal ones stay as they are.
pub fn run(step: &mut Step<'_, '_>, reason: Option<String>, is_from_parent: bool) -> Result<(), Rejection> {
    let status = step.live.execution.header.status;
    if status == WorkflowStatus::Completed && !is_from_parent {
        return Err(Rejection::Conflict("Cannot terminate a COMPLETED workflow.".to_owned()));
    }
    if !status.is_terminal() {
        let ending =
            Ending { status: WorkflowStatus::Terminated, reason, task: None, runs_failure_workflow: false };
        step.end(ending);
    }
    Ok(())
}
