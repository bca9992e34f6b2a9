//! SWITCH (S-27.1 to S-27.6): chooses a case while it is mapped.
//!
//! Before `{"type": "SWITCH", "evaluatorType": "value-param", "expression": "kind", "inputParameters": {"kind": "a"}}`,
//! after a COMPLETED instance with output `{"evaluationResult": ["a"], "selectedCase": "a"}` and the first task of case `a`.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::{Next, Node};
use crate::live::Place;
use crate::step::{SCRIPT_COST, Step};
use fastcond_expr::script;
use fastcond_json::{ObjectWriter, Raw, merged};
use fastcond_model::{NodeRef, TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static SWITCH: Behaviour = Behaviour {
    word: "SWITCH",
    is_named_by_type: true,
    mode: Mode::Mapped,
    is_never_retried: true,
    run,
    ..PLAIN
};

fn run(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let input = step.live.task(no).input.clone();
    match evaluate(step, node, &input) {
        Ok(result) => {
            let case = case_text(&result);
            let chosen = node.cases.get(&case).copied().unwrap_or(node.default_case);
            let mut out = String::new();
            let mut object = ObjectWriter::begin(&mut out);
            let mut list = object.array("evaluationResult");
            list.str(&case);
            list.end();
            object.str("selectedCase", &case);
            object.end();
            choose(step, no, &case, chosen, Raw::of_checked(out));
        }
        Err(reason) => step.settle(no, TaskStatus::Failed, Some(reason)),
    }
}

/// Completes a choice and schedules the first task of the chosen list that was not skipped.
pub(super) fn choose(step: &mut Step<'_, '_>, no: TaskNo, case: &str, chosen: Option<u32>, output: Raw) {
    let place = Place::of(step.live.task(no));
    let after = match &step.live.task(no).node {
        NodeRef::Static(id) => step.live.graph.node(*id).next,
        NodeRef::Dynamic(_) | NodeRef::None => Next::End,
    };
    let after = match after {
        Next::Node(after) => step.unskipped(after, place),
        Next::Loop(_) | Next::End => None,
    };
    // A list that was skipped as a whole leads to what follows the choice.
    let chosen = chosen.and_then(|first| step.unskipped(first, place)).filter(|first| Some(*first) != after);
    let mut extra = String::new();
    let mut object = ObjectWriter::begin(&mut extra);
    object.str("case", case);
    object.end();
    let parts = TaskChange { input: true, output: true, ..TaskChange::default() };
    step.edit(no, parts, |t| {
        t.input = Raw::of_checked(merged(&t.input, &extra));
        t.output = output;
        t.has_children = chosen.is_some();
    });
    step.settle(no, TaskStatus::Completed, None);
    if let Some(first) = chosen {
        step.schedule(first, place);
    }
}

fn evaluate(step: &mut Step<'_, '_>, node: &Node, input: &str) -> Result<Raw, String> {
    let expression = node.step.expression.as_deref().unwrap_or_default();
    match node.step.evaluator_type.as_deref().unwrap_or_default() {
        "value-param" => Ok(fastcond_expr::evaluate_value_param(expression, input)),
        "javascript" | "graaljs" => {
            step.spend(SCRIPT_COST);
            let given = script::Given { now_ms: step.given.now_ms, seed: step.given.seed };
            step.given.scripts.evaluate(expression, input, &given).map_err(|e| e.to_string())
        }
        other => Err(format!("evaluator type {other} is not supported")),
    }
}

/// The case as text: null is `null`, integers without point, doubles with one (S-27.1).
pub(super) fn case_text(result: &str) -> String {
    fastcond_expr::text_form(result).into_owned()
}
