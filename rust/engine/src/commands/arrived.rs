//! A message of ours is known to have arrived: it leaves the outbox.

use super::child_ended;
use crate::step::Step;
use fastcond_json::Raw;
use fastcond_model::{Message, WorkflowId, WorkflowStatus};
use std::sync::Arc;

/// Removes the message. A child that was to be resumed and is no more has ended: its task must not wait for it.
pub fn run(step: &mut Step<'_, '_>, number: u32, has_receiver: bool) {
    let message = step.live.execution.outbox.get(number).map(|out| &out.message);
    let missed = match message {
        Some(Message::Resume { child }) if !has_receiver => Some(*child),
        _ => None,
    };
    step.arrived(number);
    let Some(child) = missed else { return };
    let waiting =
        step.live.execution.tasks.iter().find(|t| !t.status.is_terminal() && t.subworkflow == Some(child));
    if let Some(no) = waiting.map(|t| t.no) {
        let task = step.live.execution.id.task(no);
        let reason = Some(removal_reason(child));
        child_ended::run(step, (task, child), WorkflowStatus::Terminated, &Raw::empty_object(), reason);
    }
}

/// What the task of a child shows that was removed before it ended.
pub fn removal_reason(child: WorkflowId) -> Arc<str> {
    format!("Sub workflow {child} failure reason: the workflow was removed").into()
}
