//! FORK_JOIN (S-22): completes at once, making the first task of each branch and the JOIN that follows.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::Node;
use crate::live::Place;
use crate::step::Step;
use fastcond_model::{TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static FORK_JOIN: Behaviour = Behaviour {
    word: "FORK_JOIN",
    runs_as: Some("FORK"),
    is_named_by_type: true,
    mode: Mode::Mapped,
    is_never_retried: true,
    run,
    ..PLAIN
};

fn run(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let Some(join) = node.join else {
        let reason = format!("There is no JOIN task following the FORK_JOIN task {}", node.reference);
        step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
        return;
    };
    let place = Place::of(step.live.task(no));
    step.settle(no, TaskStatus::Completed, None);
    for first in node.branches.iter().flatten() {
        if step.unskipped(*first, place).is_some_and(|next| next != join) {
            step.schedule(*first, place);
        }
    }
    if !step.is_skipped(join, place) {
        step.schedule(join, place);
    }
}
