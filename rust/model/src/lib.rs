//! The nouns: ids, times, statuses, definitions, records and messages.
//!
//! Nothing here decides. Every type is plain data with its wire form (`contract/data-model.md`) and, for what a store
//! keeps, its binary form ([`codec`]). All times are epoch milliseconds and end in `_ms`.

pub mod codec;
pub mod def;
pub mod exec;
pub mod ids;
pub mod mailbox;
pub mod message;
pub mod outbox;
pub mod request;
pub mod status;

pub use codec::{Change, CodecError, TaskChange};
pub use def::{
    IdempotencyStrategy, InlineDefinition, RetryLogic, SubWorkflowParams, TaskDef, TimeoutPolicy,
    WorkflowDef, WorkflowTask,
};
pub use exec::{DynSpec, Execution, Header, NodeRef, Parent, Task, TaskTable};
pub use ids::{DefId, TaskId, TaskNo, WorkflowId};
pub use mailbox::Mailbox;
pub use message::{Message, Outgoing};
pub use outbox::Outbox;
pub use request::{StartRequest, TaskResult};
pub use status::{ResultStatus, TaskStatus, WorkflowStatus};
