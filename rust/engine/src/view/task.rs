//! `Task`.

use super::masking::masked;
use super::summary::map_text;
use crate::graph::Node;
use crate::live::Live;
use crate::step::joins::effective_output;
use crate::tasks::Mode;
use fastcond_json::{ObjectWriter, Raw, push_string};
use fastcond_model::ids::push_uuid;
use fastcond_model::{Task, TaskStatus};
use std::fmt::Write;

/// What is shown of a task's payloads besides what is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The clock, for waiting times.
    pub now_ms: i64,
    /// What only the worker sees.
    pub for_worker: Option<&'a ForWorker>,
    /// Masked fields are hidden: whoever reads is not the worker that needs them (S-92.7).
    pub hides: bool,
}

/// What differs in the copy of a task that its worker gets (S-8.20, S-8.22).
#[derive(Clone, Debug, Default)]
pub struct ForWorker {
    /// Input with secrets filled in.
    pub input: Option<String>,
    /// Values of `runtimeMetadata` by name, as a JSON object.
    pub runtime_metadata: Option<String>,
}

/// About how long a task gets as JSON, so that it is written into one allocation.
pub fn written_bytes(node: &Node, task: &Task) -> usize {
    1_536 + node.step_json.len() + node.task_def_json.len() + task.input.len() + task.output.len()
}

fn id_field(object: &mut ObjectWriter<'_>, name: &str, bits: u128) {
    let out = object.field(name);
    out.push('"');
    push_uuid(out, bits);
    out.push('"');
}

fn number(object: &mut ObjectWriter<'_>, name: &str, value: i64) {
    object.i64(name, value);
}

/// Appends a task as JSON.
pub fn write(live: &Live, task: &Task, shown: Shown<'_>, out: &mut String) {
    let execution = &live.execution;
    let header = &execution.header;
    let node = live.node_of(task);
    let mut object = ObjectWriter::begin(out);
    object.str("taskType", &task.task_type).str("status", task.status.text());
    let fields: &[String] = if shown.hides { &live.graph.def.masked_fields } else { &[] };
    let input = shown.for_worker.and_then(|given| given.input.as_deref()).unwrap_or(&task.input);
    object.raw("inputData", &masked(input, fields));
    object.str("referenceTaskName", &task.reference);
    number(&mut object, "retryCount", i64::from(task.retry_count));
    number(&mut object, "seq", i64::from(task.seq));
    object.str_if_some("correlationId", header.correlation_id.as_deref());
    number(&mut object, "pollCount", i64::from(task.poll_count));
    object.str("taskDefName", &task.def_name);
    number(&mut object, "scheduledTime", task.scheduled_ms);
    number(&mut object, "startTime", task.start_ms);
    number(&mut object, "endTime", task.end_ms);
    number(&mut object, "updateTime", task.update_ms);
    number(&mut object, "startDelayInSeconds", task.start_delay_s);
    if let Some(old) = task.retried_of {
        id_field(&mut object, "retriedTaskId", execution.id.task(old).0);
    }
    object
        .bool("retried", task.is_retried)
        .bool("executed", task.is_executed)
        .bool("callbackFromWorker", true);
    let response_s = node.as_ref().map_or(0, |n| n.task_def.response_timeout_seconds);
    number(&mut object, "responseTimeoutSeconds", response_s);
    id_field(&mut object, "workflowInstanceId", execution.id.0);
    object.str("workflowType", &header.name);
    id_field(&mut object, "taskId", execution.id.task(task.no).0);
    object.str_if_some("reasonForIncompletion", task.reason.as_deref());
    number(&mut object, "callbackAfterSeconds", task.callback_after_s);
    object.str_if_some("workerId", task.worker.as_deref());
    write_output(live, task, fields, &mut object);
    write_step(live, task, &mut object);
    object.str_if_some("domain", task.domain.as_deref());
    let queued = node.as_ref().filter(|n| matches!(n.behaviour.mode, Mode::Worker | Mode::System));
    let (rate, per_s) = queued.map_or((0, 0), |n| {
        (n.task_def.rate_limit_per_frequency, n.task_def.rate_limit_frequency_in_seconds)
    });
    number(&mut object, "rateLimitPerFrequency", i64::from(rate));
    number(&mut object, "rateLimitFrequencyInSeconds", i64::from(per_s));
    object.str_if_some("externalOutputPayloadStoragePath", task.output_path.as_deref());
    number(&mut object, "workflowPriority", i64::from(header.priority));
    if let Some(node) = &node {
        object.str_if_some("executionNameSpace", node.task_def.execution_name_space.as_deref());
        object.str_if_some("isolationGroupId", node.task_def.isolation_group_id.as_deref());
    }
    number(&mut object, "iteration", i64::from(task.iteration));
    if let Some(child) = task.subworkflow {
        id_field(&mut object, "subWorkflowId", child.0);
    }
    // The message that would set it acts at once, so no reader ever finds it set.
    object.bool("subworkflowChanged", false);
    number(&mut object, "firstStartTime", 0);
    object.raw("executionMetadata", r#"{"additionalContext":{},"empty":true,"additionalContextMap":{}}"#);
    object.raw("taskDefinition", node.as_ref().map_or("null", |n| &n.task_def_json));
    if let Some(metadata) = shown.for_worker.and_then(|given| given.runtime_metadata.as_deref()) {
        object.raw("runtimeMetadata", metadata);
    }
    number(&mut object, "queueWaitTime", queue_wait_ms(task, shown.now_ms));
    object.bool("loopOverTask", task.iteration > 0);
    object.end();
}

fn write_output(live: &Live, task: &Task, fields: &[String], object: &mut ObjectWriter<'_>) {
    if task.output_path.is_some() {
        object.raw("outputData", "{}");
    } else if task.status.is_terminal() {
        object.raw("outputData", &masked(&task.output, fields));
    } else {
        object.raw("outputData", &masked(&effective_output(live, task), fields));
    }
}

fn write_step(live: &Live, task: &Task, object: &mut ObjectWriter<'_>) {
    if let Some(node) = live.node_of(task) {
        object.raw("workflowTask", &node.step_json);
        return;
    }
    let out = object.field("workflowTask");
    out.push_str("{\"name\":");
    push_string(out, &task.def_name);
    out.push_str(",\"taskReferenceName\":");
    push_string(out, &task.reference);
    out.push_str(SKIPPED_STEP);
}

const SKIPPED_STEP: &str = r#","inputParameters":{},"type":"SIMPLE","decisionCases":{},"defaultCase":[],"forkTasks":[],"startDelay":0,"joinOn":[],"optional":false,"defaultExclusiveJoinTask":[],"asyncComplete":false,"loopOver":[],"onStateChange":{},"permissive":false,"metadata":{}}"#;

/// How long it waited in the queue, or how long a callback is overdue (data-model section 4).
pub fn queue_wait_ms(task: &Task, now_ms: i64) -> i64 {
    if task.start_ms == 0 || task.scheduled_ms == 0 {
        return 0;
    }
    if task.update_ms > 0 && task.callback_after_s > 0 {
        return (now_ms - (task.update_ms + task.callback_after_s * 1000)).max(0);
    }
    task.start_ms - task.scheduled_ms
}

/// `TaskSummary` as the task search gives it.
pub fn write_summary(live: &Live, task: &Task, now_ms: i64, out: &mut String) {
    let execution = &live.execution;
    let header = &execution.header;
    let mut object = ObjectWriter::begin(out);
    id_field(&mut object, "workflowId", execution.id.0);
    object.str("workflowType", &header.name);
    object.str_if_some("correlationId", header.correlation_id.as_deref());
    for (name, at) in [
        ("scheduledTime", task.scheduled_ms),
        ("startTime", task.start_ms),
        ("updateTime", task.update_ms),
        ("endTime", task.end_ms),
    ] {
        object.str(name, &super::summary::iso(at));
    }
    object.str("status", task.status.text());
    object.str_if_some("reasonForIncompletion", task.reason.as_deref());
    let ran_ms = if task.end_ms > 0 && task.start_ms > 0 { task.end_ms - task.start_ms } else { 0 };
    number(&mut object, "executionTime", ran_ms);
    number(&mut object, "queueWaitTime", queue_wait_ms(task, now_ms));
    object.str("taskDefName", &task.def_name).str("taskType", &task.task_type);
    let fields = &live.graph.def.masked_fields;
    object.str("input", &map_text(&masked(&task.input, fields)));
    object.str("output", &map_text(&masked(&output(live, task), fields)));
    object.str_if_some("externalOutputPayloadStoragePath", task.output_path.as_deref());
    id_field(&mut object, "taskId", execution.id.task(task.no).0);
    object.str_if_some("domain", task.domain.as_deref());
    number(&mut object, "workflowPriority", i64::from(header.priority));
    object.end();
}

/// One line per task for logs and failure messages: reference, attempt, status.
pub fn describe(task: &Task) -> String {
    let mut line = String::new();
    let _ = write!(line, "{}[{}] {}", task.reference, task.retry_count, task.status);
    if task.status == TaskStatus::Scheduled {
        let _ = write!(line, " due {}", task.ready_ms);
    }
    line
}

/// Output as the API shows it: of one that lies outside only the path is (S-91.3).
pub fn output(live: &Live, task: &Task) -> Raw {
    if task.output_path.is_some() { Raw::empty_object() } else { effective_output(live, task) }
}
