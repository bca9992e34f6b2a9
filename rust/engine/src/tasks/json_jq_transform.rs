//! `JSON_JQ_TRANSFORM` (S-39): a jq filter over the whole input.
//!
//! Before `{"type": "JSON_JQ_TRANSFORM", "inputParameters": {"queryExpression": ".list[] | .n", "list": [{"n": 1}]}}`,
//! after a COMPLETED instance with output `{"result": 1, "resultList": [1]}`.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::{SCRIPT_COST, Step};
use fastcond_expr::script::{Given, ScriptError};
use fastcond_json::{ObjectWriter, Raw, as_str, elements, get};
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static JSON_JQ_TRANSFORM: Behaviour =
    Behaviour { word: "JSON_JQ_TRANSFORM", takes_template: true, run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    let input = step.given.defs.with_secrets(&input).map_or(input, Raw::of_checked);
    let filter = get(&input, "queryExpression").and_then(as_str).filter(|text| !text.trim().is_empty());
    let Some(filter) = filter else {
        // S-39.2: an expression that is missing leaves no output.
        let reason = "Missing 'queryExpression' in input parameters".to_owned();
        return step.settle(no, TaskStatus::Failed, Some(reason));
    };
    step.spend(SCRIPT_COST);
    let given = Given { now_ms: step.given.now_ms, seed: step.given.seed };
    let results = step.given.scripts.filter(&filter, &input, &given);
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let reason = match results {
        Ok(list) => {
            object.raw("result", elements(&list).next().unwrap_or("null")).raw("resultList", &list);
            None
        }
        Err(error) => {
            let message = message(error);
            object.str("error", &message);
            Some(message)
        }
    };
    object.end();
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = Raw::of_checked(out));
    let status = if reason.is_none() { TaskStatus::Completed } else { TaskStatus::Failed };
    step.settle(no, status, reason);
}

/// What the filter's author reads: the words of the interpreter, or which bound was met.
fn message(error: ScriptError) -> String {
    match error {
        ScriptError::Syntax { message, .. } | ScriptError::Thrown { message, .. } => message,
        other => other.to_string(),
    }
}
