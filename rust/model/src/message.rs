//! Messages between executions, and events: kept in the sender's outbox until the receiver's commit is known.
//!
//! Delivery is at least once; the receiver makes it exactly once, because every message names the fixed id or attempt
//! it is about.

use crate::ids::{DefId, TaskId, TaskNo, WorkflowId};
use crate::status::WorkflowStatus;
use fastcond_json::Raw;
use std::sync::Arc;

/// A message with its number in the sender's outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Number within the sender.
    pub number: u32,
    /// What is said.
    pub message: Message,
}

/// What one execution tells another, or the handlers of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Start a child of the sender's task, or an independent execution when `task` is none (failure workflow).
    Start {
        /// Fixed id of the new execution.
        id: WorkflowId,
        /// The sender's SUB_WORKFLOW task.
        task: Option<TaskNo>,
        /// The definition snapshot, stored before the message.
        def: DefId,
        /// Start input.
        input: Raw,
        /// Correlation id.
        correlation_id: Option<Arc<str>>,
        /// Domain map.
        task_to_domain: Raw,
        /// Priority.
        priority: u8,
    },
    /// End a child because its parent's task was cancelled (S-30.11).
    Cancel {
        /// The child.
        child: WorkflowId,
        /// Reason given to the child.
        reason: Arc<str>,
    },
    /// A child ended (S-30.13).
    Ended {
        /// The execution that owns the task.
        parent: WorkflowId,
        /// The SUB_WORKFLOW task.
        task: TaskId,
        /// How the child ended.
        status: WorkflowStatus,
        /// The child's output.
        output: Raw,
        /// The reason as the parent's task shows it.
        reason: Option<Arc<str>>,
    },
    /// A child was revived by an operator, so its parent must wait for it again (S-61.9).
    Revived {
        /// The execution that owns the task.
        parent: WorkflowId,
        /// The SUB_WORKFLOW task.
        task: TaskId,
    },
    /// Retry the receiver because its parent was retried with `resumeSubworkflowTasks` (S-61.8).
    Resume {
        /// The child to retry.
        child: WorkflowId,
    },
    /// An event for the handlers of that name (S-34.5, S-80.4).
    Event {
        /// Its name: provider and address.
        event: Arc<str>,
        /// The message's own id, the same whenever it is delivered.
        id: Arc<str>,
        /// What it says.
        payload: Raw,
    },
}

impl Message {
    /// The execution that shall act on it; an event is for nobody in particular.
    pub fn receiver(&self) -> Option<WorkflowId> {
        match self {
            Self::Start { id, .. } => Some(*id),
            Self::Cancel { child, .. } | Self::Resume { child } => Some(*child),
            Self::Ended { parent, .. } | Self::Revived { parent, .. } => Some(*parent),
            Self::Event { .. } => None,
        }
    }
}
