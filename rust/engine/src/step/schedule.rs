//! Making instances of steps (S-6.8 to S-6.12, S-4.9).

use super::Step;
use crate::graph::{Next, Node, NodeId};
use crate::live::Place;
use crate::names;
use crate::scope::InputScope;
use crate::tasks::Mode;
use fastcond_json::Raw;
use fastcond_model::{NodeRef, Task, TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

impl Step<'_, '_> {
    /// Schedules a step at a place, stepping over skipped ones (S-6.8); nothing when it already has an instance.
    pub fn schedule(&mut self, node: NodeId, place: Place) -> Option<TaskNo> {
        let next = self.unskipped(node, place)?;
        if self.live.current(next, place).is_some() {
            return None;
        }
        let node = self.live.graph.node(next).clone();
        let reference = names::at_place(self.live, &node.reference, place);
        Some(self.make(NodeRef::Static(next), &node, reference, place))
    }

    /// The step itself, or what follows when it is skipped (S-6.8).
    pub fn unskipped(&self, node: NodeId, place: Place) -> Option<NodeId> {
        let mut next = node;
        while self.is_skipped(next, place) {
            match self.live.graph.node(next).next {
                Next::Node(after) => next = after,
                Next::Loop(_) | Next::End => return None,
            }
        }
        Some(next)
    }

    /// Whether an operator skipped a step; those of loop bodies cannot be (S-60.8).
    pub fn is_skipped(&self, node: NodeId, place: Place) -> bool {
        place.in_loop.is_none() && self.live.skipped(node).is_some()
    }

    /// Puts a skipped instance of a step among the tasks: first in the list, and over (S-60.8, S-1.12).
    pub fn add_skipped(&mut self, node: NodeId, input: Raw, output: Raw) {
        let node = self.live.graph.node(node).clone();
        let (no, now_ms) = (self.next_no(), self.now());
        let place = Place::default();
        let mut task = Box::new(self.blank(no, 0, NodeRef::None, &node, node.reference.clone(), place));
        task.task_type = node.name.clone();
        task.def_name = node.name.clone();
        task.status = TaskStatus::Skipped;
        (task.input, task.output) = (input, output);
        (task.start_ms, task.end_ms) = (now_ms, now_ms);
        (task.start_delay_s, task.callback_after_s, task.ready_ms) = (0, 0, now_ms);
        self.add(task);
        self.tell_joins(no);
    }

    /// Makes an instance of a step and lets it start.
    pub fn make(&mut self, node_ref: NodeRef, node: &Arc<Node>, reference: Arc<str>, place: Place) -> TaskNo {
        let no = self.next_no();
        self.make_numbered(no, node_ref, node, reference, place, None);
        no
    }

    /// [`Self::make`] with a number taken before, and with `input` instead of the step's own when it is given.
    pub fn make_numbered(
        &mut self,
        no: TaskNo,
        node_ref: NodeRef,
        node: &Arc<Node>,
        reference: Arc<str>,
        place: Place,
        input: Option<Raw>,
    ) {
        let seq = self.live.next_seq();
        let mut task = Box::new(self.blank(no, seq, node_ref, node, reference, place));
        if matches!(task.node, NodeRef::Dynamic(_)) {
            self.live.note_dynamic(no, node.clone());
        }
        let mut filled = self.fill(node, &mut task);
        let node = &self.as_chosen(&task, node);
        if let Some(input) = input {
            task.input = input;
            filled = Ok(());
        }
        let filled = filled.and_then(|()| self.check_task_input(node, &task.input));
        task.domain = self.choose_domain(&task.task_type, node.behaviour.mode);
        self.add(task);
        match filled {
            Ok(()) => self.start_instance(no, node),
            Err(reason) => {
                // S-4.16: a mapping error fails the task, never the decider.
                self.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
                self.enqueue_mapped(no);
            }
        }
    }

    /// Resolves the stored input of an attempt. What a DYNAMIC chose stays chosen, and its input is in the shape that the
    /// chosen type stores (S-21.3).
    pub fn fill(&mut self, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
        if task.chosen.is_none() {
            return (node.behaviour.fill)(self, node, task);
        }
        task.input = self.resolve_input(node, task.no)?;
        Ok(())
    }

    /// The step that an attempt runs: of a DYNAMIC, what it chose.
    pub fn as_chosen(&self, task: &Task, node: &Arc<Node>) -> Arc<Node> {
        let chosen = task.chosen.as_ref().and_then(|_| self.live.node_of(task));
        chosen.unwrap_or_else(|| node.clone())
    }

    /// An instance ended while it was mapped; a loop around it notices a failure in the same turn (S-28.6).
    fn enqueue_mapped(&mut self, no: TaskNo) {
        self.enqueue(no);
        let task = self.live.task(no);
        if let Some(owner) = task.in_loop.filter(|_| task.status.is_failure()) {
            self.enqueue(owner);
        }
    }

    fn blank(
        &self,
        no: TaskNo,
        seq: u32,
        node_ref: NodeRef,
        node: &Arc<Node>,
        reference: Arc<str>,
        place: Place,
    ) -> Task {
        let now_ms = self.now();
        let behaviour = node.behaviour;
        let named: Arc<str> = match behaviour.mode {
            Mode::Worker if behaviour.word == "SIMPLE" => node.name.clone(),
            _ => behaviour.runs_as.map_or_else(|| node.type_word.clone(), Arc::from),
        };
        let def_name = if behaviour.is_named_by_type { named.clone() } else { node.name.clone() };
        let delay_s = i64::from(node.step.start_delay);
        Task {
            no,
            node: node_ref,
            reference,
            task_type: named,
            def_name,
            status: TaskStatus::Scheduled,
            seq,
            retry_count: 0,
            retried_of: None,
            is_executed: false,
            is_retried: false,
            has_children: false,
            iteration: place.iteration,
            in_loop: place.in_loop,
            at_iteration: place.iteration,
            scheduled_ms: now_ms,
            start_ms: 0,
            update_ms: now_ms,
            end_ms: 0,
            first_scheduled_ms: now_ms,
            ready_ms: now_ms + delay_s * 1000,
            wait_until_ms: 0,
            start_delay_s: delay_s,
            callback_after_s: delay_s,
            poll_count: 0,
            worker: None,
            domain: None,
            reason: None,
            subworkflow: None,
            input: Raw::empty_object(),
            output: Raw::empty_object(),
            output_path: None,
            items: None,
            chosen: None,
        }
    }

    /// Starts an instance as its mode says: queued ones wait, waiting ones begin, inline ones get in line.
    pub fn start_instance(&mut self, no: TaskNo, node: &Arc<Node>) {
        match node.behaviour.mode {
            Mode::Worker | Mode::System => {}
            Mode::Waiting if matches!(node.behaviour.word, "SUB_WORKFLOW" | "START_WORKFLOW") => {
                if self.live.task(no).ready_ms <= self.now() {
                    self.begins.push_back(no);
                }
            }
            Mode::Waiting => {
                if self.live.task(no).ready_ms <= self.now() {
                    self.begin_waiting(no, node);
                }
            }
            Mode::Mapped => {
                self.mark_started(no);
                (node.behaviour.run)(self, no, node);
                if self.live.task(no).status.is_terminal() {
                    self.enqueue_mapped(no);
                }
            }
            Mode::Inline => {
                self.mark_started(no);
                self.enqueue(no);
            }
        }
    }

    fn mark_started(&mut self, no: TaskNo) {
        self.edit(no, TaskChange::default(), |t| {
            t.status = TaskStatus::InProgress;
            t.start_ms = t.update_ms.max(t.scheduled_ms);
        });
    }

    /// A delayed start is due.
    pub fn begin_again(&mut self, no: TaskNo, node: &Arc<Node>) {
        match node.behaviour.mode {
            Mode::Waiting => self.begin_waiting(no, node),
            Mode::Inline => {
                self.mark_started(no);
                self.enqueue(no);
            }
            Mode::Mapped | Mode::Worker | Mode::System => {}
        }
    }

    /// Begins something the engine itself waits for: WAIT, HUMAN, JOIN, SUB_WORKFLOW.
    pub fn begin_waiting(&mut self, no: TaskNo, node: &Arc<Node>) {
        let now_ms = self.now();
        self.edit(no, TaskChange::default(), |t| {
            t.status = TaskStatus::InProgress;
            t.start_ms = now_ms;
        });
        (node.behaviour.run)(self, no, node);
        if self.live.task(no).status.is_terminal() {
            self.enqueue_mapped(no);
        }
    }

    /// Resolves the input parameters of a step as they stand now (S-8.1, S-8.17).
    pub fn resolve_input(&mut self, node: &Node, no: TaskNo) -> Result<Raw, String> {
        let scope = InputScope::new(self.live, self.given.defs, Some(no));
        let mut text = String::new();
        node.input.resolve(&scope, &mut text).map_err(|e| e.to_string())?;
        // Steps often pass on what the workflow was given: equal text is kept once.
        let given = &self.live.execution.input;
        let resolved = if **given == *text { given.clone() } else { Raw::of_checked(text) };
        match &node.defaults {
            None => Ok(resolved),
            Some(template) => {
                let defaults = template.resolve_raw(&scope).map_err(|e| e.to_string())?;
                Ok(Raw::of_checked(fastcond_json::with_defaults(&resolved, &defaults)))
            }
        }
    }

    /// The domain a worker task is queued under (S-50.5 to S-50.7).
    pub fn choose_domain(&self, task_type: &str, mode: Mode) -> Option<Arc<str>> {
        let map = &self.live.execution.header.task_to_domain;
        if mode != Mode::Worker || &**map == "{}" {
            return None;
        }
        let of = |key: &str| fastcond_json::get(map, key).and_then(fastcond_json::as_str);
        let list = of(task_type).or_else(|| of("*"))?;
        let entries: Vec<&str> = list.split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
        let is_none = |entry: &str| entry.eq_ignore_ascii_case("NO_DOMAIN");
        let active = entries
            .iter()
            .find(|entry| !is_none(entry) && self.given.defs.is_polled(task_type, entry, self.given.now_ms));
        let chosen = active.or_else(|| entries.last())?;
        (!is_none(chosen)).then(|| Arc::from(*chosen))
    }
}
