//! A worker's report (S-52): the first terminal one wins, later ones change nothing.

use crate::command::{Outcome, Rejection, Report};
use crate::step::{Step, cut_reason, too_large_output};
use crate::tasks::Mode;
use fastcond_json::{Raw, merged};
use fastcond_model::{ResultStatus, TaskChange, TaskStatus};

/// Takes over a report.
pub fn run(step: &mut Step<'_, '_>, report: Report) -> Result<(), Rejection> {
    let no = report.task;
    let Some(task) = step.live.execution.tasks.get(no) else {
        return Err(Rejection::NotFound("No such task found".to_owned()));
    };
    if task.status.is_terminal() || step.live.execution.header.status.is_terminal() {
        step.outcome = Outcome::Dropped;
        return Ok(());
    }
    if report.extends_lease {
        step.edit(no, TaskChange::default(), |_| {});
        return Ok(());
    }
    // S-52.4: a worker that says IN_PROGRESS gets the task again; what the server runs stays in progress.
    let is_worker_task = step.live.node_of(task).is_some_and(|node| node.behaviour.mode == Mode::Worker);
    let status = match report.status {
        ResultStatus::InProgress if is_worker_task => TaskStatus::Scheduled,
        ResultStatus::InProgress => task.status,
        other => other.task_status(),
    };
    take_over(step, report, status);
    if step.live.task(no).status.is_terminal() {
        step.live.join_over(no);
        step.enqueue(no);
    }
    step.go_on();
    Ok(())
}

fn take_over(step: &mut Step<'_, '_>, report: Report, status: TaskStatus) {
    let now_ms = step.now();
    let task = step.live.task(report.task);
    let (stored, is_outside) = (&task.output, task.output_path.is_some());
    // S-52.5: what a report adds to an output outside is merged into it.
    let mut output = if report.is_merged || is_outside {
        Raw::of_checked(merged(stored, &report.output))
    } else {
        report.output
    };
    let (mut status, mut reason) = (status, report.reason);
    if let Some(why) = too_large_output(&output) {
        output = Raw::empty_object();
        (status, reason) = (TaskStatus::FailedWithTerminalError, Some(why));
    }
    if let Err(why) = step.check_task_output(report.task, status, &output) {
        (status, reason) = (TaskStatus::FailedWithTerminalError, Some(why));
    }
    step.edit(report.task, TaskChange { output: true, ..TaskChange::default() }, |t| {
        t.output = output;
        t.reason = reason.as_deref().map(|r| cut_reason(r).into());
        if !(report.keeps_worker && report.worker.is_none()) {
            t.worker = report.worker;
        }
        t.callback_after_s = report.callback_after_s;
        if report.subworkflow.is_some() {
            t.subworkflow = report.subworkflow;
        }
        if let Some(path) = report.output_path {
            t.output_path = Some(path.into());
        }
        t.status = status;
        if status == TaskStatus::Scheduled {
            t.ready_ms = now_ms.saturating_add(report.callback_after_s.max(0).saturating_mul(1000));
        }
    });
}
