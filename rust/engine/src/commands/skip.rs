//! Skip (S-60.8): a step that has not been reached is stepped over when the flow comes to it.

use crate::command::{Rejection, Skip};
use crate::step::Step;
use fastcond_model::WorkflowStatus;

/// Marks a step of a running execution as skipped.
pub fn run(step: &mut Step<'_, '_>, skip: Skip) -> Result<(), Rejection> {
    let status = step.live.execution.header.status;
    let id = step.live.execution.id;
    let reference = &*skip.reference;
    if status != WorkflowStatus::Running {
        return Err(Rejection::Conflict(format!(
            "Task {reference} of workflow {id} cannot be skipped: the workflow is {status}, not RUNNING."
        )));
    }
    let Some(node) = step.live.graph.find(reference) else {
        return Err(Rejection::BadRequest(format!(
            "The definition of workflow {id} has no task {reference} to skip."
        )));
    };
    if step.live.graph.node(node).in_loop.is_some() {
        return Err(Rejection::BadRequest(format!(
            "Task {reference} of workflow {id} cannot be skipped: it is in a loop, where each iteration has its own."
        )));
    }
    if step.live.by_reference(reference).is_some() {
        return Err(Rejection::Conflict(format!(
            "Task {reference} of workflow {id} cannot be skipped: the workflow has reached it already."
        )));
    }
    step.add_skipped(node, skip.input, skip.output);
    step.go_on();
    Ok(())
}
