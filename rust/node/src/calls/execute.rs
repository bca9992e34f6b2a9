//! Synchronous executions and signals (rest-api 3.2 and 5): requests that may wait for what comes of them.

use super::Verb::{Act, Begin};
use super::task::{heard, keep_logs};
use super::workflow::{begin, missing};
use super::{Params, Verb, bodies, object, typed};
use crate::machine::Machine;
use crate::machine::waits::{Strategy, Wait};
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::Command;
use fastcond_engine::command::Report;
use fastcond_json::{Kind, Raw, kind, merged};
use fastcond_model::request::LogLine;
use fastcond_model::{ResultStatus, TaskId, TaskNo, TaskResult, WorkflowId};
use serde::Deserialize;

/// How long a synchronous execution waits when nothing, or 0, is said (rest-api 3.2).
const WAIT_S: i64 = 10;
/// How long a synchronous signal waits when nothing is said.
const SIGNAL_MS: i64 = 5_000;
/// How long a request may ask to wait.
const WAIT_MS_MAX: i64 = 3_600_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.execute", Begin(execute)),
    ("workflow.state", Begin(update_state)),
    ("tasks.signal", Act(|m, p, b| signal(m, p, b).map(|_| Reply::done()))),
    ("tasks.signal_sync", Begin(signal_sync)),
];

fn strategy(params: &Params) -> Result<Strategy, Failure> {
    let Some(word) = params.given("returnStrategy") else { return Ok(Strategy::TargetWorkflow) };
    Strategy::parse(word).ok_or_else(|| Failure::bad_request(format!("there is no returnStrategy {word}")))
}

fn bounded(wait_ms: i64) -> Result<i64, Failure> {
    if wait_ms > WAIT_MS_MAX {
        let most = WAIT_MS_MAX / 1000;
        return Err(Failure::bad_request(format!("a request cannot wait for more than {most} seconds")));
    }
    Ok(wait_ms.max(0))
}

fn wait_ms(params: &Params) -> Result<i64, Failure> {
    let seconds: i64 = params.number("waitForSeconds")?.filter(|s| *s != 0).unwrap_or(WAIT_S);
    bounded(seconds.saturating_mul(1000))
}

/// Reference names whose end is waited for.
fn awaited(params: &Params) -> Vec<String> {
    let refs = params.given("waitUntilTaskRef").unwrap_or_default().split(',').map(str::trim);
    refs.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Starts an execution and waits until it has ended or is blocked.
fn execute(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let mut request = bodies::start_request(body)?;
    let strategy = strategy(params)?;
    let wait_ms = wait_ms(params)?;
    machine.check_waits()?;
    request.name = Some(params.need("name")?.to_owned());
    request.version = params.number("version")?.filter(|version: &i32| *version != 0);
    if request.workflow_def.as_ref().is_some_and(|def| !def.tasks.is_empty()) {
        request.input = request
            .input
            .map(|input| Raw::of_checked(merged(&input, r#"{"_systemMetadata":{"dynamic":true}}"#)));
    }
    let refs = awaited(params);
    let target = begin(machine, request)?;
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    let request_id = request_id(machine, params);
    let until_ms = machine.now_ms.saturating_add(wait_ms);
    machine.wait(Wait { to, target, refs, until_ms, strategy, request_id });
    machine.serve_waiting();
    Ok(())
}

fn request_id(machine: &mut Machine, params: &Params) -> String {
    params.given("requestId").map_or_else(|| machine.new_id().to_string(), str::to_owned)
}

/// The WAIT that a signal ends: the first open one, else the first below an open SUB_WORKFLOW task (S-32.8).
fn blocked(machine: &mut Machine, top: WorkflowId) -> Option<(WorkflowId, TaskNo)> {
    let live = machine.find(top)?;
    let is_wait = |task: &fastcond_model::Task| !task.status.is_terminal() && &*task.task_type == "WAIT";
    if let Some(task) = live.execution.listed().into_iter().find(|task| is_wait(task)) {
        return Some((top, task.no));
    }
    machine.first_below(top, is_wait)
}

/// Ends the WAIT that blocks an execution; none answers none (S-52.11).
fn signal(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Option<WorkflowId>, Failure> {
    let output = object(body)?;
    let word = params.need("status")?;
    let status = ResultStatus::parse(word)
        .ok_or_else(|| Failure::bad_request(format!("there is no task status {word}")))?;
    let id = params.workflow()?;
    machine.find(id).ok_or_else(|| missing(id))?;
    let Some((owner, task)) = blocked(machine, id) else { return Ok(None) };
    let report = Report { is_merged: true, ..Report::of(task, status, output) };
    machine.command(owner, Command::Report(Box::new(report)))?;
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    machine.serve_waiting();
    Ok(Some(id))
}

/// The same, and waits until the execution has ended or is blocked again.
fn signal_sync(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let strategy = strategy(params)?;
    let wait_ms = bounded(params.number("timeoutMillis")?.unwrap_or(SIGNAL_MS))?;
    machine.check_waits()?;
    let Some(target) = signal(machine, params, body)? else {
        let id = params.workflow()?;
        return Err(Failure::not_found(format!("No blocked task of workflow {id} to signal")));
    };
    let request_id = request_id(machine, params);
    let until_ms = machine.now_ms.saturating_add(wait_ms);
    machine.wait(Wait { to, target, refs: Vec::new(), until_ms, strategy, request_id });
    Ok(())
}

/// `WorkflowStateUpdate`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateUpdate {
    task_reference_name: Option<String>,
    task_result: Option<TaskResult>,
    variables: Option<Raw>,
}

/// Merges variables, reports on an open task, then waits like a synchronous execution (S-64.3). The task is looked for
/// before anything changes, and both changes stand in one group of the journal.
fn update_state(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let update: StateUpdate = typed(body)?;
    let (target, wait_ms) = (params.workflow()?, wait_ms(params)?);
    machine.check_waits()?;
    let variables = update.variables.filter(|variables| !variables.is_null());
    if variables.as_ref().is_some_and(|variables| kind(variables) != Kind::Object) {
        return Err(Failure::bad_request("variables must be a JSON object"));
    }
    let report = match update.task_result {
        Some(result) => Some(state_report(machine, target, update.task_reference_name.as_deref(), result)?),
        None => machine.find(target).map(|_| None).ok_or_else(|| missing(target))?,
    };
    if let Some(variables) = variables {
        machine.command(target, Command::PutVariables { variables })?;
    }
    if let Some((report, logs)) = report {
        let task = target.task(report.task);
        machine.command(target, Command::Report(Box::new(report)))?;
        keep_logs(machine, task, logs);
    }
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    let request_id = request_id(machine, params);
    let until_ms = machine.now_ms.saturating_add(wait_ms);
    let (refs, strategy) = (awaited(params), Strategy::TargetWorkflow);
    machine.wait(Wait { to, target, refs, until_ms, strategy, request_id });
    machine.serve_waiting();
    Ok(())
}

/// A report on the open task of a reference name, else on the one whose id the result names, and its log lines.
fn state_report(
    machine: &mut Machine,
    target: WorkflowId,
    reference: Option<&str>,
    mut result: TaskResult,
) -> Result<(Report, Vec<LogLine>), Failure> {
    let live = machine.find(target).ok_or_else(|| missing(target))?;
    let by_id = || TaskId::parse(result.task_id.as_deref()?).and_then(|id| target.number_of(id));
    let found = match reference.filter(|name| !name.is_empty()) {
        Some(name) => live.pending_by_reference(name),
        None => by_id().filter(|no| live.execution.tasks.get(*no).is_some()),
    };
    let task = found.ok_or_else(|| Failure::not_found(format!("Workflow {target} has no such open task")))?;
    let status =
        result.status.ok_or_else(|| Failure::bad_request("status of the task result cannot be null"))?;
    let (worker, callback_after_s) = (result.worker_id.take().map(Into::into), result.callback_after_seconds);
    let logs = std::mem::take(&mut result.logs);
    let heard = heard(machine, result, task, status)?;
    Ok((Report { is_merged: true, worker, keeps_worker: true, callback_after_s, ..heard }, logs))
}
