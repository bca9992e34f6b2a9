//! Synchronous executions and signals (rest-api 3.2 and 5): requests that may wait for what comes of them.

use super::Verb::{Act, Begin};
use super::workflow::{begin, missing};
use super::{Params, Verb, bodies, object};
use crate::machine::Machine;
use crate::machine::waits::{Strategy, Wait};
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::Command;
use fastcond_engine::command::Report;
use fastcond_json::{Raw, merged};
use fastcond_model::{ResultStatus, TaskNo, WorkflowId};

/// How long a synchronous execution waits when nothing, or 0, is said (rest-api 3.2).
const WAIT_S: i64 = 10;
/// How long a synchronous signal waits when nothing is said.
const SIGNAL_MS: i64 = 5_000;
/// How long a request may ask to wait.
const WAIT_MS_MAX: i64 = 3_600_000;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("workflow.execute", Begin(execute)),
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

/// Starts an execution and waits until it has ended or is blocked.
fn execute(machine: &mut Machine, to: ReplyTo, params: &Params, body: &[u8]) -> Result<(), Failure> {
    let mut request = bodies::start_request(body)?;
    let strategy = strategy(params)?;
    let seconds: i64 = params.number("waitForSeconds")?.filter(|s| *s != 0).unwrap_or(WAIT_S);
    let wait_ms = bounded(seconds.saturating_mul(1000))?;
    machine.check_waits()?;
    request.name = Some(params.need("name")?.to_owned());
    request.version = params.number("version")?.filter(|version: &i32| *version != 0);
    if request.workflow_def.as_ref().is_some_and(|def| !def.tasks.is_empty()) {
        request.input = request
            .input
            .map(|input| Raw::of_checked(merged(&input, r#"{"_systemMetadata":{"dynamic":true}}"#)));
    }
    let refs = params.given("waitUntilTaskRef").unwrap_or_default().split(',').map(str::trim);
    let refs = refs.filter(|name| !name.is_empty()).map(str::to_owned).collect();
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
    let report = Report {
        task,
        status,
        output,
        is_merged: true,
        reason: None,
        worker: None,
        keeps_worker: true,
        callback_after_s: 0,
        extends_lease: false,
        output_path: None,
        subworkflow: None,
    };
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
