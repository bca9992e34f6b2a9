//! A definition compiled once: an indexed graph with successors, joins, loops and input templates.
//!
//! Compiled when a definition is first run; executions share it. Every table here exists so that work per command does
//! not depend on the size of the definition (S-96.3).

mod compile;
mod embed;
mod enforced;

pub use compile::{CompileError, compile, compile_step};
pub use embed::{Definitions, embed};
pub use enforced::Enforced;

use crate::tasks::Behaviour;
use fastcond_expr::Template;
use fastcond_json::Raw;
use fastcond_model::{DefId, TaskDef, WorkflowDef, WorkflowTask};
use indexmap::IndexMap;
use std::sync::Arc;

/// Index of a step in [`Graph::nodes`].
pub type NodeId = u32;

/// What follows a finished step (S-6.2 to S-6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This step.
    Node(NodeId),
    /// The end of an iteration of this loop.
    Loop(NodeId),
    /// Nothing.
    End,
}

/// Step of a definition with everything that can be known before it runs.
#[derive(Debug)]
pub struct Node {
    /// The step as written, its lists of steps below included.
    pub step: Arc<WorkflowTask>,
    /// The step as JSON, as executions show it.
    pub step_json: Raw,
    /// Its task definition, made up when none is registered (S-2.4).
    pub task_def: Arc<TaskDef>,
    /// The task definition as JSON.
    pub task_def_json: Raw,
    /// Schemas its payloads must follow.
    pub schemas: Option<Box<Enforced>>,
    /// Its inputs are written with a reference to a secret.
    pub mentions_secrets: bool,
    /// What the type does.
    pub behaviour: &'static Behaviour,
    /// Reference name.
    pub reference: Arc<str>,
    /// Task name.
    pub name: Arc<str>,
    /// The type word as written.
    pub type_word: Arc<str>,
    /// Input parameters, with the task definition's input template where the type takes it (S-8.16).
    pub input: Template,
    /// The template's own value, for keys that resolve to null (S-8.17).
    pub defaults: Option<Template>,
    /// What follows.
    pub next: Next,
    /// The innermost loop around it.
    pub in_loop: Option<NodeId>,
    /// First step of each case, in order; none for an empty list.
    pub cases: IndexMap<String, Option<NodeId>>,
    /// First step of the default case.
    pub default_case: Option<NodeId>,
    /// First step of each branch of a fork.
    pub branches: Vec<Option<NodeId>>,
    /// The JOIN that follows a fork.
    pub join: Option<NodeId>,
    /// First step of a loop's body.
    pub body: Option<NodeId>,
    /// Direct steps of a loop's body.
    pub body_direct: Vec<NodeId>,
    /// All steps under a loop.
    pub body_all: Vec<NodeId>,
    /// What a JOIN waits for: known steps, and names that no step has.
    pub join_on: Vec<NodeId>,
    /// How many names of `joinOn` no step has; they are waited for (S-25.3).
    pub join_unknown: u32,
    /// JOIN steps that wait for this one.
    pub joined_by: Vec<NodeId>,
}

/// A compiled definition snapshot.
#[derive(Debug)]
pub struct Graph {
    /// Hash of the snapshot.
    pub id: DefId,
    /// The snapshot, task definitions embedded.
    pub def: WorkflowDef,
    /// The snapshot as JSON.
    pub text: Raw,
    /// Definition name.
    pub name: Arc<str>,
    /// Steps in tree order, parents first.
    pub nodes: Vec<Arc<Node>>,
    /// Steps by reference name.
    pub by_reference: IndexMap<Arc<str>, NodeId>,
    /// First step.
    pub first: Option<NodeId>,
    /// Output parameters, none when empty.
    pub output: Option<Template>,
    /// Schemas its payloads must follow.
    pub schemas: Enforced,
    /// Whether some step is permissive and not optional (S-5.12).
    pub has_permissive: bool,
}

impl Graph {
    /// The step of an index.
    pub fn node(&self, id: NodeId) -> &Arc<Node> {
        &self.nodes[id as usize]
    }

    /// The step of a reference name.
    pub fn find(&self, reference: &str) -> Option<NodeId> {
        self.by_reference.get(reference).copied()
    }
}
