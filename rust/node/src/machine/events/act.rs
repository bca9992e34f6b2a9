//! What an action of an event handler does (S-80.8 to S-80.10): one command on one execution.

use super::Delivery;
use super::payload::{PayloadScope, expanded};
use crate::machine::Machine;
use fastcond_engine::Command;
use fastcond_engine::command::{Report, Start};
use fastcond_expr::text_form;
use fastcond_json::{BYTES_MAX, Kind, ObjectWriter, Raw, elements, get, kind, members, merged};
use fastcond_model::def::{
    ActionKind, EventAction, StartAction, TaskAction, TerminateAction, VariablesAction,
};
use fastcond_model::request::domains;
use fastcond_model::{ResultStatus, TaskId, TaskNo, WorkflowId};
use std::sync::Arc;

/// Why an action without its field fails.
const NO_DETAILS: &str = "the action says nothing about what it is to do";

/// One action about one message.
pub struct Acting<'a> {
    /// What came.
    pub delivery: &'a Delivery,
    /// Name of the handler.
    pub handler: &'a str,
    /// Number of the action within it.
    pub number: usize,
}

/// The payload as an action sees it.
struct Seen {
    payload: Raw,
}

impl Seen {
    fn scope<'a>(&'a self, machine: &'a Machine) -> PayloadScope<'a> {
        PayloadScope { payload: &self.payload, environment: machine.registry.variables() }
    }
}

impl Acting<'_> {
    /// Does what the action says: its output, or why it failed for good. Nothing has changed when it failed.
    pub fn run(&self, machine: &mut Machine, action: &EventAction) -> Result<Raw, String> {
        let payload = &self.delivery.payload;
        let seen = Seen { payload: if action.expands_json { expanded(payload) } else { payload.clone() } };
        let missing = || NO_DETAILS.to_owned();
        match action.action.ok_or("the handler does not say which action it is")? {
            ActionKind::StartWorkflow => {
                self.start(machine, &seen, action.start_workflow.as_ref().ok_or_else(missing)?)
            }
            ActionKind::CompleteTask => {
                let wanted = action.complete_task.as_ref().ok_or_else(missing)?;
                self.end_task(machine, &seen, wanted, ResultStatus::Completed)
            }
            ActionKind::FailTask => {
                let wanted = action.fail_task.as_ref().ok_or_else(missing)?;
                self.end_task(machine, &seen, wanted, ResultStatus::Failed)
            }
            ActionKind::TerminateWorkflow => {
                terminate(machine, &seen, action.terminate_workflow.as_ref().ok_or_else(missing)?)
            }
            ActionKind::UpdateWorkflowVariables => {
                put_variables(machine, &seen, action.update_workflow_variables.as_ref().ok_or_else(missing)?)
            }
            ActionKind::StartAgent => {
                Err("start_agent belongs to the agent module, which is not here".to_owned())
            }
        }
    }

    /// The two keys that say what came, over what an action gives.
    fn with_event(&self, given: &Raw) -> Raw {
        let mut keys = String::new();
        let mut object = ObjectWriter::begin(&mut keys);
        object.str("conductor.event.messageId", &self.delivery.id);
        object.str("conductor.event.name", &self.delivery.event);
        object.end();
        Raw::of_checked(merged(given, &keys))
    }

    /// S-80.8.
    fn start(&self, machine: &mut Machine, seen: &Seen, wanted: &StartAction) -> Result<Raw, String> {
        let name = wanted.name.as_deref().unwrap_or_default();
        let Some(found) = machine.registry.registered(name, wanted.version) else {
            let shown = wanted.version.map_or_else(|| "latest".to_owned(), |v| v.to_string());
            return Err(format!("No such workflow found by name: {name}, version: {shown}"));
        };
        let graph = found?;
        let scope = seen.scope(machine);
        let input = self.with_event(&scope.resolve(&wanted.input)?);
        let correlation_id = scope.resolve_text(wanted.correlation_id.as_deref())?;
        let task_to_domain = if wanted.task_to_domain.is_empty() {
            let given = get(&seen.payload, "taskToDomain").filter(|map| kind(map) == Kind::Object);
            given.map_or_else(Raw::empty_object, Raw::of_checked)
        } else {
            domains(&wanted.task_to_domain)
        };
        let event: Arc<str> = self.delivery.event.clone();
        let derived = WorkflowId::of_event(self.handler, &event, &self.delivery.id, self.number);
        // The message was acted on before and is not remembered any more (S-80.6): it is a new one by now.
        let id = if machine.load(derived) { machine.new_id() } else { derived };
        let prepared = machine.prepare(Start {
            id,
            graph: graph.clone(),
            input,
            correlation_id: correlation_id.map(Into::into),
            priority: 0,
            task_to_domain,
            parent: None,
            event: Some(event),
            created_by: None,
            input_path: None,
            idempotency_key: None,
        });
        if prepared.is_to_be_refused() {
            return Err(format!(
                "Workflow {} is limited by its rateLimitConfig, and as many as may run do",
                graph.name
            ));
        }
        if machine.has_read_fault() {
            return Err("the archive cannot be read".to_owned());
        }
        let id = machine.make_true(prepared);
        Ok(Raw::of_checked(format!("{{\"workflowId\":\"{id}\"}}")))
    }

    /// S-80.9: a task that is not there makes the action no failure, one that is over makes it nothing at all.
    fn end_task(
        &self,
        machine: &mut Machine,
        seen: &Seen,
        wanted: &TaskAction,
        status: ResultStatus,
    ) -> Result<Raw, String> {
        let output = self.with_event(&seen.scope(machine).resolve(&fields(wanted))?);
        let text = |key: &str| {
            let value = get(&output, key).filter(|value| *value != "null");
            value.map(|value| text_form(value).into_owned()).unwrap_or_default()
        };
        let Some((workflow, no)) =
            find_task(machine, &text("workflowId"), &text("taskRefName"), &text("taskId"))
        else {
            let mut out = String::new();
            let mut object = ObjectWriter::begin(&mut out);
            object.str(
                "error",
                &format!(
                    "No task found with reference name: {}, task id: {}, workflow id: {}",
                    text("taskRefName"),
                    text("taskId"),
                    text("workflowId")
                ),
            );
            object.end();
            return Ok(Raw::of_checked(out));
        };
        let reason = Some(text("reasonForIncompletion")).filter(|reason| !reason.is_empty());
        let report = Report { reason, ..Report::of(no, status, output.clone()) };
        let done = machine.command(workflow, Command::Report(Box::new(report)));
        done.map(|_| output).map_err(|failure| failure.message)
    }
}

/// What a task action says, as one object: its output, and its own fields over it.
fn fields(wanted: &TaskAction) -> Raw {
    let mut own = String::new();
    let mut object = ObjectWriter::begin(&mut own);
    object.str_if_some("workflowId", wanted.workflow_id.as_deref());
    object.str_if_some("taskId", wanted.task_id.as_deref());
    object.str_if_some("taskRefName", wanted.task_ref_name.as_deref());
    object.str_if_some("reasonForIncompletion", wanted.reason_for_incompletion.as_deref());
    object.end();
    Raw::of_checked(merged(&wanted.output, &own))
}

/// The task an action is about: by its id, else the highest iteration of a reference name.
fn find_task(
    machine: &mut Machine,
    workflow: &str,
    reference: &str,
    task: &str,
) -> Option<(WorkflowId, TaskNo)> {
    if !task.is_empty() {
        return machine.owner_of(TaskId::parse(task)?);
    }
    let id = WorkflowId::parse(workflow)?;
    let tasks = &machine.find(id)?.execution.tasks;
    let named = tasks.iter().filter(|t| t.base_reference() == reference || &*t.reference == reference);
    named.max_by_key(|t| (t.iteration, t.seq)).map(|t| (id, t.no))
}

fn workflow_id(scope: &PayloadScope<'_>, written: Option<&str>) -> Result<WorkflowId, String> {
    let text = scope.resolve_text(written)?.unwrap_or_default();
    WorkflowId::parse(&text).ok_or_else(|| format!("No such workflow found by id: {text}"))
}

/// What is said about an execution that something was done to.
fn about(id: WorkflowId) -> Raw {
    Raw::of_checked(format!("{{\"workflowId\":\"{id}\"}}"))
}

fn terminate(machine: &mut Machine, seen: &Seen, wanted: &TerminateAction) -> Result<Raw, String> {
    let scope = seen.scope(machine);
    let id = workflow_id(&scope, wanted.workflow_id.as_deref())?;
    let reason = scope.resolve_text(wanted.termination_reason.as_deref())?;
    let done = machine
        .command(id, Command::Terminate { reason, is_from_parent: false, runs_failure_workflow: false });
    done.map(|_| about(id)).map_err(|failure| failure.message)
}

fn put_variables(machine: &mut Machine, seen: &Seen, wanted: &VariablesAction) -> Result<Raw, String> {
    let scope = seen.scope(machine);
    let id = workflow_id(&scope, wanted.workflow_id.as_deref())?;
    let mut variables = scope.resolve(&wanted.variables)?;
    if wanted.append_array == Some(true)
        && let Some(live) = machine.find(id)
    {
        variables = appended(&live.execution.variables, &variables);
    }
    if variables.len() > BYTES_MAX {
        return Err(format!(
            "variables: {} bytes are more than the {BYTES_MAX} of a payload",
            variables.len()
        ));
    }
    let done = machine.command(id, Command::PutVariables { variables });
    done.map(|_| about(id)).map_err(|failure| failure.message)
}

/// New values of variables: where there is a list already, it with the new items, or the new value, behind.
fn appended(known: &str, more: &str) -> Raw {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (key, value) in members(more) {
        let key = key.decoded();
        match get(known, &key).filter(|list| kind(list) == Kind::Array) {
            None => object.entry(&key, value),
            Some(list) => {
                let added = if kind(value) == Kind::Array { elements(value).collect() } else { vec![value] };
                let items: Vec<&str> = elements(list).chain(added).collect();
                object.entry(&key, &format!("[{}]", items.join(",")))
            }
        };
    }
    object.end();
    Raw::of_checked(out)
}

#[cfg(test)]
mod tests {
    use super::appended;

    #[test]
    fn lists_grow_and_everything_else_is_replaced_s_80_10() {
        let known = r#"{"a":[1],"b":2,"c":[]}"#;
        let more = r#"{"a":[2,3],"b":[4],"c":{"d":5},"e":[6]}"#;
        assert_eq!(&*appended(known, more), r#"{"a":[1,2,3],"b":[4],"c":[{"d":5}],"e":[6]}"#);
    }
}
