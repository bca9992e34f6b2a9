//! Resume (S-60.3): the flow goes on where it was held.

use crate::command::Rejection;
use crate::step::{Step, pass};
use fastcond_model::WorkflowStatus;

/// Resumes a paused execution.
pub fn run(step: &mut Step<'_, '_>) -> Result<(), Rejection> {
    let status = step.live.execution.header.status;
    if status != WorkflowStatus::Paused {
        let id = step.live.execution.id;
        return Err(Rejection::Conflict(format!(
            "The workflow {id} is not PAUSED so cannot resume. Current status is {status}"
        )));
    }
    let now_ms = step.now();
    let header = &mut step.live.execution.header;
    header.status = WorkflowStatus::Running;
    header.last_retried_ms = now_ms;
    step.touch_header();
    let is_held = step.live.execution.header.is_held;
    if !is_held && step.live.execution.tasks.iter().next().is_none() {
        // It was admitted while it was paused.
        super::start::first_steps(step);
        return Ok(());
    }
    step.live.work = pass::unfinished(step.live).into();
    super::tick::run(step);
    Ok(())
}
