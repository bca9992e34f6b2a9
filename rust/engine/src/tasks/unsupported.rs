//! Tasks of Conductor's AI module (S-44): a definition may name them, but nothing here runs them. They fail with one
//! clear line, and for good: another attempt would find no provider either.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_model::{TaskNo, TaskStatus};
use std::sync::Arc;

/// The type words.
pub(super) const WORDS: [&str; 17] = [
    "LLM_CHAT_COMPLETE",
    "LLM_TEXT_COMPLETE",
    "LLM_GENERATE_EMBEDDINGS",
    "LLM_STORE_EMBEDDINGS",
    "LLM_INDEX_TEXT",
    "LLM_SEARCH_INDEX",
    "LLM_SEARCH_EMBEDDINGS",
    "LLM_GET_EMBEDDINGS",
    "GENERATE_IMAGE",
    "GENERATE_AUDIO",
    "GENERATE_VIDEO",
    "GENERATE_PDF",
    "LIST_MCP_TOOLS",
    "CALL_MCP_TOOL",
    "AGENT",
    "GET_AGENT_CARD",
    "CANCEL_AGENT",
];

pub(super) static UNSUPPORTED: Behaviour = Behaviour { takes_template: true, run, ..PLAIN };

fn run(step: &mut Step<'_, '_>, no: TaskNo, node: &Arc<Node>) {
    let reason = format!(
        "task type {} belongs to the AI module of Conductor, which this server does not have: use a task of your own type, with a worker",
        node.type_word
    );
    step.settle(no, TaskStatus::FailedWithTerminalError, Some(reason));
}
