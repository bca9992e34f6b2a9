//! `WorkflowRun` and `TaskRun`: what synchronous executions and signals answer (data-model, sync and signal responses).

use super::masking::masked;
use super::task::{self, Shown};
use super::workflow::shown_input;
use crate::live::Live;
use fastcond_json::ObjectWriter;
use fastcond_model::{Task, WorkflowId, WorkflowStatus};

/// What an answer says about the request it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The return strategy as written.
    pub strategy: &'static str,
    /// The workflow that the request named.
    pub target: WorkflowId,
    /// How that stands.
    pub target_status: WorkflowStatus,
    /// The client's own id of the request.
    pub request_id: &'a str,
    /// The time was over first.
    pub is_late: bool,
}

fn write_common(object: &mut ObjectWriter<'_>, live: &Live, asked: &Asked<'_>) {
    object
        .str("responseType", asked.strategy)
        .str("targetWorkflowId", &asked.target.to_string())
        .str("targetWorkflowStatus", asked.target_status.text())
        .str("requestId", asked.request_id)
        .str("workflowId", &live.execution.id.to_string());
    object.str_if_some("correlationId", live.execution.header.correlation_id.as_deref());
    object.bool("signalTimeout", asked.is_late);
    object.i64("priority", i64::from(live.execution.header.priority));
}

/// Appends an execution as `WorkflowRun`.
pub fn write_workflow(live: &Live, asked: &Asked<'_>, out: &mut String) {
    let execution = &live.execution;
    let header = &execution.header;
    let mut object = ObjectWriter::begin(out);
    write_common(&mut object, live, asked);
    let fields = &live.graph.def.masked_fields;
    object
        .raw("input", &masked(shown_input(execution), fields))
        .raw("output", &masked(&execution.output, fields));
    object.raw("variables", &masked(&execution.variables, fields));
    let mut tasks = object.array("tasks");
    for item in execution.listed() {
        task::write(
            live,
            item,
            Shown { now_ms: header.update_ms, for_worker: None, hides: true },
            tasks.element(),
        );
    }
    tasks.end();
    object.str_if_some("createdBy", header.created_by.as_deref());
    object.i64("createTime", header.create_ms).i64("updateTime", header.update_ms);
    object.str("status", header.status.text());
    object.end();
}

/// Appends one task as `TaskRun`.
pub fn write_task(live: &Live, task: &Task, asked: &Asked<'_>, out: &mut String) {
    let execution = &live.execution;
    let mut object = ObjectWriter::begin(out);
    write_common(&mut object, live, asked);
    let fields = &live.graph.def.masked_fields;
    object.raw("input", &masked(&task.input, fields));
    object.raw("output", &masked(&task::output(live, task), fields));
    object.str("taskType", &task.task_type).str("taskId", &execution.id.task(task.no).to_string());
    object.str("referenceTaskName", &task.reference).str("taskDefName", &task.def_name);
    if let Some(old) = task.retried_of {
        object.str("retriedTaskId", &execution.id.task(old).to_string());
    }
    object.str("workflowType", &execution.header.name);
    object.str_if_some("reasonForIncompletion", task.reason.as_deref());
    object.i64("retryCount", i64::from(task.retry_count));
    object.str_if_some("createdBy", task.worker.as_deref());
    object.i64("createTime", task.start_ms).i64("updateTime", task.update_ms);
    object.str("status", task.status.text());
    object.end();
}
