//! Deadlines derived from records (S-55, S-32.7): who must be looked at again, and when.

use crate::graph::Node;
use crate::tasks::Mode;
use fastcond_model::def::WorkflowTimeoutPolicy;
use fastcond_model::{Header, Task, TaskStatus, TimeoutPolicy, WorkflowDef};

/// Why an instance must be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// S-55.4.
    Total,
    /// S-55.5.
    Task,
    /// S-55.7.
    Poll,
    /// S-55.6.
    Response,
    /// A WAIT is over (S-32.7).
    Wait,
    /// A delayed start of something the engine starts itself.
    Begin,
}

/// What work inside the server gets when its definition sets nothing.
const SYSTEM_RESPONSE_S: i64 = 3600;

const ORDER: [Deadline; 6] =
    [Deadline::Total, Deadline::Task, Deadline::Poll, Deadline::Response, Deadline::Wait, Deadline::Begin];

/// When that deadline of an open instance comes, if it has one.
pub fn at(task: &Task, node: &Node, which: Deadline) -> Option<i64> {
    if task.status.is_terminal() {
        return None;
    }
    let def = &*node.task_def;
    let is_alert = def.timeout_policy == Some(TimeoutPolicy::AlertOnly);
    if is_alert && matches!(which, Deadline::Total | Deadline::Task | Deadline::Poll) {
        return None;
    }
    let seconds = |s: i64| s.saturating_mul(1000);
    match which {
        Deadline::Total => (def.total_timeout_seconds > 0 && task.first_scheduled_ms > 0)
            .then(|| task.first_scheduled_ms.saturating_add(seconds(def.total_timeout_seconds))),
        Deadline::Task => (def.timeout_seconds > 0 && task.start_ms > 0).then(|| {
            task.start_ms
                .saturating_add(seconds(task.start_delay_s))
                .saturating_add(seconds(def.timeout_seconds))
        }),
        Deadline::Poll => {
            let timeout = def.poll_timeout_seconds.unwrap_or(0);
            (timeout > 0 && task.status == TaskStatus::Scheduled && task.ready_ms > 0)
                .then(|| task.ready_ms.saturating_add(seconds(timeout)))
        }
        Deadline::Response => response(task, node),
        Deadline::Wait => (task.status == TaskStatus::InProgress && task.wait_until_ms > 0)
            .then_some(task.wait_until_ms.saturating_add(1)),
        Deadline::Begin => {
            let is_ours = matches!(node.behaviour.mode, Mode::Waiting | Mode::Inline);
            (is_ours && task.status == TaskStatus::Scheduled && task.ready_ms > 0).then_some(task.ready_ms)
        }
    }
}

/// Started once, then ended by somebody else: the input of a system task says so, or the step does (S-9.5).
fn is_async_complete(task: &Task, node: &Node) -> bool {
    if node.behaviour.mode == Mode::Worker || !task.input.contains("asyncComplete") {
        return node.step.async_complete;
    }
    let given = fastcond_json::get(&task.input, "asyncComplete")
        .or_else(|| fastcond_json::get_path(&task.input, &["http_request", "asyncComplete"]));
    let is_true = |value: &str| {
        fastcond_json::as_str(value).map_or(value == "true", |text| text.eq_ignore_ascii_case("true"))
    };
    given.map_or(node.step.async_complete, is_true)
}

/// How long a started instance may be silent; 0 for as long as it likes. Work inside the server always has a bound, or a
/// result that got lost would be waited for without end (S-9.4).
pub fn response_timeout_s(node: &Node) -> i64 {
    match node.task_def.response_timeout_seconds {
        ..=0 if node.behaviour.mode == Mode::System => SYSTEM_RESPONSE_S,
        seconds => seconds,
    }
}

fn response(task: &Task, node: &Node) -> Option<i64> {
    let timeout_s = response_timeout_s(node);
    let is_watched = node.behaviour.has_response_timeout
        && task.status == TaskStatus::InProgress
        && timeout_s > 0
        && !is_async_complete(task, node);
    is_watched.then(|| {
        let wait_s = timeout_s.saturating_add(task.callback_after_s);
        task.update_ms.saturating_add(wait_s.saturating_mul(1000))
    })
}

/// The earliest deadline of an open instance.
pub fn of_task(task: &Task, node: &Node) -> Option<i64> {
    if task.status.is_terminal() {
        return None;
    }
    ORDER.iter().filter_map(|which| at(task, node, *which)).min()
}

/// The first deadline, in the contract's order, that has come (S-5.7).
pub fn come(task: &Task, node: &Node, now_ms: i64) -> Option<Deadline> {
    ORDER.iter().copied().find(|which| at(task, node, *which).is_some_and(|due| due <= now_ms))
}

/// The same while the workflow is paused: only waits and delayed starts.
pub fn come_while_paused(task: &Task, node: &Node, now_ms: i64) -> Option<Deadline> {
    let which = [Deadline::Wait, Deadline::Begin];
    which.into_iter().find(|which| at(task, node, *which).is_some_and(|due| due <= now_ms))
}

/// When the workflow timeout strikes (S-55.1); ALERT_ONLY never does.
pub fn of_workflow(header: &Header, def: &WorkflowDef) -> Option<i64> {
    let strikes = def.timeout_seconds > 0 && def.timeout_policy == Some(WorkflowTimeoutPolicy::TimeOutWf);
    let from = if header.last_retried_ms > 0 { header.last_retried_ms } else { header.create_ms };
    strikes.then(|| from.saturating_add(def.timeout_seconds.saturating_mul(1000)))
}
