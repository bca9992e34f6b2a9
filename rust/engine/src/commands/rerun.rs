//! Rerun (S-63): a terminal execution runs again, from its beginning or from one of its tasks.

mod downstream;

use super::retry::{reopen, revive};
use super::start::first_steps;
use crate::command::{Rejection, Rerun, RerunFrom};
use crate::graph::Node;
use crate::live::Place;
use crate::step::{Step, pass};
use crate::tasks::{Mode, choose};
use fastcond_json::Raw;
use fastcond_model::{NodeRef, TaskChange, TaskNo, TaskStatus};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reruns a terminal execution; the target task, if one is named, must exist.
pub fn run(step: &mut Step<'_, '_>, rerun: Rerun) -> Result<(), Rejection> {
    let execution = &step.live.execution;
    let (id, status) = (execution.id, execution.header.status);
    if !status.is_terminal() {
        return Err(Rejection::Conflict(format!(
            "Workflow: {id} is not in terminal state, unable to rerun."
        )));
    }
    if let RerunFrom::Task { task, .. } = &rerun.from
        && execution.tasks.get(*task).is_none_or(|t| t.status == TaskStatus::Skipped)
    {
        return Err(Rejection::BadRequest("No such task to rerun from".to_owned()));
    }
    check_inputs(step, &rerun)?;
    take_input(step, &rerun);
    match rerun.from {
        RerunFrom::Start => from_start(step),
        RerunFrom::Task { task, input } => from_task(step, task, input),
        RerunFrom::Child => {}
    }
    Ok(())
}

/// Inputs that are given must follow their schemas (S-92.6).
fn check_inputs(step: &mut Step<'_, '_>, rerun: &Rerun) -> Result<(), Rejection> {
    if let Some(input) = &rerun.input {
        step.check_workflow_input(input)?;
    }
    if let RerunFrom::Task { task, input: Some(input) } = &rerun.from
        && let Some(node) = step.live.node_of(step.live.task(*task))
    {
        step.check_task_input(&node, input).map_err(Rejection::BadRequest)?;
    }
    Ok(())
}

fn take_input(step: &mut Step<'_, '_>, rerun: &Rerun) {
    if let Some(input) = &rerun.input {
        step.set_input(input.clone());
        step.live.execution.header.input_path = None;
        step.touch_header();
    }
    if rerun.correlation_id.is_some() {
        step.live.execution.header.correlation_id.clone_from(&rerun.correlation_id);
        step.touch_header();
    }
}

/// Everything anew, with the input there is (S-63.2 with its Do).
fn from_start(step: &mut Step<'_, '_>) {
    step.clear_tasks();
    revive(step);
    let variables = step.live.graph.def.variables.clone();
    step.set_variables(variables);
    step.set_output(Raw::empty_object());
    step.tell_parent_revived();
    first_steps(step);
}

/// From a task: what follows it is forgotten, it is reset in place, and so is what else went wrong (S-63.3 to S-63.8).
fn from_task(step: &mut Step<'_, '_>, target: TaskNo, input: Option<Raw>) {
    let task = step.live.task(target);
    let is_child = &*task.task_type == "SUB_WORKFLOW";
    // What a child or a join is to do stands in its input.
    let input = input.filter(|_| !is_child && !matches!(&*task.task_type, "JOIN" | "EXCLUSIVE_JOIN"));
    let follows = if is_child {
        downstream::later_attempts(step.live, target)
    } else {
        downstream::of(step.live, target)
    };
    for no in follows {
        step.drop_task(no);
    }
    revive(step);
    // A child made from data has no way back to its JOIN: that waits for it again.
    let joined = match &step.live.task(target).node {
        NodeRef::Dynamic(spec) if !is_child => Some(spec.join),
        _ => None,
    };
    let joined = joined.filter(|no| step.live.execution.tasks.get(*no).is_some());
    if !is_child {
        set_loops_back(step, target);
    }
    let mut again: BTreeSet<TaskNo> = joined.into_iter().chain([target]).collect();
    let failed = step.live.execution.tasks.iter().filter(|t| t.status.is_failure() && !t.is_retried);
    let failed: Vec<TaskNo> = failed.map(|t| t.no).filter(|no| !again.contains(no)).collect();
    let unmapped: BTreeSet<TaskNo> =
        failed.iter().chain(&again).copied().filter(|no| is_unmapped(step, *no)).collect();
    for no in failed {
        if is_waiting_for_others(step, no) {
            reopen(step, no, false);
        } else {
            again.insert(no);
        }
    }
    for &no in &again {
        blank(step, no, input.as_ref().filter(|_| no == target));
    }
    step.live.rebuild();
    let mut begun: Vec<TaskNo> = again.into_iter().collect();
    step.in_list_order(&mut begun);
    let given = input.is_some().then_some(target);
    let (to_map, as_is): (Vec<TaskNo>, Vec<TaskNo>) =
        begun.into_iter().partition(|no| is_mapped_again(step, *no, given, &unmapped));
    for no in as_is {
        if let Some(node) = step.live.node_of(step.live.task(no)) {
            step.start_instance(no, &node);
        }
    }
    step.live.hide_new(true);
    for no in to_map {
        map_again(step, no, given == Some(no));
    }
    step.live.hide_new(false);
    step.tell_parent_revived();
    step.live.work = pass::unfinished(step.live).into();
    step.close_ready_joins();
    step.go_on();
}

/// Joins and loops go on where they were.
fn is_waiting_for_others(step: &Step<'_, '_>, no: TaskNo) -> bool {
    matches!(&*step.live.task(no).task_type, "JOIN" | "EXCLUSIVE_JOIN" | "DO_WHILE")
}

/// Whether an instance failed as it was mapped, so that it has no input to run on. What could not choose may have been
/// excused since.
fn is_unmapped(step: &Step<'_, '_>, no: TaskNo) -> bool {
    let task = step.live.task(no);
    let is_failed = task.status == TaskStatus::FailedWithTerminalError && task.start_ms == 0;
    is_failed || is_unchosen(step, no)
}

/// The loops around the target go on in the target's iteration (S-63.8 Do).
fn set_loops_back(step: &mut Step<'_, '_>, target: TaskNo) {
    let mut place = Place::of(step.live.task(target));
    while let Some(owner) = place.in_loop {
        reopen(step, owner, false);
        step.set_iteration(owner, place.iteration);
        place = Place::of(step.live.task(owner));
    }
}

/// Puts an instance back to how it was when it was made, with its id and attempt; its input stays unless one is given.
fn blank(step: &mut Step<'_, '_>, no: TaskNo, input: Option<&Raw>) {
    let now_ms = step.now();
    let task = step.live.task(no);
    let mode = step.live.node_of(task).map(|node| node.behaviour.mode);
    let domain = mode.and_then(|mode| step.choose_domain(&task.task_type, mode));
    let thawed = task.items.is_some();
    step.edit(no, TaskChange { input: input.is_some(), output: true, spec: false, thawed }, |t| {
        t.status = TaskStatus::Scheduled;
        t.output = Raw::empty_object();
        t.output_path = None;
        t.reason = None;
        t.is_executed = false;
        t.is_retried = false;
        t.has_children = false;
        t.iteration = t.at_iteration;
        t.items = None;
        t.poll_count = 0;
        t.worker = None;
        t.domain = domain;
        t.scheduled_ms = now_ms;
        t.first_scheduled_ms = now_ms;
        t.ready_ms = now_ms;
        t.start_ms = 0;
        t.end_ms = 0;
        t.wait_until_ms = 0;
        t.start_delay_s = 0;
        t.callback_after_s = 0;
        if let Some(input) = input {
            t.input = input.clone();
        }
    });
}

/// What branches, and what failed as it was mapped, unless it was given an input (S-63.5, S-27.6).
fn is_mapped_again(
    step: &Step<'_, '_>,
    no: TaskNo,
    given: Option<TaskNo>,
    unmapped: &BTreeSet<TaskNo>,
) -> bool {
    let node = step.live.node_of(step.live.task(no));
    let is_branching = node.is_some_and(|node| node.behaviour.mode == Mode::Mapped);
    is_branching || (unmapped.contains(&no) && (given != Some(no) || is_unchosen(step, no)))
}

/// A DYNAMIC that could not choose: its input, given or its own, says anew what it is.
fn is_unchosen(step: &Step<'_, '_>, no: TaskNo) -> bool {
    let task = step.live.task(no);
    task.chosen.is_none() && step.live.node_of(task).is_some_and(|node| node.behaviour.word == "DYNAMIC")
}

fn map_again(step: &mut Step<'_, '_>, no: TaskNo, is_given: bool) {
    let Some(mut node) = step.live.node_of(step.live.task(no)) else { return };
    if &*node.type_word == "FORK_JOIN_DYNAMIC" {
        return fork_anew(step, no, &node, is_given);
    }
    if !is_given || is_unchosen(step, no) {
        let mut fresh = step.live.task(no).clone();
        let filled = if is_given { choose(step, &node, &mut fresh) } else { step.fill(&node, &mut fresh) };
        node = step.as_chosen(&fresh, &node);
        let filled = filled.and_then(|()| step.check_task_input(&node, &fresh.input));
        let spec = fresh.chosen.is_some();
        let domain = step.choose_domain(&fresh.task_type, node.behaviour.mode);
        step.edit(no, TaskChange { input: true, spec, ..TaskChange::default() }, |t| {
            t.input = fresh.input;
            t.chosen = fresh.chosen;
            t.task_type = fresh.task_type;
            t.def_name = fresh.def_name;
            t.domain = domain;
        });
        if let Err(reason) = filled {
            return step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
        }
    }
    step.start_instance(no, &node);
}

/// A dynamic fork is removed and mapped again, so that its branches are expanded afresh (S-63.5).
fn fork_anew(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>, is_given: bool) {
    let task = step.live.task(no);
    let (attempt, retried_of, place) = (task.retry_count, task.retried_of, Place::of(task));
    let (node_ref, reference) = (task.node.clone(), task.reference.clone());
    let input = is_given.then(|| task.input.clone());
    step.drop_task(no);
    let fork = step.next_no();
    step.make_numbered(fork, node_ref, node, reference, place, input);
    step.edit(fork, TaskChange::default(), |t| {
        t.retry_count = attempt;
        t.retried_of = retried_of;
    });
}
