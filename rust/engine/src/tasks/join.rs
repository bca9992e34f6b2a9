//! JOIN (S-25): waits for the current instances of its names.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{ArrayWriter, ObjectWriter, Raw};
use fastcond_model::{Task, TaskNo};
use std::sync::Arc;

pub(super) static JOIN: Behaviour = Behaviour {
    word: "JOIN",
    is_named_by_type: true,
    mode: Mode::Waiting,
    is_never_retried: true,
    fill,
    run,
    is_sync: false,
    ..PLAIN
};

/// `joinOn` as written; a dynamic fork sets its own after making the join (S-24.12).
#[expect(clippy::unnecessary_wraps, reason = "the shape of every fill")]
pub(super) fn fill(_: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let mut list = object.array("joinOn");
    write_names(&mut list, node);
    list.end();
    object.end();
    task.input = Raw::of_checked(out);
    task.ready_ms = task.scheduled_ms;
    Ok(())
}

fn write_names(list: &mut ArrayWriter<'_>, node: &Node) {
    for name in &node.step.join_on {
        list.str(name);
    }
}

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    if step.live.join_pending(no) == Some(0) {
        step.enqueue(no);
    }
}
