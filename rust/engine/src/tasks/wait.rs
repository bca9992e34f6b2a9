//! WAIT (S-32): until a time, or until somebody reports.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use crate::wait_time::{duration_ms, until_ms};
use fastcond_json::{as_str, get};
use fastcond_model::{Task, TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static WAIT: Behaviour =
    Behaviour { word: "WAIT", mode: Mode::Waiting, fill, run, is_sync: false, ..PLAIN };

fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    task.input = step.resolve_input(node, task.no)?;
    task.wait_until_ms = 0;
    if task.retry_count == 0 {
        task.ready_ms = task.scheduled_ms;
    }
    let until = deadline(&task.input, task.scheduled_ms)?;
    task.callback_after_s = until.map_or(0, |at| ((at - task.scheduled_ms) / 1000).max(0));
    Ok(())
}

/// When a wait that begins at `now_ms` is over; none waits for a report.
fn deadline(input: &str, now_ms: i64) -> Result<Option<i64>, String> {
    let of = |key: &str| get(input, key).filter(|v| *v != "null").and_then(as_str).filter(|v| !v.is_empty());
    match (of("duration"), of("until")) {
        (Some(_), Some(_)) => {
            Err("Both 'duration' and 'until' specified. Please provide only one input".to_owned())
        }
        (Some(text), None) => {
            let ms = duration_ms(&text).ok_or_else(|| format!("Wait duration '{text}' cannot be read"))?;
            Ok(Some(now_ms.saturating_add(ms).max(1)))
        }
        (None, Some(text)) => {
            let at = until_ms(&text).ok_or_else(|| format!("Wait until '{text}' cannot be read"))?;
            Ok(Some(at.max(1)))
        }
        (None, None) => Ok(None),
    }
}

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let now_ms = step.now();
    // The deadline counts from the moment the wait begins, also for a new attempt (S-32.9).
    match deadline(&step.live.task(no).input, now_ms) {
        Ok(None) => {}
        Ok(Some(at)) if at < now_ms => step.settle(no, TaskStatus::Completed, None),
        Ok(Some(at)) => step.edit(no, TaskChange::default(), |t| t.wait_until_ms = at),
        Err(reason) => step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason)),
    }
}
