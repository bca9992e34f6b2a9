//! Joins by counters: a JOIN knows how many of its names are still open (S-25, S-26).

use super::Step;
use super::ending::NoId;
use crate::graph::Node;
use crate::live::{Live, Place};
use fastcond_json::{ObjectWriter, Raw, elements, get, members};
use fastcond_model::{NodeRef, Task, TaskChange, TaskNo, TaskStatus, WorkflowStatus};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The current instances a join waits for, in `joinOn` order; none for a name without instance.
pub fn joined<'a>(live: &'a Live, join: &'a Task) -> Vec<Option<&'a Task>> {
    let place = Place::of(join);
    let mut list = Vec::new();
    if let NodeRef::Static(id) = join.node {
        let node = live.graph.node(id);
        if is_dynamic_join(live, id) {
            for name in
                get(&join.input, "joinOn").into_iter().flat_map(elements).filter_map(fastcond_json::as_str)
            {
                let reference = crate::names::at_place(live, &name.as_ref().into(), place);
                list.push(live.named(&reference));
            }
            return list;
        }
        let skipped = |on| if place.in_loop.is_none() { live.skipped(on) } else { None };
        list.extend(node.join_on.iter().map(|on| live.current(*on, place).or_else(|| skipped(*on))));
        list.extend((0..node.join_unknown).map(|_| None));
    }
    list
}

/// Whether the step before a JOIN is a dynamic fork, so that its names come from data (S-24.12).
pub fn is_dynamic_join(live: &Live, join: u32) -> bool {
    join > 0 && {
        let before = live.graph.node(join - 1);
        before.join == Some(join) && &*before.type_word == "FORK_JOIN_DYNAMIC"
    }
}

/// Names of a waiting join that have no final instance yet.
pub fn count_pending(live: &Live, join: &Task) -> u32 {
    let open = joined(live, join).iter().filter(|t| !t.is_some_and(is_over_for_join)).count();
    u32::try_from(open).expect("joins wait for fewer than 2^32 names")
}

/// A joined task is over for its join when it ended well, or when the pass has excused its failure (S-9.6).
pub fn is_over_for_join(task: &Task) -> bool {
    task.status.is_terminal() && !task.is_retried && (task.status.is_successful() || task.is_executed)
}

/// The output of a join as it stands: each joined task with output under its reference name (S-25.4).
pub fn output_of(live: &Live, join: &Task) -> Raw {
    write_output(live, join, &join.output, false)
}

fn write_output(live: &Live, join: &Task, stored: &Raw, only_seen: bool) -> Raw {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    // What a reopened join had taken over stays until something comes in its place (S-25.4, S-61.3).
    let held: BTreeMap<Cow<'_, str>, &str> = members(stored).map(|(key, own)| (key.decoded(), own)).collect();
    for task in joined(live, join).into_iter().flatten() {
        let output = if only_seen { last_seen(live, task) } else { effective_output(live, task) };
        if &*output != "{}" {
            object.entry(&task.reference, &output);
        } else if let Some(own) = held.get(&*task.reference) {
            object.entry(&task.reference, own);
        }
    }
    object.end();
    Raw::of_checked(out)
}

/// Output as a reader sees it: joins and loops in progress show what they would end with now.
pub fn effective_output(live: &Live, task: &Task) -> Raw {
    if !task.status.is_terminal() {
        match &*task.task_type {
            "JOIN" => return output_of(live, task),
            "DO_WHILE" => return super::loops::output_of(live, task),
            _ => {}
        }
    }
    task.output.clone()
}

/// Output as expressions see it: joins and loops in progress show what they had when they were last looked at.
pub fn seen_output(live: &Live, task: &Task) -> Raw {
    if !task.status.is_terminal() && !live.waits_again(task.no) {
        match &*task.task_type {
            "JOIN" => return write_output(live, task, &task.output, true),
            "DO_WHILE" => return super::loops::seen_output(live, task),
            _ => {}
        }
    }
    task.output.clone()
}

/// What a join or loop around an instance took over from it when it was last looked at (S-25.4, S-28.5).
pub fn last_seen(live: &Live, task: &Task) -> Raw {
    if live.is_unseen_new(task.no) {
        return Raw::empty_object();
    }
    match (live.output_before(task.no), &*task.task_type) {
        (None, _) => seen_output(live, task),
        (Some(stored), "JOIN") => write_output(live, task, &stored, true),
        (Some(_), "DO_WHILE") => super::loops::seen_output(live, task),
        (Some(output), _) => output,
    }
}

impl Step<'_, '_> {
    /// An instance that is over is counted off by the joins that wait for it; they close in the run phase.
    pub fn tell_joins(&mut self, no: TaskNo) {
        let task = self.live.task(no);
        let place = Place::of(task);
        let waiting: Vec<TaskNo> = match &task.node {
            NodeRef::Static(id) => {
                let node = self.live.graph.node(*id).clone();
                node.joined_by
                    .iter()
                    .filter_map(|join| self.live.current(*join, place))
                    .map(|t| t.no)
                    .collect()
            }
            NodeRef::Dynamic(spec) => vec![spec.join],
            NodeRef::None => self.joins_over_skipped(no),
        };
        for join in waiting {
            let is_waiting = self.live.execution.tasks.get(join).is_some_and(|t| !t.status.is_terminal());
            if !is_waiting {
                continue;
            }
            let is_exclusive = &*self.live.task(join).task_type == "EXCLUSIVE_JOIN";
            if is_exclusive || self.live.join_arrived(join) == 0 {
                self.enqueue(join);
            }
        }
    }

    fn joins_over_skipped(&self, no: TaskNo) -> Vec<TaskNo> {
        let task = self.live.task(no);
        let Some(id) = self.live.graph.find(&task.reference) else { return Vec::new() };
        let node = self.live.graph.node(id);
        node.joined_by
            .iter()
            .filter_map(|join| self.live.current(*join, Place::default()))
            .map(|t| t.no)
            .collect()
    }

    /// A paused workflow still closes joins; what follows them waits (S-60.1). Whatever else is in line is found again
    /// by the resumption.
    pub fn close_joins_while_paused(&mut self) {
        if self.live.execution.header.status != WorkflowStatus::Paused {
            return;
        }
        while let Some(no) = self.live.work.pop_front() {
            if self.live.join_pending(no) == Some(0) {
                self.close_join(no);
            }
        }
    }

    /// Closes waiting joins that wait for nothing any more, after an operator reopened them.
    pub fn close_ready_joins(&mut self) {
        let open = self.live.execution.tasks.iter().filter(|t| !t.status.is_terminal()).map(|t| t.no);
        let ready: Vec<TaskNo> = open.filter(|no| self.live.join_pending(*no) == Some(0)).collect();
        for no in ready {
            self.close_join(no);
        }
    }

    /// Closes a JOIN all of whose names are final (S-25.5, S-25.6).
    pub fn close_join(&mut self, no: TaskNo) {
        let join = self.live.task(no);
        let output = output_of(self.live, join);
        let mut failed: Vec<&Task> = Vec::new();
        let mut with_errors: Vec<String> = Vec::new();
        for task in joined(self.live, join).into_iter().flatten() {
            let is_optional = self.live.node_of(task).is_some_and(|n| n.step.optional);
            if task.status.is_failure() && !is_optional {
                failed.push(task);
            }
            if task.status == TaskStatus::CompletedWithErrors && is_optional {
                with_errors.push(format!("{}/{}", task.def_name, task.no_id(self.live)));
            }
        }
        let (status, reason) = if !failed.is_empty() {
            // A permissive task that was cancelled fails the join like any other, as seen on the original.
            let is_permissive = |t: &Task| self.live.node_of(t).is_some_and(|n| n.step.permissive);
            let all_canceled = failed.iter().all(|t| t.status == TaskStatus::Canceled && !is_permissive(t));
            let reasons: Vec<&str> = failed.iter().filter_map(|t| t.reason.as_deref()).collect();
            (if all_canceled { TaskStatus::Canceled } else { TaskStatus::Failed }, Some(reasons.join(" ")))
        } else if !with_errors.is_empty() {
            let text = format!("Tasks completed with errors: {}", with_errors.join(", "));
            (TaskStatus::CompletedWithErrors, Some(text))
        } else {
            (TaskStatus::Completed, None)
        };
        self.live.join_over(no);
        self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = output);
        self.settle(no, status, reason);
        self.enqueue(no);
    }

    /// Looks at an EXCLUSIVE_JOIN (S-26.2 to S-26.4).
    pub fn try_exclusive_join(&mut self, no: TaskNo, node: &Arc<Node>) {
        let join = self.live.task(no);
        let place = Place::of(join);
        let listed: Vec<Task> = joined(self.live, join)
            .into_iter()
            .flatten()
            .filter(|t| t.status != TaskStatus::Skipped)
            .cloned()
            .collect();
        let defaults = node.step.default_exclusive_join_task.iter();
        let fallback = defaults
            .filter_map(|name| self.live.graph.find(name).and_then(|id| self.live.current(id, place)))
            .find(|t| t.status != TaskStatus::Skipped)
            .cloned();
        // S-26.3 Do: a permissive failure is passed over as long as another one may still end well.
        let is_passed_over = |t: &Task| {
            is_over_for_join(t)
                && t.status.is_failure()
                && self.live.node_of(t).is_some_and(|n| n.step.permissive)
        };
        let all_final = !listed.is_empty() && listed.iter().all(is_over_for_join);
        let first = listed.iter().find(|t| !is_passed_over(t));
        let last_resort = if listed.is_empty() { fallback.as_ref() } else { listed.first() };
        let chosen = match first {
            Some(first) => first,
            None if all_final || listed.is_empty() => {
                let Some(last_resort) = last_resort else { return };
                last_resort
            }
            None => return,
        };
        if !is_over_for_join(chosen) {
            return;
        }
        if chosen.status.is_successful() {
            let output = chosen.output.clone();
            self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = output);
            self.settle(no, TaskStatus::Completed, None);
        } else {
            let reasons: Vec<&str> =
                listed.iter().filter(|t| t.status.is_failure()).filter_map(|t| t.reason.as_deref()).collect();
            let reason = reasons.join(" ");
            self.settle(no, TaskStatus::Failed, Some(reason));
        }
    }
}
