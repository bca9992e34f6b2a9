//! From a definition tree to an indexed graph, without recursion over its depth.

use super::{Enforced, Graph, Next, Node, NodeId};
use crate::tasks;
use fastcond_expr::Template;
use fastcond_expr::secrets::MENTION;
use fastcond_json::{Raw, get, with_defaults};
use fastcond_model::{DefId, TaskDef, WorkflowDef, WorkflowTask};
use indexmap::IndexMap;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A definition that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// Two steps share this reference name.
    DuplicateReference(String),
    /// The definition cannot be written as JSON.
    Unwritable(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateReference(name) => write!(f, "taskReferenceName {name} is used more than once"),
            Self::Unwritable(why) => write!(f, "the definition cannot be written: {why}"),
        }
    }
}

impl std::error::Error for CompileError {}

/// A list of steps still to be numbered, and what follows its last one.
struct Pending<'a> {
    list: &'a [WorkflowTask],
    after: Next,
    in_loop: Option<NodeId>,
    owner: Option<(NodeId, Slot)>,
}

/// Where the first step of a list is noted at its owner.
enum Slot {
    Case(String),
    Default,
    Branch,
    Body,
}

/// Compiles a snapshot (task definitions embedded, S-2.4).
pub fn compile(def: WorkflowDef) -> Result<Graph, CompileError> {
    let unwritable = |e: serde_json::Error| CompileError::Unwritable(e.to_string());
    let text = Raw::of_checked(serde_json::to_string(&def).map_err(unwritable)?);
    let mut nodes: Vec<Node> = Vec::new();
    let mut first = None;
    let mut stack = vec![Pending { list: &def.tasks, after: Next::End, in_loop: None, owner: None }];
    while let Some(pending) = stack.pop() {
        number_list(pending, &mut nodes, &mut first, &mut stack)?;
    }
    let by_reference = index_references(&nodes)?;
    link_joins(&mut nodes, &by_reference);
    link_loops(&mut nodes);
    let output = (&*def.output_parameters != "{}").then(|| Template::compile(&def.output_parameters));
    let nodes: Vec<Arc<Node>> = nodes.into_iter().map(Arc::new).collect();
    let has_permissive = nodes.iter().any(|n| n.step.permissive && !n.step.optional);
    let (id, name) = (DefId::of(&text), def.name().into());
    let schemas = Enforced::of(def.input_schema.as_ref(), def.output_schema.as_ref(), def.enforce_schema);
    Ok(Graph { id, def, text, name, nodes, by_reference, first, output, schemas, has_permissive })
}

fn number_list<'a>(
    pending: Pending<'a>,
    nodes: &mut Vec<Node>,
    first: &mut Option<NodeId>,
    stack: &mut Vec<Pending<'a>>,
) -> Result<(), CompileError> {
    let start = id_of(nodes.len());
    note_first(pending.owner, (!pending.list.is_empty()).then_some(start), nodes, first);
    for (at, step) in pending.list.iter().enumerate() {
        let id = id_of(nodes.len());
        let next = if at + 1 < pending.list.len() { Next::Node(id + 1) } else { pending.after };
        let follower = pending.list.get(at + 1).map(WorkflowTask::kind);
        let missing = TaskDef::ad_hoc(step.name(), step.kind() == "SIMPLE");
        let mut node = make_node(step, next, pending.in_loop, missing, written(step)?)?;
        node.join = (follower == Some("JOIN") || follower == Some("EXCLUSIVE_JOIN")).then_some(id + 1);
        nodes.push(node);
    }
    for (at, step) in pending.list.iter().enumerate() {
        let id = start + id_of(at);
        let after = nodes[id as usize].next;
        push_lists(step, id, after, pending.in_loop, stack);
    }
    Ok(())
}

fn id_of(index: usize) -> NodeId {
    NodeId::try_from(index).expect("a definition has fewer than 2^32 steps")
}

fn push_lists<'a>(
    step: &'a WorkflowTask,
    id: NodeId,
    after: Next,
    in_loop: Option<NodeId>,
    stack: &mut Vec<Pending<'a>>,
) {
    let mut push = |list: &'a Vec<WorkflowTask>, after, in_loop, slot| {
        stack.push(Pending { list, after, in_loop, owner: Some((id, slot)) });
    };
    if !step.loop_over.is_empty() {
        push(&step.loop_over, Next::Loop(id), Some(id), Slot::Body);
    }
    for branch in step.fork_tasks.iter().rev() {
        push(branch, after, in_loop, Slot::Branch);
    }
    push(&step.default_case, after, in_loop, Slot::Default);
    for (case, list) in step.decision_cases.iter().rev() {
        push(list, after, in_loop, Slot::Case(case.clone()));
    }
}

fn note_first(
    owner: Option<(NodeId, Slot)>,
    id: Option<NodeId>,
    nodes: &mut [Node],
    first: &mut Option<NodeId>,
) {
    let Some((owner, slot)) = owner else {
        *first = id;
        return;
    };
    let owner = &mut nodes[owner as usize];
    match slot {
        Slot::Case(case) => {
            owner.cases.insert(case, id);
        }
        Slot::Default => owner.default_case = id,
        Slot::Branch => owner.branches.push(id),
        Slot::Body => owner.body = id,
    }
}

fn make_node(
    step: &WorkflowTask,
    next: Next,
    in_loop: Option<NodeId>,
    missing: TaskDef,
    step_json: Raw,
) -> Result<Node, CompileError> {
    let behaviour = tasks::behaviour(step.kind());
    let task_def = step.task_definition.as_deref().cloned().unwrap_or(missing);
    let has_template = behaviour.takes_template && &*task_def.input_template != "{}";
    let input = if has_template {
        Template::compile(&with_defaults(&step.input_parameters, &task_def.input_template))
    } else {
        Template::compile(&step.input_parameters)
    };
    // What was written with the step need not be written again.
    let task_def_json = match get(&step_json, "taskDefinition").filter(|_| step.task_definition.is_some()) {
        Some(text) => Raw::of_checked(text),
        None => written(&task_def)?,
    };
    let mentions_secrets =
        step.input_parameters.contains(MENTION) || task_def.input_template.contains(MENTION);
    let (input_schema, output_schema) = (task_def.input_schema.as_ref(), task_def.output_schema.as_ref());
    let schemas = Enforced::of(input_schema, output_schema, task_def.enforce_schema);
    Ok(Node {
        schemas: (!schemas.is_empty()).then(|| Box::new(schemas)),
        mentions_secrets,
        step_json,
        task_def_json,
        defaults: has_template.then(|| Template::compile(&task_def.input_template)),
        task_def: Arc::new(task_def),
        behaviour,
        reference: step.reference().into(),
        name: step.name().into(),
        type_word: step.kind().into(),
        input,
        next,
        in_loop,
        cases: IndexMap::new(),
        default_case: None,
        branches: Vec::new(),
        join: None,
        body: None,
        body_direct: Vec::new(),
        body_all: Vec::new(),
        join_on: Vec::new(),
        join_unknown: 0,
        joined_by: Vec::new(),
        step: Arc::new(step.clone()),
    })
}

/// A step or a task definition as JSON.
fn written(value: &impl Serialize) -> Result<Raw, CompileError> {
    serde_json::to_string(value).map(Raw::of_checked).map_err(|e| CompileError::Unwritable(e.to_string()))
}

/// Compiles a step made from data: it stands alone and nothing follows it (S-24.13).
///
/// Without an embedded task definition no timeout applies and nothing is retried (S-2.10).
///
/// `step_json` is the step as it was, or will be, stored.
pub fn compile_step(step: &WorkflowTask, step_json: Raw) -> Result<Node, CompileError> {
    make_node(step, Next::End, None, TaskDef::ad_hoc(step.name(), false), step_json)
}

fn index_references(nodes: &[Node]) -> Result<IndexMap<Arc<str>, NodeId>, CompileError> {
    let mut by_reference = IndexMap::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        if by_reference.insert(node.reference.clone(), id_of(at)).is_some() {
            return Err(CompileError::DuplicateReference(node.reference.to_string()));
        }
    }
    Ok(by_reference)
}

fn link_joins(nodes: &mut [Node], by_reference: &IndexMap<Arc<str>, NodeId>) {
    for at in 0..nodes.len() {
        if !matches!(&*nodes[at].type_word, "JOIN" | "EXCLUSIVE_JOIN") {
            continue;
        }
        let step = nodes[at].step.clone();
        let mut known: Vec<NodeId> = Vec::new();
        let mut unknown: Vec<&str> = Vec::new();
        for name in &step.join_on {
            match by_reference.get(name.as_str()) {
                Some(&id) => known.push(id),
                None => unknown.push(name),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        let mut distinct = known.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for &id in &distinct {
            nodes[id as usize].joined_by.push(id_of(at));
        }
        let order = first_occurrences(&known);
        nodes[at].join_unknown = id_of(unknown.len());
        nodes[at].join_on = order;
    }
}

fn first_occurrences(ids: &[NodeId]) -> Vec<NodeId> {
    let mut seen = std::collections::BTreeSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

fn link_loops(nodes: &mut [Node]) {
    let mut direct: Vec<(NodeId, NodeId)> = Vec::new();
    let mut under: Vec<(NodeId, NodeId)> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        if let Some(start) = node.body {
            let mut step = Some(start);
            while let Some(id) = step {
                direct.push((id_of(at), id));
                step = match nodes[id as usize].next {
                    Next::Node(next) => Some(next),
                    Next::Loop(_) | Next::End => None,
                };
            }
        }
        let mut around = node.in_loop;
        while let Some(owner) = around {
            under.push((owner, id_of(at)));
            around = nodes[owner as usize].in_loop;
        }
    }
    for (owner, id) in direct {
        nodes[owner as usize].body_direct.push(id);
    }
    for (owner, id) in under {
        nodes[owner as usize].body_all.push(id);
    }
}

#[cfg(test)]
mod tests;
