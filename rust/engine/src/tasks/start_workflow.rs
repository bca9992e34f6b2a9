//! `START_WORKFLOW` (S-31): starts an execution of its own and does not wait for it.
//!
//! Before `{"type": "START_WORKFLOW", "inputParameters": {"startWorkflow": {"name": "billing", "input": {"n": 1}}}}`,
//! after a COMPLETED instance with output `{"workflowId": "..."}`.
//!
//! The start is a message in the same commit as the end of the task, under an id that follows from both: it
//! happens once, whatever crashes (S-31.4).

use super::{Behaviour, Mode, PLAIN};
use crate::graph::{Graph, Node};
use crate::step::Step;
use crate::validate;
use fastcond_json::{Kind, Raw, get, kind};
use fastcond_model::StartRequest;
use fastcond_model::request::domains;
use fastcond_model::{Message, TaskChange, TaskNo, TaskStatus, WorkflowId};
use std::sync::Arc;

pub(super) static START_WORKFLOW: Behaviour =
    Behaviour { word: "START_WORKFLOW", mode: Mode::Waiting, run, is_sync: false, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    match checked(step, &input) {
        Ok(wanted) => start(step, no, wanted),
        Err(reason) => step.settle(no, TaskStatus::Failed, Some(reason)),
    }
}

/// A request that can be carried out.
struct Wanted {
    request: StartRequest,
    graph: Arc<Graph>,
    input: Raw,
    priority: u8,
}

fn checked(step: &mut Step<'_, '_>, input: &str) -> Result<Wanted, String> {
    let text = get(input, "startWorkflow").filter(|text| *text != "null");
    let text = text.ok_or("Missing 'startWorkflow' in input data")?;
    let mut request: StartRequest =
        serde_json::from_str(text).map_err(|error| format!("Error reading StartWorkflowRequest: {error}"))?;
    let name = request.name.as_deref().unwrap_or_default();
    if name.trim().is_empty() {
        return Err("Workflow name cannot be null or empty".to_owned());
    }
    let priority = u8::try_from(request.priority.unwrap_or(0)).ok().filter(|p| *p <= 99);
    let priority = priority.ok_or("priority: 0..99 is the range of a workflow's priority")?;
    let given = match request.input.take() {
        Some(given) if kind(&given) == Kind::Object => given,
        Some(given) if !given.is_null() => return Err("input must be a JSON object".to_owned()),
        _ => return Err("NULL input passed when starting workflow".to_owned()),
    };
    let graph = match &request.workflow_def {
        Some(def) => {
            let found = validate::workflow_def(def, step.given.scripts);
            if !found.is_empty() {
                let messages: Vec<String> = found.into_iter().map(|violation| violation.message).collect();
                return Err(messages.join("; "));
            }
            step.given.defs.inline(def)?
        }
        None => step.given.defs.workflow(name, request.version).ok_or_else(|| {
            let version = request.version.map_or_else(|| "latest".to_owned(), |v| v.to_string());
            format!("No such workflow found by name: {name}, version: {version}")
        })?,
    };
    Ok(Wanted { request, graph, input: given, priority })
}

fn start(step: &mut Step<'_, '_>, no: TaskNo, wanted: Wanted) {
    let Wanted { request, graph, input, priority } = wanted;
    let execution = &step.live.execution;
    // By commit, for a rerun or a restart runs a task of the same number again and starts another one.
    let id = WorkflowId::of_act(&format!("START_WORKFLOW {no}"), execution.id, execution.revision + 1);
    let header = &step.live.execution.header;
    // S-31.3: blank and empty are as good as absent.
    let correlation_id = request.correlation_id.filter(|text| !text.trim().is_empty());
    let correlation_id = correlation_id.map(Arc::from).or_else(|| header.correlation_id.clone());
    let task_to_domain = if request.task_to_domain.is_empty() {
        header.task_to_domain.clone()
    } else {
        domains(&request.task_to_domain)
    };
    let def = graph.id;
    step.keep_definition(graph);
    step.send(Message::Start { id, task: None, def, input, correlation_id, task_to_domain, priority });
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| {
        t.output = Raw::of_checked(format!("{{\"workflowId\":\"{id}\"}}"));
    });
    step.settle(no, TaskStatus::Completed, None);
}
