//! TERMINATE (S-38): ends the workflow with a given status; see `step::ending`.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{Kind, ObjectWriter, Raw, as_str, get, kind};
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static TERMINATE: Behaviour = Behaviour { word: "TERMINATE", run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    let word = get(&input, "terminationStatus").and_then(as_str).unwrap_or_default();
    if !matches!(&*word, "COMPLETED" | "FAILED" | "TERMINATED") {
        // S-38.3
        let reason = Some("given termination status is not valid".to_owned());
        return step.settle(no, TaskStatus::Failed, reason);
    }
    let output = match get(&input, "workflowOutput") {
        None | Some("null") => Raw::empty_object(),
        Some(map) if kind(map) == Kind::Object => Raw::of_checked(map),
        Some(value) => {
            let mut out = String::new();
            let mut object = ObjectWriter::begin(&mut out);
            object.raw("output", value);
            object.end();
            Raw::of_checked(out)
        }
    };
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = output);
    step.settle(no, TaskStatus::Completed, None);
}
