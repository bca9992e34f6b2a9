//! The retry operation (S-61): every branch that failed or was cancelled gets another attempt.

use super::terminate::take_back;
use crate::command::Rejection;
use crate::live::Live;
use crate::step::failing::Delay;
use crate::step::{Step, joins, pass};
use fastcond_model::{Message, NodeRef, Task, TaskChange, TaskNo, TaskStatus, WorkflowId, WorkflowStatus};
use std::collections::BTreeMap;

const AT_ONCE: Delay = Delay { seconds: 0, ms: 0 };

/// Retries a terminal execution.
pub fn run(step: &mut Step<'_, '_>, resumes_children: bool, is_from_parent: bool) -> Result<(), Rejection> {
    if is_from_parent {
        take_back(step);
    }
    let execution = &step.live.execution;
    let (id, status) = (execution.id, execution.header.status);
    if !status.is_terminal() {
        if !is_from_parent {
            return Err(Rejection::Conflict(format!("Workflow has not ended, status: {status}")));
        }
        // S-61.9: it runs already; only the task that waits for it is revived.
        step.tell_parent_revived();
        return Ok(());
    }
    let chosen = retryable(step.live);
    if is_from_parent && chosen.is_empty() {
        // Nothing went wrong here: the parent, which waits again, is told once more how this execution ended.
        step.tell_parent_revived();
        step.tell_parent();
        return Ok(());
    }
    if step.live.execution.tasks.is_empty() {
        return Err(Rejection::Conflict(format!("Workflow {id} has not started yet")));
    }
    if resumes_children && resume_children(step, &chosen) {
        return Ok(());
    }
    if chosen.is_empty() && status != WorkflowStatus::TimedOut {
        return Err(Rejection::Conflict(format!(
            "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again. Workflow {id} is {status}"
        )));
    }
    revive(step);
    let fresh: Vec<TaskNo> = chosen.into_iter().filter(|no| !waits_again(step, *no)).collect();
    step.live.rebuild();
    step.live.hide_new(true);
    for no in fresh {
        step.attempt_again(no, AT_ONCE);
    }
    step.live.hide_new(false);
    step.tell_parent_revived();
    step.live.work = pass::unfinished(step.live).into();
    step.close_ready_joins();
    step.go_on();
    Ok(())
}

/// Where a retry with `resumeSubworkflowTasks` leads from an execution (S-61.8): the child of its first unsuccessful
/// task; of a loop, that of the first unsuccessful SUB_WORKFLOW. None when that is the execution itself.
pub fn child_to_resume(live: &Live) -> Option<WorkflowId> {
    let chosen = retryable(live);
    let is_child = |task: &Task| &*task.task_type == "SUB_WORKFLOW";
    let mut tasks = chosen.iter().map(|no| live.task(*no));
    let first = tasks.next()?;
    let is_loop = &*first.task_type == "DO_WHILE";
    let first = if is_loop { tasks.find(|task| is_child(task)).unwrap_or(first) } else { first };
    first.subworkflow.filter(|_| is_child(first))
}

/// Whether an execution has anything to retry (S-61.2).
pub fn is_retryable(live: &Live) -> bool {
    !retryable(live).is_empty()
}

/// With the flag the failed children are retried, down to the deepest, and revive this execution (S-61.8); true when
/// that, or nothing, is to be done.
fn resume_children(step: &mut Step<'_, '_>, chosen: &[TaskNo]) -> bool {
    let is_child = |no: &&TaskNo| {
        let task = step.live.task(**no);
        task.subworkflow.is_some()
            && &*task.task_type == "SUB_WORKFLOW"
            && task.status != TaskStatus::Canceled
    };
    let children: Vec<TaskNo> = chosen.iter().filter(is_child).copied().collect();
    for no in &children {
        if let Some(child) = step.live.task(*no).subworkflow {
            step.send(Message::Resume { child });
        }
    }
    chosen.is_empty() || !children.is_empty()
}

/// Per reference name the last unsuccessful instance, unless a later one did better (S-61.2).
fn retryable(live: &Live) -> Vec<TaskNo> {
    let mut last: BTreeMap<&str, Option<TaskNo>> = BTreeMap::new();
    for task in live.execution.listed() {
        let fails = matches!(
            task.status,
            TaskStatus::Failed
                | TaskStatus::FailedWithTerminalError
                | TaskStatus::TimedOut
                | TaskStatus::Canceled
        );
        last.insert(&task.reference, fails.then_some(task.no));
    }
    let mut chosen: Vec<TaskNo> = last.into_values().flatten().collect();
    chosen.sort_by_key(|no| (live.task(*no).seq, *no));
    chosen
}

/// The execution runs again (S-61.7).
pub fn revive(step: &mut Step<'_, '_>) {
    let now_ms = step.now();
    let header = &mut step.live.execution.header;
    header.status = WorkflowStatus::Running;
    header.last_retried_ms = now_ms;
    header.end_ms = 0;
    header.reason = None;
    header.failed_task = None;
    header.failed_refs.clear();
    header.failed_names.clear();
    step.touch_header();
}

/// Reopens what only waits for others, in place, and answers true; marks the rest as replaced (S-61.3 to S-61.5).
fn waits_again(step: &mut Step<'_, '_>, no: TaskNo) -> bool {
    let task = step.live.task(no);
    let (kind, status) = (task.task_type.clone(), task.status);
    match &*kind {
        _ if matches!(task.node, NodeRef::None) => true,
        "JOIN" | "EXCLUSIVE_JOIN" | "DO_WHILE" => {
            let is_unchanged = match status {
                TaskStatus::Canceled => &*kind != "EXCLUSIVE_JOIN",
                TaskStatus::Failed => &*kind != "DO_WHILE" && joins_permissive_failure(step, no),
                _ => false,
            };
            reopen(step, no, !is_unchanged);
            true
        }
        _ => {
            step.edit(no, TaskChange::default(), |t| {
                t.is_retried = true;
                t.is_executed = true;
            });
            false
        }
    }
}

/// Whether a join failed because a permissive task did (S-61.3).
fn joins_permissive_failure(step: &Step<'_, '_>, no: TaskNo) -> bool {
    joins::joined(step.live, step.live.task(no)).into_iter().flatten().any(|task| {
        task.status == TaskStatus::Failed && step.live.node_of(task).is_some_and(|node| node.step.permissive)
    })
}

/// Puts an instance back to IN_PROGRESS under the same id.
pub fn reopen(step: &mut Step<'_, '_>, no: TaskNo, is_new_attempt: bool) {
    let now_ms = step.now();
    step.edit(no, TaskChange::default(), |t| {
        t.status = TaskStatus::InProgress;
        t.start_ms = now_ms;
        t.end_ms = 0;
        t.reason = None;
        t.is_executed = false;
        t.is_retried = false;
        if is_new_attempt {
            t.retry_count += 1;
        }
    });
    step.live.note_waits_again(no);
}
