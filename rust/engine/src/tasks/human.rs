//! HUMAN (S-33): in progress until somebody reports.

use super::{Behaviour, Mode, PLAIN, fill_resolved};
use crate::graph::Node;
use crate::step::Step;
use fastcond_model::Task;
use std::sync::Arc;

pub(super) static HUMAN: Behaviour = Behaviour { word: "HUMAN", mode: Mode::Waiting, fill, ..PLAIN };

fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    if task.retry_count == 0 {
        task.ready_ms = task.scheduled_ms;
    }
    fill_resolved(step, node, task)
}
