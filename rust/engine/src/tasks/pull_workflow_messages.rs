//! `PULL_WORKFLOW_MESSAGES` (S-42): takes messages that were posted to this execution.
//!
//! Before `{"type": "PULL_WORKFLOW_MESSAGES", "inputParameters": {"batchSize": 2}}` with one message waiting, after a
//! COMPLETED instance with output `{"messages": [{"id": "...", "workflowId": "...", "payload": {"a": 1}, "receivedAt":
//! "..."}], "count": 1}`. Without a message it waits for the next one, unless `blocking` is false.
//!
//! A message leaves the mailbox in the commit that puts it into the output: none is lost, none is delivered twice.

use super::{Behaviour, Mode, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{ObjectWriter, Raw, as_bool, as_i64, as_str, get};
use fastcond_model::{TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

/// The type word.
pub const WORD: &str = "PULL_WORKFLOW_MESSAGES";
/// Messages one task may take.
const BATCH_MAX: i64 = 100;

pub(super) static PULL_WORKFLOW_MESSAGES: Behaviour =
    Behaviour { word: WORD, mode: Mode::Waiting, run, is_sync: false, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    pull(step, no);
}

/// Takes what waits; false when the instance goes on waiting.
pub fn pull(step: &mut Step<'_, '_>, no: TaskNo) -> bool {
    let input = step.live.task(no).input.clone();
    let most = get(&input, "batchSize").and_then(|n| as_i64(n).or_else(|| as_str(n)?.trim().parse().ok()));
    let most = most.unwrap_or(1).clamp(1, BATCH_MAX);
    let is_blocking = get(&input, "blocking").is_none_or(|flag| match as_str(flag) {
        Some(text) => !text.eq_ignore_ascii_case("false"),
        None => as_bool(flag).unwrap_or(true),
    });
    step.drop_stale_mail();
    let messages = step.take_mail(usize::try_from(most).unwrap_or(1));
    if messages.is_empty() && is_blocking {
        return false;
    }
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    let mut list = object.array("messages");
    for message in &messages {
        list.element().push_str(message);
    }
    list.end();
    object.i64("count", i64::try_from(messages.len()).unwrap_or(BATCH_MAX));
    object.end();
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = Raw::of_checked(out));
    step.settle(no, TaskStatus::Completed, None);
    true
}
