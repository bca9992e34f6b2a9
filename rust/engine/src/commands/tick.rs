//! A deadline came (S-55, S-32.7), or a step that was cut short goes on.

use crate::deadline::{self, Deadline};
use crate::step::ending::Ending;
use crate::step::{Step, joins};
use fastcond_model::{TaskChange, TaskNo, TaskStatus, TimeoutPolicy, WorkflowStatus};

/// Handles everything that is due; nothing when the tick is late or double.
pub fn run(step: &mut Step<'_, '_>) {
    if step.live.execution.header.status.is_terminal() {
        return;
    }
    let due = deadline::of_workflow(&step.live.execution.header, &step.live.graph.def);
    if due.is_some_and(|at| at <= step.now()) {
        let reason = format!("Workflow timed out after {} seconds.", step.live.graph.def.timeout_seconds);
        step.end(Ending {
            status: WorkflowStatus::TimedOut,
            reason: Some(reason),
            task: None,
            runs_failure_workflow: true,
        });
        return;
    }
    let mut due = step.live.due_tasks(step.now());
    step.in_list_order(&mut due);
    for no in due {
        if step.is_spent() || step.live.execution.header.status.is_terminal() {
            break;
        }
        step.spend(1);
        strike(step, no);
    }
    step.go_on();
}

fn strike(step: &mut Step<'_, '_>, no: TaskNo) {
    let task = step.live.task(no);
    let Some(node) = step.live.node_of(task) else { return };
    let is_paused = step.live.execution.header.status == WorkflowStatus::Paused;
    // S-5.3: a paused workflow times nothing out but itself; waits end and children begin.
    let come = if is_paused {
        deadline::come_while_paused(task, &node, step.now())
    } else {
        deadline::come(task, &node, step.now())
    };
    let Some(which) = come else { return };
    match which {
        Deadline::Wait => {
            step.settle(no, TaskStatus::Completed, None);
            step.enqueue(no);
        }
        Deadline::Begin => step.begin_again(no, &node),
        Deadline::Response => {
            let reason = format!(
                "responseTimeout: {} exceeded for the task {} with Task Definition: {}",
                deadline::response_timeout_s(&node),
                task.reference,
                task.def_name
            );
            time_out(step, no, reason, false);
        }
        Deadline::Total | Deadline::Task | Deadline::Poll => {
            let policy = node.task_def.timeout_policy.unwrap_or(TimeoutPolicy::TimeOutWf);
            let (name, seconds) = match which {
                Deadline::Total => ("totalTimeoutSeconds", node.task_def.total_timeout_seconds),
                Deadline::Poll => ("pollTimeoutSeconds", node.task_def.poll_timeout_seconds.unwrap_or(0)),
                _ => ("timeoutSeconds", node.task_def.timeout_seconds),
            };
            let reason = format!("Task {} timed out: {name} of {seconds} seconds exceeded.", task.reference);
            time_out(step, no, reason, policy == TimeoutPolicy::TimeOutWf);
        }
    }
}

/// Times an attempt out; with policy `TIME_OUT_WF` the workflow goes with it (S-55.3).
fn time_out(step: &mut Step<'_, '_>, no: TaskNo, reason: String, ends_workflow: bool) {
    step.live.join_over(no);
    step.tell_child(no, &reason);
    // S-25.4, S-28.5: a join or loop keeps what it had when it was last looked at.
    let shown = joins::seen_output(step.live, step.live.task(no));
    let output = shown != step.live.task(no).output;
    step.edit(no, TaskChange { output, ..TaskChange::default() }, |t| {
        t.status = TaskStatus::TimedOut;
        t.reason = Some(crate::step::cut_reason(&reason).into());
        t.output = shown;
    });
    if ends_workflow {
        let ending = Ending {
            status: WorkflowStatus::TimedOut,
            reason: Some(reason),
            task: Some(no),
            runs_failure_workflow: true,
        };
        step.end(ending);
    } else if let Some(status) = step.fatal(no) {
        step.end_for_task(no, status);
    } else {
        step.enqueue(no);
    }
}
