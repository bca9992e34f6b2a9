//! What stands downstream of a task (S-63.7 Do): what follows it in the definition and has been made already. Branches
//! beside it are not downstream.

use crate::graph::{Next, NodeId};
use crate::live::{Live, Place};
use fastcond_model::{NodeRef, Task, TaskNo};
use std::collections::BTreeSet;

/// A place on the way from the target outward, and the steps that follow there.
struct Level {
    place: Place,
    after: BTreeSet<NodeId>,
}

/// Instances that a rerun from `target` forgets.
pub fn of(live: &Live, target: TaskNo) -> Vec<TaskNo> {
    let levels = levels(live, target);
    let is_gone = |task: &&Task| task.no != target && is_after(live, &levels, target, task);
    let mut gone: Vec<TaskNo> = live.execution.tasks.iter().filter(is_gone).map(|t| t.no).collect();
    gone.extend(later_attempts(live, target));
    gone.sort_unstable();
    gone.dedup();
    gone
}

/// Attempts that came after `target` and stand in for it.
pub fn later_attempts(live: &Live, target: TaskNo) -> Vec<TaskNo> {
    let task = live.task(target);
    let is_later = |t: &&Task| t.reference == task.reference && t.seq > task.seq;
    live.execution.tasks.iter().filter(is_later).map(|t| t.no).collect()
}

fn levels(live: &Live, target: TaskNo) -> Vec<Level> {
    let task = live.task(target);
    let after = match &task.node {
        NodeRef::Static(id) => {
            let mut starts = below(live, *id);
            starts.extend(next(live, *id));
            reachable(live, starts)
        }
        NodeRef::Dynamic(spec) => {
            let follows = join_of(live, spec.join).and_then(|join| next(live, join));
            reachable(live, follows.into_iter().collect())
        }
        NodeRef::None => BTreeSet::new(),
    };
    let mut levels = vec![Level { place: Place::of(task), after }];
    let mut around = task.in_loop;
    while let Some(owner) = around {
        let task = live.task(owner);
        let follows = match &task.node {
            NodeRef::Static(id) => next(live, *id),
            NodeRef::Dynamic(_) | NodeRef::None => None,
        };
        let after = reachable(live, follows.into_iter().collect());
        levels.push(Level { place: Place::of(task), after });
        around = task.in_loop;
    }
    levels
}

/// Whether an instance, or a loop around it, comes after the target.
fn is_after(live: &Live, levels: &[Level], target: TaskNo, task: &Task) -> bool {
    let mut at = task;
    loop {
        let place = Place::of(at);
        let step = step_of(live, at);
        let is_past = |level: &Level| {
            level.place.in_loop == place.in_loop
                && (place.iteration > level.place.iteration
                    || (place == level.place && step.is_some_and(|id| level.after.contains(&id))))
        };
        if levels.iter().any(is_past) || is_child_of_fork(live, at, target) {
            return true;
        }
        match at.in_loop {
            Some(owner) if owner == target => return true,
            Some(owner) => at = live.task(owner),
            None => return false,
        }
    }
}

/// The step that stands for an instance: a child made from data stands where its fork does. None for a skipped one.
fn step_of(live: &Live, task: &Task) -> Option<NodeId> {
    match &task.node {
        NodeRef::Static(id) => Some(*id),
        // The JOIN of a dynamic fork is the step after it.
        NodeRef::Dynamic(spec) => join_of(live, spec.join).and_then(|join| join.checked_sub(1)),
        NodeRef::None => None,
    }
}

fn join_of(live: &Live, join: TaskNo) -> Option<NodeId> {
    match live.execution.tasks.get(join)?.node {
        NodeRef::Static(id) => Some(id),
        NodeRef::Dynamic(_) | NodeRef::None => None,
    }
}

fn is_child_of_fork(live: &Live, task: &Task, target: TaskNo) -> bool {
    let fork = live.task(target);
    matches!(task.node, NodeRef::Dynamic(_))
        && matches!(fork.node, NodeRef::Static(_))
        && step_of(live, task) == step_of(live, fork)
        && Place::of(task) == Place::of(fork)
}

fn next(live: &Live, id: NodeId) -> Option<NodeId> {
    let node = live.graph.node(id);
    match node.next {
        // Nothing comes after a TERMINATE (S-6.2) that is not stepped over.
        Next::Node(next) if &*node.type_word != "TERMINATE" || live.skipped(id).is_some() => Some(next),
        Next::Node(_) | Next::Loop(_) | Next::End => None,
    }
}

/// The first steps of what a step contains.
fn below(live: &Live, id: NodeId) -> Vec<NodeId> {
    let node = live.graph.node(id);
    let lists = node.cases.values().chain(&node.branches).flatten();
    lists.chain(&node.default_case).chain(&node.body).copied().collect()
}

fn reachable(live: &Live, mut starts: Vec<NodeId>) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    while let Some(id) = starts.pop() {
        if found.insert(id) {
            starts.extend(below(live, id));
            starts.extend(next(live, id));
        }
    }
    found
}
