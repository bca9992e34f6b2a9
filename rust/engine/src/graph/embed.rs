//! Making the snapshot that an execution runs on: task definitions embedded, sub-workflow versions pinned.

use crate::graph::Graph;
use fastcond_json::Raw;
use fastcond_model::{InlineDefinition, TaskDef, WorkflowDef, WorkflowTask};
use std::sync::Arc;

/// The registry as a command may look at it.
pub trait Definitions {
    /// The compiled snapshot of a registered workflow; no version means the highest (S-2.1).
    fn workflow(&self, name: &str, version: Option<i32>) -> Option<Arc<Graph>>;
    /// Compiles (or finds) the snapshot of a definition given in place (S-2.2).
    fn inline(&self, def: &WorkflowDef) -> Result<Arc<Graph>, String>;
    /// The snapshot of a stored id.
    fn stored(&self, id: fastcond_model::DefId) -> Option<Arc<Graph>>;
    /// A registered task definition.
    fn task(&self, name: &str) -> Option<Arc<TaskDef>>;
    /// The highest registered version of a workflow.
    fn latest_version(&self, name: &str) -> Option<i32>;
    /// Whether a worker polled this type and domain within the last ten seconds (S-50.6).
    fn is_polled(&self, task_type: &str, domain: &str, now_ms: i64) -> bool;
    /// Whether one more execution of a limit key may run (S-53.5).
    fn has_room(&self, workflow: &str, key: &str, limit: usize) -> bool;
    /// Whether some handler waits for an event of that name (S-80.4).
    fn is_heard(&self, event: &str) -> bool;
    /// An allow-listed environment entry (S-8.8).
    fn environment(&self, name: &str) -> Option<String>;
    /// A payload with its references to secrets filled in, when it has any (S-8.20).
    fn with_secrets(&self, payload: &str) -> Option<String>;
}

/// Embeds task definitions and pins sub-workflow versions, in every step of the tree (S-2.4, S-2.9).
///
/// The error is the name of a sub-workflow that is not registered.
pub fn embed(
    def: &mut WorkflowDef,
    task: &mut dyn FnMut(&str) -> Option<TaskDef>,
    latest: &mut dyn FnMut(&str) -> Option<i32>,
) -> Result<(), String> {
    let mut stack: Vec<&mut WorkflowTask> = def.tasks.iter_mut().collect();
    while let Some(step) = stack.pop() {
        if let Some(word) = step.workflow_task_type.take() {
            step.task_type = Some(word);
        }
        if step.task_definition.is_none() && !step.name().trim().is_empty() {
            let name = step.name().to_owned();
            let is_simple = step.kind() == "SIMPLE";
            let found = task(&name).unwrap_or_else(|| TaskDef::ad_hoc(&name, is_simple));
            step.task_definition = Some(Box::new(found));
        }
        pin(step, latest)?;
        stack.extend(step.children_mut().flatten());
    }
    Ok(())
}

fn pin(step: &mut WorkflowTask, latest: &mut dyn FnMut(&str) -> Option<i32>) -> Result<(), String> {
    if step.kind() != "SUB_WORKFLOW" {
        return Ok(());
    }
    let Some(param) = step.sub_workflow_param.as_deref_mut() else { return Ok(()) };
    if let Some(InlineDefinition::Object(inline)) = &param.workflow_definition {
        param.name.clone_from(&inline.name);
        param.version = Some(Raw::from(i64::from(inline.version)));
        return Ok(());
    }
    let is_given = param.version.as_ref().is_some_and(|v| !v.is_null());
    let name = param.name.clone().unwrap_or_default();
    if is_given || param.workflow_definition.is_some() || name.contains("${") {
        return Ok(());
    }
    let version = latest(&name).ok_or(name)?;
    param.version = Some(Raw::from(i64::from(version)));
    Ok(())
}
