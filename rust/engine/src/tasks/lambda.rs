//! LAMBDA (S-36.3), the older form of INLINE: a function body that returns its result.

use super::inline::finish;
use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::{SCRIPT_COST, Step};
use fastcond_expr::script;
use fastcond_json::{as_str, get};
use fastcond_model::{TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static LAMBDA: Behaviour = Behaviour { word: "LAMBDA", takes_template: true, run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    let input = step.given.defs.with_secrets(&input).map_or(input, fastcond_json::Raw::of_checked);
    let source = get(&input, "scriptExpression").and_then(as_str).unwrap_or_default();
    let result = if source.trim().is_empty() {
        Err((TaskStatus::Failed, "Empty 'scriptExpression' in Lambda task's input parameters.".to_owned()))
    } else {
        step.spend(SCRIPT_COST);
        let given = script::Given { now_ms: step.given.now_ms, seed: step.given.seed };
        step.given
            .scripts
            .call_lambda(&source, &input, &given)
            .map_err(|e| (TaskStatus::Failed, e.to_string()))
    };
    finish(step, no, result);
}
