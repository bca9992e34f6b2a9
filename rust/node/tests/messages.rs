//! What executions tell each other ends, arrives once, and leaves nobody waiting (S-30.9 to S-30.13, S-61.8, S-61.9).

mod client;

use client::{
    Random, Taken, advance_to, define, define_task, done, machine, poll, report, result, shown, simple,
    start, workflow_def,
};
use fastcond_engine::Command;
use fastcond_model::WorkflowId;
use fastcond_node::machine::Machine;
use std::collections::BTreeMap;

fn child(reference: &str, name: &str) -> String {
    format!(
        r#"{{"name":"{reference}","taskReferenceName":"{reference}","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"{name}"}}}}"#
    )
}

fn fork(branches: &[(&str, String)]) -> String {
    let steps: Vec<String> = branches.iter().map(|(_, step)| format!("[{step}]")).collect();
    let names: Vec<&str> = branches.iter().map(|(name, _)| *name).collect();
    format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":{names:?}}}"#,
        steps.join(",")
    )
}

/// Lets everything happen that is due now; a chain of messages that does not end fails.
fn settle(machine: &mut Machine) {
    let before = machine.stats.commits;
    while machine.next_wake().is_some_and(|at| at <= machine.now_ms) {
        machine.tick();
        machine.take_output();
        assert!(machine.stats.commits - before < 50_000, "executions set each other off without end");
    }
}

/// How many executions there are of each status.
fn statuses(machine: &Machine) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for entry in machine.executions.values() {
        *found.entry(entry.live.execution.header.status.to_string()).or_default() += 1;
    }
    found
}

fn child_of(machine: &mut Machine, id: &str, reference: &str) -> String {
    let workflow = shown(machine, id);
    let tasks = workflow["tasks"].as_array().expect("tasks").iter().rev();
    let task = tasks.into_iter().find(|task| task["referenceTaskName"] == reference).expect("the task");
    task["subWorkflowId"].as_str().expect("it has a child").to_owned()
}

fn status(machine: &mut Machine, id: &str) -> String {
    shown(machine, id)["status"].as_str().expect("a status").to_owned()
}

fn operate(machine: &mut Machine, verb: &str, id: &str, more: &[(&str, &str)]) {
    let params: Vec<(&str, &str)> = std::iter::once(("workflowId", id)).chain(more.iter().copied()).collect();
    done(machine, verb, &params, "");
    settle(machine);
}

/// `grand` forks into children `left` and `right` and a task `own`; each child is one task `t`.
fn family() -> (Machine, String) {
    let mut machine = machine();
    define_task(&mut machine, "t", r#""retryCount":0"#);
    define_task(&mut machine, "own", r#""retryCount":0"#);
    define(&mut machine, "w", &simple("t", "t"));
    let branches =
        [("left", child("left", "w")), ("right", child("right", "w")), ("own", simple("own", "own"))];
    define(&mut machine, "grand", &fork(&branches));
    let id = start(&mut machine, "grand", "{}");
    settle(&mut machine);
    (machine, id)
}

#[test]
fn a_parent_that_fails_again_at_once_does_not_revive_the_siblings() {
    // S-61.9: the task that failed the parent is still failed. Each revival must not come back as another one, for ever.
    let (mut machine, id) = family();
    let own = poll(&mut machine, "own", 1).pop().expect("a task");
    report(&mut machine, &own, "FAILED_WITH_TERMINAL_ERROR");
    settle(&mut machine);
    assert_eq!(statuses(&machine), BTreeMap::from([("FAILED".to_owned(), 1), ("TERMINATED".to_owned(), 2)]));
    for name in ["left", "right"] {
        let child = child_of(&mut machine, &id, name);
        operate(&mut machine, "workflow.retry", &child, &[]);
        assert_eq!(status(&mut machine, &id), "FAILED");
        assert_eq!(status(&mut machine, &child), "TERMINATED", "its parent cannot use it");
    }
    assert_eq!((machine.queues.len(), machine.has_mail()), (0, false));
    // The parent's own retry gets everybody going.
    operate(&mut machine, "workflow.retry", &id, &[]);
    finish(&mut machine);
    assert_eq!(status(&mut machine, &id), "COMPLETED");
}

fn finish(machine: &mut Machine) {
    for _ in 0..20 {
        for name in ["t", "own"] {
            for task in poll(machine, name, 100) {
                report(machine, &task, "COMPLETED");
            }
        }
        settle(machine);
    }
}

/// Fails the parent by reporting on its SUB_WORKFLOW task `left`, which its child does not hear of.
fn fail_left(machine: &mut Machine, id: &str) {
    let workflow = shown(machine, id);
    let tasks = workflow["tasks"].as_array().expect("tasks");
    let left = tasks.iter().find(|task| task["referenceTaskName"] == "left").expect("the task");
    let task = left["taskId"].as_str().expect("an id").to_owned();
    report(machine, &Taken { workflow: id.to_owned(), task, reference: "left".to_owned() }, "FAILED");
    settle(machine);
    assert_eq!(status(machine, id), "FAILED");
}

#[test]
fn a_parent_that_waits_again_hears_of_a_child_that_ran_through() {
    // The child completed unheard: reviving the parent finds nothing to retry in it, and takes over its end (S-30.9).
    let (mut machine, id) = family();
    fail_left(&mut machine, &id);
    let left = child_of(&mut machine, &id, "left");
    for task in poll(&mut machine, "t", 5) {
        report(&mut machine, &task, "COMPLETED");
    }
    assert_eq!(status(&mut machine, &left), "COMPLETED");
    let right = child_of(&mut machine, &id, "right");
    operate(&mut machine, "workflow.retry", &right, &[]);
    assert_eq!(status(&mut machine, &id), "RUNNING");
    finish(&mut machine);
    assert_eq!(status(&mut machine, &id), "COMPLETED");
}

#[test]
fn a_parent_that_waits_again_waits_for_a_child_that_still_runs() {
    // S-61.9: a child that runs already is not retried, only the task that waits for it is revived.
    for path in ["retry of a sibling", "resume of the parent"] {
        let (mut machine, id) = family();
        fail_left(&mut machine, &id);
        let left = child_of(&mut machine, &id, "left");
        assert_eq!(status(&mut machine, &left), "RUNNING");
        if path == "retry of a sibling" {
            let right = child_of(&mut machine, &id, "right");
            operate(&mut machine, "workflow.retry", &right, &[]);
        } else {
            operate(&mut machine, "workflow.retry", &id, &[("resumeSubworkflowTasks", "true")]);
        }
        assert_eq!(status(&mut machine, &id), "RUNNING", "{path}");
        finish(&mut machine);
        assert_eq!(status(&mut machine, &left), "COMPLETED", "{path}");
        assert_eq!(status(&mut machine, &id), "COMPLETED", "{path}");
    }
}

#[test]
fn a_parent_that_is_removed_takes_its_children_with_it() {
    // S-60.7, S-30.11: more children than are told in one go.
    let mut machine = machine();
    define(&mut machine, "w", &simple("t", "t"));
    let spread = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","inputParameters":{"forkTaskWorkflow":"w","forkTaskInputs":"${workflow.input.items}"}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    define(&mut machine, "wide", spread);
    let items = vec!["{}"; 700].join(",");
    let id = start(&mut machine, "wide", &format!(r#"{{"items":[{items}]}}"#));
    settle(&mut machine);
    assert_eq!(statuses(&machine), BTreeMap::from([("RUNNING".to_owned(), 701)]));
    operate(&mut machine, "workflow.terminate_remove", &id, &[]);
    assert_eq!(statuses(&machine), BTreeMap::from([("TERMINATED".to_owned(), 700)]));
    assert_eq!(machine.queues.len(), 0);
}

#[test]
fn an_end_that_nobody_heard_yet_is_heard_before_the_child_is_removed() {
    let (mut machine, id) = family();
    let left = child_of(&mut machine, &id, "left");
    let task = poll(&mut machine, "t", 5).into_iter().find(|task| task.workflow == left).expect("its task");
    report(&mut machine, &task, "COMPLETED");
    done(&mut machine, "workflow.remove", &[("workflowId", &left)], "");
    settle(&mut machine);
    let workflow = shown(&mut machine, &id);
    let tasks = workflow["tasks"].as_array().expect("tasks");
    let waiting = tasks.iter().find(|task| task["referenceTaskName"] == "left").expect("the task");
    assert_eq!(waiting["status"], "COMPLETED");
}

#[test]
fn a_parent_does_not_wait_for_a_child_that_was_removed() {
    // S-60.6 lets any state be removed; the parent's task ends like that of a terminated child (S-30.9).
    let (mut machine, id) = family();
    let left = child_of(&mut machine, &id, "left");
    operate(&mut machine, "workflow.remove", &left, &[("archiveWorkflow", "false")]);
    let workflow = shown(&mut machine, &id);
    let task = &workflow["tasks"].as_array().expect("tasks")[1];
    assert_eq!((&task["referenceTaskName"], &task["status"]), (&"left".into(), &"CANCELED".into()));
    assert_eq!(workflow["status"], "TERMINATED");
}

#[test]
fn a_parent_that_is_retried_gets_a_new_child_for_one_that_was_removed() {
    // S-61.8: there is nothing to resume.
    let (mut machine, id) = family();
    let left = fail_left_child(&mut machine, &id);
    operate(&mut machine, "workflow.remove", &left, &[]);
    operate(&mut machine, "workflow.retry", &id, &[("resumeSubworkflowTasks", "true")]);
    assert_ne!(child_of(&mut machine, &id, "left"), left);
    finish(&mut machine);
    assert_eq!(status(&mut machine, &id), "COMPLETED");
}

#[test]
fn a_sibling_that_was_removed_is_not_resumed_for_ever() {
    // S-61.9: the revived parent speaks to a child that is no more.
    let (mut machine, id) = family();
    let left = fail_left_child(&mut machine, &id);
    let right = child_of(&mut machine, &id, "right");
    operate(&mut machine, "workflow.remove", &right, &[]);
    operate(&mut machine, "workflow.retry", &left, &[]);
    assert_eq!(status(&mut machine, &id), "TERMINATED", "one of its tasks has nobody to wait for");
}

/// Fails the child `left` and with it its parent.
fn fail_left_child(machine: &mut Machine, id: &str) -> String {
    let left = child_of(machine, id, "left");
    let task = poll(machine, "t", 5).into_iter().find(|task| task.workflow == left).expect("its task");
    report(machine, &task, "FAILED");
    settle(machine);
    assert_eq!(status(machine, id), "FAILED");
    left
}

#[test]
fn a_failure_workflow_starts_once_for_each_failure() {
    // S-7.9: named by the failing revision, so that a second delivery changes nothing.
    let mut machine = machine();
    define_task(&mut machine, "t", r#""retryCount":0"#);
    define(&mut machine, "rescue", &simple("own", "own"));
    let def = workflow_def("w", r#""failureWorkflow":"rescue""#, &simple("t", "t"));
    done(&mut machine, "workflowdefs.update", &[], &format!("[{def}]"));
    let id = start(&mut machine, "w", "{}");
    for failures in 1..=3 {
        let task = poll(&mut machine, "t", 1).pop().expect("a task");
        report(&mut machine, &task, "FAILED");
        settle(&mut machine);
        // The same report again is dropped (S-52.3).
        done(&mut machine, "tasks.update", &[], &result(&task, "FAILED"));
        settle(&mut machine);
        assert_eq!(machine.queues.len(), failures, "one rescue for each failure");
        operate(&mut machine, "workflow.retry", &id, &[]);
        machine.set_now(machine.now_ms + 1);
        let now_ms = machine.now_ms;
        advance_to(&mut machine, now_ms);
        // The retry queued one more task of the workflow itself; the rest are rescues.
        assert_eq!(machine.queues.len(), failures + 1);
    }
}

/// The ids of an execution and its children, as commands name them.
fn members(machine: &mut Machine, id: &str) -> [WorkflowId; 3] {
    let ids = [id.to_owned(), child_of(machine, id, "left"), child_of(machine, id, "right")];
    ids.map(|text| WorkflowId::parse(&text).expect("an id"))
}

const RETRY: Command = Command::Retry { resumes_children: false, is_from_parent: false };

fn terminate() -> Command {
    Command::Terminate { reason: None, is_from_parent: false, runs_failure_workflow: false }
}

#[test]
fn a_revival_that_was_under_way_when_the_parent_was_ended_does_not_undo_it() {
    let (mut machine, id) = family();
    operate(&mut machine, "workflow.terminate", &id, &[]);
    let [parent, left, right] = members(&mut machine, &id);
    for child in [left, right] {
        machine.command(child, RETRY).expect("it was cancelled");
    }
    // The parent hears of the left one, runs again, and is ended again before it hears of the right one.
    machine.deliver(1);
    assert_eq!(status(&mut machine, &id), "RUNNING");
    machine.command(parent, terminate()).expect("it runs");
    settle(&mut machine);
    assert_eq!(statuses(&machine), BTreeMap::from([("TERMINATED".to_owned(), 3)]));
    assert_eq!(machine.queues.len(), 0);
}

#[test]
fn relatives_ended_and_revived_in_any_order_come_to_rest_together() {
    for seed in 0..400 {
        let mut random = Random::new(seed);
        let (mut machine, id) = family();
        let mut members = members(&mut machine, &id);
        for _ in 0..30 {
            let member = *random.pick(&members);
            let act = match random.below(7) {
                0 | 1 => terminate(),
                2 | 3 => RETRY,
                4 => Command::Retry { resumes_children: true, is_from_parent: false },
                5 => Command::Restart { graph: None },
                _ => {
                    let name = *random.pick(&["t", "own"]);
                    for task in poll(&mut machine, name, 1) {
                        let status = *random.pick(&["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]);
                        done(&mut machine, "tasks.update", &[], &result(&task, status));
                    }
                    continue;
                }
            };
            // Whatever the state refuses is refused; messages arrive now, later, or some of them.
            let _ = machine.command(member, act);
            machine.deliver(random.below(4));
            if random.chance(20) {
                settle(&mut machine);
                members = self::members(&mut machine, &id);
            }
        }
        settle(&mut machine);
        no_one_waits_in_vain(&machine, seed);
    }
}

/// A task that waits for a child waits for one that runs (S-30.9).
fn no_one_waits_in_vain(machine: &Machine, seed: u64) {
    let is_over = |id: &WorkflowId| machine.executions[&id.0].live.execution.header.status.is_terminal();
    for entry in machine.executions.values() {
        let execution = &entry.live.execution;
        let waiting =
            execution.tasks.iter().filter(|t| !t.status.is_terminal() && &*t.task_type == "SUB_WORKFLOW");
        for task in waiting {
            let child = task.subworkflow.expect("a task that waits has its child");
            assert!(!is_over(&child), "seed {seed}: {} waits for {child}, which is over", execution.id);
        }
    }
}

#[test]
fn a_start_that_is_delivered_again_after_a_crash_starts_nothing_new() {
    // S-31.4
    let mut machine = machine();
    define(&mut machine, "other", &simple("t", "t"));
    define(
        &mut machine,
        "starter",
        r#"{"name":"s","taskReferenceName":"s","type":"START_WORKFLOW","inputParameters":{"startWorkflow":{"name":"other","input":{}}}}"#,
    );
    let id = start(&mut machine, "starter", "{}");
    let owner = WorkflowId::parse(&id).expect("an id");
    // What a restart does before anything is known to have arrived.
    machine.resend(owner);
    machine.resend(owner);
    settle(&mut machine);
    let started = shown(&mut machine, &id)["output"]["workflowId"].as_str().expect("an id").to_owned();
    assert_eq!(status(&mut machine, &started), "RUNNING");
    assert_eq!(machine.executions.len(), 2);
}

#[test]
fn what_becomes_of_a_child_from_before_a_restart_is_nobodys_concern() {
    // S-62.4, S-30.13
    let mut machine = machine();
    define(&mut machine, "inner", &simple("t", "t"));
    define(&mut machine, "outer", &child("s", "inner"));
    let id = start(&mut machine, "outer", "{}");
    settle(&mut machine);
    let orphan = child_of(&mut machine, &id, "s");
    operate(&mut machine, "workflow.terminate", &id, &[]);
    operate(&mut machine, "workflow.restart", &id, &[]);
    settle(&mut machine);
    let present = child_of(&mut machine, &id, "s");
    assert_ne!(orphan, present);
    operate(&mut machine, "workflow.restart", &orphan, &[]);
    settle(&mut machine);
    for task in poll(&mut machine, "t", 5) {
        if task.workflow == orphan {
            report(&mut machine, &task, "COMPLETED");
        }
    }
    settle(&mut machine);
    let statuses = [&orphan, &present, &id].map(|id| status(&mut machine, id));
    assert_eq!(statuses, ["COMPLETED", "RUNNING", "RUNNING"]);
}
