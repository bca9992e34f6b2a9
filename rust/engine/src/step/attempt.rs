//! A new attempt at a failed step (S-54.5, S-54.6, S-61.5).

use super::Step;
use super::failing::Delay;
use crate::tasks::Mode;
use fastcond_json::{Raw, merged};
use fastcond_model::{NodeRef, Task, TaskChange, TaskNo, TaskStatus};

impl Step<'_, '_> {
    /// The automatic retry: the old attempt is marked, the new one waits out its delay.
    pub fn retry_attempt(&mut self, no: TaskNo) {
        let task = self.live.task(no);
        let (node, attempt) =
            (self.live.node_of(task).expect("a judged instance has a step"), task.retry_count);
        let delay = self.delay(&node.task_def, attempt);
        self.edit(no, TaskChange::default(), |t| t.is_retried = true);
        self.live.note_final(no);
        self.attempt_again(no, delay);
    }

    /// Makes the attempt after `no`, which must be terminal and marked as retried.
    pub fn attempt_again(&mut self, no: TaskNo, delay: Delay) {
        let old = self.live.task(no).clone();
        let node = self.live.node_of(&old).expect("only instances with a step are retried");
        let new_no = self.next_no();
        let seq = self.live.next_seq();
        let now_ms = self.now();
        // S-54.13: what runs inside decide starts at once.
        let delay = if node.behaviour.is_sync { Delay { seconds: 0, ms: 0 } } else { delay };
        let mut task = Box::new(Task {
            no: new_no,
            seq,
            status: TaskStatus::Scheduled,
            retry_count: old.retry_count + 1,
            retried_of: Some(no),
            is_executed: false,
            is_retried: false,
            has_children: false,
            scheduled_ms: now_ms,
            start_ms: 0,
            update_ms: now_ms,
            end_ms: 0,
            ready_ms: now_ms + delay.ms,
            wait_until_ms: old.wait_until_ms,
            start_delay_s: delay.seconds,
            callback_after_s: delay.seconds,
            poll_count: 0,
            worker: None,
            reason: None,
            subworkflow: None,
            output: Raw::empty_object(),
            output_path: None,
            domain: None,
            ..old
        });
        if matches!(task.node, NodeRef::Dynamic(_)) || task.chosen.is_some() {
            self.live.note_dynamic(new_no, node.clone());
        }
        let old_input = task.input.clone();
        let filled = self.fill(&node, &mut task);
        let node = self.as_chosen(&task, &node);
        // S-54.12: what is mapped as a whole has nothing of its own to keep.
        if node.behaviour.mode != Mode::Mapped && node.behaviour.word != "SUB_WORKFLOW" {
            task.input = Raw::of_checked(merged(&old_input, &task.input));
        }
        let filled = filled.and_then(|()| self.check_task_input(&node, &task.input));
        task.domain = self.choose_domain(&task.task_type, node.behaviour.mode);
        self.add(task);
        if let Err(reason) = filled {
            self.settle(new_no, TaskStatus::FailedWithTerminalError, Some(reason));
            self.enqueue(new_no);
            return;
        }
        self.start_instance(new_no, &node);
    }
}
