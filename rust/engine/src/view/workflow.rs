//! `Workflow` and the status summary.

use super::masking::{fields_of, masked};
use super::task::{self, Shown};
use crate::live::Live;
use fastcond_json::{ArrayWriter, ObjectWriter};
use fastcond_model::Execution;
use std::fmt::Write;
use std::sync::Arc;

/// Whether the task list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// All tasks, by seq.
    Tasks,
    /// An empty list.
    NoTasks,
}

/// Appends an execution as JSON, as somebody may read it who need not know masked fields (S-92.7).
pub fn write(live: &Live, out: &mut String, include: Include) {
    write_live(live, out, include, true);
}

/// Appends an execution as `WorkflowModel`, as a bulk search gives it: `Workflow` and what it has besides.
pub fn write_model(live: &Live, out: &mut String, include: Include) {
    write(live, out, include);
    let header = &live.execution.header;
    let closing = out.pop();
    debug_assert_eq!(closing, Some('}'), "an execution is an object");
    let _ = write!(out, ",\"updatedTime\":{}", header.update_ms);
    if let Some(no) = header.failed_task {
        let _ = write!(out, ",\"failedTaskId\":\"{}\"", live.execution.id.task(no));
    }
    out.push('}');
}

/// Appends an execution as JSON with everything in it, for another execution to work with.
pub fn write_openly(live: &Live, out: &mut String, include: Include) {
    write_live(live, out, include, false);
}

fn write_live(live: &Live, out: &mut String, include: Include, hides: bool) {
    let fields: &[String] = if hides { &live.graph.def.masked_fields } else { &[] };
    write_with(&live.execution, &live.graph.text, fields, out, |tasks| {
        if include == Include::Tasks {
            for item in live.execution.listed() {
                let shown = Shown { now_ms: live.execution.header.update_ms, for_worker: None, hides };
                task::write(live, item, shown, tasks.element());
            }
        }
    });
}

/// Appends an execution without its tasks; `definition` is the JSON of its snapshot.
pub fn write_without_tasks(execution: &Execution, definition: &str, out: &mut String) {
    write_with(execution, definition, &fields_of(definition), out, |_| {});
}

fn write_with(
    execution: &Execution,
    definition: &str,
    fields: &[impl AsRef<str>],
    out: &mut String,
    list: impl FnOnce(&mut ArrayWriter<'_>),
) {
    let header = &execution.header;
    let mut object = ObjectWriter::begin(out);
    object.str("ownerApp", "").i64("createTime", header.create_ms).i64("updateTime", header.update_ms);
    object.str_if_some("createdBy", header.created_by.as_deref());
    object.str("status", header.status.text()).i64("endTime", header.end_ms);
    object.str("workflowId", &execution.id.to_string());
    if let Some(parent) = header.parent {
        object.str("parentWorkflowId", &parent.workflow.to_string());
        object.str("parentWorkflowTaskId", &parent.task.to_string());
    }
    let mut tasks = object.array("tasks");
    list(&mut tasks);
    tasks.end();
    object.raw("input", &masked(shown_input(execution), fields));
    object.raw("output", &masked(&execution.output, fields));
    object.str_if_some("correlationId", header.correlation_id.as_deref());
    if let Some(from) = header.rerun_from {
        object.str("reRunFromWorkflowId", &from.to_string());
    }
    object.str_if_some("reasonForIncompletion", header.reason.as_deref());
    object.str_if_some("idempotencyKey", header.idempotency_key.as_deref());
    object.str_if_some("event", header.event.as_deref());
    object.raw("taskToDomain", &header.task_to_domain);
    write_names(&mut object, "failedReferenceTaskNames", &header.failed_refs);
    write_names(&mut object, "failedTaskNames", &header.failed_names);
    object.raw("workflowDefinition", definition);
    object.str_if_some("externalInputPayloadStoragePath", header.input_path.as_deref());
    object
        .i64("priority", i64::from(header.priority))
        .raw("variables", &masked(&execution.variables, fields));
    object.i64("lastRetriedTime", header.last_retried_ms).raw("history", "[]");
    object.str_if_some("rateLimitKey", header.limit_key.as_deref()).bool("rateLimited", header.is_held);
    object.i64("startTime", header.create_ms).str("workflowName", &header.name);
    object.i64("workflowVersion", i64::from(header.version));
    object.end();
}

/// The input as it is shown: of one that lies outside only the path is (S-91.3).
pub(super) fn shown_input(execution: &Execution) -> &str {
    if execution.header.input_path.is_some() { "{}" } else { &execution.input }
}

fn write_names(object: &mut ObjectWriter<'_>, field: &str, names: &[Arc<str>]) {
    let mut list: ArrayWriter<'_> = object.array(field);
    for name in names {
        list.str(name);
    }
    list.end();
}

/// What the status summary carries besides the status.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusParts {
    /// The output map.
    pub output: bool,
    /// The variables map.
    pub variables: bool,
}

/// Appends the status summary.
pub fn write_status(live: &Live, parts: StatusParts, out: &mut String) {
    let execution = &live.execution;
    let mut object = ObjectWriter::begin(out);
    object.str("workflowId", &execution.id.to_string());
    object.str_if_some("correlationId", execution.header.correlation_id.as_deref().filter(|c| !c.is_empty()));
    if parts.output {
        object.raw("output", &masked(&execution.output, &live.graph.def.masked_fields));
    }
    if parts.variables {
        object.raw("variables", &masked(&execution.variables, &live.graph.def.masked_fields));
    }
    object.str("status", execution.header.status.text());
    object.end();
}
