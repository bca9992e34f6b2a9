//! Which tasks were handed out before: all of unfinished executions, and the latest of those that are over.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

#[cfg(test)]
mod tests;

/// Tasks of executions that are over which are still told apart; about 30 MB. An older one that comes again is of no
/// unfinished execution and is found by that.
pub const ENDED_MAX: usize = 1 << 20;

/// Eight bytes that stand for a task id. Two of the ids known at one time share them once in ten thousand runs of
/// five million tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskPrint(u64);

impl TaskPrint {
    /// The print of this id.
    pub fn of(task_id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        task_id.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The tasks seen so far, as far as they are remembered.
#[derive(Debug)]
pub struct Seen {
    known: HashSet<TaskPrint>,
    ended: VecDeque<TaskPrint>,
    ended_max: usize,
}

impl Seen {
    /// Remembers `ended_max` tasks that are over, and every other.
    pub fn new(ended_max: usize) -> Self {
        Self { known: HashSet::new(), ended: VecDeque::new(), ended_max }
    }

    /// Adds a task; says whether it was unknown.
    pub fn insert(&mut self, task: TaskPrint) -> bool {
        self.known.insert(task)
    }

    /// These tasks are over; the oldest that are over are forgotten for them.
    pub fn retire(&mut self, tasks: impl IntoIterator<Item = TaskPrint>) {
        for task in tasks {
            self.ended.push_back(task);
            if self.ended.len() > self.ended_max
                && let Some(oldest) = self.ended.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }
}
