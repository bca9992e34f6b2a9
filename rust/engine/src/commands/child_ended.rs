//! A child ended (S-30.9, S-30.10): its task takes over status and output, once.

use super::child_revived::is_spoken_to;
use crate::step::{Step, cut_reason};
use fastcond_json::{Raw, merged};
use fastcond_model::{TaskChange, TaskId, TaskStatus, WorkflowId, WorkflowStatus};
use std::sync::Arc;

/// Takes over a child's end; nothing when the task is gone, superseded or already over (S-30.13).
pub fn run(
    step: &mut Step<'_, '_>,
    (task, child): (TaskId, WorkflowId),
    status: WorkflowStatus,
    output: &Raw,
    reason: Option<Arc<str>>,
) {
    let Some(no) = step.live.execution.id.number_of(task) else { return };
    let Some(task) = step.live.execution.tasks.get(no) else { return };
    if task.status.is_terminal() || task.is_retried || step.live.execution.header.status.is_terminal() {
        return;
    }
    // A task that was rerun waits for another child, or is about to (S-63.4).
    if task.subworkflow != Some(child) || task.status == TaskStatus::Scheduled {
        return;
    }
    if is_spoken_to(step.live, task) {
        return;
    }
    let ends_as = match status {
        WorkflowStatus::Completed => TaskStatus::Completed,
        WorkflowStatus::Failed => TaskStatus::Failed,
        WorkflowStatus::TimedOut => TaskStatus::TimedOut,
        WorkflowStatus::Terminated => TaskStatus::Canceled,
        WorkflowStatus::Running | WorkflowStatus::Paused => return,
    };
    let both = merged(&task.output, output);
    // The child may hand on the id of a child of its own; this task's output names its child.
    let whole = Raw::of_checked(merged(&both, &format!("{{\"subWorkflowId\":\"{child}\"}}")));
    let (ends_as, reason) = match step.check_task_output(no, ends_as, &whole) {
        Ok(()) => (ends_as, reason),
        Err(why) => (TaskStatus::FailedWithTerminalError, Some(why.into())),
    };
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| {
        t.output = whole;
        t.status = ends_as;
        t.reason = reason.map(|r| cut_reason(&r).into());
    });
    step.enqueue(no);
    step.go_on();
}
