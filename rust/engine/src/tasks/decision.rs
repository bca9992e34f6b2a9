//! DECISION (S-27.7), the older form of SWITCH: a script or the value of one input chooses the case.

use super::switch::{case_text, choose};
use super::{Behaviour, Mode, PLAIN};
use crate::graph::Node;
use crate::step::{SCRIPT_COST, Step};
use fastcond_expr::script;
use fastcond_json::{ObjectWriter, Raw};
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static DECISION: Behaviour = Behaviour {
    word: "DECISION",
    is_named_by_type: true,
    mode: Mode::Mapped,
    is_never_retried: true,
    run,
    ..PLAIN
};

fn run(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    let expression = node.step.case_expression.as_deref().filter(|e| !e.trim().is_empty());
    let result = if let Some(expression) = expression {
        step.spend(SCRIPT_COST);
        let given = script::Given { now_ms: step.given.now_ms, seed: step.given.seed };
        step.given.scripts.evaluate(expression, &input, &given).map_err(|e| e.to_string())
    } else {
        let key = node.step.case_value_param.as_deref().unwrap_or_default();
        Ok(fastcond_expr::evaluate_value_param(key, &input))
    };
    match result {
        Ok(result) => {
            let case = case_text(&result);
            let chosen = node.cases.get(&case).copied().flatten().or(node.default_case);
            step.edit(no, TaskChange { input: true, ..TaskChange::default() }, |t| {
                t.input = Raw::empty_object();
            });
            let mut out = String::new();
            let mut object = ObjectWriter::begin(&mut out);
            let mut list = object.array("caseOutput");
            list.str(&case);
            list.end();
            object.end();
            choose(step, no, &case, chosen, Raw::of_checked(out));
        }
        Err(reason) => step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason)),
    }
}
