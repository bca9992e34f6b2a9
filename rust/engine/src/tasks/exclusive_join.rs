//! EXCLUSIVE_JOIN (S-26): takes the first of its names that has an instance.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{ObjectWriter, Raw};
use fastcond_model::Task;
use std::sync::Arc;

pub(super) static EXCLUSIVE_JOIN: Behaviour = Behaviour {
    word: "EXCLUSIVE_JOIN",
    is_named_by_type: true,
    is_never_retried: true,
    fill,
    run: |step, no, node| step.try_exclusive_join(no, node),
    ..PLAIN
};

#[expect(clippy::unnecessary_wraps, reason = "the shape of every fill")]
fn fill(_: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let mut list = object.array("joinOn");
    for name in &node.step.join_on {
        list.str(name);
    }
    list.end();
    // The original writes the list even when it is empty.
    let mut list = object.array("defaultExclusiveJoinTask");
    for name in &node.step.default_exclusive_join_task {
        list.str(name);
    }
    list.end();
    object.end();
    task.input = Raw::of_checked(out);
    Ok(())
}
