//! The client's own books: what it started, was handed and reported.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::load::messages::Lease;

#[cfg(test)]
mod tests;

/// One execution, from the moment its start was sent.
#[derive(Debug)]
struct Execution {
    begun: Instant,
    reported: usize,
    id: Option<Box<str>>,
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
    executions: Vec<Execution>,
    tasks: HashSet<Box<str>>,
    unanswered: usize,
    finished: usize,
    reported: u64,
    duplicates: u64,
    strangers: u64,
}

impl Ledger {
    /// Opens the books for executions of this many tasks each.
    pub fn new(tasks_each: usize) -> Self {
        Self {
            tasks_each,
            executions: Vec::new(),
            tasks: HashSet::new(),
            unanswered: 0,
            finished: 0,
            reported: 0,
            duplicates: 0,
            strangers: 0,
        }
    }

    /// A start is about to be sent; gives the execution its number.
    pub fn begin(&mut self, now: Instant) -> usize {
        self.executions.push(Execution { begun: now, reported: 0, id: None });
        self.unanswered += 1;
        self.executions.len() - 1
    }

    /// The start was answered with this id.
    pub fn started(&mut self, number: usize, id: &str) {
        let execution = &mut self.executions[number];
        assert!(execution.id.is_none(), "one start, one answer");
        execution.id = Some(id.into());
        self.unanswered -= 1;
    }

    /// A task was handed out; doubled and foreign ones are counted and shall not be reported.
    pub fn handed(&mut self, lease: &Lease) -> Handed {
        if !self.tasks.insert(lease.task_id.as_str().into()) {
            self.duplicates += 1;
            return Handed::Again;
        }
        let wants_results = |number: &usize| {
            self.executions.get(*number).is_some_and(|execution| execution.reported < self.tasks_each)
        };
        if let Some(number) = lease.execution.filter(wants_results) {
            return Handed::Work(number);
        }
        self.strangers += 1;
        Handed::Stranger
    }

    /// A result was acknowledged; after the last one of an execution, says how long it took from its start.
    pub fn reported(&mut self, number: usize, now: Instant) -> Option<Duration> {
        self.reported += 1;
        let execution = &mut self.executions[number];
        execution.reported += 1;
        if execution.reported != self.tasks_each {
            return None;
        }
        self.finished += 1;
        Some(now.saturating_duration_since(execution.begun))
    }

    /// Executions whose start was sent.
    pub fn begun(&self) -> usize {
        self.executions.len()
    }

    /// Executions that have all results acknowledged.
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// Executions that lack a result.
    pub fn unfinished(&self) -> usize {
        self.executions.len() - self.finished
    }

    /// Whether nothing is open: every start answered, every result in.
    pub fn is_balanced(&self) -> bool {
        self.unfinished() == 0 && self.unanswered == 0
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

    /// Ids of at most `limit` executions, evenly spread over the run.
    pub fn sample(&self, limit: usize) -> Vec<&str> {
        let ids: Vec<&str> = self.executions.iter().filter_map(|execution| execution.id.as_deref()).collect();
        if ids.len() <= limit {
            return ids;
        }
        (0..limit).map(|nth| ids[nth * ids.len() / limit]).collect()
    }
}
