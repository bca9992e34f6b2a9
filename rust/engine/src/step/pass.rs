//! The pass: finished instances get their successors, waiting inline ones are run (S-5).

use super::Step;
use super::failing::Verdict;
use crate::graph::Next;
use crate::live::{Live, Place};
use crate::tasks::Mode;
use fastcond_model::{NodeRef, TaskChange, TaskNo, TaskStatus};

impl Step<'_, '_> {
    /// Works until nothing moves, the workflow ends, or the step is long enough.
    pub fn go_on(&mut self) {
        if !self.is_running() {
            return;
        }
        self.set_continuing(false);
        while let Some(no) = self.live.work.pop_front() {
            if self.is_spent() {
                self.live.work.push_front(no);
                self.set_continuing(true);
                return;
            }
            self.spend(1);
            self.look_at(no);
            if !self.is_running() {
                return;
            }
        }
        if self.live.open_total() == 0 {
            self.complete();
        }
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

    fn look_at(&mut self, no: TaskNo) {
        let Some(task) = self.live.execution.tasks.get(no) else { return };
        if !task.status.is_terminal() {
            self.run_inline(no);
            return;
        }
        if task.is_retried || task.is_executed || task.status == TaskStatus::Skipped {
            return;
        }
        if task.status.is_failure() {
            match self.judge(no) {
                Verdict::Again(delay) => return self.retry_attempt(no, delay),
                Verdict::GoOn(status) => self.edit(no, TaskChange::default(), |t| t.status = status),
                Verdict::End(status) => return self.end_for_task(no, status),
            }
        }
        self.finish_instance(no);
    }

    fn run_inline(&mut self, no: TaskNo) {
        let task = self.live.task(no);
        let Some(node) = self.live.node_of(task) else { return };
        if node.behaviour.mode != Mode::Inline || (task.status == TaskStatus::Scheduled && task.ready_ms > self.now()) {
            return;
        }
        (node.behaviour.run)(self, no, &node);
        if self.live.execution.tasks.get(no).is_some_and(|t| t.status.is_terminal()) {
            self.enqueue(no);
        }
    }

    /// Marks an instance executed, tells joins and loops, and schedules what follows (S-5.9).
    fn finish_instance(&mut self, no: TaskNo) {
        self.edit(no, TaskChange::default(), |t| t.is_executed = true);
        self.live.note_final(no);
        if self.ends_by_terminate(no) {
            return;
        }
        self.tell_joins(no);
        if !self.is_running() {
            return;
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
        if !self.is_running() {
            return;
        }
        self.tell_loop(place);
    }
}

/// What a step that was cut short, or a crash, left to do: derived from the record.
pub fn unfinished(live: &Live) -> Vec<TaskNo> {
    let mut work: Vec<TaskNo> = Vec::new();
    for task in live.execution.listed() {
        let is_unprocessed =
            task.status.is_terminal() && !task.is_executed && !task.is_retried && task.status != TaskStatus::Skipped;
        let is_inline = !task.status.is_terminal()
            && live.node_of(task).is_some_and(|node| node.behaviour.mode == Mode::Inline && node.behaviour.resumes);
        if is_unprocessed || is_inline {
            work.push(task.no);
        }
    }
    work
}
