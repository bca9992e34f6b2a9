//! Restart (S-62): the same id and input, everything else from the beginning.

use super::start::first_steps;
use crate::command::Rejection;
use crate::graph::Graph;
use crate::step::Step;
use fastcond_json::Raw;
use fastcond_model::WorkflowStatus;
use std::sync::Arc;

/// Restarts a terminal execution on `graph`, or on its stored snapshot.
pub fn run(step: &mut Step<'_, '_>, graph: Option<Arc<Graph>>) -> Result<(), Rejection> {
    let execution = &step.live.execution;
    let (id, status) = (execution.id, execution.header.status);
    if !status.is_terminal() {
        return Err(Rejection::Conflict(format!(
            "Workflow: {id} is not in terminal state, unable to restart."
        )));
    }
    let def = &step.live.graph.def;
    if !def.restartable && status == WorkflowStatus::Completed {
        return Err(Rejection::Conflict(format!("Workflow: {id} is non-restartable")));
    }
    let input = execution.input.clone();
    if let Some(graph) = &graph {
        step.check_input_of(graph, &input)?;
    }
    if let Some(graph) = graph {
        step.keep_definition(graph.clone());
        let header = &mut step.live.execution.header;
        header.def = graph.id;
        header.version = graph.def.version;
        step.live.graph = graph;
    }
    step.clear_tasks();
    let now_ms = step.now();
    let header = &mut step.live.execution.header;
    header.status = WorkflowStatus::Running;
    header.create_ms = now_ms;
    header.end_ms = 0;
    header.is_held = false;
    header.last_retried_ms = 0;
    header.reason = None;
    header.failed_task = None;
    header.failed_refs.clear();
    header.failed_names.clear();
    step.touch_header();
    let variables = step.live.graph.def.variables.clone();
    step.set_variables(variables);
    step.set_output(Raw::empty_object());
    step.tell_parent_revived();
    first_steps(step);
    Ok(())
}
