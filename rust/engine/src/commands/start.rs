//! Start (S-3): the record, its first step, and whatever follows at once.

use crate::command::{Given, Start, Transition};
use crate::live::{Live, Place};
use crate::step::Step;
use fastcond_json::{Raw, with_defaults};
use fastcond_model::{Execution, Header};

/// Makes the execution and takes its first steps.
pub fn run(start: Start, given: &mut Given<'_>) -> (Live, Transition) {
    let graph = start.graph;
    let mut header = Header::new(graph.id, graph.name.clone(), graph.def.version);
    header.create_ms = given.now_ms;
    header.correlation_id = start.correlation_id;
    header.priority = start.priority;
    header.task_to_domain = start.task_to_domain;
    header.parent = start.parent;
    header.event = start.event;
    header.created_by = start.created_by;
    header.input_path = start.input_path;
    header.idempotency_key = start.idempotency_key;
    let mut execution = Execution::new(start.id, header);
    execution.input = match &*graph.def.input_template {
        "{}" => start.input,
        template => Raw::of_checked(with_defaults(&start.input, template)),
    };
    execution.variables = graph.def.variables.clone();
    let mut live = Live::new(execution, graph);
    let mut step = Step::new(&mut live, given);
    step.touch_header();
    step.touch_payloads();
    first_steps(&mut step);
    let transition = step.finish();
    (live, transition)
}

/// Schedules the first task and goes on; a definition without tasks completes (S-3.5, S-3.6).
pub fn first_steps(step: &mut Step<'_, '_>) {
    step.live.hide_new(true);
    if let Some(first) = step.live.graph.first {
        step.schedule(first, Place::default());
    }
    step.live.hide_new(false);
    step.run_mapped();
    step.go_on();
}
