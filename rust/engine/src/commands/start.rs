//! Start (S-3): the record, its first step, and whatever follows at once.

use crate::command::{Given, Outcome, Start, Transition};
use crate::live::{Live, Place};
use crate::scope::InputScope;
use crate::step::Step;
use crate::step::ending::Ending;
use fastcond_expr::Template;
use fastcond_json::{Raw, as_str, with_defaults};
use fastcond_model::{Execution, Header, WorkflowDef, WorkflowStatus};
use std::sync::Arc;

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
    let input = step.live.execution.input.clone();
    if let Err(why) = step.check_workflow_input(&input) {
        // The API answers with it; a child or failure workflow is there, and says why it failed (S-92.6).
        step.outcome = Outcome::BadInput;
        let (status, reason) = (WorkflowStatus::Failed, Some(why.to_string()));
        step.end(Ending { status, reason, task: None, runs_failure_workflow: true });
    } else if is_to_be_held(&mut step) {
        step.live.execution.header.is_held = true;
    } else {
        first_steps(&mut step);
    }
    let transition = step.finish();
    (live, transition)
}

/// How many executions of one key may run, when the definition limits them.
pub fn limit_of(def: &WorkflowDef) -> Option<usize> {
    let limit = def.rate_limit_config.as_ref()?.concurrent_exec_limit;
    usize::try_from(limit).ok().filter(|limit| *limit > 0)
}

/// Resolves the limit key; whether too many of it run already (S-53.5).
fn is_to_be_held(step: &mut Step<'_, '_>) -> bool {
    let def = &step.live.graph.def;
    let Some(limit) = limit_of(def) else { return false };
    let written = def.rate_limit_config.as_ref().and_then(|config| config.rate_limit_key.as_deref());
    let scope = InputScope::new(step.live, step.given.defs, None);
    let value = Template::of_string(written.unwrap_or_default()).resolve_raw(&scope);
    // A key that resolves to nothing, or not at all, is the key of all such executions.
    let key: Arc<str> = match value {
        Ok(value) if !value.is_null() => {
            as_str(&value).map_or_else(|| (&*value).into(), |text| (&*text).into())
        }
        _ => "".into(),
    };
    let is_full = !step.given.defs.has_room(&step.live.execution.header.name, &key, limit);
    step.live.execution.header.limit_key = Some(key);
    is_full
}

/// Lets an execution begin that was held; a paused one begins when it is resumed.
pub fn admit(step: &mut Step<'_, '_>) {
    let header = &mut step.live.execution.header;
    if !header.is_held {
        return;
    }
    header.is_held = false;
    step.touch_header();
    if step.is_running() {
        first_steps(step);
    }
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
