//! What becomes of a failed attempt: another one, going on without it, or the end (S-5.8, S-54).

use super::Step;
use crate::graph::Node;
use fastcond_model::{RetryLogic, Task, TaskDef, TaskNo, TaskStatus, WorkflowStatus};

/// A delay before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Whole seconds, as the task shows them.
    pub seconds: i64,
    /// Milliseconds with jitter, as the queue uses them.
    pub ms: i64,
}

/// The decision on a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt.
    Again,
    /// The flow goes on; the attempt gets this status.
    GoOn(TaskStatus),
    /// The workflow ends with this status (S-7.6).
    End(WorkflowStatus),
}

impl Step<'_, '_> {
    /// Judges a terminal, unsuccessful instance (S-54.3, S-54.7 to S-54.9).
    pub fn judge(&self, no: TaskNo) -> Verdict {
        let task = self.live.task(no);
        let Some(node) = self.live.node_of(task) else { return Verdict::GoOn(task.status) };
        let allowed = self.allowed_retries(&node);
        let is_in_budget = within_total(task, &node.task_def, self.now());
        if task.status.is_retriable()
            && !node.behaviour.is_never_retried
            && i64::from(task.retry_count) < allowed
            && is_in_budget
        {
            return Verdict::Again;
        }
        if node.step.optional {
            return Verdict::GoOn(TaskStatus::CompletedWithErrors);
        }
        if node.step.permissive {
            return Verdict::GoOn(task.status);
        }
        Verdict::End(match task.status {
            TaskStatus::Canceled => WorkflowStatus::Terminated,
            TaskStatus::TimedOut => WorkflowStatus::TimedOut,
            _ => WorkflowStatus::Failed,
        })
    }

    /// S-54.2 with its Do: the step's own count always counts; a made-from-data step without definition asks the
    /// registry.
    fn allowed_retries(&self, node: &Node) -> i64 {
        if let Some(count) = node.step.retry_count {
            return i64::from(count);
        }
        if node.step.task_definition.is_none() {
            return self.given.defs.task(&node.name).map_or(0, |def| i64::from(def.retry_count));
        }
        i64::from(node.task_def.retry_count)
    }

    /// S-54.4: saturating, cut to the maximum, then jitter.
    pub fn delay(&mut self, def: &TaskDef, failed_attempt: u32) -> Delay {
        let seconds = delay_seconds(def, failed_attempt);
        let jitter = if def.backoff_jitter_ms > 0 {
            let span = u64::from(def.backoff_jitter_ms.unsigned_abs());
            i64::try_from(self.random() % (span + 1)).unwrap_or_default()
        } else {
            0
        };
        Delay { seconds, ms: seconds.saturating_mul(1000).saturating_add(jitter) }
    }
}

/// The whole-second delay before the attempt after `failed_attempt` (S-54.4).
pub fn delay_seconds(def: &TaskDef, failed_attempt: u32) -> i64 {
    let base = i64::from(def.retry_delay_seconds.max(0));
    let scale = i64::from(def.backoff_scale_factor.unwrap_or(1));
    let grown = match def.retry_logic.unwrap_or(RetryLogic::Fixed) {
        RetryLogic::Fixed => base,
        RetryLogic::LinearBackoff => base.saturating_mul(scale).saturating_mul(i64::from(failed_attempt) + 1),
        RetryLogic::ExponentialBackoff => {
            base.saturating_mul(1i64.checked_shl(failed_attempt.min(62)).unwrap_or(i64::MAX))
        }
    };
    let ceiling = i64::from(i32::MAX);
    let bounded = if grown < 0 { ceiling } else { grown.min(ceiling) };
    let most = i64::from(def.max_retry_delay_seconds);
    if most > 0 { bounded.min(most) } else { bounded }
}

/// Whether the total budget allows another attempt (S-54.7).
fn within_total(task: &Task, def: &TaskDef, now_ms: i64) -> bool {
    let budget_s = def.total_timeout_seconds;
    budget_s <= 0 || task.first_scheduled_ms == 0 || (now_ms - task.first_scheduled_ms) / 1000 < budget_s
}

#[cfg(test)]
mod tests {
    use super::*;

    fn def(logic: RetryLogic, delay: i32, scale: i32, most: i32) -> TaskDef {
        TaskDef {
            retry_logic: Some(logic),
            retry_delay_seconds: delay,
            backoff_scale_factor: Some(scale),
            max_retry_delay_seconds: most,
            ..TaskDef::default()
        }
    }

    #[test]
    fn delays_follow_the_logic_and_saturate() {
        // S-54.4
        let exponential = def(RetryLogic::ExponentialBackoff, 60, 1, 0);
        assert_eq!([0, 1, 2, 3].map(|c| delay_seconds(&exponential, c)), [60, 120, 240, 480]);
        assert_eq!(delay_seconds(&exponential, 30), i64::from(i32::MAX));
        assert_eq!(delay_seconds(&exponential, 400), i64::from(i32::MAX));
        let linear = def(RetryLogic::LinearBackoff, 10, 2, 0);
        assert_eq!([0, 1, 2].map(|c| delay_seconds(&linear, c)), [20, 40, 60]);
        let capped = def(RetryLogic::ExponentialBackoff, 60, 1, 100);
        assert_eq!([0, 1, 9].map(|c| delay_seconds(&capped, c)), [60, 100, 100]);
        assert_eq!(delay_seconds(&def(RetryLogic::Fixed, 5, 1, 3), 7), 3);
    }
}
