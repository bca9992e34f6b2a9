//! An execution with what is derived from it: current instances, open counts, join counters, deadlines.
//!
//! Everything in [`Index`] can be recomputed from the record; [`Live::check`] does so and compares (G8, S-96.5).

use crate::deadline;
use crate::graph::{Graph, Node, NodeId, compile_step};
use crate::tasks::chosen_node;
use fastcond_json::Raw;
use fastcond_model::{Execution, NodeRef, Task, TaskNo, TaskStatus, WorkflowStatus};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Where an instance stands: which loop iteration, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The loop instance, none at top level.
    pub in_loop: Option<TaskNo>,
    /// The iteration within it, 0 at top level.
    pub iteration: u32,
}

impl Place {
    /// The place of an instance.
    pub fn of(task: &Task) -> Self {
        match task.in_loop {
            Some(_) => Self { in_loop: task.in_loop, iteration: task.at_iteration },
            None => Self::default(),
        }
    }
}

/// What is derived from the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Newest instance of each step, whatever the iteration (S-8.12); `u32::MAX` is none.
    latest: Vec<TaskNo>,
    /// Current instance of each step inside loops.
    placed: BTreeMap<(NodeId, Place), TaskNo>,
    /// Current instance of each reference name that is not in the definition.
    named: BTreeMap<Arc<str>, TaskNo>,
    /// Instances that are not final yet, by place: top level under the default place.
    open: BTreeMap<Place, u32>,
    /// Names a waiting JOIN still waits for.
    joins: BTreeMap<TaskNo, u32>,
    /// Earliest deadline of each instance that has one.
    due_of: BTreeMap<TaskNo, i64>,
    /// The same, by time.
    due: BTreeSet<(i64, TaskNo)>,
    /// Highest seq in use.
    last_seq: u32,
}

const NONE: TaskNo = TaskNo::MAX;

/// An execution in memory: the record, its compiled definition and the derived index.
#[derive(Clone, Debug)]
pub struct Live {
    /// The record.
    pub execution: Execution,
    /// The compiled snapshot.
    pub graph: Arc<Graph>,
    /// Instances whose turn has come and that a cut-short step left; derived from the record.
    pub work: VecDeque<TaskNo>,
    /// Instances made while steps are being mapped, with the one that was current before: they do not see each other.
    fresh: BTreeMap<TaskNo, TaskNo>,
    hides_new: bool,
    /// Instances that changed since joins and loops were last looked at. What a join or loop in progress shows to
    /// expressions is what it had then (S-25.4, S-28.5).
    unseen: BTreeMap<TaskNo, Unseen>,
    /// The output that an overwritten one had then, unless it was empty.
    overwritten: BTreeMap<TaskNo, Raw>,
    /// Joins and loops that were reopened since: they show what they ended with.
    reopened: BTreeSet<TaskNo>,
    terminate: Option<TaskNo>,
    /// Compiled steps of instances that do not run a step as the definition has it.
    dynamic: BTreeMap<TaskNo, Arc<Node>>,
    /// What wide dynamic forks have still to make, derived from their records: kept so that a step that goes on with
    /// one need not read the whole list again.
    expanding: BTreeMap<TaskNo, VecDeque<Raw>>,
    index: Index,
}

/// How an instance changed since joins and loops were last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseen {
    /// Its output is the one that it had.
    Touched,
    /// Its output is another one.
    Overwritten,
    /// It was made since.
    New,
}

/// Whether nothing can change about an instance without an operator: its successors are computed, or it was replaced.
pub fn is_final(task: &Task) -> bool {
    task.status.is_terminal() && (task.is_executed || task.is_retried || task.status == TaskStatus::Skipped)
}

impl Live {
    /// Builds the derived index from the record: O(tasks).
    pub fn new(execution: Execution, graph: Arc<Graph>) -> Self {
        assert_eq!(execution.header.def, graph.id, "an execution runs on its own snapshot");
        let mut live = Self {
            execution,
            graph,
            work: VecDeque::new(),
            fresh: BTreeMap::new(),
            hides_new: false,
            unseen: BTreeMap::new(),
            overwritten: BTreeMap::new(),
            reopened: BTreeSet::new(),
            terminate: None,
            dynamic: BTreeMap::new(),
            expanding: BTreeMap::new(),
            index: Index::default(),
        };
        live.rebuild();
        live
    }

    /// Recomputes everything derived, after an operator rewrote the record.
    pub fn rebuild(&mut self) {
        self.index = Index { latest: vec![NONE; self.graph.nodes.len()], ..Index::default() };
        let numbers = self.execution.tasks.numbers();
        self.dynamic.clear();
        self.expanding.clear();
        self.terminate = None;
        for &no in &numbers {
            if let Some(node) = own_node(self.task(no)) {
                self.dynamic.insert(no, Arc::new(node));
            }
            self.note_new(no);
        }
        for &no in &numbers {
            self.note_join(no);
        }
    }

    /// The step of an instance, none for a skipped task.
    pub fn node_of(&self, task: &Task) -> Option<Arc<Node>> {
        match &task.node {
            NodeRef::Static(id) if task.chosen.is_none() => Some(self.graph.node(*id).clone()),
            NodeRef::Static(_) | NodeRef::Dynamic(_) => self.dynamic.get(&task.no).cloned(),
            NodeRef::None => None,
        }
    }

    /// Gives an instance its own compiled step before it is registered.
    pub fn note_dynamic(&mut self, no: TaskNo, node: Arc<Node>) {
        self.dynamic.insert(no, node);
    }

    /// Keeps the steps that a dynamic fork has still to make.
    pub fn put_expansion(&mut self, fork: TaskNo, left: VecDeque<Raw>) {
        self.expanding.insert(fork, left);
    }

    /// Takes them out again; none when only the record knows.
    pub fn take_expansion(&mut self, fork: TaskNo) -> Option<VecDeque<Raw>> {
        self.expanding.remove(&fork)
    }

    /// An instance that must exist.
    pub fn task(&self, no: TaskNo) -> &Task {
        self.execution.tasks.get(no).expect("a task number of the index exists")
    }

    /// An instance that must exist, to change.
    pub fn task_mut(&mut self, no: TaskNo) -> &mut Task {
        self.execution.tasks.get_mut(no).expect("a task number of the index exists")
    }

    /// Newest instance of a step (S-8.12).
    pub fn latest(&self, node: NodeId) -> Option<&Task> {
        let no = self.index.latest[node as usize];
        (no != NONE).then(|| self.task(no))
    }

    /// Current instance of a step at a place (S-1.9).
    pub fn current(&self, node: NodeId, place: Place) -> Option<&Task> {
        let no = match place.in_loop {
            None => self.index.latest[node as usize],
            Some(_) => self.index.placed.get(&(node, place)).copied().unwrap_or(NONE),
        };
        (no != NONE).then(|| self.task(no))
    }

    /// Current instance of a name that is not in the definition: a dynamic child or a skipped task.
    pub fn named(&self, reference: &str) -> Option<&Task> {
        self.index.named.get(reference).map(|no| self.task(*no))
    }

    /// The instance of a step that was skipped; nothing of a loop's body is (S-60.8).
    pub fn skipped(&self, node: NodeId) -> Option<&Task> {
        self.named(&self.graph.node(node).reference).filter(|t| t.status == TaskStatus::Skipped)
    }

    /// Current instance of exactly this reference name.
    pub fn by_reference(&self, reference: &str) -> Option<&Task> {
        if let Some(task) = self.named(reference) {
            return Some(task);
        }
        if let Some(node) = self.graph.find(reference) {
            return self.latest(node).filter(|t| &*t.reference == reference);
        }
        let node = self.graph.find(fastcond_model::exec::base_name(reference))?;
        let of_node = self.index.placed.range((node, Place::default())..(node + 1, Place::default()));
        of_node.map(|(_, no)| self.task(*no)).find(|t| &*t.reference == reference)
    }

    /// Instances that are not final, top level and all loops.
    pub fn open_total(&self) -> u32 {
        self.index.open.values().sum()
    }

    /// Instances that are not final at a place.
    pub fn open_at(&self, place: Place) -> u32 {
        self.index.open.get(&place).copied().unwrap_or(0)
    }

    /// The seq for the next instance (S-1.12).
    pub fn next_seq(&mut self) -> u32 {
        self.index.last_seq += 1;
        self.index.last_seq
    }

    /// Names a waiting JOIN still waits for.
    pub fn join_pending(&self, join: TaskNo) -> Option<u32> {
        self.index.joins.get(&join).copied()
    }

    /// One of the joined tasks became final.
    pub fn join_arrived(&mut self, join: TaskNo) -> u32 {
        let pending = self.index.joins.get_mut(&join).expect("a waiting join has a counter");
        *pending -= 1;
        *pending
    }

    /// The join is over.
    pub fn join_over(&mut self, join: TaskNo) {
        self.index.joins.remove(&join);
    }

    /// Earliest deadline of the whole execution.
    pub fn next_due(&self) -> Option<i64> {
        let header = &self.execution.header;
        if header.status.is_terminal() {
            return None;
        }
        // What a paused execution has left to do waits for its resumption, which finds it again.
        if header.is_continuing && header.status == WorkflowStatus::Running {
            return Some(header.update_ms);
        }
        let task = match header.status {
            // A paused workflow only lets waits end and children begin (S-5.3, S-60.1).
            WorkflowStatus::Paused => self.due_while_paused(),
            _ => self.index.due.first().map(|(at, _)| *at),
        };
        let workflow = deadline::of_workflow(&self.execution.header, &self.graph.def);
        match (task, workflow) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn due_while_paused(&self) -> Option<i64> {
        let open = self.index.due_of.keys().map(|no| self.task(*no));
        open.filter_map(|task| {
            let node = self.node_of(task)?;
            let wait = deadline::at(task, &node, deadline::Deadline::Wait);
            wait.into_iter().chain(deadline::at(task, &node, deadline::Deadline::Begin)).min()
        })
        .min()
    }

    /// The open instance a report by reference name is for: the exact name first, else the base name (S-52.9).
    pub fn pending_by_reference(&self, reference: &str) -> Option<TaskNo> {
        let mut by_base = None;
        for task in self.execution.listed() {
            if task.status.is_terminal() {
                continue;
            }
            if &*task.reference == reference {
                return Some(task.no);
            }
            if by_base.is_none() && task.base_reference() == reference {
                by_base = Some(task.no);
            }
        }
        by_base
    }

    /// Instances whose deadline has come, earliest first.
    pub fn due_tasks(&self, now_ms: i64) -> Vec<TaskNo> {
        self.index.due.iter().take_while(|(at, _)| *at <= now_ms).map(|(_, no)| *no).collect()
    }

    /// While `hides`, instances that are made are not seen by expressions; afterwards they are (S-4.8).
    pub fn hide_new(&mut self, hides: bool) {
        self.hides_new = hides;
        if !hides {
            self.fresh.clear();
        }
    }

    /// An instance changed, or was made.
    pub fn note_unseen(&mut self, no: TaskNo, how: Unseen) {
        let entry = self.unseen.entry(no).or_insert(how);
        *entry = (*entry).max(how);
    }

    /// The output of an instance is about to be replaced: joins and loops took over the one it has.
    pub fn note_overwritten(&mut self, no: TaskNo) {
        if self.unseen.get(&no).is_some_and(|how| *how >= Unseen::Overwritten) {
            return;
        }
        self.note_unseen(no, Unseen::Overwritten);
        let output = &self.task(no).output;
        if &**output != "{}" {
            self.overwritten.insert(no, output.clone());
        }
    }

    /// Joins and loops are looked at.
    pub fn see_all(&mut self) {
        self.unseen.clear();
        self.overwritten.clear();
        self.reopened.clear();
    }

    /// A join or loop that was over waits again.
    pub fn note_waits_again(&mut self, no: TaskNo) {
        self.reopened.insert(no);
    }

    /// Whether a join or loop was reopened since joins and loops were last looked at.
    pub fn waits_again(&self, no: TaskNo) -> bool {
        self.reopened.contains(&no)
    }

    /// Whether an instance was made since joins and loops were last looked at.
    pub fn is_unseen_new(&self, no: TaskNo) -> bool {
        self.unseen.get(&no) == Some(&Unseen::New)
    }

    /// The output that an instance had when joins and loops were last looked at, if it is another one now.
    pub fn output_before(&self, no: TaskNo) -> Option<Raw> {
        let is_other = *self.unseen.get(&no)? >= Unseen::Overwritten;
        is_other.then(|| self.overwritten.get(&no).cloned().unwrap_or_else(Raw::empty_object))
    }

    /// Newest instance of a name as expressions see it (S-8.12).
    pub fn seen(&self, reference: &str) -> Option<&Task> {
        let of_step = || self.latest(self.graph.find(reference)?);
        // A skipped instance is the oldest of its name.
        let newest = match self.named(reference) {
            Some(task) if task.status == TaskStatus::Skipped => of_step().unwrap_or(task),
            Some(task) => task,
            None => of_step()?,
        };
        match self.fresh.get(&newest.no) {
            None => Some(newest),
            Some(before) => self.execution.tasks.get(*before),
        }
    }

    /// A TERMINATE that has done its work (S-5.4).
    pub fn terminate(&self) -> Option<TaskNo> {
        self.terminate
    }

    /// Notes a TERMINATE that has done its work.
    pub fn note_terminate(&mut self, no: TaskNo) {
        let task = self.task(no);
        if task.status == TaskStatus::Completed && &*task.task_type == "TERMINATE" {
            self.terminate = Some(no);
        }
    }

    /// Registers a new instance in the index.
    pub fn note_new(&mut self, no: TaskNo) {
        self.note_terminate(no);
        if self.hides_new {
            let before = match (self.task(no).retried_of, &self.task(no).node) {
                (Some(replaced), _) => replaced,
                (None, NodeRef::Static(id)) => self.index.latest[*id as usize],
                (None, NodeRef::Dynamic(_) | NodeRef::None) => NONE,
            };
            self.fresh.insert(no, before);
        }
        let task = self.execution.tasks.get(no).expect("the new instance is stored");
        self.index.last_seq = self.index.last_seq.max(task.seq);
        // A retried instance stays current until the one that replaces it is there.
        let (place, node, reference) = (Place::of(task), task.node.clone(), task.reference.clone());
        match node {
            NodeRef::Static(id) => {
                let latest = &mut self.index.latest[id as usize];
                if *latest == NONE || *latest < no {
                    *latest = no;
                }
                if place.in_loop.is_some() {
                    self.index.placed.insert((id, place), no);
                }
            }
            NodeRef::Dynamic(_) | NodeRef::None => {
                self.index.named.insert(reference, no);
            }
        }
        if !is_final(self.task(no)) {
            *self.index.open.entry(Place::of(self.task(no))).or_default() += 1;
        }
        self.note_due(no);
    }

    /// An open instance became final.
    pub fn note_final(&mut self, no: TaskNo) {
        let place = Place::of(self.task(no));
        let open = self.index.open.get_mut(&place).expect("a final instance was open");
        *open -= 1;
        if *open == 0 {
            self.index.open.remove(&place);
        }
        self.note_due(no);
    }

    /// A final instance is open again.
    pub fn note_reopened(&mut self, no: TaskNo) {
        *self.index.open.entry(Place::of(self.task(no))).or_default() += 1;
    }

    /// Keeps the deadline of an instance in step with its record.
    pub fn note_due(&mut self, no: TaskNo) {
        let new = self.execution.tasks.get(no).and_then(|task| {
            let node = self.node_of(task)?;
            deadline::of_task(task, &node)
        });
        let old = match new {
            Some(at) => self.index.due_of.insert(no, at),
            None => self.index.due_of.remove(&no),
        };
        if let Some(at) = old {
            self.index.due.remove(&(at, no));
        }
        if let Some(at) = new {
            self.index.due.insert((at, no));
        }
    }

    /// Gives a waiting JOIN its counter.
    pub fn note_join(&mut self, no: TaskNo) {
        let task = self.task(no);
        if task.status.is_terminal() || !matches!(&*task.task_type, "JOIN") {
            return;
        }
        let pending = crate::step::joins::count_pending(self, task);
        self.index.joins.insert(no, pending);
    }

    /// Forgets an instance before it is deleted from the record.
    pub fn forget(&mut self, no: TaskNo) {
        let task = self.task(no);
        let (place, node, reference, was_open) =
            (Place::of(task), task.node.clone(), task.reference.clone(), !is_final(task));
        match node {
            NodeRef::Static(id) => {
                if self.index.latest[id as usize] == no {
                    self.index.latest[id as usize] = NONE;
                }
                if self.index.placed.get(&(id, place)) == Some(&no) {
                    self.index.placed.remove(&(id, place));
                }
            }
            NodeRef::Dynamic(_) | NodeRef::None => {
                if self.index.named.get(&reference) == Some(&no) {
                    self.index.named.remove(&reference);
                }
            }
        }
        if was_open {
            let open = self.index.open.get_mut(&place).expect("an open instance is counted");
            *open -= 1;
        }
        self.index.joins.remove(&no);
        if let Some(at) = self.index.due_of.remove(&no) {
            self.index.due.remove(&(at, no));
        }
        self.dynamic.remove(&no);
        // A child of a fork may have to be made once more: the record says.
        self.expanding.clear();
        self.execution.tasks.remove(no);
    }

    /// Puts what a crash or an eviction left unfinished in line.
    pub fn resume_work(&mut self) {
        self.work = crate::step::pass::unfinished(self).into();
    }

    /// Compares the incremental index with one built afresh; the error names the difference.
    pub fn check(&self) -> Result<(), String> {
        let fresh = Self::new(self.execution.clone(), self.graph.clone());
        let mut mine = self.index.clone();
        mine.open.retain(|_, n| *n > 0);
        mine.last_seq = fresh.index.last_seq;
        if mine == fresh.index { Ok(()) } else { Err(format!("index {mine:?} is not {:?}", fresh.index)) }
    }
}

/// The compiled step of an instance that does not run a step as the definition has it.
fn own_node(task: &Task) -> Option<Node> {
    let compiled = match (&task.chosen, &task.node) {
        (Some(step), _) => chosen_node(step),
        (None, NodeRef::Dynamic(spec)) => dynamic_node(&spec.step),
        (None, NodeRef::Static(_) | NodeRef::None) => return None,
    };
    Some(compiled.expect("a stored step compiles"))
}

/// The compiled step of a dynamic child.
pub fn dynamic_node(step: &Raw) -> Option<Node> {
    serde_json::from_str(step).ok().and_then(|read| compile_step(&read, step.clone()).ok())
}
