//! SUB_WORKFLOW (S-30): starts a child with a fixed id and waits for its end.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::{Graph, Node};
use crate::scope::InputScope;
use crate::step::Step;
use fastcond_json::{Kind, ObjectWriter, Raw, as_i64, as_str, get, kind, merged};
use fastcond_model::{
    InlineDefinition, Message, Task, TaskChange, TaskNo, TaskStatus, WorkflowDef, WorkflowId,
};
use std::sync::Arc;

pub(super) static SUB_WORKFLOW: Behaviour = Behaviour {
    word: "SUB_WORKFLOW",
    is_named_by_type: false,
    mode: Mode::Waiting,
    fill,
    run,
    is_sync: false,
    ..PLAIN
};

/// The stored input of S-30.3.
fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let Some(param) = node.step.sub_workflow_param.as_deref() else {
        return Err(format!(
            "Task {} is defined as sub-workflow and is missing subWorkflowParams",
            node.name
        ));
    };
    let workflow_input = step.resolve_input(node, task.no)?;
    let scope = InputScope::new(step.live, step.given.defs, Some(task.no));
    let resolved = |written: &str| crate::scope::resolve(&scope, written);
    let resolved_text = |written: &Option<String>| match written {
        Some(text) => resolved(&Raw::string(text)),
        None => Ok(Raw::null()),
    };
    let resolved_raw =
        |written: &Option<Raw>| written.as_ref().map_or_else(|| Ok(Raw::null()), |w| resolved(w));
    let definition = match &param.workflow_definition {
        None => Raw::null(),
        Some(InlineDefinition::Reference(text)) => resolved(&Raw::string(text))?,
        Some(InlineDefinition::Object(def)) => {
            Raw::of_checked(serde_json::to_string(def).map_err(|e| e.to_string())?)
        }
    };
    let name = resolved_text(&param.name)?;
    // Of a definition that is given the version is not kept, as the original does.
    let mut version = if definition.is_null() { resolved_raw(&param.version)? } else { Raw::null() };
    if definition.is_null() && (version.is_null() || &*version == "0" || &*version == "\"0\"") {
        // S-30.2: no version is the latest now.
        let text = as_str(&name).unwrap_or_default();
        let latest = step.given.defs.latest_version(&text);
        let latest =
            latest.ok_or_else(|| format!("No such workflow found by name: {text}, version: latest"))?;
        version = Raw::from(i64::from(latest));
    }
    let strategy = param.idempotency_strategy.map_or_else(Raw::null, |s| Raw::string(s.text()));
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.raw("subWorkflowName", &name);
    object.raw("subWorkflowVersion", &version);
    object.raw("subWorkflowTaskToDomain", &resolved_raw(&param.task_to_domain)?);
    object.raw("subWorkflowDefinition", &definition);
    object.raw("priority", &resolved_raw(&param.priority)?);
    object.raw("idempotencyKey", &resolved_text(&param.idempotency_key)?);
    object.raw("idempotencyStrategy", &strategy);
    object.raw("workflowInput", &workflow_input);
    object.end();
    task.input = Raw::of_checked(out);
    Ok(())
}

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    match child_graph(step, &input) {
        Ok((graph, is_inline)) => start_child(step, no, &input, graph, is_inline),
        Err(reason) => step.settle(no, TaskStatus::Failed, Some(reason)),
    }
}

/// The child's snapshot (S-30.2, S-30.4).
fn child_graph(step: &Step<'_, '_>, input: &str) -> Result<(Arc<Graph>, bool), String> {
    let definition = get(input, "subWorkflowDefinition").filter(|d| *d != "null");
    if let Some(text) = definition {
        if kind(text) != Kind::Object {
            return Err("subWorkflowDefinition is not a workflow definition".to_owned());
        }
        let def: WorkflowDef =
            serde_json::from_str(text).map_err(|e| format!("subWorkflowDefinition: {e}"))?;
        return step.given.defs.inline(&def).map(|graph| (graph, true));
    }
    let name = get(input, "subWorkflowName").and_then(as_str).unwrap_or_default();
    let written = get(input, "subWorkflowVersion").filter(|v| *v != "null");
    let version = match written {
        None => None,
        Some(v) => {
            let number = as_i64(v).or_else(|| as_str(v).and_then(|t| t.trim().parse().ok()));
            let number = number.and_then(|n| i32::try_from(n).ok());
            Some(number.ok_or_else(|| format!("sub-workflow version {v} is not a number"))?)
        }
    };
    let version = version.filter(|v| *v != 0);
    let found = step.given.defs.workflow(&name, version);
    let shown = version.map_or_else(|| "latest".to_owned(), |v| v.to_string());
    found
        .map(|graph| (graph, false))
        .ok_or_else(|| format!("No such workflow found by name: {name}, version: {shown}"))
}

fn start_child(step: &mut Step<'_, '_>, no: TaskNo, input: &str, graph: Arc<Graph>, is_inline: bool) {
    let owner = step.live.execution.id;
    let task = step.live.task(no);
    let child = match task.subworkflow {
        None => WorkflowId::of_child(owner, owner.task(no), task.retry_count),
        // The attempt had a child before it was rerun (S-63.4).
        Some(before) => WorkflowId::of_act("rerun", before, 0),
    };
    let mut child_input = get(input, "workflowInput").map_or_else(Raw::empty_object, Raw::of_checked);
    if is_inline {
        child_input = Raw::of_checked(merged(&child_input, r#"{"_systemMetadata":{"dynamic":true}}"#));
    }
    let header = &step.live.execution.header;
    let domains = get(input, "subWorkflowTaskToDomain").filter(|d| kind(d) == Kind::Object);
    let priority = get(input, "priority").and_then(|p| as_i64(p).or_else(|| as_str(p)?.trim().parse().ok()));
    let priority =
        priority.and_then(|p| u8::try_from(p).ok()).filter(|p| *p <= 99).unwrap_or(header.priority);
    let message = Message::Start {
        id: child,
        task: Some(no),
        def: graph.id,
        input: child_input,
        correlation_id: header.correlation_id.clone(),
        task_to_domain: domains.map_or_else(|| header.task_to_domain.clone(), Raw::of_checked),
        priority,
    };
    step.keep_definition(graph);
    step.send(message);
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| {
        t.subworkflow = Some(child);
        t.output = Raw::of_checked(format!("{{\"subWorkflowId\":\"{child}\"}}"));
    });
}
