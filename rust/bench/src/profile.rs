//! What is run: the shape of one execution, and what follows from it for the client.

use std::time::Duration;

mod definitions;
mod words;

pub use definitions::task_definition;

#[cfg(test)]
mod tests;

/// Tasks of one execution at most; definitions and inputs of that size are made in memory.
pub const TASKS_MAX: usize = 10_000;
/// How long a parked execution waits: longer than any run.
const WAITING_S: u64 = 86_400;
/// Its own time limit, so that each has a timer besides that of its WAIT.
const WAITING_TIMEOUT_S: u64 = 2 * WAITING_S;
/// Executions of `timers` that wait at any time in a closed loop.
const TIMERS_INFLIGHT: usize = 10_000;

/// The shape of one execution; every task that workers do is a SIMPLE task of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// One task.
    Exec,
    /// One task, and more starts offered than the server can take.
    Overload,
    /// One task, and this many bytes of payload.
    Payload(usize),
    /// This many tasks, one after the other.
    Chain(usize),
    /// `FORK_JOIN` with this many branches of one task.
    Fork(usize),
    /// `FORK_JOIN_DYNAMIC` with this many children, given in the input.
    Dynamic(usize),
    /// `DO_WHILE` with this many iterations of one task.
    Loop(usize),
    /// `SUB_WORKFLOW` whose child has one task.
    Sub,
    /// `WAIT` of this many seconds, then one task.
    Timers(u32),
    /// This many executions that are started and left waiting.
    Parked(usize),
    /// No execution at all: this many long polls that find nothing.
    IdlePolls(usize),
}

impl Profile {
    /// Tasks that workers complete for one execution.
    pub fn tasks(self) -> usize {
        match self {
            Self::Parked(_) | Self::IdlePolls(_) => 0,
            Self::Exec | Self::Overload | Self::Payload(_) | Self::Sub | Self::Timers(_) => 1,
            Self::Chain(tasks) | Self::Fork(tasks) | Self::Dynamic(tasks) | Self::Loop(tasks) => tasks,
        }
    }

    /// Whether an execution is one SIMPLE task, the only shape that the null server and many task types know.
    pub fn is_one_task(self) -> bool {
        matches!(self, Self::Exec | Self::Overload | Self::Payload(_))
    }

    /// Executions to keep unfinished so that this many workers have work, and not much more.
    pub fn inflight_for(self, workers: usize) -> usize {
        match self {
            Self::Fork(width) | Self::Dynamic(width) => (2 * workers).div_ceil(width).max(2),
            Self::Timers(_) => TIMERS_INFLIGHT,
            // The starters alone hold back.
            Self::Parked(executions) => executions,
            Self::Exec | Self::Overload | Self::Payload(_) | Self::Chain(_) | Self::Loop(_) | Self::Sub => {
                2 * workers
            }
            Self::IdlePolls(_) => 0,
        }
    }

    /// Tasks to ask for in one poll: `exec` and what resembles it is by its definition unbatched.
    pub fn batch(self) -> usize {
        if self.updates_with_next() { 10 } else { 1 }
    }

    /// Whether a result is reported by update-v2, which hands out the next task with the answer.
    pub fn updates_with_next(self) -> bool {
        match self {
            Self::Chain(_) | Self::Fork(_) | Self::Dynamic(_) | Self::Loop(_) => true,
            Self::Exec
            | Self::Overload
            | Self::Payload(_)
            | Self::Sub
            | Self::Timers(_)
            | Self::Parked(_)
            | Self::IdlePolls(_) => false,
        }
    }

    /// What every execution shall be at the end of the run.
    pub fn wanted_status(self) -> &'static str {
        if matches!(self, Self::Parked(_)) { "RUNNING" } else { "COMPLETED" }
    }

    /// How long after its start the task of an execution is due; `None` when no timer stands before it.
    pub fn timer(self) -> Option<Duration> {
        match self {
            Self::Timers(seconds) => Some(Duration::from_secs(seconds.into())),
            _ => None,
        }
    }
}
