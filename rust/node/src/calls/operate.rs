//! `/api/workflow/{workflowId}`: what operators do to one execution besides starting and stopping it (rest-api 3).

use super::Verb::Act;
use super::workflow::{missing, operate};
use super::{Params, Verb, typed};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_engine::{Command, Live, Rerun, RerunFrom, Skip};
use fastcond_json::{Kind, Raw, kind};
use fastcond_model::{TaskId, WorkflowId};
use serde::Deserialize;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[("workflow.rerun", Act(rerun)), ("workflow.skip", Act(skip))];

/// How far down a task named in a rerun is looked for.
const DEPTH_MAX: usize = 64;

/// `RerunWorkflowRequest`; the path says which workflow.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RerunRequest {
    re_run_from_task_id: Option<String>,
    workflow_input: Option<Raw>,
    task_input: Option<Raw>,
    correlation_id: Option<String>,
}

/// `SkipTaskRequest`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SkipRequest {
    task_input: Option<Raw>,
    task_output: Option<Raw>,
}

/// A map that was given; null counts as not given.
fn map(value: Option<Raw>, name: &str) -> Result<Option<Raw>, Failure> {
    match value {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) if kind(&value) == Kind::Object => Ok(Some(value)),
        Some(_) => Err(Failure::bad_request(format!("{name} must be a JSON object"))),
    }
}

/// S-63: answers the id of the workflow that was named.
fn rerun(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let request: RerunRequest = typed(body)?;
    let input = map(request.workflow_input, "workflowInput")?;
    let task_input = map(request.task_input, "taskInput")?;
    let correlation_id = request.correlation_id.map(Into::into);
    let named = request.re_run_from_task_id.filter(|text| !text.is_empty());
    let on = |from| Command::Rerun(Box::new(Rerun { from, input, correlation_id }));
    let command = match named {
        None => on(RerunFrom::Start),
        Some(text) => {
            let live = machine.find(id).ok_or_else(|| missing(id))?;
            refuse_running(live)?;
            let unknown = || {
                Failure::bad_request(format!("Task with id {text} not found in workflow {id} or below it"))
            };
            let task = TaskId::parse(&text).ok_or_else(unknown)?;
            let (owner, no) = machine.owner_of(task).ok_or_else(unknown)?;
            if owner == id {
                on(RerunFrom::Task { task: no, input: task_input })
            } else {
                if !is_below(machine, owner, id) {
                    return Err(unknown());
                }
                let from = RerunFrom::Task { task: no, input: task_input };
                let below = Rerun { from, input: None, correlation_id: None };
                machine.command(owner, Command::Rerun(Box::new(below)))?;
                on(RerunFrom::Child)
            }
        }
    };
    operate(machine, id, command)?;
    Ok(Reply::text(fastcond_model::ids::uuid_text(id.0)))
}

fn refuse_running(live: &Live) -> Result<(), Failure> {
    if live.execution.header.status.is_terminal() {
        return Ok(());
    }
    let id = live.execution.id;
    Err(Failure::conflict(format!("Workflow: {id} is not in terminal state, unable to rerun.")))
}

/// Whether an execution is a child, at any depth, of a task of `top` that still stands for it (S-63.6).
fn is_below(machine: &mut Machine, child: WorkflowId, top: WorkflowId) -> bool {
    let mut at = child;
    for _ in 0..DEPTH_MAX {
        let parent = machine.find(at).and_then(|live| live.execution.header.parent);
        let Some(parent) = parent else { return false };
        let stands_for = machine.find(parent.workflow).is_some_and(|live| {
            let no = parent.workflow.number_of(parent.task);
            no.and_then(|no| live.execution.tasks.get(no)).is_some_and(|t| t.subworkflow == Some(at))
        });
        if !stands_for {
            return false;
        }
        if parent.workflow == top {
            return true;
        }
        at = parent.workflow;
    }
    false
}

/// S-60.8. The body is optional; fields of the query, the original's way to give it, are maps that no client sends.
fn skip(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let request = if body.is_empty() { SkipRequest::default() } else { typed(body)? };
    let skip = Skip {
        reference: params.need("taskReferenceName")?.into(),
        input: map(request.task_input, "taskInput")?.unwrap_or_else(Raw::empty_object),
        output: map(request.task_output, "taskOutput")?.unwrap_or_else(Raw::empty_object),
    };
    operate(machine, id, Command::Skip(Box::new(skip)))
}
