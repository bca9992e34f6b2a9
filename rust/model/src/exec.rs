//! The record of one execution: a header, its payloads and its task instances (S-1.7, S-1.16).

use crate::ids::{DefId, TaskId, TaskNo, WorkflowId};
use crate::mailbox::Mailbox;
use crate::outbox::Outbox;
use crate::status::{TaskStatus, WorkflowStatus};
use fastcond_json::Raw;
use std::sync::Arc;

/// The SUB_WORKFLOW task that an execution belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The execution that owns the task.
    pub workflow: WorkflowId,
    /// The task.
    pub task: TaskId,
}

/// The small fields of an execution; payloads stand beside it so that a commit can leave them out.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Status (S-1.1).
    pub status: WorkflowStatus,
    /// The definition snapshot this execution runs on (S-2.3).
    pub def: DefId,
    /// Definition name.
    pub name: Arc<str>,
    /// Definition version.
    pub version: i32,
    /// When it was started (or restarted).
    pub create_ms: i64,
    /// When it was last changed.
    pub update_ms: i64,
    /// When it became terminal; 0 before.
    pub end_ms: i64,
    /// When an operator last revived it; 0 never. The workflow timeout counts from here (S-55.1).
    pub last_retried_ms: i64,
    /// The client's own id.
    pub correlation_id: Option<Arc<str>>,
    /// 0 to 99.
    pub priority: u8,
    /// Map from task type, or `*`, to a comma list of domains (S-50.5).
    pub task_to_domain: Raw,
    /// The task that started this execution.
    pub parent: Option<Parent>,
    /// Why it is not complete.
    pub reason: Option<Arc<str>>,
    /// The first task that failed it.
    pub failed_task: Option<TaskNo>,
    /// Reference names of failed tasks (S-1.16).
    pub failed_refs: Vec<Arc<str>>,
    /// Names of failed tasks (S-1.16).
    pub failed_names: Vec<Arc<str>>,
    /// The event that started it.
    pub event: Option<Arc<str>>,
    /// Who started it.
    pub created_by: Option<Arc<str>>,
    /// The execution it was rerun from.
    pub rerun_from: Option<WorkflowId>,
    /// Number of the next task instance.
    pub next_no: TaskNo,
    /// Number of the next outgoing message.
    pub next_message: u32,
    /// A long step was cut short: the rest is due now.
    pub is_continuing: bool,
    /// Where the input lies when a client stored it outside.
    pub input_path: Option<Arc<str>>,
    /// The key it was started with (S-90.1).
    pub idempotency_key: Option<Arc<str>>,
    /// What its `rateLimitKey` came to at the start (S-53.5).
    pub limit_key: Option<Arc<str>>,
    /// It waits for others of its key to end before it begins.
    pub is_held: bool,
}

impl Header {
    /// A running execution of `def` without anything else.
    pub fn new(def: DefId, name: Arc<str>, version: i32) -> Self {
        Self {
            status: WorkflowStatus::Running,
            def,
            name,
            version,
            create_ms: 0,
            update_ms: 0,
            end_ms: 0,
            last_retried_ms: 0,
            correlation_id: None,
            priority: 0,
            task_to_domain: Raw::empty_object(),
            parent: None,
            reason: None,
            failed_task: None,
            failed_refs: Vec::new(),
            failed_names: Vec::new(),
            event: None,
            created_by: None,
            rerun_from: None,
            next_no: 0,
            next_message: 0,
            is_continuing: false,
            input_path: None,
            idempotency_key: None,
            limit_key: None,
            is_held: false,
        }
    }
}

/// What a store keeps of one execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// Its id.
    pub id: WorkflowId,
    /// Raised by one with every commit; the compare-and-set value.
    pub revision: u64,
    /// The small fields.
    pub header: Header,
    /// Start input.
    pub input: Raw,
    /// Output, final once terminal.
    pub output: Raw,
    /// Workflow variables.
    pub variables: Raw,
    /// Task instances by number.
    pub tasks: TaskTable,
    /// Messages to other executions not yet known to have arrived.
    pub outbox: Outbox,
    /// Messages from outside that no task has pulled yet.
    pub mailbox: Mailbox,
}

impl Execution {
    /// An execution that no commit has touched yet.
    pub fn new(id: WorkflowId, header: Header) -> Self {
        Self {
            id,
            revision: 0,
            header,
            input: Raw::empty_object(),
            output: Raw::empty_object(),
            variables: Raw::empty_object(),
            tasks: TaskTable::default(),
            outbox: Outbox::default(),
            mailbox: Mailbox::default(),
        }
    }

    /// Task instances in the order the API lists them: by seq, then by number (S-1.12).
    pub fn listed(&self) -> Vec<&Task> {
        let mut tasks: Vec<&Task> = self.tasks.iter().collect();
        if !tasks.is_sorted_by_key(|t| t.seq) {
            tasks.sort_by_key(|t| (t.seq, t.no));
        }
        tasks
    }
}

/// The step of a task that is not in the definition: a child of a dynamic fork.
#[derive(Clone, Debug, PartialEq)]
pub struct DynSpec {
    /// The step as `WorkflowTask` JSON, its task definition embedded when one is registered.
    pub step: Raw,
    /// The JOIN instance that waits for it.
    pub join: TaskNo,
}

/// Where the step of a task instance is written.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeRef {
    /// In the definition snapshot, at this index of the compiled graph.
    Static(u32),
    /// Made from data by a dynamic fork.
    Dynamic(Arc<DynSpec>),
    /// Nowhere: a task skipped by an operator.
    None,
}

/// One attempt at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Number within the execution.
    pub no: TaskNo,
    /// The step.
    pub node: NodeRef,
    /// Reference name, with the iteration suffix inside loops (S-1.10).
    pub reference: Arc<str>,
    /// Task type: the queue's base name.
    pub task_type: Arc<str>,
    /// Task definition name.
    pub def_name: Arc<str>,
    /// Status (S-1.2).
    pub status: TaskStatus,
    /// List order (S-1.12).
    pub seq: u32,
    /// Attempt, from 0.
    pub retry_count: u32,
    /// The attempt this one replaces.
    pub retried_of: Option<TaskNo>,
    /// Successors were computed (S-1.4).
    pub is_executed: bool,
    /// A newer attempt replaces this one (S-1.5).
    pub is_retried: bool,
    /// SWITCH and DECISION: the chosen branch carries on instead of this task (S-6.1).
    pub has_children: bool,
    /// Iteration shown on the wire: above 0 inside a loop, or of a loop that has started.
    pub iteration: u32,
    /// The loop instance whose iteration this task belongs to.
    pub in_loop: Option<TaskNo>,
    /// That iteration; differs from `iteration` for a loop inside a loop.
    pub at_iteration: u32,
    /// When the instance was made.
    pub scheduled_ms: i64,
    /// When it was first handed out, or first run.
    pub start_ms: i64,
    /// When it was last stored.
    pub update_ms: i64,
    /// When it became terminal.
    pub end_ms: i64,
    /// When the first attempt was made.
    pub first_scheduled_ms: i64,
    /// When its queue entry is due while SCHEDULED.
    pub ready_ms: i64,
    /// Deadline of a WAIT; 0 none.
    pub wait_until_ms: i64,
    /// Delay before the first hand-out, in seconds.
    pub start_delay_s: i64,
    /// Delay a worker asked for, or the retry delay, in seconds.
    pub callback_after_s: i64,
    /// Hand-outs so far.
    pub poll_count: u32,
    /// Who took or updated it last.
    pub worker: Option<Arc<str>>,
    /// The domain chosen when it was scheduled.
    pub domain: Option<Arc<str>>,
    /// Why it is not successful.
    pub reason: Option<Arc<str>>,
    /// The execution a SUB_WORKFLOW task started.
    pub subworkflow: Option<WorkflowId>,
    /// Resolved input.
    pub input: Raw,
    /// Output.
    pub output: Raw,
    /// Where the output lies when a worker stored it outside.
    pub output_path: Option<Arc<str>>,
    /// The items of a list loop, frozen when it starts (S-28.10); not shown.
    pub items: Option<Raw>,
    /// The step as a DYNAMIC made it: the chosen name, with the definition of that name (S-21.4).
    pub chosen: Option<Raw>,
}

impl Task {
    /// The reference name without iteration suffix (S-1.10).
    pub fn base_reference(&self) -> &str {
        base_name(&self.reference)
    }
}

/// The text before the first `__` (S-1.10).
pub fn base_name(reference: &str) -> &str {
    reference.find("__").map_or(reference, |at| &reference[..at])
}

/// Task instances by number, with holes where some were deleted.
#[derive(Clone, Debug, Default)]
pub struct TaskTable {
    first: TaskNo,
    slots: Vec<Option<Box<Task>>>,
    live: usize,
}

impl PartialEq for TaskTable {
    /// The same instances, wherever the holes are.
    fn eq(&self, other: &Self) -> bool {
        self.live == other.live && self.iter().eq(other.iter())
    }
}

impl TaskTable {
    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn slot(&self, no: TaskNo) -> Option<usize> {
        no.checked_sub(self.first).map(|at| at as usize)
    }

    /// The instance of that number.
    pub fn get(&self, no: TaskNo) -> Option<&Task> {
        self.slots.get(self.slot(no)?)?.as_deref()
    }

    /// The instance of that number, to change.
    pub fn get_mut(&mut self, no: TaskNo) -> Option<&mut Task> {
        let at = self.slot(no)?;
        self.slots.get_mut(at)?.as_deref_mut()
    }

    /// Stores an instance under its number, replacing one that is there.
    pub fn put(&mut self, task: Box<Task>) {
        if self.live == 0 {
            self.slots.clear();
            self.first = task.no;
        }
        if task.no < self.first {
            let missing = (self.first - task.no) as usize;
            self.slots.splice(0..0, std::iter::repeat_with(|| None).take(missing));
            self.first = task.no;
        }
        let at = (task.no - self.first) as usize;
        if at >= self.slots.len() {
            self.slots.resize_with(at + 1, || None);
        }
        if self.slots[at].replace(task).is_none() {
            self.live += 1;
        }
    }

    /// Deletes an instance.
    pub fn remove(&mut self, no: TaskNo) -> Option<Box<Task>> {
        let at = self.slot(no)?;
        let gone = self.slots.get_mut(at)?.take();
        self.live -= usize::from(gone.is_some());
        while matches!(self.slots.last(), Some(None)) {
            self.slots.pop();
        }
        gone
    }

    /// Deletes all instances.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Instances in number order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Task> {
        self.slots.iter().filter_map(|slot| slot.as_deref())
    }

    /// Numbers in order.
    pub fn numbers(&self) -> Vec<TaskNo> {
        self.iter().map(|t| t.no).collect()
    }
}
