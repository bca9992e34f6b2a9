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

/// The FORK instances of forks made from data, each made just before its children.
struct Forks(BTreeSet<TaskNo>);

impl Forks {
    fn of(live: &Live) -> Self {
        let is_fork = |task: &&Task| match &task.node {
            NodeRef::Static(id) => &*live.graph.node(*id).type_word == "FORK_JOIN_DYNAMIC",
            NodeRef::Dynamic(_) | NodeRef::None => false,
        };
        Self(live.execution.tasks.iter().filter(is_fork).map(|t| t.no).collect())
    }

    /// The step that made a child from data. Not asked of its JOIN: there is none when that was skipped (S-60.8).
    fn step_of_child(&self, live: &Live, child: &Task) -> Option<NodeId> {
        let mut first = child;
        while let Some(before) = first.retried_of.and_then(|no| live.execution.tasks.get(no)) {
            first = before;
        }
        let fork = self.0.range(..first.no).next_back()?;
        match live.task(*fork).node {
            NodeRef::Static(id) => Some(id),
            NodeRef::Dynamic(_) | NodeRef::None => None,
        }
    }
}

/// Instances that a rerun from `target` forgets.
pub fn of(live: &Live, target: TaskNo) -> Vec<TaskNo> {
    let forks = Forks::of(live);
    let levels = levels(live, &forks, target);
    let is_gone = |task: &&Task| task.no != target && is_after(live, &forks, &levels, target, task);
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

fn levels(live: &Live, forks: &Forks, target: TaskNo) -> Vec<Level> {
    let task = live.task(target);
    let after = match &task.node {
        NodeRef::Static(id) => {
            let mut starts = below(live, *id);
            starts.extend(next(live, *id));
            reachable(live, starts)
        }
        NodeRef::Dynamic(_) => {
            // Its JOIN is the step after the fork.
            let follows = forks.step_of_child(live, task).and_then(|fork| next(live, fork + 1));
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
fn is_after(live: &Live, forks: &Forks, levels: &[Level], target: TaskNo, task: &Task) -> bool {
    let mut at = task;
    loop {
        let place = Place::of(at);
        let step = step_of(live, forks, at);
        let is_past = |level: &Level| {
            level.place.in_loop == place.in_loop
                && (place.iteration > level.place.iteration
                    || (place == level.place && step.is_some_and(|id| level.after.contains(&id))))
        };
        if levels.iter().any(is_past) || is_child_of_fork(live, step, at, target) {
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
fn step_of(live: &Live, forks: &Forks, task: &Task) -> Option<NodeId> {
    match &task.node {
        NodeRef::Static(id) => Some(*id),
        NodeRef::Dynamic(_) => forks.step_of_child(live, task),
        NodeRef::None => None,
    }
}

fn is_child_of_fork(live: &Live, step: Option<NodeId>, task: &Task, target: TaskNo) -> bool {
    let fork = live.task(target);
    matches!((&task.node, &fork.node), (NodeRef::Dynamic(_), NodeRef::Static(id)) if step == Some(*id))
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
