//! Definitions as users write them (data-model section 2), read leniently and written exactly.

mod event_handler;
mod lenient;
mod task_def;
mod workflow_def;
mod workflow_task;

pub use event_handler::{
    ActionKind, EventAction, EventHandler, StartAction, TaskAction, TerminateAction, VariablesAction,
};
pub use lenient::{count, flag, list, number, object, optional_number, text_map};
pub use task_def::{RetryLogic, TaskDef, TimeoutPolicy};
pub use workflow_def::{RateLimitConfig, WorkflowDef, WorkflowTimeoutPolicy};
pub use workflow_task::{IdempotencyStrategy, InlineDefinition, JoinMode, SubWorkflowParams, WorkflowTask};

#[cfg(test)]
mod tests;
