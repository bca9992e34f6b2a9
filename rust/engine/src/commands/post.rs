//! A message from outside for the tasks of an execution (S-82.1): one that waits for it gets it at once.

use crate::command::Rejection;
use crate::step::Step;
use crate::tasks::pull_workflow_messages as pull;
use fastcond_json::{ObjectWriter, Raw};
use fastcond_model::{TaskNo, TaskStatus};
use jiff::Timestamp;

/// Puts a message into the mailbox of a running execution and wakes who waits, in list order.
pub fn run(step: &mut Step<'_, '_>, id: u128, payload: &Raw) -> Result<(), Rejection> {
    if !step.is_running() {
        let status = step.live.execution.header.status;
        return Err(Rejection::Conflict(format!(
            "Workflow {} is not running (status: {status})",
            step.live.execution.id
        )));
    }
    let message = message(step, id, payload);
    step.drop_stale_mail();
    if step.live.execution.mailbox.is_full_for(message.len()) {
        return Err(Rejection::Full(format!(
            "The message queue of workflow {} is full",
            step.live.execution.id
        )));
    }
    step.post(message);
    let waiting = |no: &TaskNo| step.live.task(*no).status == TaskStatus::InProgress;
    let tasks = step.live.execution.tasks.iter().filter(|task| &*task.task_type == pull::WORD);
    let mut pulling: Vec<TaskNo> = tasks.map(|task| task.no).filter(waiting).collect();
    step.in_list_order(&mut pulling);
    for no in pulling {
        if pull::pull(step, no) {
            step.enqueue(no);
        }
    }
    step.go_on();
    Ok(())
}

/// A message as a task shows it (data-model 3).
fn message(step: &Step<'_, '_>, id: u128, payload: &Raw) -> Raw {
    let now_ms = step.now();
    let received = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    // As Java writes an instant: no fraction when there is none.
    let received = if now_ms % 1000 == 0 { format!("{received:.0}") } else { format!("{received:.3}") };
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str("id", &fastcond_model::TaskId(id).to_string());
    object.str("workflowId", &step.live.execution.id.to_string());
    object.raw("payload", payload).str("receivedAt", &received);
    object.end();
    Raw::of_checked(out)
}
