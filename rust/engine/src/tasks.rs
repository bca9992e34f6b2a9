//! The list of task types. A type that only decides is one file here and one line in [`LIST`].

mod decision;
mod do_while;
mod dynamic;
mod event;
mod exclusive_join;
mod fork_join;
mod fork_join_dynamic;
mod http;
mod human;
mod inline;
mod jdbc;
mod join;
mod json_jq_transform;
mod kafka_publish;
mod lambda;
mod noop;
pub mod pull_workflow_messages;
mod set_variable;
mod simple;
mod start_workflow;
mod sub_workflow;
mod switch;
mod terminate;
mod unsupported;
mod wait;

pub use dynamic::{choose, chosen_node};

use crate::graph::Node;
use crate::step::Step;
use fastcond_model::{Task, TaskNo};
use std::sync::Arc;

/// Who moves an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Queued for workers outside.
    Worker,
    /// Queued for workers inside the server (I/O task types).
    System,
    /// Run by the pass when its turn comes.
    Inline,
    /// Run while it is mapped: it chooses or makes further instances.
    Mapped,
    /// Waits for a time, a child, a report or other instances.
    Waiting,
}

/// Resolves the stored input of an attempt; the error fails it for good.
pub type Fill = fn(&mut Step<'_, '_>, &Arc<Node>, &mut Task) -> Result<(), String>;
/// Runs or begins an instance.
pub type Run = fn(&mut Step<'_, '_>, TaskNo, &Arc<Node>);

/// What a task type does.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a row of a table: each column is a yes or no of the contract"
)]
#[derive(Debug)]
pub struct Behaviour {
    /// The type word in definitions.
    pub word: &'static str,
    /// The task type of instances, when it differs.
    pub runs_as: Option<&'static str>,
    /// Instances carry the type as task definition name.
    pub is_named_by_type: bool,
    /// Who moves instances.
    pub mode: Mode,
    /// Takes the task definition's input template (S-8.16).
    pub takes_template: bool,
    /// Never retried automatically (S-7.7).
    pub is_never_retried: bool,
    /// Runs inside decide, so that a retry does not wait (S-9.1).
    pub is_sync: bool,
    /// The response timeout applies (S-2.5).
    pub has_response_timeout: bool,
    /// An open instance found after a crash must be run again.
    pub resumes: bool,
    /// Resolves the stored input.
    pub fill: Fill,
    /// Runs or begins an instance.
    pub run: Run,
}

/// Every type word that the engine knows and runs.
pub static LIST: &[&Behaviour] = &[
    &simple::SIMPLE,
    &dynamic::DYNAMIC,
    &fork_join::FORK_JOIN,
    &fork_join_dynamic::FORK_JOIN_DYNAMIC,
    &join::JOIN,
    &exclusive_join::EXCLUSIVE_JOIN,
    &switch::SWITCH,
    &decision::DECISION,
    &do_while::DO_WHILE,
    &sub_workflow::SUB_WORKFLOW,
    &set_variable::SET_VARIABLE,
    &terminate::TERMINATE,
    &inline::INLINE,
    &lambda::LAMBDA,
    &noop::NOOP,
    &wait::WAIT,
    &human::HUMAN,
    &http::HTTP,
    &event::EVENT,
    &start_workflow::START_WORKFLOW,
    &kafka_publish::KAFKA_PUBLISH,
    &json_jq_transform::JSON_JQ_TRANSFORM,
    &pull_workflow_messages::PULL_WORKFLOW_MESSAGES,
    &jdbc::JDBC,
];

/// The behaviour of a type word; unknown words are user-defined worker tasks (S-6.11).
pub fn behaviour(word: &str) -> &'static Behaviour {
    let is_refused = unsupported::WORDS.contains(&word);
    let other = if is_refused { &unsupported::UNSUPPORTED } else { &simple::USER_DEFINED };
    LIST.iter().copied().find(|b| b.word == word).unwrap_or(other)
}

/// Whether a task type is run by the server itself.
pub fn is_system(task_type: &str) -> bool {
    LIST.iter().any(|b| b.mode != Mode::Worker && (b.word == task_type || b.runs_as == Some(task_type)))
}

/// Nothing to run.
fn no_run(_: &mut Step<'_, '_>, _: TaskNo, _: &Arc<Node>) {}

/// The resolved input parameters are the stored input.
fn fill_resolved(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    task.input = step.resolve_input(node, task.no)?;
    Ok(())
}

/// Input parameters are ignored (S-8.16).
#[expect(clippy::unnecessary_wraps, reason = "the shape of every fill")]
fn fill_nothing(_: &mut Step<'_, '_>, _: &Arc<Node>, _: &mut Task) -> Result<(), String> {
    Ok(())
}

/// What most types have in common.
const PLAIN: Behaviour = Behaviour {
    word: "",
    runs_as: None,
    is_named_by_type: false,
    mode: Mode::Inline,
    takes_template: false,
    is_never_retried: false,
    is_sync: true,
    has_response_timeout: false,
    resumes: true,
    fill: fill_resolved,
    run: no_run,
};
