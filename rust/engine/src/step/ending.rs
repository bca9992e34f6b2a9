//! How an execution ends: completion, failure, termination, and its output (S-7).

use super::Step;
use crate::scope::InputScope;
use crate::view;
use fastcond_expr::ExprError;
use fastcond_json::{ObjectWriter, Raw, as_str, get, merged};
use fastcond_model::{Message, Task, TaskChange, TaskNo, TaskStatus, WorkflowId, WorkflowStatus};
use std::sync::Arc;

/// Why an execution becomes terminal without completing.
pub struct Ending {
    /// Its new status.
    pub status: WorkflowStatus,
    /// `reasonForIncompletion`.
    pub reason: Option<String>,
    /// The task that caused it.
    pub task: Option<TaskNo>,
    /// Whether a configured failure workflow runs (S-7.9).
    pub runs_failure_workflow: bool,
}

impl Step<'_, '_> {
    /// Nothing is open: the execution is complete, unless permissive tasks failed (S-5.11, S-5.12).
    pub fn complete(&mut self) {
        if let Some(reason) = self.permissive_failures() {
            self.undo_turn();
            self.end(Ending {
                status: WorkflowStatus::Failed,
                reason: Some(reason),
                task: None,
                runs_failure_workflow: true,
            });
            return;
        }
        // S-3.5
        let reason = self.live.graph.first.is_none().then(|| "The definition has no tasks.".to_owned());
        self.close_completed(reason);
    }

    /// Completes the execution, unless its output cannot be taken: then it fails (S-91.2, S-92.6).
    fn close_completed(&mut self, reason: Option<String>) {
        self.close(WorkflowStatus::Completed, reason, None);
        if self.live.execution.header.status == WorkflowStatus::Failed {
            self.start_failure_workflow();
        }
    }

    /// S-4.15: a turn that ends the workflow as failed leaves what it looked at unmarked.
    fn undo_turn(&mut self) {
        for no in std::mem::take(&mut self.executed_now) {
            self.edit(no, TaskChange::default(), |t| t.is_executed = false);
            self.live.note_reopened(no);
        }
        for (no, status) in std::mem::take(&mut self.excused_now) {
            self.edit(no, TaskChange::default(), |t| t.status = status);
        }
    }

    fn permissive_failures(&self) -> Option<String> {
        if !self.live.graph.has_permissive {
            return None;
        }
        let failed: Vec<String> = self
            .live
            .execution
            .listed()
            .into_iter()
            .filter(|t| !t.is_retried && t.status.is_failure())
            .filter(|t| self.live.node_of(t).is_some_and(|n| n.step.permissive && !n.step.optional))
            .map(|t| {
                let reason = t.reason.as_deref().unwrap_or("null");
                format!("Task {} failed with status: {} and reason: '{reason}'", t.no_id(self.live), t.status)
            })
            .collect();
        (!failed.is_empty()).then(|| failed.join(". "))
    }

    /// A failed task that nothing excuses ends the execution (S-7.6).
    pub fn end_for_task(&mut self, no: TaskNo, status: WorkflowStatus) {
        let task = self.live.task(no);
        let reason = task.reason.as_deref().unwrap_or("null");
        let reason =
            format!("Task {} failed with status: {status} and reason: '{reason}'", task.no_id(self.live));
        self.end(Ending { status, reason: Some(reason), task: Some(no), runs_failure_workflow: true });
    }

    /// Ends the execution as a finished TERMINATE says (S-7.3).
    pub fn end_by_terminate(&mut self, no: TaskNo) {
        let task = self.live.task(no);
        let word = get(&task.input, "terminationStatus").and_then(as_str).unwrap_or_default();
        let status = WorkflowStatus::parse(&word).expect("a TERMINATE only completes with a known status");
        let given = get(&task.input, "terminationReason").filter(|r| *r != "null");
        let reason = given.map(|r| as_str(r).map_or_else(|| r.to_owned(), std::borrow::Cow::into_owned));
        let reason = reason
            .filter(|r| !r.is_empty())
            .unwrap_or_else(|| format!("Workflow is {status} by TERMINATE task: {}", task.no_id(self.live)));
        if status == WorkflowStatus::Completed {
            self.close_completed(Some(reason));
        } else {
            self.end(Ending { status, reason: Some(reason), task: Some(no), runs_failure_workflow: true });
        }
    }

    /// Ends the execution without success.
    pub fn end(&mut self, ending: Ending) {
        self.close(ending.status, ending.reason, ending.task);
        if ending.runs_failure_workflow {
            self.start_failure_workflow();
        }
    }

    /// Makes the execution terminal: output, failed names, open tasks cancelled, parent told.
    ///
    /// An output that is too large is dropped, and what would have completed fails; so it does when its output does not
    /// follow its schema (S-91.2, S-92.6).
    fn close(&mut self, mut status: WorkflowStatus, mut reason: Option<String>, task: Option<TaskNo>) {
        if status != WorkflowStatus::Completed {
            // S-7.8: the output of an execution that did not complete may name its status.
            self.live.execution.header.status = status;
        }
        let output = self.final_output().unwrap_or_else(|why| {
            if status == WorkflowStatus::Completed {
                (status, reason) = (WorkflowStatus::Failed, Some(why));
            }
            Raw::empty_object()
        });
        if status == WorkflowStatus::Completed
            && let Err(why) = self.check_workflow_output(&output)
        {
            (status, reason) = (WorkflowStatus::Failed, Some(why));
        }
        self.set_output(output);
        self.cancel_open_tasks(status, reason.as_deref());
        let is_failed =
            |t: &&Task| matches!(t.status, TaskStatus::Failed | TaskStatus::FailedWithTerminalError);
        let mut failed: Vec<&Task> = self.live.execution.tasks.iter().filter(is_failed).collect();
        failed.sort_unstable_by_key(|t| (t.seq, t.no));
        let failed: Vec<(Arc<str>, Arc<str>)> =
            failed.into_iter().map(|t| (t.reference.clone(), t.def_name.clone())).collect();
        let now_ms = self.now();
        let header = &mut self.live.execution.header;
        header.status = status;
        header.end_ms = now_ms;
        header.is_continuing = false;
        header.is_held = false;
        header.reason = reason.map(Into::into);
        header.failed_task = header.failed_task.or(task);
        for (reference, name) in failed {
            if !header.failed_refs.contains(&reference) {
                header.failed_refs.push(reference);
            }
            if !header.failed_names.contains(&name) {
                header.failed_names.push(name);
            }
        }
        // S-82.1: nobody pulls from an execution that has ended.
        self.take_mail(usize::MAX);
        self.touch_header();
        self.live.work.clear();
        self.note_ended();
        self.tell_parent();
    }

    /// Output at the end (S-7.12); the error says why it is too large to be kept (S-91.2).
    fn final_output(&self) -> Result<Raw, String> {
        let execution = &self.live.execution;
        let terminate = execution
            .tasks
            .iter()
            .filter(|t| t.status == TaskStatus::Completed && &*t.task_type == "TERMINATE")
            .min_by_key(|t| (t.seq, t.no));
        let output = if let Some(task) = terminate {
            task.output.clone()
        } else if let Some(template) = &self.live.graph.output {
            let scope = InputScope::new(self.live, self.given.defs, None);
            match template.resolve_raw(&scope) {
                Ok(output) => output,
                Err(ExprError::OutputTooLarge) => return Err(ExprError::OutputTooLarge.to_string()),
                Err(error) => Raw::of_checked(note("conductor.output_error", &error.to_string())),
            }
        } else {
            let last = execution.tasks.iter().max_by_key(|t| (t.seq, t.no));
            last.map_or_else(|| execution.output.clone(), |t| self.output_before(t.no))
        };
        super::too_large_output(&output).map_or(Ok(output), Err)
    }

    /// Output of an instance; a join or loop in progress gains nothing from the turn that ends the execution.
    fn output_before(&self, no: TaskNo) -> Raw {
        super::joins::seen_output(self.live, self.live.task(no))
    }

    /// Cancels what is not over (S-7.16); children are told (S-30.11).
    fn cancel_open_tasks(&mut self, status: WorkflowStatus, reason: Option<&str>) {
        let open: Vec<TaskNo> =
            self.live.execution.tasks.iter().filter(|t| !t.status.is_terminal()).map(|t| t.no).collect();
        for no in open {
            let shown = self.output_before(no);
            if shown != self.live.task(no).output {
                self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = shown);
            }
            let why = reason.unwrap_or_default();
            self.tell_child(
                no,
                &format!("Parent workflow has been terminated with status {status}, reason: {why}"),
            );
            self.live.join_over(no);
            self.settle(no, TaskStatus::Canceled, None);
        }
    }

    /// Ends the child of a SUB_WORKFLOW instance that is being given up (S-30.11).
    pub fn tell_child(&mut self, no: TaskNo, reason: &str) {
        let task = self.live.task(no);
        if let Some(child) = task.subworkflow.filter(|_| &*task.task_type == "SUB_WORKFLOW") {
            self.send(Message::Cancel { child, reason: super::cut_reason(reason).into() });
        }
    }

    /// Tells the parent that this child runs again (S-61.9).
    pub fn tell_parent_revived(&mut self) {
        if let Some(parent) = self.live.execution.header.parent {
            self.send(Message::Revived { parent: parent.workflow, task: parent.task });
        }
    }

    /// Tells the parent's task (S-30.9, S-30.13).
    pub fn tell_parent(&mut self) {
        let execution = &self.live.execution;
        let header = &execution.header;
        let Some(parent) = header.parent else { return };
        let reason = (header.status != WorkflowStatus::Completed).then(|| {
            let why = header.reason.as_deref().unwrap_or("null");
            let text = format!(
                "Sub workflow {}.{}/{} failure reason: {why}",
                header.name, header.version, execution.id
            );
            Arc::from(super::cut_reason(&text))
        });
        let (status, output) = (header.status, execution.output.clone());
        self.send(Message::Ended { parent: parent.workflow, task: parent.task, status, output, reason });
    }

    /// Starts the failure workflow, or notes why it did not start (S-7.9 to S-7.11).
    fn start_failure_workflow(&mut self) {
        let Some(written) = self.live.graph.def.failure_workflow.clone() else { return };
        if written.trim().is_empty() {
            return;
        }
        let version = self.live.graph.def.failure_workflow_version;
        let started = match self.failure_name(&written) {
            Some(name) => match self.given.defs.workflow(&name, version) {
                Some(graph) => Ok(graph),
                None => Err(format!("No such workflow definition for failure workflow: {name}")),
            },
            None => Err(format!("Failure workflow name could not be resolved: {written}")),
        };
        let told = match started {
            Ok(graph) => self.send_failure_start(graph).to_string(),
            Err(why) => why,
        };
        let extra = note("conductor.failure_workflow", &told);
        let output = merged(&self.live.execution.output, &extra);
        self.set_output(Raw::of_checked(output));
    }

    /// The name as written, or `$workflow.input.x`, or any one `${...}` (S-7.11 Do).
    fn failure_name(&self, written: &str) -> Option<String> {
        let expression = match written.strip_prefix("$workflow.") {
            Some(rest) => format!("${{workflow.{rest}}}"),
            None => written.to_owned(),
        };
        if !expression.contains("${") {
            return Some(expression);
        }
        let scope = InputScope::new(self.live, self.given.defs, None);
        let value = fastcond_expr::Template::of_string(&expression).resolve_raw(&scope).ok()?;
        as_str(&value).map(std::borrow::Cow::into_owned).filter(|name| !name.is_empty())
    }

    fn send_failure_start(&mut self, graph: Arc<crate::graph::Graph>) -> WorkflowId {
        let execution = &self.live.execution;
        let header = &execution.header;
        let id = WorkflowId::of_act("failure", execution.id, execution.revision + 1);
        let mut extra = String::new();
        let mut object = ObjectWriter::begin(&mut extra);
        object.str("workflowId", &execution.id.to_string());
        object.str("reason", header.reason.as_deref().unwrap_or_default());
        object.str("failureStatus", header.status.text());
        if let Some(no) = header.failed_task {
            object.str("failureTaskId", &execution.id.task(no).to_string());
        }
        view::workflow::write_openly(
            self.live,
            object.field("failedWorkflow"),
            view::workflow::Include::Tasks,
        );
        object.end();
        let input = Raw::of_checked(merged(&execution.input, &extra));
        let message = Message::Start {
            id,
            task: None,
            def: graph.id,
            input,
            correlation_id: header.correlation_id.clone(),
            task_to_domain: header.task_to_domain.clone(),
            priority: 0,
        };
        self.keep_definition(graph);
        self.send(message);
        id
    }
}

/// A map with one text in it.
fn note(key: &str, text: &str) -> String {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str(key, text);
    object.end();
    out
}

/// Ids of instances as text.
pub trait NoId {
    /// The id of this instance.
    fn no_id(&self, live: &crate::live::Live) -> fastcond_model::TaskId;
}

impl NoId for Task {
    fn no_id(&self, live: &crate::live::Live) -> fastcond_model::TaskId {
        live.execution.id.task(self.no)
    }
}
