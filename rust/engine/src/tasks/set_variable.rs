//! SET_VARIABLE (S-37): each input key becomes a workflow variable.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{Raw, merged};
use fastcond_model::{TaskNo, TaskStatus};
use std::sync::Arc;

/// The most all variables together may take (S-37.2).
const VARIABLES_BYTES_MAX: usize = 256 * 1024;

pub(super) static SET_VARIABLE: Behaviour = Behaviour { word: "SET_VARIABLE", run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let variables = merged(&step.live.execution.variables, &step.live.task(no).input);
    if variables.len() > VARIABLES_BYTES_MAX {
        let reason = format!(
            "The variables payload size: {} of workflow: {} is greater than the permissible limit: {VARIABLES_BYTES_MAX} bytes",
            variables.len(),
            step.live.execution.id
        );
        step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
        return;
    }
    step.set_variables(Raw::of_checked(variables));
    step.settle(no, TaskStatus::Completed, None);
}
