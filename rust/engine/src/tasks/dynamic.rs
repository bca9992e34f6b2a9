//! DYNAMIC (S-21): the task to run is named by the input.
//!
//! Before `{"type": "DYNAMIC", "dynamicTaskNameParam": "which", "inputParameters": {"which": "ship"}}`, after a
//! SCHEDULED instance of task type `ship` under the same reference name. Names of system types are not run here yet.

use super::{Behaviour, Mode, PLAIN, is_system};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{as_str, get};
use fastcond_model::Task;
use std::sync::Arc;

pub(super) static DYNAMIC: Behaviour = Behaviour {
    word: "DYNAMIC",
    mode: Mode::Worker,
    takes_template: true,
    has_response_timeout: true,
    fill,
    is_sync: false,
    ..PLAIN
};

fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let input = step.resolve_input(node, task.no)?;
    let key = node.step.dynamic_task_name_param.as_deref().unwrap_or_default();
    let name =
        get(&input, key).filter(|v| *v != "null").map(|v| as_str(v).map_or_else(|| v.to_owned(), Into::into));
    task.input = input;
    let Some(name) = name.filter(|n| !n.is_empty()) else {
        return Err(format!(
            "Cannot map a dynamic task based on the parameter and input. Task: {}, parameter: {key}",
            node.name
        ));
    };
    if is_system(&name) {
        return Err(format!("dynamic task {name} is a system type, which DYNAMIC does not run yet"));
    }
    task.task_type = name.as_str().into();
    task.def_name = task.task_type.clone();
    Ok(())
}
