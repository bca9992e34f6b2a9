//! `/api/workflow`: starting, reading and operating executions (rest-api 3).

use super::Verb::{Act, Begin};
use super::{Params, Verb, bodies, object, payloads, typed};
use crate::machine::Machine;
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::command::Start;
use fastcond_engine::validate::{self, Violation};
use fastcond_engine::view::task::{self as task_view, Shown};
use fastcond_engine::view::workflow::{self as view, Include, StatusParts};
use fastcond_engine::{Command, Graph, child_to_resume, is_retryable};
use fastcond_json::{ObjectWriter, kind};
use fastcond_model::request::domains;
use fastcond_model::{IdempotencyStrategy, StartRequest, TaskStatus, WorkflowId, WorkflowStatus};
use fastcond_store::NameQuery;
use std::sync::Arc;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.start", Act(start)),
    ("workflow.start_by_name", Act(start_by_name)),
    ("workflow.get", Act(read)),
    ("workflow.status", Act(status)),
    ("workflow.tasks", Act(tasks)),
    ("workflow.running", Begin(running)),
    ("workflow.correlated", Begin(correlated)),
    ("workflow.correlated_many", Begin(correlated_many)),
    ("workflow.decide", Act(|m, p, _| operate(m, p.workflow()?, Command::Decide))),
    ("workflow.pause", Act(|m, p, _| operate(m, p.workflow()?, Command::Pause))),
    ("workflow.resume", Act(|m, p, _| operate(m, p.workflow()?, Command::Resume))),
    ("workflow.retry", Act(retry)),
    ("workflow.restart", Act(restart)),
    (
        "workflow.resetcallbacks",
        Act(|m, p, _| operate(m, p.workflow()?, Command::ResetCallbacks).map(|_| Reply::nothing())),
    ),
    ("workflow.terminate", Act(terminate)),
    ("workflow.remove", Act(remove)),
    ("workflow.terminate_remove", Act(terminate_remove)),
    ("workflow.variables", Act(put_variables)),
    ("workflow.post_message", Act(post_message)),
];

/// 404 of an execution.
pub fn missing(id: WorkflowId) -> Failure {
    Failure::not_found(format!("No such workflow found by id: {id}"))
}

/// One command on one execution, and the messages it sets off.
pub fn operate(machine: &mut Machine, id: WorkflowId, command: Command) -> Result<Reply, Failure> {
    machine.command(id, command)?;
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    machine.serve_waiting();
    Ok(Reply::done())
}

fn start(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    start_request(machine, bodies::start_request(body)?)
}

fn invalid(path: &str, message: &str) -> Failure {
    let violation = Violation { path: path.to_owned(), message: message.to_owned(), invalid_value: None };
    Failure::invalid("startWorkflow.arg0", vec![violation])
}

fn start_request(machine: &mut Machine, request: StartRequest) -> Result<Reply, Failure> {
    let id = begin(machine, request)?;
    machine.serve_waiting();
    Ok(Reply::text(fastcond_model::ids::uuid_text(id.0)))
}

/// Starts what a request asks for. Polls that wait for work are served by the caller, once for all that it starts.
pub fn begin(machine: &mut Machine, request: StartRequest) -> Result<WorkflowId, Failure> {
    let name = request.name.ok_or_else(|| invalid("name", "Workflow name cannot be null or empty"))?;
    let priority = request.priority.unwrap_or(0);
    let priority = u8::try_from(priority)
        .ok()
        .filter(|p| *p <= 99)
        .ok_or_else(|| invalid("priority", "priority: 0..99 is the range of a workflow's priority"))?;
    let graph = match &request.workflow_def {
        Some(def) => {
            let found = validate::workflow_def(def, machine.scripts());
            if !found.is_empty() {
                return Err(Failure::invalid("startWorkflow.arg0.workflowDef", found));
            }
            machine.registry.compile(def).map_err(Failure::bad_request)?
        }
        None => find_graph(machine, &name, request.version)?,
    };
    // A path counts only without an input in line (data-model 3).
    let is_in_line = request.input.as_ref().is_some_and(|input| !input.is_null() && &**input != "{}");
    let path = request.external_input_payload_storage_path.filter(|_| !is_in_line);
    let outside = path.as_deref().map(|path| payloads::read_back(machine, path)).transpose()?;
    let input = match outside.or(request.input) {
        Some(input) if kind(&input) == fastcond_json::Kind::Object => input,
        Some(input) if !input.is_null() => return Err(Failure::bad_request("input must be a JSON object")),
        _ => return Err(Failure::bad_request("NULL input passed when starting workflow")),
    };
    let key = request.idempotency_key.filter(|key| !key.trim().is_empty());
    let id = machine.new_id();
    if let Some(key) = &key {
        let strategy = request.idempotency_strategy.unwrap_or(IdempotencyStrategy::Fail);
        if let Some(existing) = machine.keyed_start(&graph.name, key, strategy)? {
            return Ok(existing);
        }
    }
    let prepared = machine.prepare(Start {
        id,
        graph: graph.clone(),
        input,
        correlation_id: request.correlation_id.map(Into::into),
        priority,
        task_to_domain: domains(&request.task_to_domain),
        parent: None,
        event: None,
        created_by: request.created_by.map(Into::into),
        input_path: path.map(Into::into),
        idempotency_key: key.as_deref().map(Into::into),
    });
    if let Some(why) = prepared.bad_input() {
        return Err(Failure::bad_request(why));
    }
    if prepared.is_to_be_refused() {
        return Err(Failure::new(
            429,
            format!("Workflow {} is limited by its rateLimitConfig, and as many as may run do", graph.name),
        ));
    }
    if let Some(key) = &key {
        machine.note_key(&graph.name, key, id)?;
    }
    Ok(machine.make_true(prepared))
}

/// The snapshot of a registered definition, or 404 naming it (S-2.1).
pub fn find_graph(machine: &mut Machine, name: &str, version: Option<i32>) -> Result<Arc<Graph>, Failure> {
    match machine.registry.registered(name, version) {
        Some(Ok(graph)) => Ok(graph),
        Some(Err(why)) => Err(Failure::not_found(why)),
        None => {
            let shown = version.map_or_else(|| "latest".to_owned(), |v| v.to_string());
            Err(Failure::not_found(format!("No such workflow found by name: {name}, version: {shown}")))
        }
    }
}

fn start_by_name(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let input = object(body)?;
    let request = StartRequest {
        name: Some(params.need("name")?.to_owned()),
        version: params.number("version")?,
        correlation_id: params.get("correlationId").map(str::to_owned),
        priority: params.number("priority")?,
        input: Some(input),
        ..StartRequest::default()
    };
    start_request(machine, request)
}

fn read(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let include = if params.flag("includeTasks", true)? { Include::Tasks } else { Include::NoTasks };
    let live = machine.find(id).ok_or_else(|| missing(id))?;
    let mut out = String::with_capacity(4096);
    view::write(live, &mut out, include);
    Ok(Reply::json(out))
}

fn status(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let parts = StatusParts {
        output: params.flag("includeOutput", false)?,
        variables: params.flag("includeVariables", false)?,
    };
    let live = machine.find(id).ok_or_else(|| missing(id))?;
    let mut out = String::with_capacity(128);
    view::write_status(live, parts, &mut out);
    Ok(Reply::json(out))
}

fn tasks(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let start: i64 = params.number("start")?.unwrap_or(0);
    let count: i64 = params.number("count")?.unwrap_or(15);
    let start = usize::try_from(start).map_err(|_| Failure::bad_request("start must not be negative"))?;
    let count = usize::try_from(count).map_err(|_| Failure::bad_request("count must not be negative"))?;
    let mut wanted = Vec::new();
    for word in params.given("status").unwrap_or_default().split(',').filter(|w| !w.trim().is_empty()) {
        let status = TaskStatus::parse(&word.trim().to_ascii_uppercase());
        wanted.push(status.ok_or_else(|| Failure::bad_request(format!("there is no task status {word}")))?);
    }
    let now_ms = machine.now_ms;
    let live = machine.find(id).ok_or_else(|| missing(id))?;
    let listed = live.execution.listed();
    let matching: Vec<_> =
        listed.into_iter().filter(|t| wanted.is_empty() || wanted.contains(&t.status)).collect();
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.i64("totalHits", i64::try_from(matching.len()).unwrap_or(i64::MAX));
    let mut list = object.array("results");
    for task in matching.into_iter().skip(start).take(count) {
        task_view::write(live, task, Shown { now_ms, for_worker: None, hides: true }, list.element());
    }
    list.end();
    object.end();
    Ok(Reply::json(out))
}

fn retry(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let resumes_children = params.flag("resumeSubworkflowTasks", false)?;
    let (target, resumes_children) = if resumes_children { to_resume(machine, id) } else { (id, false) };
    // A child that cannot be read just now is not one that is gone.
    if let Some(fault) = machine.take_read_fault() {
        return Err(Failure::unreadable(&fault));
    }
    let command = Command::Retry { resumes_children, is_from_parent: false };
    operate(machine, target, command).map(|_| Reply::nothing())
}

/// The execution that a retry of failed children comes down to (S-61.8): the deepest that has something to retry. Its
/// ancestors are revived by what it tells them. Where a child still runs, the engine lets it be waited for again.
fn to_resume(machine: &mut Machine, top: WorkflowId) -> (WorkflowId, bool) {
    let mut id = top;
    loop {
        let Some(live) = machine.find(id) else { return (id, true) };
        if !live.execution.header.status.is_terminal() || !is_retryable(live) {
            return (id, true);
        }
        let Some(child) = child_to_resume(live) else { return (id, true) };
        let Some(below) = machine.find(child) else { return (id, false) };
        match (below.execution.header.status.is_terminal(), is_retryable(below)) {
            (false, _) => return (id, true),
            (true, false) => return (id, false),
            (true, true) => id = child,
        }
    }
}

fn restart(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let latest = params.flag("useLatestDefinitions", false)?;
    restart_one(machine, id, latest).map(|_| Reply::nothing())
}

/// Restarts one execution (S-62.1).
pub fn restart_one(machine: &mut Machine, id: WorkflowId, latest: bool) -> Result<Reply, Failure> {
    let graph = if latest {
        let name = machine.find(id).ok_or_else(|| missing(id))?.execution.header.name.clone();
        Some(find_graph(machine, &name, None)?)
    } else {
        None
    };
    operate(machine, id, Command::Restart { graph })
}

/// An operator's termination, with the reason and whether the failure workflow runs (S-60.4, S-60.5).
pub fn termination(params: &Params) -> Result<Command, Failure> {
    let reason = params.get("reason").map(str::to_owned);
    let runs_failure_workflow = params.flag("triggerFailureWorkflow", false)?;
    Ok(Command::Terminate { reason, is_from_parent: false, runs_failure_workflow })
}

fn terminate(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    operate(machine, params.workflow()?, termination(params)?)
}

fn remove(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let archives = params.flag("archiveWorkflow", true)?;
    remove_one(machine, params.workflow()?, archives)
}

/// Removes one execution (S-60.6). Archived copies are not kept yet: removing deletes.
pub fn remove_one(machine: &mut Machine, id: WorkflowId, archives: bool) -> Result<Reply, Failure> {
    let live = machine.find(id).ok_or_else(|| missing(id))?;
    let status = live.execution.header.status;
    if archives && !status.is_terminal() {
        return Err(Failure::bad_request(format!("Cannot archive workflow: {id} with status: {status}")));
    }
    machine.remove_execution(id)?;
    Ok(Reply::done())
}

fn terminate_remove(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let id = params.workflow()?;
    let archives = params.flag("archiveWorkflow", true)?;
    let command = termination(params)?;
    let live = machine.find(id).ok_or_else(|| missing(id))?;
    // S-60.7 Do: a completed one is removed all the same.
    if live.execution.header.status != WorkflowStatus::Completed {
        operate(machine, id, command)?;
    }
    remove_one(machine, id, archives)
}

fn put_variables(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let variables = object(body)?;
    let id = params.workflow()?;
    operate(machine, id, Command::PutVariables { variables })?;
    read(machine, params, &[])
}

/// A message for the tasks of an execution (S-82.1); refusals are bare text, as is the id (rest-api 3.27).
fn post_message(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let payload = object(body)?;
    let workflow = params.workflow()?;
    let id = machine.new_id().0;
    match operate(machine, workflow, Command::Post { id, payload }) {
        Ok(_) => Ok(Reply::text(fastcond_model::ids::uuid_text(id))),
        Err(refused) if matches!(refused.status, 404 | 409 | 429) => {
            Ok(Reply { status: refused.status, ..Reply::text(refused.message) })
        }
        Err(other) => Err(other),
    }
}

fn running(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    let name = params.need("name")?.to_owned();
    let version: i32 = params.number("version")?.unwrap_or(1);
    let start: i64 = params.number("startTime")?.unwrap_or(0);
    let end: i64 = params.number("endTime")?.unwrap_or(0);
    let window = (start != 0 && end != 0).then_some((start, end));
    let question = move |reader: &fastcond_store::ArchiveReader| {
        let query = NameQuery {
            name: &name,
            version: window.map(|_| version),
            status: window.is_none().then_some(WorkflowStatus::Running.text()),
            started: window,
        };
        match reader.ids_by_name(query) {
            Ok(ids) => {
                let texts: Vec<String> =
                    ids.iter().map(|id| format!("\"{}\"", WorkflowId(u128::from_be_bytes(*id)))).collect();
                Reply::json(format!("[{}]", texts.join(",")))
            }
            Err(fault) => Reply::failure(&Failure::new(500, fault.to_string()), ""),
        }
    };
    super::search::ask(machine, to, Box::new(question))
}

fn correlated(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    let ids = vec![params.need("correlationId")?.to_owned()];
    ask_correlated(machine, to, params, ids, false)
}

fn correlated_many(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let ids: Vec<String> = typed(body)?;
    ask_correlated(machine, to, params, ids, true)
}

fn ask_correlated(
    machine: &mut Machine,
    to: ReplyTo,
    params: &Params,
    ids: Vec<String>,
    is_map: bool,
) -> Result<(), Failure> {
    let name = params.need("name")?.to_owned();
    let closed = params.flag("includeClosed", false)?;
    let tasks = params.flag("includeTasks", false)?;
    let question = move |reader: &fastcond_store::ArchiveReader| {
        super::search::correlated(reader, &name, &ids, closed, tasks, is_map)
    };
    super::search::ask(machine, to, Box::new(question))
}
