//! Types that a definition may name but that this version does not run: they fail with one clear line.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_model::{TaskNo, TaskStatus};
use std::sync::Arc;

fn refuse(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let reason = format!("task type {} is not supported by this version of fastcond", node.type_word);
    step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
}

const REFUSED: Behaviour = Behaviour { run: refuse, ..PLAIN };

pub(super) static KAFKA_PUBLISH: Behaviour = Behaviour { word: "KAFKA_PUBLISH", ..REFUSED };
pub(super) static PULL_WORKFLOW_MESSAGES: Behaviour = Behaviour { word: "PULL_WORKFLOW_MESSAGES", ..REFUSED };
pub(super) static JDBC: Behaviour = Behaviour { word: "JDBC", ..REFUSED };
