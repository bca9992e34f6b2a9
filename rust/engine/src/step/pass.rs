//! The pass: finished instances get their successors, waiting inline ones are run (S-5).

use super::ending::Ending;
use super::failing::Verdict;
use super::{Step, TASKS_MAX};
use crate::graph::Next;
use crate::live::{Live, Place};
use crate::tasks::Mode;
use fastcond_model::{NodeRef, Task, TaskChange, TaskNo, TaskStatus, WorkflowStatus};
use std::collections::BTreeMap;

/// What a turn made, each with the ended instance that led to it.
type Makers = BTreeMap<TaskNo, TaskNo>;

impl Step<'_, '_> {
    /// Works in turns until nothing moves, the workflow ends, or the step is long enough.
    ///
    /// A turn first looks at what ended, in list order, then runs what is to be run inline (S-4.11, S-5).
    pub fn go_on(&mut self) {
        if !self.is_running() {
            self.close_joins_while_paused();
            return;
        }
        if self.live.execution.header.is_held {
            return;
        }
        self.set_continuing(false);
        loop {
            while !self.live.work.is_empty() {
                self.turn();
                if self.is_running() && self.live.execution.tasks.len() > TASKS_MAX {
                    return self.end_as_too_large();
                }
                if !self.is_running() || self.live.execution.header.is_continuing {
                    return;
                }
            }
            // S-30.4, S-5.11: no child begins in a step that a TERMINATE ends. One after the other: one that ends as it
            // begins is looked at before the next, which may not begin any more.
            if self.live.terminate().is_some() {
                break;
            }
            let Some(no) = self.begins.pop_front() else { break };
            self.begin_child(no);
        }
        if let Some(no) = self.live.terminate() {
            self.end_by_terminate(no);
        } else if self.live.open_total() == 0 {
            self.complete();
        }
    }

    /// Loops in loops, or loops of forks, multiply: an execution ends before its memory has no end (quality H10, H12).
    fn end_as_too_large(&mut self) {
        let reason = format!("The execution has more than {TASKS_MAX} tasks, the most that are allowed.");
        self.end(Ending {
            status: WorkflowStatus::Failed,
            reason: Some(reason),
            task: None,
            runs_failure_workflow: true,
        });
    }

    /// Runs what bootstrap mapped, before the first turn looks at what it ended (S-4.9, S-4.11).
    pub fn run_mapped(&mut self) {
        self.run_all(Vec::new(), &Makers::new());
    }

    fn turn(&mut self) {
        self.executed_now.clear();
        self.excused_now.clear();
        let mut taken: Vec<TaskNo> = std::mem::take(&mut self.live.work).into();
        taken.retain(|no| self.live.execution.tasks.get(*no).is_some());
        self.in_list_order(&mut taken);
        let (ended, waiting): (Vec<TaskNo>, Vec<TaskNo>) =
            taken.into_iter().partition(|no| self.live.task(*no).status.is_terminal());
        // S-4.15: what ends the workflow undoes the rest of its turn.
        if let Some((no, status)) = ended.iter().find_map(|no| self.fatal(*no).map(|status| (*no, status))) {
            return self.end_for_task(no, status);
        }
        self.is_ending = self.live.terminate().is_some();
        self.live.hide_new(true);
        let first_new = self.live.execution.header.next_no;
        let mut makers = Makers::new();
        for (at, no) in ended.iter().enumerate() {
            if self.is_spent() {
                self.live.hide_new(false);
                self.live.work.extend(ended[at..].iter().chain(&waiting));
                return self.set_continuing(true);
            }
            self.spend(1);
            let before = self.live.work.len();
            self.look_at(*no);
            let made = self.live.work.range(before.min(self.live.work.len())..);
            makers.extend(made.filter(|made| **made >= first_new).map(|made| (*made, *no)));
        }
        self.live.hide_new(false);
        if let Some(no) = self.live.terminate() {
            self.is_ending = false;
            return self.end_by_terminate(no);
        }
        self.run_all(waiting, &makers);
    }

    /// Runs what waits to be run: from before, in list order, and from this turn, where what made it stands (S-5.5).
    fn run_all(&mut self, mut waiting: Vec<TaskNo>, makers: &Makers) {
        // S-25.4, S-28.5: joins and loops take over the outputs there are.
        self.live.see_all();
        let queued: Vec<TaskNo> = std::mem::take(&mut self.live.work).into();
        let (ended, fresh): (Vec<TaskNo>, Vec<TaskNo>) =
            queued.into_iter().partition(|no| self.live.task(*no).status.is_terminal());
        self.live.work.extend(ended);
        waiting.extend(fresh);
        let place = |no: TaskNo| (self.live.execution.tasks.get(no).map_or(0, |t| t.seq), no);
        waiting.sort_by_cached_key(|no| (place(makers.get(no).copied().unwrap_or(*no)), place(*no)));
        waiting.dedup();
        for (at, no) in waiting.iter().enumerate() {
            if self.is_spent() {
                self.live.work.extend(&waiting[at..]);
                return self.set_continuing(true);
            }
            self.spend(1);
            self.run_inline(*no);
        }
    }

    /// Sorts instances as the API lists them.
    pub fn in_list_order(&self, numbers: &mut Vec<TaskNo>) {
        numbers.sort_unstable_by_key(|no| (self.live.task(*no).seq, *no));
        numbers.dedup();
    }

    fn set_continuing(&mut self, is_continuing: bool) {
        let header = &mut self.live.execution.header;
        if header.is_continuing != is_continuing {
            header.is_continuing = is_continuing;
            self.touch_header();
        }
    }

    /// Puts an instance at the end of the line.
    pub fn enqueue(&mut self, no: TaskNo) {
        self.live.work.push_back(no);
    }

    /// The status a failed instance ends the workflow with, when nothing excuses it.
    pub fn fatal(&self, no: TaskNo) -> Option<WorkflowStatus> {
        let task = self.live.task(no);
        let is_failed = is_unprocessed(task) && task.status.is_failure();
        match is_failed.then(|| self.judge(no))? {
            Verdict::End(status) => Some(status),
            Verdict::Again | Verdict::GoOn(_) => None,
        }
    }

    fn look_at(&mut self, no: TaskNo) {
        if !is_unprocessed(self.live.task(no)) {
            return;
        }
        let was_over = super::joins::is_over_for_join(self.live.task(no));
        if self.live.task(no).status.is_failure() {
            match self.judge(no) {
                Verdict::Again if self.is_ending => return,
                Verdict::Again => return self.retry_attempt(no),
                Verdict::GoOn(status) => {
                    self.excused_now.push((no, self.live.task(no).status));
                    self.edit(no, TaskChange::default(), |t| t.status = status);
                }
                Verdict::End(status) => return self.end_for_task(no, status),
            }
        }
        if let Some(join) = self.join_of_open_fork(no) {
            if !self.expand_on(no, join) {
                return self.enqueue(no);
            }
            if self.live.task(no).is_executed {
                return;
            }
        }
        self.finish_instance(no, was_over);
    }

    /// The JOIN of a dynamic fork that completed without having made all of its children.
    fn join_of_open_fork(&self, no: TaskNo) -> Option<u32> {
        let task = self.live.task(no);
        let node = self.live.node_of(task)?;
        let is_fork = node.behaviour.word == "FORK_JOIN_DYNAMIC" && task.status == TaskStatus::Completed;
        node.join.filter(|_| is_fork)
    }

    fn run_inline(&mut self, no: TaskNo) {
        let Some(task) = self.live.execution.tasks.get(no) else { return };
        let Some(node) = self.live.node_of(task) else { return };
        if self.live.join_pending(no) == Some(0) {
            return self.close_join(no);
        }
        let is_due = task.status != TaskStatus::Scheduled || task.ready_ms <= self.now();
        if task.status.is_terminal() || node.behaviour.mode != Mode::Inline || !is_due {
            return;
        }
        (node.behaviour.run)(self, no, &node);
        if self.live.execution.tasks.get(no).is_some_and(|t| t.status.is_terminal()) {
            self.enqueue(no);
        }
    }

    /// Marks an instance executed, tells joins and loops, and schedules what follows (S-5.9).
    fn finish_instance(&mut self, no: TaskNo, was_over: bool) {
        self.edit(no, TaskChange::default(), |t| t.is_executed = true);
        self.executed_now.push(no);
        self.live.note_final(no);
        if self.is_ending {
            return;
        }
        if !was_over {
            self.tell_joins(no);
        }
        let task = self.live.task(no);
        let place = Place::of(task);
        let follows = match (&task.node, task.has_children) {
            (NodeRef::Static(id), false) => self.live.graph.node(*id).next,
            _ => Next::End,
        };
        if let Next::Node(next) = follows {
            self.schedule(next, place);
        }
        self.tell_loop(place);
    }

    /// Marks an instance executed whose followers its own mapping makes (S-24.1).
    pub fn mark_executed(&mut self, no: TaskNo) {
        self.edit(no, TaskChange::default(), |t| t.is_executed = true);
        self.live.note_final(no);
    }

    fn begin_child(&mut self, no: TaskNo) {
        let Some(task) = self.live.execution.tasks.get(no) else { return };
        if task.status != TaskStatus::Scheduled {
            return;
        }
        if let Some(node) = self.live.node_of(task) {
            self.begin_waiting(no, &node);
        }
    }
}

/// Whether an instance ended and nobody has looked at it yet.
fn is_unprocessed(task: &Task) -> bool {
    task.status.is_terminal() && !task.is_retried && !task.is_executed && task.status != TaskStatus::Skipped
}

/// What a step that was cut short, or a crash, left to do: derived from the record.
pub fn unfinished(live: &Live) -> Vec<TaskNo> {
    let mut work: Vec<TaskNo> = Vec::new();
    for task in live.execution.listed() {
        let is_inline = !task.status.is_terminal()
            && live
                .node_of(task)
                .is_some_and(|node| node.behaviour.mode == Mode::Inline && node.behaviour.resumes);
        if is_unprocessed(task) || is_inline {
            work.push(task.no);
        }
    }
    work
}
