//! `/api/admin`: what waits, and whether an execution is as it should be (rest-api 7).

use super::Verb::{Act, Tell};
use super::{Params, Verb, workflow};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_engine::Command;
use fastcond_engine::view::task::{self as view, Shown};
use fastcond_json::ArrayWriter;
use fastcond_model::WorkflowId;

/// Tasks that one answer lists at most.
const COUNT_MAX: usize = 1_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("admin.pending_tasks", Act(pending)),
    ("admin.requeue", Act(requeue)),
    ("admin.verify", Act(verify)),
    // No event queue exists besides those of tasks.
    ("admin.queues", Tell(|_| Reply::json("{}"))),
];

/// The tasks of a type that wait to be polled, whatever their domain, first come first.
fn pending(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let task_type = params.need("tasktype")?;
    let start: usize = params.number("start")?.unwrap_or(0);
    let count = params.number("count")?.unwrap_or(100).min(COUNT_MAX);
    let of_type = machine.queues.sizes().filter(|(_, key, _)| &*key.task_type == task_type);
    let queues: Vec<_> = of_type.map(|(queue, _, _)| queue).collect();
    let wanted = start.saturating_add(count);
    let mut waiting = Vec::new();
    for queue in queues {
        machine.queues.peek(queue, machine.now_ms, wanted, &mut waiting);
    }
    waiting.sort_by_key(|message| message.due_ms);
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    let now_ms = machine.now_ms;
    for message in waiting.into_iter().skip(start).take(count) {
        let Some(live) = machine.find(WorkflowId(message.task.workflow)) else { continue };
        let Some(task) = live.execution.tasks.get(message.task.task) else { continue };
        view::write(live, task, Shown { now_ms, for_worker: None, hides: true }, list.element());
    }
    list.end();
    Ok(Reply::json(out))
}

/// Looks at an execution again; there is no queue of deciders it could have fallen out of.
fn requeue(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    workflow::operate(machine, id, Command::Decide)?;
    Ok(Reply::text(format!("true.{id}")))
}

/// Recomputes what is derived from the record and compares. There is nothing to repair: a difference is a bug, and said.
fn verify(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let found = machine.find(id).ok_or_else(|| workflow::missing(id))?.check();
    found.map_err(|why| Failure::new(500, format!("Workflow {id} is inconsistent: {why}")))?;
    Ok(Reply::text("false"))
}
