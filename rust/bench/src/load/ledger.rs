//! The client's own books: what it started, was handed and reported.
//!
//! They hold what is open and a bounded memory of what is over, so that a run may be as long as it likes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::load::messages::Lease;

mod sample;
mod seen;

use sample::Sample;
use seen::{Seen, TaskPrint};

#[cfg(test)]
mod tests;

/// One execution, from the moment its start was sent until it is over.
#[derive(Debug)]
struct Execution {
    /// When its start was due; in a closed loop that is when it was sent.
    due: Instant,
    sent: Instant,
    reported: usize,
    is_answered: bool,
    /// Its tasks so far.
    tasks: Vec<TaskPrint>,
}

/// What became of a task that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// Work for this execution, for the first time.
    Work(usize),
    /// The same task was handed out before.
    Again,
    /// The task is of no execution of this run, or of one that has all its results.
    Stranger,
}

/// Everything the client knows of the run's executions.
#[derive(Debug)]
pub struct Ledger {
    tasks_each: usize,
    /// By number; those that are over are forgotten.
    open: HashMap<usize, Execution>,
    seen: Seen,
    sample: Sample,
    begun: usize,
    unanswered: usize,
    unfinished: usize,
    finished: usize,
    refused: usize,
    reported: u64,
    duplicates: u64,
    strangers: u64,
}

impl Ledger {
    /// Opens the books for executions of this many tasks each; ids of `sample_max` of them are kept.
    pub fn new(tasks_each: usize, sample_max: usize) -> Self {
        Self {
            tasks_each,
            open: HashMap::new(),
            seen: Seen::new(seen::ENDED_MAX),
            sample: Sample::new(sample_max),
            begun: 0,
            unanswered: 0,
            unfinished: 0,
            finished: 0,
            refused: 0,
            reported: 0,
            duplicates: 0,
            strangers: 0,
        }
    }

    /// A start that was due at `due` is about to be sent; gives the execution its number.
    pub fn begin(&mut self, due: Instant, sent: Instant) -> usize {
        let number = self.begun;
        let execution = Execution { due, sent, reported: 0, is_answered: false, tasks: Vec::new() };
        self.open.insert(number, execution);
        self.begun += 1;
        self.unanswered += 1;
        self.unfinished += 1;
        number
    }

    /// The start was answered with this id; an execution without tasks is finished by that.
    pub fn started(&mut self, number: usize, id: &str) {
        let execution = self.open.get_mut(&number).expect("a start is open until it is answered");
        assert!(!execution.is_answered, "one start, one answer");
        execution.is_answered = true;
        self.unanswered -= 1;
        self.sample.offer(number, id);
        if self.tasks_each == 0 {
            self.unfinished -= 1;
            self.finished += 1;
        }
        self.forget_if_over(number);
    }

    /// The start was refused: there is no such execution, and a task of it would be a stranger.
    pub fn refused(&mut self, number: usize) -> Instant {
        let execution = self.open.remove(&number).expect("a start is open until it is answered");
        self.seen.retire(execution.tasks);
        self.unanswered -= 1;
        self.refused += 1;
        if execution.reported < self.tasks_each || self.tasks_each == 0 {
            self.unfinished -= 1;
        } else {
            // Refused and yet run to its end: it must not count as both.
            self.finished -= 1;
            self.strangers += 1;
        }
        execution.sent
    }

    /// A task was handed out; doubled and foreign ones are counted and shall not be reported.
    pub fn handed(&mut self, lease: &Lease) -> Handed {
        let print = TaskPrint::of(&lease.task_id);
        if !self.seen.insert(print) {
            self.duplicates += 1;
            return Handed::Again;
        }
        if let Some(number) = lease.execution
            && let Some(execution) = self.open.get_mut(&number)
            && execution.reported < self.tasks_each
        {
            execution.tasks.push(print);
            return Handed::Work(number);
        }
        self.seen.retire([print]);
        self.strangers += 1;
        Handed::Stranger
    }

    /// A result was acknowledged; after the last one of an execution, says how long it took since its start was due.
    pub fn reported(&mut self, number: usize, now: Instant) -> Option<Duration> {
        self.reported += 1;
        let execution = self.open.get_mut(&number)?;
        execution.reported += 1;
        if execution.reported != self.tasks_each {
            return None;
        }
        let took = now.saturating_duration_since(execution.due);
        self.unfinished -= 1;
        self.finished += 1;
        self.forget_if_over(number);
        Some(took)
    }

    /// When the start of an execution that is not over was sent.
    pub fn sent(&self, number: usize) -> Option<Instant> {
        self.open.get(&number).map(|execution| execution.sent)
    }

    fn forget_if_over(&mut self, number: usize) {
        let is_over = |execution: &Execution| execution.is_answered && execution.reported >= self.tasks_each;
        if self.open.get(&number).is_some_and(is_over)
            && let Some(execution) = self.open.remove(&number)
        {
            self.seen.retire(execution.tasks);
        }
    }

    /// Executions whose start was sent.
    pub fn begun(&self) -> usize {
        self.begun
    }

    /// Executions that have all results acknowledged.
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// Executions that lack a result; counted, not worked out from the others.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Executions whose start was refused.
    pub fn refused_starts(&self) -> usize {
        self.refused
    }

    /// Whether nothing is open: every start answered, every result in.
    pub fn is_balanced(&self) -> bool {
        self.unfinished == 0 && self.unanswered == 0
    }

    /// Results acknowledged.
    pub fn results(&self) -> u64 {
        self.reported
    }

    /// Tasks handed out more than once.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Tasks that were none of this run's business.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// Ids of at most as many executions as were asked for, evenly spread over the run.
    pub fn sample(&self) -> Vec<&str> {
        self.sample.ids()
    }
}
