//! INLINE (S-36.1, S-36.2): a script over the input.
//!
//! Before `{"type": "INLINE", "inputParameters": {"evaluatorType": "javascript", "expression": "$.a + 1", "a": 2}}`,
//! after a COMPLETED instance with output `{"result": 3}`.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::{SCRIPT_COST, Step};
use fastcond_expr::script::{self, ScriptError};
use fastcond_json::{ObjectWriter, Raw, as_str, get};
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static INLINE: Behaviour = Behaviour { word: "INLINE", takes_template: true, run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    let filled = step.given.defs.with_secrets(&input);
    let result = evaluate(step, filled.as_deref().unwrap_or(&input));
    finish(step, no, result);
}

/// Stores the result, or the error with the status it leads to.
pub(super) fn finish(step: &mut Step<'_, '_>, no: TaskNo, result: Result<Raw, (TaskStatus, String)>) {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    match &result {
        Ok(value) => object.raw("result", value),
        Err((_, message)) => object.str("error", message),
    };
    object.end();
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = Raw::of_checked(out));
    match result {
        Ok(_) => step.settle(no, TaskStatus::Completed, None),
        Err((status, message)) => step.settle(no, status, Some(message)),
    }
}

fn evaluate(step: &mut Step<'_, '_>, input: &str) -> Result<Raw, (TaskStatus, String)> {
    let terminal = |message: String| (TaskStatus::FailedWithTerminalError, message);
    let evaluator = get(input, "evaluatorType").and_then(as_str).unwrap_or_else(|| "javascript".into());
    let expression = get(input, "expression").and_then(as_str).unwrap_or_default();
    if expression.trim().is_empty() {
        return Err(terminal(
            "Empty 'expression' in the task's input parameters. A non-empty String value must be provided."
                .to_owned(),
        ));
    }
    match &*evaluator {
        "value-param" => Ok(fastcond_expr::evaluate_value_param(&expression, input)),
        "javascript" | "graaljs" => {
            step.spend(SCRIPT_COST);
            let given = script::Given { now_ms: step.given.now_ms, seed: step.given.seed };
            step.given.scripts.evaluate(&expression, input, &given).map_err(|error| match error {
                ScriptError::OutOfTime | ScriptError::Lost { .. } => (TaskStatus::Failed, error.to_string()),
                _ => terminal(error.to_string()),
            })
        }
        other => Err(terminal(format!("Unknown evaluator: {other}"))),
    }
}
