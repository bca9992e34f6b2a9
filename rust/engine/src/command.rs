//! What someone wants of an execution, and what comes of it.

use crate::graph::{Definitions, Graph};
use fastcond_expr::script::Scripts;
use fastcond_json::Raw;
use fastcond_model::{Change, Parent, ResultStatus, TaskId, TaskNo, TaskStatus, WorkflowId, WorkflowStatus};
use std::fmt;
use std::sync::Arc;

/// What a command may look at besides the execution: time, randomness, the registry, script engines.
pub struct Given<'a> {
    /// The clock.
    pub now_ms: i64,
    /// Randomness of this command.
    pub seed: u64,
    /// The registry.
    pub defs: &'a dyn Definitions,
    /// Script engines; a cache, not state.
    pub scripts: &'a mut Scripts,
}

/// A start, when no execution exists yet.
#[derive(Clone, Debug)]
pub struct Start {
    /// Id of the new execution.
    pub id: WorkflowId,
    /// The definition snapshot.
    pub graph: Arc<Graph>,
    /// Start input.
    pub input: Raw,
    /// Client's own id.
    pub correlation_id: Option<Arc<str>>,
    /// 0 to 99.
    pub priority: u8,
    /// Domain map.
    pub task_to_domain: Raw,
    /// The task it belongs to.
    pub parent: Option<Parent>,
    /// The event that started it.
    pub event: Option<Arc<str>>,
    /// Who started it.
    pub created_by: Option<Arc<str>>,
    /// Where the input lies when a client stored it outside.
    pub input_path: Option<Arc<str>>,
    /// The client's key for this start.
    pub idempotency_key: Option<Arc<str>>,
}

/// A worker's report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The task.
    pub task: TaskNo,
    /// Reported status.
    pub status: ResultStatus,
    /// Output; replaces the stored one, or is merged into it.
    pub output: Raw,
    /// Keep stored output keys that the report does not name (S-52.9).
    pub is_merged: bool,
    /// Why it is not complete.
    pub reason: Option<String>,
    /// Who reports; none keeps the stored worker when `keeps_worker`.
    pub worker: Option<Arc<str>>,
    /// S-52.9: by reference name the stored worker stays when none is given.
    pub keeps_worker: bool,
    /// Seconds until it wants to be handed out again.
    pub callback_after_s: i64,
    /// Only push out the lease (S-52.2).
    pub extends_lease: bool,
    /// Where the output lies when the worker stored it outside.
    pub output_path: Option<String>,
    /// Sub-workflow id the worker names.
    pub subworkflow: Option<WorkflowId>,
}

impl Report {
    /// What somebody says of a task who is not its worker: a status, and an output in place of the stored one.
    pub fn of(task: TaskNo, status: ResultStatus, output: Raw) -> Self {
        Self {
            task,
            status,
            output,
            is_merged: false,
            reason: None,
            worker: None,
            keeps_worker: true,
            callback_after_s: 0,
            extends_lease: false,
            output_path: None,
            subworkflow: None,
        }
    }
}

/// A rerun (S-63).
#[derive(Clone, Debug)]
pub struct Rerun {
    /// Where it begins.
    pub from: RerunFrom,
    /// Replaces the workflow's input when given.
    pub input: Option<Raw>,
    /// Replaces the correlation id when given.
    pub correlation_id: Option<Arc<str>>,
}

/// Where a rerun begins.
#[derive(Clone, Debug)]
pub enum RerunFrom {
    /// At the first step.
    Start,
    /// At a task of this execution.
    Task {
        /// The task.
        task: TaskNo,
        /// Replaces its input when given.
        input: Option<Raw>,
    },
    /// In a child, which runs again already and will say so: only the input is taken over (S-63.6).
    Child,
}

/// A step to be stepped over (S-60.8).
#[derive(Clone, Debug)]
pub struct Skip {
    /// Its reference name.
    pub reference: Arc<str>,
    /// Input that the skipped task shows.
    pub input: Raw,
    /// Output that later steps see.
    pub output: Raw,
}

/// What someone wants, or what happened.
#[derive(Clone, Debug)]
pub enum Command {
    /// Hand a queued task to a worker (S-51.2).
    HandOut {
        /// The task.
        task: TaskNo,
        /// Who takes it.
        worker: Option<Arc<str>>,
    },
    /// A worker reports (S-52).
    Report(Box<Report>),
    /// A deadline of this execution may have come, or a cut-short step goes on.
    Tick,
    /// Look again; nothing to do unless something is due (S-60.10).
    Decide,
    /// An execution that was held may begin (S-53.5).
    Admit,
    /// S-60.1.
    Pause,
    /// S-60.3.
    Resume,
    /// S-60.4; from the API, or because the parent's task was cancelled.
    Terminate {
        /// Becomes `reasonForIncompletion`.
        reason: Option<String>,
        /// Came from the parent: terminal executions are left alone (S-30.11).
        is_from_parent: bool,
        /// The failure workflow runs; of itself it does not (S-60.5).
        runs_failure_workflow: bool,
    },
    /// S-61.
    Retry {
        /// Revive the failed child instead of starting a new one (S-61.8).
        resumes_children: bool,
        /// Came from the parent by the same operation.
        is_from_parent: bool,
    },
    /// S-62.
    Restart {
        /// The snapshot to run on; none keeps the stored one.
        graph: Option<Arc<Graph>>,
    },
    /// S-63.
    Rerun(Box<Rerun>),
    /// S-60.8.
    Skip(Box<Skip>),
    /// S-60.9.
    ResetCallbacks,
    /// A child of one of our tasks ended (S-30.9).
    ChildEnded {
        /// The SUB_WORKFLOW task.
        task: TaskId,
        /// The child that says so.
        child: WorkflowId,
        /// How it ended.
        status: WorkflowStatus,
        /// Its output.
        output: Raw,
        /// Reason for the task.
        reason: Option<Arc<str>>,
    },
    /// A child of one of our tasks was revived (S-61.9).
    ChildRevived {
        /// The SUB_WORKFLOW task.
        task: TaskId,
        /// The child that says so.
        child: WorkflowId,
    },
    /// An outgoing message is known to have arrived.
    Arrived {
        /// Whether the execution it was for is there.
        has_receiver: bool,
        /// Its number.
        number: u32,
    },
    /// A message from outside for the tasks of the execution (S-82.1).
    Post {
        /// Its id, as a UUID.
        id: u128,
        /// What it says: a JSON object.
        payload: Raw,
    },
    /// Merge variables into the execution's (S-64.3).
    PutVariables {
        /// Merged into the variables (S-64.3).
        variables: Raw,
    },
}

/// Why a command is refused; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The thing named does not exist, or the contract answers as if.
    NotFound(String),
    /// The execution is in the wrong state.
    Conflict(String),
    /// The request makes no sense.
    BadRequest(String),
    /// There is no room for more of it now.
    Full(String),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(m) | Self::Conflict(m) | Self::BadRequest(m) | Self::Full(m) => f.write_str(m),
        }
    }
}

impl std::error::Error for Rejection {}

/// What came of a command that was not refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect, or there was nothing to do.
    #[default]
    Done,
    /// A late or double report: dropped, answered like the first (S-52.3).
    Dropped,
    /// The task is no longer there to hand out.
    Gone,
    /// A start whose input does not follow its definition's schema: the execution failed with the reason (S-92.6).
    BadInput,
}

/// Something that happened to a task, for metrics and listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// The task; it may be gone by the end of the step, as tasks of iterations that a loop does not keep are.
    pub task: TaskNo,
    /// Its type.
    pub task_type: Arc<str>,
    /// Its new status.
    pub status: TaskStatus,
}

/// What has become true: make it durable, then let it be seen.
#[derive(Debug, Default)]
pub struct Transition {
    /// What changed of the record; empty means that nothing needs a commit.
    pub change: Change,
    /// Snapshots that the commit refers to for the first time: store them with or before it.
    pub definitions: Vec<Arc<Graph>>,
    /// What came of the command.
    pub outcome: Outcome,
    /// Status changes of tasks, in order.
    pub events: Vec<TaskEvent>,
    /// The execution became terminal.
    pub ended: bool,
}
