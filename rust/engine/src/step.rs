//! One step: a command being decided on one execution, with everything it changes noted.
//!
//! Finished instances wait in `live.work`; [`Step::go_on`] takes them one by one until nothing moves or the step is
//! long enough. No recursion: what an instance sets off is put at the end.

pub mod attempt;
pub mod ending;
pub mod failing;
pub mod joins;
pub mod loops;
pub mod pass;
pub mod schedule;
pub mod schemas;

use crate::command::{Given, Outcome, TaskEvent, Transition};
use crate::graph::Graph;
use crate::live::{Live, Unseen};
use fastcond_json::Raw;
use fastcond_model::{Change, Message, Outgoing, Task, TaskChange, TaskNo, TaskStatus};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How much one step may do before the rest is put off: about ten milliseconds of plain instances (G19).
pub const BUDGET: u32 = 1_000;
/// What a script costs of that budget.
pub const SCRIPT_COST: u32 = 10;

/// Task instances that an execution may have (quality H10); one that makes more fails.
pub const TASKS_MAX: usize = 200_000;
/// Iterations that a loop may make (quality H12).
pub const ITERATIONS_MAX: u32 = 100_000;

/// A command being decided.
pub struct Step<'a, 'g> {
    /// The execution.
    pub live: &'a mut Live,
    /// Time, randomness, registry.
    pub given: &'a mut Given<'g>,
    change: Change,
    touched: BTreeMap<TaskNo, TaskChange>,
    definitions: Vec<Arc<Graph>>,
    events: Vec<TaskEvent>,
    ended: bool,
    budget: u32,
    /// A TERMINATE was seen: this turn only marks what ended (S-5.11).
    pub is_ending: bool,
    /// Instances this turn marked executed, and ones whose failure it excused with their status before.
    executed_now: Vec<TaskNo>,
    excused_now: Vec<(TaskNo, TaskStatus)>,
    /// Executions to start once the decision stands: children, and those of START_WORKFLOW.
    pub begins: VecDeque<TaskNo>,
    /// What came of the command.
    pub outcome: Outcome,
    random: u64,
}

impl<'a, 'g> Step<'a, 'g> {
    /// A step that has changed nothing.
    pub fn new(live: &'a mut Live, given: &'a mut Given<'g>) -> Self {
        let random = given.seed;
        Self {
            live,
            given,
            change: Change::default(),
            touched: BTreeMap::new(),
            definitions: Vec::new(),
            events: Vec::new(),
            ended: false,
            budget: BUDGET,
            is_ending: false,
            executed_now: Vec::new(),
            excused_now: Vec::new(),
            begins: VecDeque::new(),
            outcome: Outcome::Done,
            random,
        }
    }

    /// The clock.
    pub fn now(&self) -> i64 {
        self.given.now_ms
    }

    /// The next number of this command's random sequence.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Takes `cost` of the budget.
    pub fn spend(&mut self, cost: u32) {
        self.budget = self.budget.saturating_sub(cost);
    }

    /// Whether the step is long enough.
    pub fn is_spent(&self) -> bool {
        self.budget == 0
    }

    /// The header will be stored.
    pub fn touch_header(&mut self) {
        self.change.header = true;
    }

    /// Input and variables of a new execution will be stored.
    pub fn touch_payloads(&mut self) {
        self.change.input = true;
        self.change.variables = &*self.live.execution.variables != "{}";
    }

    /// Replaces the workflow input.
    pub fn set_input(&mut self, input: Raw) {
        self.live.execution.input = input;
        self.change.input = true;
    }

    /// Replaces the workflow output.
    pub fn set_output(&mut self, output: Raw) {
        self.live.execution.output = output;
        self.change.output = true;
    }

    /// Replaces the workflow variables.
    pub fn set_variables(&mut self, variables: Raw) {
        self.live.execution.variables = variables;
        self.change.variables = true;
    }

    /// Changes an instance: it will be stored, and its deadline follows.
    ///
    /// Status changes go through here too; the open counts are kept by the callers that make instances final.
    pub fn edit<T>(&mut self, no: TaskNo, parts: TaskChange, change: impl FnOnce(&mut Task) -> T) -> T {
        let now_ms = self.given.now_ms;
        if parts.output {
            self.live.note_overwritten(no);
        }
        let task = self.live.task_mut(no);
        let before = task.status;
        let result = change(task);
        let after = task.status;
        if after.is_terminal() {
            if task.end_ms == 0 {
                task.end_ms = now_ms;
            }
            if task.update_ms == 0 {
                task.update_ms = now_ms;
            }
        } else {
            task.update_ms = now_ms;
        }
        if before != after {
            let task_type = task.task_type.clone();
            self.events.push(TaskEvent { task: no, task_type, status: after });
        }
        self.touch(no, parts);
        self.live.note_due(no);
        self.live.note_terminate(no);
        if !before.is_terminal() && after.is_terminal() && after.is_successful() {
            self.tell_joins(no);
        }
        result
    }

    /// An instance will be stored as it is.
    pub fn touch(&mut self, no: TaskNo, parts: TaskChange) {
        let entry = self.touched.entry(no).or_default();
        *entry = entry.and(parts);
        self.live.note_unseen(no, Unseen::Touched);
    }

    /// Stores a new instance, registers it, and lets it be looked at.
    pub fn add(&mut self, task: Box<Task>) {
        let no = task.no;
        let (task_type, status) = (task.task_type.clone(), task.status);
        self.events.push(TaskEvent { task: no, task_type, status });
        // A further attempt takes the place of the one before, so its name was there.
        let how = if task.retried_of.is_none() { Unseen::New } else { Unseen::Overwritten };
        self.live.note_unseen(no, how);
        self.live.execution.tasks.put(task);
        self.touch(no, TaskChange::ALL);
        self.live.note_new(no);
        self.live.note_join(no);
    }

    /// Number for a new instance; never used again.
    pub fn next_no(&mut self) -> TaskNo {
        let header = &mut self.live.execution.header;
        let no = header.next_no;
        header.next_no += 1;
        self.change.header = true;
        no
    }

    /// Deletes an instance.
    pub fn drop_task(&mut self, no: TaskNo) {
        self.live.forget(no);
        self.touched.remove(&no);
        self.change.dropped.push(no);
    }

    /// Deletes all instances (restart).
    pub fn clear_tasks(&mut self) {
        self.live.execution.tasks.clear();
        self.live.work.clear();
        self.touched.clear();
        self.change.dropped.clear();
        self.change.cleared = true;
        self.live.rebuild();
    }

    /// Puts a message into the outbox.
    pub fn send(&mut self, message: Message) {
        let header = &mut self.live.execution.header;
        let number = header.next_message;
        header.next_message += 1;
        self.change.header = true;
        self.change.sent.push(number);
        self.live.execution.outbox.insert(Outgoing { number, message });
    }

    /// A message is known to have arrived.
    pub fn arrived(&mut self, number: u32) {
        if self.live.execution.outbox.remove(number) {
            self.change.arrived.push(number);
        }
    }

    /// Takes in a message from outside.
    pub fn post(&mut self, message: Raw) {
        self.live.execution.mailbox.push(message.clone(), self.given.now_ms);
        self.change.posted.push(message);
    }

    /// Takes messages from outside out of the mailbox, the oldest first.
    pub fn take_mail(&mut self, most: usize) -> Vec<Raw> {
        let taken = self.live.execution.mailbox.take(most);
        self.change.taken += taken.len();
        taken
    }

    /// Messages that have waited too long leave unread (S-82.1).
    pub fn drop_stale_mail(&mut self) {
        if self.live.execution.mailbox.is_stale(self.given.now_ms) {
            self.take_mail(usize::MAX);
        }
    }

    /// A snapshot must be stored with this commit.
    pub fn keep_definition(&mut self, graph: Arc<Graph>) {
        self.definitions.push(graph);
    }

    /// The execution became terminal.
    pub fn note_ended(&mut self) {
        self.ended = true;
    }

    /// Whether the execution is running (not paused, not terminal).
    pub fn is_running(&self) -> bool {
        self.live.execution.header.status == fastcond_model::WorkflowStatus::Running
    }

    /// Ends an instance that is still open: status, reason and output as given by `change`.
    pub fn settle(&mut self, no: TaskNo, status: TaskStatus, reason: Option<String>) {
        let output = self.live.task(no).output.clone();
        let too_large = too_large_output(&output);
        let (status, reason) = match self.check_task_output(no, status, &output) {
            Ok(()) => (status, reason),
            Err(why) => (TaskStatus::FailedWithTerminalError, Some(why)),
        };
        let parts = TaskChange { output: too_large.is_some(), ..TaskChange::default() };
        self.edit(no, parts, |task| {
            task.status = status;
            if let Some(reason) = reason {
                task.reason = Some(cut_reason(&reason).into());
            }
            if let Some(why) = too_large {
                task.output = Raw::empty_object();
                task.reason = Some(why.into());
                if !matches!(status, TaskStatus::Canceled | TaskStatus::TimedOut) {
                    task.status = TaskStatus::FailedWithTerminalError;
                }
            }
        });
    }

    /// Closes the step: revision, times, and the list of what changed.
    pub fn finish(mut self) -> Transition {
        self.live.hide_new(false);
        self.live.see_all();
        self.change.tasks = self.touched.into_iter().collect();
        if !self.change.is_empty() {
            let execution = &mut self.live.execution;
            execution.revision += 1;
            execution.header.update_ms = self.given.now_ms;
        }
        Transition {
            change: self.change,
            definitions: self.definitions,
            outcome: self.outcome,
            events: self.events,
            ended: self.ended,
        }
    }
}

/// Why an output cannot be kept: it has more bytes than a payload may (S-91.1, S-91.2).
pub fn too_large_output(output: &str) -> Option<String> {
    let (bytes, most) = (output.len(), fastcond_json::BYTES_MAX);
    (bytes > most)
        .then(|| format!("The output of {bytes} bytes is larger than the {most} bytes that are allowed"))
}

/// Reasons are at most 500 characters (rest-api 14).
pub fn cut_reason(reason: &str) -> &str {
    reason.char_indices().nth(500).map_or(reason, |(at, _)| &reason[..at])
}
