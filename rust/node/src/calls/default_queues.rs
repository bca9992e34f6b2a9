//! `/api/queue`: ending a task by a message (S-81.1).
//!
//! In Conductor the message goes through a queue of a broker, one per status. Here there is no broker in between: it is
//! acted on before the answer (B-19.3), so the queues have names and are always empty.

use super::Verb::{Act, Tell};
use super::workflow::operate;
use super::{Params, Verb, object};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_engine::Command;
use fastcond_engine::command::Report;
use fastcond_json::{ObjectWriter, Raw, merged};
use fastcond_model::{ResultStatus, TaskId, TaskNo, TaskStatus, WorkflowId};

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("default_queues.update", Act(update)),
    ("default_queues.update_task", Act(update)),
    ("default_queues.sizes", Tell(sizes)),
    ("default_queues.names", Tell(names)),
];

/// The statuses that have a queue.
const STATUSES: [ResultStatus; 2] = [ResultStatus::Completed, ResultStatus::Failed];

fn queue_of(status: ResultStatus) -> String {
    format!("conductor_conductor_notify_test_{}", status.task_status().text())
}

fn status_of(word: &str) -> Result<ResultStatus, Failure> {
    let named = TaskStatus::parse(word)
        .ok_or_else(|| Failure::bad_request(format!("there is no task status {word}")))?;
    let status = STATUSES.into_iter().find(|status| status.task_status() == named);
    status.ok_or_else(|| {
        Failure::bad_request(format!("There is no queue for status {word}: COMPLETED or FAILED"))
    })
}

/// What the message says: the body, and which task it is for as a JSON text.
fn message(params: &Params, body: &Raw) -> Result<Raw, Failure> {
    let mut external = String::new();
    let mut object = ObjectWriter::begin(&mut external);
    object.str("workflowId", params.need("workflowId")?);
    object.str_if_some("taskRefName", params.get("taskRefName"));
    object.str_if_some("taskId", params.get("taskId"));
    object.end();
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str("externalId", &external);
    object.end();
    Ok(Raw::of_checked(merged(body, &out)))
}

/// The task that the message is for, if it is there and not over.
fn open_task(machine: &mut Machine, params: &Params) -> Option<(WorkflowId, TaskNo)> {
    let id = WorkflowId::parse(params.get("workflowId")?)?;
    let live = machine.find(id)?;
    let no = match params.get("taskId") {
        Some(text) => id.number_of(TaskId::parse(text)?)?,
        None => live.pending_by_reference(params.get("taskRefName")?)?,
    };
    let task = live.execution.tasks.get(no)?;
    (!task.status.is_terminal()).then_some((id, no))
}

fn update(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let status = status_of(params.need("status")?)?;
    let output = message(params, &object(body)?)?;
    let found = open_task(machine, params);
    if let Some(fault) = machine.take_read_fault() {
        return Err(Failure::unreadable(&fault));
    }
    // A message that fits no task is dropped.
    let Some((id, task)) = found else { return Ok(Reply::done()) };
    let report = Report { is_merged: true, ..Report::of(task, status, output) };
    operate(machine, id, Command::Report(Box::new(report)))
}

fn sizes(_: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for status in STATUSES {
        object.entry(&queue_of(status), "0");
    }
    object.end();
    Reply::json(out)
}

fn names(_: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for status in STATUSES {
        object.str(status.task_status().text(), &queue_of(status));
    }
    object.end();
    Reply::json(out)
}
