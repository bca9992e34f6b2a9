//! DYNAMIC (S-21): the task to run is named by the input.
//!
//! Before `{"type": "DYNAMIC", "dynamicTaskNameParam": "which", "inputParameters": {"which": "ship"}}`, after a
//! SCHEDULED instance of task type `ship` under the same reference name, with retries, timeouts and limits of the
//! definition `ship` (S-21.4). `{"which": "HTTP", "uri": ...}` makes it a HTTP task.
//!
//! The choice is kept with the instance: its step with the chosen name and that name's definition. Where the instance
//! stands is still said by the step of the definition.

use super::{Behaviour, Mode, PLAIN, behaviour, is_system, unsupported};
use crate::graph::{Node, compile_step};
use crate::scope::InputScope;
use crate::step::Step;
use fastcond_json::{Raw, as_str, get, with_defaults};
use fastcond_model::{Task, TaskDef};
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

/// Types whose work stands in the definition, where a DYNAMIC has none of it.
const STRUCTURED: [&str; 9] = [
    "DECISION",
    "DO_WHILE",
    "DYNAMIC",
    "EXCLUSIVE_JOIN",
    "FORK",
    "FORK_JOIN",
    "FORK_JOIN_DYNAMIC",
    "JOIN",
    "SWITCH",
];

fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    task.input = step.resolve_input(node, task.no)?;
    choose(step, node, task)
}

/// Makes an instance one of the type that its input names.
pub fn choose(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let key = node.step.dynamic_task_name_param.as_deref().unwrap_or_default();
    let name = get(&task.input, key)
        .filter(|v| *v != "null")
        .map(|v| as_str(v).map_or_else(|| v.to_owned(), Into::into));
    let Some(name) = name.filter(|n| !n.is_empty()) else {
        return Err(format!(
            "Cannot map a dynamic task based on the parameter and input. Task: {}, parameter: {key}",
            node.name
        ));
    };
    let definition = definition(step, &name)?;
    let mut written = (*node.step).clone();
    written.name = Some(name.clone());
    written.task_definition = Some(Box::new(definition));
    let written = Raw::of_checked(serde_json::to_string(&written).map_err(|e| e.to_string())?);
    let chosen = chosen_node(&written).ok_or("the step of a dynamic task cannot be read back")?;
    if let Some(template) = &chosen.defaults {
        let scope = InputScope::new(step.live, step.given.defs, Some(task.no));
        let defaults = template.resolve_raw(&scope).map_err(|e| e.to_string())?;
        task.input = Raw::of_checked(with_defaults(&task.input, &defaults));
    }
    step.live.note_dynamic(task.no, Arc::new(chosen));
    task.chosen = Some(written);
    task.task_type = name.as_str().into();
    task.def_name = task.task_type.clone();
    Ok(())
}

/// The definition that the retries, timeouts and limits of a name follow (S-21.4 Do).
fn definition(step: &Step<'_, '_>, name: &str) -> Result<TaskDef, String> {
    if STRUCTURED.contains(&name) {
        return Err(format!("A dynamic task cannot be a {name}: what that does stands in the definition"));
    }
    if let Some(registered) = step.given.defs.task(name) {
        return Ok((*registered).clone());
    }
    if is_system(name) || unsupported::WORDS.contains(&name) {
        return Ok(TaskDef::ad_hoc(name, false));
    }
    Err(format!("Cannot map a dynamic task: there is no task definition of the name {name}"))
}

/// The step that an instance of a DYNAMIC runs, compiled from what is kept of the choice.
pub fn chosen_node(written: &Raw) -> Option<Node> {
    let step = serde_json::from_str(written).ok()?;
    let mut node = compile_step(&step, written.clone()).ok()?;
    if is_system(&node.name) || unsupported::WORDS.contains(&&*node.name) {
        node.behaviour = behaviour(&node.name);
        node.type_word = node.name.clone();
    }
    Some(node)
}
