//! Loops: an iteration ends when nothing of it is open (S-28).
//!
//! A loop in progress does not keep its growing output: readers get it computed, and it is written once at the end, so
//! that an iteration costs the same whether it is the tenth or the ten thousandth.

use super::{ITERATIONS_MAX, SCRIPT_COST, Step};
use crate::graph::Node;
use crate::live::{Live, Place};
use crate::scope::InputScope;
use fastcond_expr::script;
use fastcond_json::{Kind, ObjectWriter, Raw, as_i64, elements, get, kind};
use fastcond_model::exec::base_name;
use fastcond_model::{NodeRef, Task, TaskChange, TaskNo, TaskStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Input parameter that may give a list loop its items (S-28.10).
const ITEMS: &str = "_items";

/// The output a loop in progress shows: maps of the iterations before this one, the counter, the list position
/// (S-28.5, S-28.15). An iteration is put there when it is over, as the original does.
pub fn output_of(live: &Live, task: &Task) -> Raw {
    write_output(live, task, false, task.iteration.saturating_sub(1))
}

/// The same as it was when the loop was last looked at.
pub fn seen_output(live: &Live, task: &Task) -> Raw {
    write_output(live, task, true, task.iteration.saturating_sub(1))
}

/// The output when the current iteration is over, with its map.
fn whole_output(live: &Live, task: &Task) -> Raw {
    write_output(live, task, false, task.iteration)
}

fn write_output(live: &Live, task: &Task, only_seen: bool, last: u32) -> Raw {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for iteration in first_kept(live, task)..=last {
        let mut map = String::new();
        let has_any = write_iteration(live, task, iteration, only_seen, &mut map);
        // Of an earlier iteration nothing is there when it was dropped before the loop was set back (S-28.12, S-63.8).
        if has_any || (!only_seen && iteration == task.iteration) {
            object.entry(&iteration.to_string(), &map);
        }
    }
    write_position(task, &mut object);
    object.end();
    Raw::of_checked(out)
}

fn write_position(task: &Task, object: &mut ObjectWriter<'_>) {
    if let Some(index) = get(&task.output, "loopIndex") {
        object.raw("loopIndex", index);
    }
    if let Some(item) = get(&task.output, "loopItem") {
        object.raw("loopItem", item);
    }
    if task.iteration > 0 || get(&task.output, "iteration").is_some() {
        object.i64("iteration", i64::from(task.iteration));
    }
}

fn first_kept(live: &Live, task: &Task) -> u32 {
    keep_last(live, task).map_or(1, |keep| task.iteration.saturating_sub(keep) + 1)
}

fn keep_last(live: &Live, task: &Task) -> Option<u32> {
    let node = live.node_of(task)?;
    if !node.step.input_parameters.contains("keepLastN") {
        return None;
    }
    let value = get(&task.input, "keepLastN").and_then(as_i64)?;
    u32::try_from(value).ok().filter(|n| *n > 0)
}

/// Output of each body task of one iteration under its base name; cut off after the first unsuccessful one (S-28.5).
/// Answers whether there is any. What it has not seen yet is shown as it was.
fn write_iteration(live: &Live, task: &Task, iteration: u32, only_seen: bool, out: &mut String) -> bool {
    let mut object = ObjectWriter::begin(out);
    let mut has_any = false;
    for instance in body_instances(live, task, iteration) {
        if only_seen && live.is_unseen_new(instance.no) {
            continue;
        }
        has_any = true;
        let name = base_name(&instance.reference);
        let output = if only_seen {
            super::joins::last_seen(live, instance)
        } else {
            super::joins::effective_output(live, instance)
        };
        object.entry(name, &output);
        if instance.status.is_failure() && !live.node_of(instance).is_some_and(|n| n.step.permissive) {
            break;
        }
    }
    object.end();
    has_any
}

/// Instances of a loop's body in one iteration, in list order; inner loops' bodies are theirs. Of an iteration that is
/// over they are those that it ended with, whatever an operator retried since (S-28.4, S-28.5).
fn body_instances<'a>(live: &'a Live, task: &'a Task, iteration: u32) -> Vec<&'a Task> {
    let NodeRef::Static(id) = task.node else { return Vec::new() };
    let place = Place { in_loop: Some(task.no), iteration };
    let node = live.graph.node(id);
    let current = node.body_all.iter().filter_map(|n| live.current(*n, place));
    let mut list: Vec<&Task> = match (iteration < task.iteration).then_some(node.body).flatten() {
        None => current.collect(),
        Some(first) => {
            let next = Place { iteration: iteration + 1, ..place };
            let end = live.current(first, next).map_or(u32::MAX, |t| first_attempt(live, t).seq);
            current.filter_map(|t| attempt_before(live, t, end)).collect()
        }
    };
    list.sort_by_key(|t| (t.seq, t.no));
    list
}

fn previous_attempt<'a>(live: &'a Live, task: &Task) -> Option<&'a Task> {
    live.execution.tasks.get(task.retried_of?)
}

fn first_attempt<'a>(live: &'a Live, task: &'a Task) -> &'a Task {
    let mut first = task;
    while let Some(before) = previous_attempt(live, first) {
        first = before;
    }
    first
}

/// The last of the attempts up to this one that was made before a seq was given out.
fn attempt_before<'a>(live: &'a Live, task: &'a Task, seq: u32) -> Option<&'a Task> {
    let mut last = task;
    while last.seq >= seq {
        last = previous_attempt(live, last)?;
    }
    Some(last)
}

impl Step<'_, '_> {
    /// Nothing of this iteration is open any more: decide what comes next.
    pub fn tell_loop(&mut self, place: Place) {
        let Some(owner) = place.in_loop else { return };
        if self.live.open_at(place) > 0 {
            return;
        }
        let Some(task) = self.live.execution.tasks.get(owner) else { return };
        if !task.status.is_terminal() && task.iteration == place.iteration {
            self.enqueue(owner);
        }
    }

    /// Runs a loop: starts it, or ends its current iteration.
    pub fn turn_loop(&mut self, no: TaskNo, node: &Arc<Node>) {
        let task = self.live.task(no);
        let place = Place { in_loop: Some(no), iteration: task.iteration };
        let is_started = task.iteration > 0 && !body_instances(self.live, task, task.iteration).is_empty();
        if is_started {
            let reasons = self.failed_reasons(no, place.iteration);
            if !reasons.is_empty() {
                return self.close_loop(no, TaskStatus::Failed, Some(reasons.join(" ")));
            }
        }
        if is_started && self.live.open_at(place) > 0 {
            return;
        }
        let turned = if is_started { self.next_iteration(no, node) } else { self.first_iteration(no, node) };
        if let Err((status, reason)) = turned {
            self.close_loop(no, status, Some(reason));
        }
    }

    fn first_iteration(&mut self, no: TaskNo, node: &Arc<Node>) -> Result<(), (TaskStatus, String)> {
        self.check_keep_last(no)?;
        if self.frozen_items(no, node)?.is_some_and(|items| items.is_empty()) {
            let output = Raw::of_checked(r#"{"iteration":0}"#);
            self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = output);
            self.settle(no, TaskStatus::Completed, None);
            return Ok(());
        }
        // A loop in a loop was made with the number of the outer iteration, which is not one of its own.
        self.start_iteration(no, node, 1)
    }

    /// `keepLastN` must be an integer (S-28.12 Do).
    fn check_keep_last(&self, no: TaskNo) -> Result<(), (TaskStatus, String)> {
        match get(&self.live.task(no).input, "keepLastN") {
            Some(value) if as_i64(value).is_none() => Err((
                TaskStatus::FailedWithTerminalError,
                format!("keepLastN must be an integer, not {value}"),
            )),
            _ => Ok(()),
        }
    }

    fn next_iteration(&mut self, no: TaskNo, node: &Arc<Node>) -> Result<(), (TaskStatus, String)> {
        let task = self.live.task(no);
        let iteration = task.iteration;
        let items = self.frozen_items(no, node)?;
        let has_item = items.as_ref().is_none_or(|list| (iteration as usize) < list.len());
        if has_item && self.loop_goes_on(no, node, items.is_some())? {
            if iteration >= ITERATIONS_MAX {
                let reason = format!(
                    "the loop {} has run {ITERATIONS_MAX} iterations, the most that are allowed",
                    node.reference
                );
                return Err((TaskStatus::FailedWithTerminalError, reason));
            }
            self.forget_old(no, iteration + 1);
            self.start_iteration(no, node, iteration + 1)
        } else {
            self.close_loop(no, TaskStatus::Completed, None);
            Ok(())
        }
    }

    /// Reasons of unsuccessful body tasks that are not permissive (S-28.6 with its Do).
    fn failed_reasons(&self, no: TaskNo, iteration: u32) -> Vec<String> {
        let live = &*self.live;
        let failed = body_instances(live, live.task(no), iteration)
            .into_iter()
            .filter(|t| t.status.is_failure() && !live.node_of(t).is_some_and(|n| n.step.permissive));
        failed.map(|t| t.reason.as_deref().unwrap_or_default().to_owned()).collect()
    }

    fn start_iteration(
        &mut self,
        no: TaskNo,
        node: &Arc<Node>,
        iteration: u32,
    ) -> Result<(), (TaskStatus, String)> {
        let items = self.frozen_items(no, node)?;
        self.set_position(no, iteration, items.as_deref());
        let place = Place { in_loop: Some(no), iteration };
        match node.body {
            Some(first) => {
                self.live.hide_new(true);
                self.schedule(first, place);
                self.live.hide_new(false);
            }
            None => return Err((TaskStatus::FailedWithTerminalError, "the loop has no tasks".to_owned())),
        }
        if self.is_running() && self.live.open_at(place) == 0 && !self.live.task(no).status.is_terminal() {
            self.enqueue(no);
        }
        Ok(())
    }

    /// A loop goes on in an earlier iteration (S-63.8 Do).
    pub fn set_iteration(&mut self, no: TaskNo, iteration: u32) {
        let items = self.live.task(no).items.as_ref().map(as_items);
        self.set_position(no, iteration, items.as_deref());
    }

    fn set_position(&mut self, no: TaskNo, iteration: u32, items: Option<&[Raw]>) {
        let item = items.and_then(|list| list.get(iteration as usize - 1));
        let mut output = String::new();
        let mut object = ObjectWriter::begin(&mut output);
        if let Some(item) = item {
            object.i64("loopIndex", i64::from(iteration) - 1).raw("loopItem", item);
        }
        object.i64("iteration", i64::from(iteration));
        object.end();
        self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| {
            t.iteration = iteration;
            t.output = Raw::of_checked(output);
        });
    }

    /// The items of a list loop, frozen at the first look (S-28.10); none in counter mode.
    fn frozen_items(
        &mut self,
        no: TaskNo,
        node: &Arc<Node>,
    ) -> Result<Option<Vec<Raw>>, (TaskStatus, String)> {
        let has_parameter = get(&node.step.input_parameters, ITEMS).is_some();
        if node.step.items.is_none() && !has_parameter {
            return Ok(None);
        }
        let task = self.live.task(no);
        let list = match (&task.items, get(&task.input, ITEMS)) {
            (Some(frozen), _) => frozen.clone(),
            (None, Some(given)) => Raw::of_checked(given),
            (None, None) => {
                let written = node.step.items.clone().unwrap_or_else(Raw::null);
                let scope = InputScope::new(self.live, self.given.defs, Some(no));
                let template = fastcond_expr::Template::compile(&written);
                template.resolve_raw(&scope).map_err(|e| {
                    (TaskStatus::FailedWithTerminalError, format!("Unable to evaluate items: {e}"))
                })?
            }
        };
        if self.live.task(no).items.is_none() {
            let frozen = list.clone();
            self.edit(no, TaskChange { spec: true, ..TaskChange::default() }, |t| t.items = Some(frozen));
        }
        Ok(Some(as_items(&list)))
    }

    /// Evaluates the loop condition (S-28.8, S-28.9, S-28.11).
    fn loop_goes_on(
        &mut self,
        no: TaskNo,
        node: &Arc<Node>,
        is_list: bool,
    ) -> Result<bool, (TaskStatus, String)> {
        let condition = node.step.loop_condition.as_deref().unwrap_or_default();
        if condition.trim().is_empty() {
            return Ok(is_list);
        }
        self.spend(SCRIPT_COST);
        let terminal = |e: String| {
            (TaskStatus::FailedWithTerminalError, format!("Unable to evaluate condition {condition}: {e}"))
        };
        let input = self.condition_input(no, node, condition).map_err(terminal)?;
        let given = script::Given { now_ms: self.given.now_ms, seed: self.given.seed };
        let result =
            self.given.scripts.evaluate(condition, &input, &given).map_err(|e| terminal(e.to_string()))?;
        Ok(fastcond_expr::truthy(&result))
    }

    /// `$` of the condition: inputs as they stand now, the loop's output, and each body task's output.
    fn condition_input(&mut self, no: TaskNo, node: &Arc<Node>, condition: &str) -> Result<String, String> {
        let inputs = self.resolve_input(node, no)?;
        let live = &*self.live;
        let task = live.task(no);
        let mut extra = String::new();
        let mut object = ObjectWriter::begin(&mut extra);
        if let Some(index) = get(&task.output, "loopIndex") {
            object.raw("loopIndex", index);
        }
        if let Some(item) = get(&task.output, "loopItem") {
            object.raw("loopItem", item);
        }
        let base = base_name(&task.reference);
        let counter_only = names_only_iteration(condition, base);
        let output = if counter_only { task.output.clone() } else { whole_output(live, task) };
        object.entry(base, &output);
        let mut bodies: BTreeMap<&str, &Task> = BTreeMap::new();
        for instance in body_instances(live, task, task.iteration) {
            bodies.insert(base_name(&instance.reference), instance);
        }
        for (name, instance) in bodies {
            object.entry(name, &super::joins::effective_output(live, instance));
        }
        object.end();
        Ok(fastcond_json::merged(&inputs, &extra))
    }

    /// Ends a loop and writes its output once.
    fn close_loop(&mut self, no: TaskNo, status: TaskStatus, reason: Option<String>) {
        let output = whole_output(self.live, self.live.task(no));
        self.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = output);
        self.settle(no, status, reason);
    }

    /// Deletes body records of iterations that are no longer kept, with what loops among them have made (S-28.12).
    fn forget_old(&mut self, no: TaskNo, iteration: u32) {
        let task = self.live.task(no);
        let Some(keep) = keep_last(self.live, task) else { return };
        if iteration <= keep {
            return;
        }
        let gone = iteration - keep;
        let place = Place { in_loop: Some(no), iteration: gone };
        let older = self.live.execution.tasks.iter();
        let older = older.take_while(|t| t.at_iteration <= gone || t.in_loop != Some(no));
        let mut dropped = BTreeSet::new();
        for task in older {
            // A loop stands before what it makes.
            if Place::of(task) == place || task.in_loop.is_some_and(|owner| dropped.contains(&owner)) {
                dropped.insert(task.no);
            }
        }
        for number in dropped {
            self.drop_task(number);
        }
    }
}

/// A list as it is, null as an empty one, anything else as its only item (S-28.10).
fn as_items(list: &Raw) -> Vec<Raw> {
    match kind(list) {
        Kind::Null => Vec::new(),
        Kind::Array => elements(list).map(Raw::of_checked).collect(),
        _ => vec![list.clone()],
    }
}

/// Whether a condition uses of the loop's own output only its counter, so that the rest need not be built.
fn names_only_iteration(condition: &str, base: &str) -> bool {
    let mut rest = condition;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let Some(after) = member(rest) else { return false };
        let (name, tail) = after;
        if name == base {
            let Some((field, _)) = member(tail) else { return false };
            if field != "iteration" {
                return false;
            }
        }
        rest = tail;
    }
    true
}

/// A member access at the start of `text`: `.name`, `['name']` or `["name"]`, and what follows.
fn member(text: &str) -> Option<(&str, &str)> {
    if let Some(dotted) = text.strip_prefix('.') {
        let end = dotted.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(dotted.len());
        return (end > 0).then(|| dotted.split_at(end));
    }
    let bracket = text.strip_prefix('[')?;
    let quote = bracket.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = &bracket[1..];
    let end = inner.find(quote)?;
    let tail = inner[end + 1..].strip_prefix(']')?;
    Some((&inner[..end], tail))
}

#[cfg(test)]
mod tests {
    use super::names_only_iteration;

    #[test]
    fn counter_conditions_are_recognised() {
        for (text, expected) in [
            ("if ($.loop['iteration'] < 5) { true; } else { false; }", true),
            ("$.loop.iteration < $.n", true),
            ("$[\"loop\"][\"iteration\"] < 3", true),
            ("$.body.done == true", true),
            ("$.loop['1'].x == 1", false),
            ("JSON.stringify($).length < 3", false),
            ("$.loop", false),
        ] {
            assert_eq!(names_only_iteration(text, "loop"), expected, "{text}");
        }
    }
}
