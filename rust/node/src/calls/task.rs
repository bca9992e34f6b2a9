//! `/api/tasks`: polls, reports and logs (rest-api 5).

use super::Verb::{Act, Begin};
use super::{Params, Verb, bodies, object, payloads};
use crate::machine::Machine;
use crate::machine::polling::Poll;
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::command::Report;
use fastcond_engine::validate::Violation;
use fastcond_engine::view::task::{self as view, Shown};
use fastcond_engine::view::workflow::{self, Include};
use fastcond_engine::{Command, Outcome};
use fastcond_json::{ObjectWriter, Raw, merged};
use fastcond_model::request::LogLine;
use fastcond_model::{ResultStatus, Task, TaskId, TaskNo, TaskResult, WorkflowId};
use std::sync::Arc;

/// How long a single poll waits (S-51.1).
const SINGLE_WAIT_MS: i64 = 100;
/// Task types one poll may ask for at once.
pub const TYPES_MAX: usize = 100;
/// Log lines kept of one report (rest-api 14).
const LOGS_PER_REPORT: usize = 10;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("tasks.poll", Begin(poll_one)),
    ("tasks.poll_batch", Begin(poll_batch)),
    ("tasks.poll_any", Begin(poll_any)),
    ("system.poll", Begin(poll_batch)),
    ("tasks.update", Act(update)),
    ("system.update", Act(update)),
    ("tasks.update_v2", Begin(update_v2)),
    ("tasks.update_by_ref", Act(update_by_ref)),
    ("tasks.update_by_ref_sync", Act(update_by_ref_sync)),
    ("tasks.get", Act(read)),
    ("tasks.log_add", Act(log_add)),
    ("tasks.log_get", Act(log_get)),
];

fn text(params: &Params, name: &str) -> Option<Arc<str>> {
    params.given(name).map(Arc::from)
}

fn poll_one(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    machine.poll(Poll {
        to,
        task_type: params.need("tasktype")?.into(),
        others: Vec::new(),
        domain: text(params, "domain"),
        worker: text(params, "workerid"),
        count: 1,
        timeout_ms: SINGLE_WAIT_MS,
        is_batch: false,
    });
    Ok(())
}

fn poll_batch(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    let task_type = params.need("tasktype")?.into();
    poll_for(machine, to, params, task_type, Vec::new())
}

/// A batch poll for several task types at once, an addition to Conductor's API.
fn poll_any(machine: &mut Machine, to: ReplyTo, params: &Params, _: &[u8]) -> Result<(), Failure> {
    let mut types: Vec<Arc<str>> = Vec::new();
    for word in params.need("types")?.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if types.iter().any(|known| **known == *word) {
            continue;
        }
        if types.len() == TYPES_MAX {
            return Err(Failure::bad_request(format!(
                "types: one poll cannot ask for more than {TYPES_MAX} task types"
            )));
        }
        types.push(word.into());
    }
    let mut types = types.into_iter();
    let Some(first) = types.next() else {
        return Err(Failure::bad_request("types: at least one task type is needed"));
    };
    poll_for(machine, to, params, first, types.collect())
}

fn poll_for(
    machine: &mut Machine,
    to: ReplyTo,
    params: &Params,
    task_type: Arc<str>,
    others: Vec<Arc<str>>,
) -> Result<(), Failure> {
    let timeout_ms: i64 = params.number("timeout")?.unwrap_or(100);
    let most = machine.options.poll_ms_max;
    if timeout_ms > most {
        let most = most / 1000;
        return Err(Failure::bad_request(format!(
            "Long Poll Timeout value cannot be more than {most} seconds"
        )));
    }
    let count: i64 = params.number("count")?.unwrap_or(1);
    machine.poll(Poll {
        to,
        task_type,
        others,
        domain: text(params, "domain"),
        worker: text(params, "workerid"),
        count: usize::try_from(count.max(1)).unwrap_or(usize::MAX),
        timeout_ms,
        is_batch: true,
    });
    Ok(())
}

/// The task a result names, checked to belong to the workflow it names (S-52.1).
fn named<'m>(machine: &'m mut Machine, result: &TaskResult) -> Result<(WorkflowId, &'m Task), Failure> {
    let mut found = Vec::new();
    let mut check = |field: &str, value: &Option<String>| {
        if value.as_deref().is_none_or(|v| v.trim().is_empty()) {
            let message = format!("{field} cannot be null or empty");
            found.push(Violation { path: field.to_owned(), message, invalid_value: None });
        }
    };
    check("workflowInstanceId", &result.workflow_instance_id);
    check("taskId", &result.task_id);
    if !found.is_empty() {
        return Err(Failure::invalid("updateTask.arg0", found));
    }
    let workflow_text = result.workflow_instance_id.as_deref().unwrap_or_default();
    let task_text = result.task_id.as_deref().unwrap_or_default();
    let no_workflow = || Failure::not_found(format!("No such workflow found by id: {workflow_text}"));
    let workflow = WorkflowId::parse(workflow_text).ok_or_else(no_workflow)?;
    let live = machine.find(workflow).ok_or_else(no_workflow)?;
    let no = TaskId::parse(task_text).and_then(|id| workflow.number_of(id));
    no.and_then(|no| live.execution.tasks.get(no))
        .map(|task| (workflow, task))
        .ok_or_else(|| Failure::not_found(format!("No such task found by id: {task_text}")))
}

/// What became of a result.
struct Taken {
    workflow: WorkflowId,
    no: TaskNo,
    /// Where another task like it would come from.
    task_type: Arc<str>,
    domain: Option<Arc<str>>,
    /// It ended the task, or found it ended.
    is_over: bool,
}

/// What a result says of its task: with the output that lies outside read, and no secret in the reason.
pub fn heard(
    machine: &Machine,
    result: TaskResult,
    task: TaskNo,
    status: ResultStatus,
) -> Result<Report, Failure> {
    let (mut status, mut output, mut reason) = (status, result.output_data, result.reason_for_incompletion);
    let output_path = result.external_output_payload_storage_path;
    if let Some(path) = &output_path {
        match payloads::read_back(machine, path) {
            // S-91.4: what is in line wins.
            Ok(outside) => output = Raw::of_checked(merged(&outside, &output)),
            // A worker cannot mend it, so that its task must not wait for another report.
            Err(failure) if failure.status == 400 => {
                (status, reason) = (ResultStatus::FailedWithTerminalError, Some(failure.message));
            }
            Err(failure) => return Err(failure),
        }
    }
    // A worker was given secrets, and may quote what failed (quality G22).
    let reason = reason.map(|why| machine.registry.secrets().redacted(&why).into_owned());
    Ok(Report { reason, output_path, ..Report::of(task, status, output) })
}

/// Keeps the log lines that came with a result.
pub fn keep_logs(machine: &mut Machine, task: TaskId, logs: Vec<LogLine>) {
    for line in logs.into_iter().take(LOGS_PER_REPORT) {
        machine.log(task.0, line.log.unwrap_or_default().as_bytes());
    }
}

/// Takes over a result.
fn take_over(machine: &mut Machine, mut result: TaskResult) -> Result<Taken, Failure> {
    let (workflow, task) = named(machine, &result)?;
    let (no, task_type, domain) = (task.no, task.task_type.clone(), task.domain.clone());
    let status = match result.status {
        Some(status) => status,
        None if result.extend_lease => ResultStatus::InProgress,
        None => return Err(Failure::bad_request("status of the task result cannot be null")),
    };
    let (worker, callback_after_s) = (result.worker_id.take().map(Into::into), result.callback_after_seconds);
    let (extends_lease, logs) = (result.extend_lease, std::mem::take(&mut result.logs));
    let subworkflow = result.sub_workflow_id.as_deref().and_then(WorkflowId::parse);
    let heard = heard(machine, result, no, status)?;
    let status = heard.status;
    let report =
        Report { worker, keeps_worker: false, callback_after_s, extends_lease, subworkflow, ..heard };
    let is_final = status != ResultStatus::InProgress;
    let outcome = apply(machine, workflow, report)?;
    keep_logs(machine, workflow.task(no), logs);
    Ok(Taken { workflow, no, task_type, domain, is_over: is_final || outcome == Outcome::Dropped })
}

fn apply(machine: &mut Machine, workflow: WorkflowId, report: Report) -> Result<Outcome, Failure> {
    let outcome = machine.command(workflow, Command::Report(Box::new(report)))?;
    if outcome == Outcome::Dropped {
        machine.stats.dropped_reports += 1;
    }
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    machine.serve_waiting();
    Ok(outcome)
}

fn update(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let result = bodies::task_result(body)?;
    let taken = take_over(machine, result)?;
    Ok(Reply::text(fastcond_model::ids::uuid_text(taken.workflow.task(taken.no).0)))
}

fn update_v2(machine: &mut Machine, to: ReplyTo, _: &Params, body: &[u8]) -> Result<(), Failure> {
    let result = bodies::task_result(body)?;
    let (is_lease, worker) = (result.extend_lease, result.worker_id.clone());
    let Taken { task_type, domain, is_over, .. } = take_over(machine, result)?;
    if is_lease || !is_over {
        machine.reply(to, Reply::nothing());
        return Ok(());
    }
    let worker = worker.map(Arc::from);
    let others = Vec::new();
    machine.poll(Poll { to, task_type, others, domain, worker, count: 1, timeout_ms: 0, is_batch: false });
    Ok(())
}

/// Reports on the open task of a reference name; none is answered with `None` (S-52.9).
fn report_by_ref(
    machine: &mut Machine,
    params: &Params,
    body: &[u8],
    keeps_worker: bool,
) -> Result<Option<(WorkflowId, TaskNo)>, Failure> {
    let output: Raw = object(body)?;
    let word = params.need("status")?;
    let status = ResultStatus::parse(word)
        .ok_or_else(|| Failure::bad_request(format!("there is no task status {word}")))?;
    let Some(workflow) = WorkflowId::parse(params.need("workflowId")?) else { return Ok(None) };
    let reference = params.need("taskRefName")?;
    let Some(no) = machine.find(workflow).and_then(|live| live.pending_by_reference(reference)) else {
        return Ok(None);
    };
    let worker = text(params, "workerid");
    let report = Report { is_merged: true, worker, keeps_worker, ..Report::of(no, status, output) };
    apply(machine, workflow, report)?;
    Ok(Some((workflow, no)))
}

fn update_by_ref(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    Ok(match report_by_ref(machine, params, body, true)? {
        Some((workflow, no)) => Reply::text(fastcond_model::ids::uuid_text(workflow.task(no).0)),
        None => Reply::done(),
    })
}

fn update_by_ref_sync(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let reference = params.need("taskRefName")?.to_owned();
    let Some((workflow, _)) = report_by_ref(machine, params, body, false)? else {
        let id = params.need("workflowId")?;
        return Err(Failure::not_found(format!(
            "Found no running task {reference} of workflow {id} to update"
        )));
    };
    let live = machine
        .find(workflow)
        .ok_or_else(|| Failure::not_found(format!("No such workflow found by id: {workflow}")))?;
    let mut out = String::new();
    workflow::write(live, &mut out, Include::Tasks);
    Ok(Reply::json(out))
}

fn read(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let text = params.need("taskId")?;
    let missing = || Failure::not_found(format!("No such task found by id: {text}"));
    let id = TaskId::parse(text).ok_or_else(missing)?;
    let (workflow, no) = machine.owner_of(id).ok_or_else(missing)?;
    let now_ms = machine.now_ms;
    let live = machine.find(workflow).ok_or_else(missing)?;
    let task = live.execution.tasks.get(no).ok_or_else(missing)?;
    let mut out = String::new();
    view::write(live, task, Shown { now_ms, for_worker: None, hides: true }, &mut out);
    Ok(Reply::json(out))
}

fn log_add(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    // The task is not checked, but only ids can be kept (rest-api 5, row 9).
    if let Some(id) = TaskId::parse(params.need("taskId")?) {
        machine.log(id.0, body);
    }
    Ok(Reply::done())
}

fn log_get(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let text = params.need("taskId")?;
    let lines = TaskId::parse(text).map(|id| machine.logs(id.0.to_be_bytes())).transpose();
    let lines = lines.map_err(|fault| Failure::unreadable(&fault))?.unwrap_or_default();
    if lines.is_empty() {
        return Ok(Reply::nothing());
    }
    let mut out = String::new();
    let mut list = fastcond_json::ArrayWriter::begin(&mut out);
    for line in lines {
        let mut item: ObjectWriter<'_> = list.object();
        item.str("log", &String::from_utf8_lossy(&line.log))
            .str("taskId", text)
            .i64("createdTime", line.created_ms);
        item.end();
    }
    list.end();
    Ok(Reply::json(out))
}
