//! Terminate (S-60.4, S-30.11).

use crate::command::Rejection;
use crate::step::Step;
use crate::step::ending::Ending;
use fastcond_model::{Message, WorkflowStatus};

/// Ends an execution that is not over; a completed one refuses, other terminal ones stay as they are.
pub fn run(
    step: &mut Step<'_, '_>,
    reason: Option<String>,
    is_from_parent: bool,
    runs_failure_workflow: bool,
) -> Result<(), Rejection> {
    let status = step.live.execution.header.status;
    if status == WorkflowStatus::Completed && !is_from_parent {
        return Err(Rejection::Conflict("Cannot terminate a COMPLETED workflow.".to_owned()));
    }
    if is_from_parent {
        take_back(step);
    }
    if !status.is_terminal() {
        let ending = Ending { status: WorkflowStatus::Terminated, reason, task: None, runs_failure_workflow };
        step.end(ending);
    }
    Ok(())
}

/// Takes back what this execution told its parent and the parent has not heard yet: it was said before the parent's
/// command that is being carried out. Together with `is_spoken_to` the parent hears only of what came after its last
/// command; otherwise two siblings could cancel and revive each other for ever.
pub fn take_back(step: &mut Step<'_, '_>) {
    let unheard: Vec<u32> = step
        .live
        .execution
        .outbox
        .iter()
        .filter(|out| matches!(out.message, Message::Ended { .. } | Message::Revived { .. }))
        .map(|out| out.number)
        .collect();
    for number in unheard {
        step.arrived(number);
    }
}
