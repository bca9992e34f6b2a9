//! A child was revived by an operator (S-61.9): its task waits again, and so does whatever waits for that task.

use super::retry::{reopen, revive};
use crate::live::Live;
use crate::step::{Step, pass};
use fastcond_model::{Message, Task, TaskChange, TaskId, TaskNo, TaskStatus, WorkflowId};

/// Revives the execution around a revived child.
pub fn run(step: &mut Step<'_, '_>, task: TaskId, child: WorkflowId) {
    let Some(no) = step.live.execution.id.number_of(task) else { return };
    let Some(task) = step.live.execution.tasks.get(no) else { return };
    if task.subworkflow != Some(child) {
        return;
    }
    let is_optional = step.live.node_of(task).is_some_and(|n| n.step.optional);
    if task.is_retried || is_optional || is_spoken_to(step.live, task) {
        return;
    }
    let was_terminal = step.live.execution.header.status.is_terminal();
    if !was_terminal {
        restart_clock(step);
    }
    if !step.live.task(no).status.is_terminal() {
        return;
    }
    reopen(step, no, false);
    reopen_failed_joins(step);
    let mut cancelled = Cancelled::default();
    if was_terminal {
        revive(step);
        cancelled = reopen_cancelled(step);
        step.tell_parent_revived();
    }
    // What is begun may be over at once, and then tells the joins that wait for it: they must be counting again.
    step.live.rebuild();
    for no in cancelled.to_begin {
        if let Some(node) = step.live.node_of(step.live.task(no)) {
            step.start_instance(no, &node);
        }
    }
    step.live.work = pass::unfinished(step.live).into();
    step.close_ready_joins();
    step.go_on();
    // What failed this execution before may fail it again at once. Then the siblings stay as they are: each revival
    // would come back as another one of this execution, for ever.
    if !step.live.execution.header.status.is_terminal() {
        for child in cancelled.children {
            step.send(Message::Resume { child });
        }
    }
}

/// What runs gets its whole time once more, and so does what waits for it (S-55.1, S-61.9).
fn restart_clock(step: &mut Step<'_, '_>) {
    let now_ms = step.now();
    step.live.execution.header.last_retried_ms = now_ms;
    step.touch_header();
    step.tell_parent_revived();
}

/// Whether a cancellation or a resumption is on its way to the child of a task: what the child said it said before it
/// knew, and it will answer. Taken at their word, two siblings could cancel and revive each other for ever.
pub fn is_spoken_to(live: &Live, task: &Task) -> bool {
    task.subworkflow.is_some_and(|child| live.execution.outbox.has_command_for(child))
}

/// Joins that had given up wait again, for the revived child as for the others (S-4.4).
fn reopen_failed_joins(step: &mut Step<'_, '_>) {
    let tasks = &step.live.execution.tasks;
    let failed = tasks.iter().filter(|t| &*t.task_type == "JOIN" && t.status.is_failure());
    for no in failed.map(|t| t.no).collect::<Vec<TaskNo>>() {
        reopen(step, no, false);
    }
}

/// What was cancelled with an execution and goes on with it.
#[derive(Default)]
struct Cancelled {
    to_begin: Vec<TaskNo>,
    /// Children to be resumed.
    children: Vec<WorkflowId>,
}

/// What was cancelled with the execution is looked at again: joins and loops wait, the rest is scheduled in place.
fn reopen_cancelled(step: &mut Step<'_, '_>) -> Cancelled {
    let mut found = Cancelled::default();
    let cancelled: Vec<TaskNo> = step
        .live
        .execution
        .tasks
        .iter()
        .filter(|t| !t.is_retried)
        .filter(|t| {
            let is_child = &*t.task_type == "SUB_WORKFLOW" && t.subworkflow.is_some();
            t.status == TaskStatus::Canceled || (is_child && t.status.is_failure())
        })
        .map(|t| t.no)
        .collect();
    let now_ms = step.now();
    for no in cancelled {
        let task = step.live.task(no);
        let waits = matches!(&*task.task_type, "JOIN" | "EXCLUSIVE_JOIN" | "DO_WHILE");
        let child = task.subworkflow.filter(|_| &*task.task_type == "SUB_WORKFLOW");
        reopen(step, no, !waits && child.is_none());
        if waits {
            continue;
        }
        if let Some(child) = child {
            found.children.push(child);
            continue;
        }
        step.edit(no, TaskChange::default(), |t| {
            t.status = TaskStatus::Scheduled;
            t.scheduled_ms = now_ms;
            t.ready_ms = now_ms;
            t.start_ms = 0;
            t.poll_count = 0;
        });
        found.to_begin.push(no);
    }
    found
}
