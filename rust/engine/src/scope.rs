//! What expressions see (S-8.7, S-8.11, S-8.12): the workflow, and the newest instance of each reference name.

use crate::graph::Definitions;
use crate::live::Live;
use crate::step::joins::seen_output;
use fastcond_expr::Scope;
use fastcond_json::{ObjectWriter, Raw, push_string};
use fastcond_model::{Task, TaskNo};
use std::borrow::Cow;

/// The context of one resolution.
pub struct InputScope<'a> {
    live: &'a Live,
    defs: &'a dyn Definitions,
    task: Option<TaskNo>,
}

const WORKFLOW_FIELDS: [&str; 12] = [
    "input",
    "output",
    "status",
    "workflowId",
    "parentWorkflowId",
    "parentWorkflowTaskId",
    "workflowType",
    "version",
    "correlationId",
    "reasonForIncompletion",
    "schemaVersion",
    "variables",
];

const TASK_FIELDS: [&str; 19] = [
    "input",
    "output",
    "taskType",
    "status",
    "referenceTaskName",
    "retryCount",
    "correlationId",
    "pollCount",
    "taskDefName",
    "scheduledTime",
    "startTime",
    "endTime",
    "workflowInstanceId",
    "taskId",
    "reasonForIncompletion",
    "callbackAfterSeconds",
    "workerId",
    "iteration",
    "subWorkflowId",
];

fn text(value: &str) -> Cow<'static, str> {
    let mut out = String::with_capacity(value.len() + 2);
    push_string(&mut out, value);
    Cow::Owned(out)
}

fn text_or_null(value: Option<&str>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed("null"), text)
}

fn number(value: i64) -> Cow<'static, str> {
    Cow::Owned(value.to_string())
}

impl<'a> InputScope<'a> {
    /// The context of an execution; `task` is the one whose inputs are being resolved.
    pub fn new(live: &'a Live, defs: &'a dyn Definitions, task: Option<TaskNo>) -> Self {
        Self { live, defs, task }
    }

    fn workflow_field(&self, field: &str) -> Option<Cow<'_, str>> {
        let execution = &self.live.execution;
        let header = &execution.header;
        Some(match field {
            "input" => Cow::Borrowed(&*execution.input),
            "output" => Cow::Borrowed(&*execution.output),
            "variables" => Cow::Borrowed(&*execution.variables),
            "status" => text(header.status.text()),
            "workflowId" => text(&execution.id.to_string()),
            "parentWorkflowId" => text_or_null(header.parent.map(|p| p.workflow.to_string()).as_deref()),
            "parentWorkflowTaskId" => text_or_null(header.parent.map(|p| p.task.to_string()).as_deref()),
            "workflowType" => text(&header.name),
            "version" => number(i64::from(header.version)),
            "correlationId" => text_or_null(header.correlation_id.as_deref()),
            "reasonForIncompletion" => text_or_null(header.reason.as_deref()),
            "schemaVersion" => number(i64::from(self.live.graph.def.schema_version)),
            _ => return None,
        })
    }

    fn find(&self, root: &str) -> Option<&Task> {
        self.live.seen(root)
    }

    fn task_field<'t>(&'t self, task: &'t Task, field: &str) -> Option<Cow<'t, str>> {
        let execution = &self.live.execution;
        Some(match field {
            "input" => Cow::Borrowed(&*task.input),
            "output" if task.status.is_terminal() => Cow::Borrowed(&*task.output),
            "output" => Cow::Owned(seen_output(self.live, task).to_string()),
            "taskType" => text(&task.task_type),
            "status" => text(task.status.text()),
            "referenceTaskName" => text(&task.reference),
            "retryCount" => number(i64::from(task.retry_count)),
            "correlationId" => text_or_null(execution.header.correlation_id.as_deref()),
            "pollCount" => number(i64::from(task.poll_count)),
            "taskDefName" => text(&task.def_name),
            "scheduledTime" => number(task.scheduled_ms),
            "startTime" => number(task.start_ms),
            "endTime" => number(task.end_ms),
            "workflowInstanceId" => text(&execution.id.to_string()),
            "taskId" => text(&execution.id.task(task.no).to_string()),
            "reasonForIncompletion" => text_or_null(task.reason.as_deref()),
            "callbackAfterSeconds" => number(task.callback_after_s),
            "workerId" => text_or_null(task.worker.as_deref()),
            "iteration" => number(i64::from(task.iteration)),
            "subWorkflowId" => text_or_null(task.subworkflow.map(|id| id.to_string()).as_deref()),
            _ => return None,
        })
    }

    fn whole(fields: &[&str], mut read: impl FnMut(&str) -> Option<String>) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::begin(&mut out);
        for field in fields {
            if let Some(value) = read(field) {
                object.raw(field, &value);
            }
        }
        object.end();
        out
    }

    fn whole_root(&self, root: &str) -> Option<String> {
        if root == "workflow" {
            return Some(Self::whole(&WORKFLOW_FIELDS, |f| self.workflow_field(f).map(Cow::into_owned)));
        }
        let task = self.find(root)?;
        Some(Self::whole(&TASK_FIELDS, |f| self.task_field(task, f).map(Cow::into_owned)))
    }
}

impl Scope for InputScope<'_> {
    fn field(&self, root: &str, field: &str) -> Option<Cow<'_, str>> {
        if root == "workflow" {
            return self.workflow_field(field);
        }
        let task = self.find(root)?;
        self.task_field(task, field)
    }

    fn root(&self, root: &str) -> Option<Cow<'_, str>> {
        self.whole_root(root).map(Cow::Owned)
    }

    fn all(&self) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::begin(&mut out);
        let named = self.live.execution.tasks.iter().map(Task::base_reference);
        let mut roots: Vec<&str> = std::iter::once("workflow").chain(named).collect();
        roots.sort_unstable();
        roots.dedup();
        for root in roots {
            if let Some(value) = self.whole_root(root) {
                object.entry(root, &value);
            }
        }
        object.end();
        out
    }

    fn env(&self, name: &str) -> Option<String> {
        self.defs.environment(name)
    }

    fn task_id(&self) -> Option<String> {
        self.task.map(|no| self.live.execution.id.task(no).to_string())
    }
}

/// A whole JSON value resolved in the context of an execution.
pub fn resolve(scope: &InputScope<'_>, written: &str) -> Result<Raw, String> {
    fastcond_expr::Template::compile(written).resolve_raw(scope).map_err(|e| e.to_string())
}
