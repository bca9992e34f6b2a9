//! SIMPLE and user-defined types (S-20, S-6.11): queued for workers outside.
//!
//! Before `{"name": "charge", "taskReferenceName": "c", "type": "SIMPLE"}`, after a SCHEDULED instance of task type
//! `charge` in the queue `charge`.

use super::{Behaviour, Mode, PLAIN, fill_resolved};
use crate::graph::Node;
use crate::step::Step;
use fastcond_model::Task;
use std::sync::Arc;

pub(super) static SIMPLE: Behaviour = Behaviour {
    word: "SIMPLE",
    mode: Mode::Worker,
    takes_template: true,
    has_response_timeout: true,
    is_sync: false,
    ..PLAIN
};

/// Any word the engine does not know: the queue is named by the word.
pub(super) static USER_DEFINED: Behaviour = Behaviour {
    word: "USER_DEFINED",
    mode: Mode::Worker,
    takes_template: true,
    fill,
    has_response_timeout: true,
    is_sync: false,
    ..PLAIN
};

/// A type the engine does not know needs a task definition; in a registered workflow every step has one (S-6.11).
fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    if node.step.task_definition.is_none() {
        return Err(format!(
            "Invalid task. Task {} of unknown type {} has no definition",
            node.name, node.type_word
        ));
    }
    fill_resolved(step, node, task)
}
