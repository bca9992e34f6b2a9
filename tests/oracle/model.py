"""The nouns of the oracle: definitions as written, task instances, executions. Values only, no behaviour."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Json = Any
Object = dict[str, Any]

RUNNING, PAUSED, COMPLETED, FAILED = "RUNNING", "PAUSED", "COMPLETED", "FAILED"
TIMED_OUT, TERMINATED, CANCELED, SCHEDULED = "TIMED_OUT", "TERMINATED", "CANCELED", "SCHEDULED"
IN_PROGRESS, SKIPPED = "IN_PROGRESS", "SKIPPED"
COMPLETED_WITH_ERRORS, FATAL = "COMPLETED_WITH_ERRORS", "FAILED_WITH_TERMINAL_ERROR"

WORKFLOW_TERMINAL = frozenset({COMPLETED, FAILED, TIMED_OUT, TERMINATED})
TASK_TERMINAL = frozenset({COMPLETED, COMPLETED_WITH_ERRORS, FAILED, FATAL, TIMED_OUT, CANCELED, SKIPPED})
TASK_UNSUCCESSFUL = frozenset({FAILED, FATAL, TIMED_OUT, CANCELED})

# S-44: known, and refused.
AI_TYPES = frozenset({"LLM_CHAT_COMPLETE", "GENERATE_PDF", "CALL_MCP_TOOL", "AGENT"})
# S-9.1. JOIN is evaluated inside decide (S-25.9), so it stands with the synchronous ones.
SYNC_TYPES = frozenset(
    {
        "SWITCH",
        "DECISION",
        "FORK",
        "JOIN",
        "EXCLUSIVE_JOIN",
        "DO_WHILE",
        "HUMAN",
        "INLINE",
        "LAMBDA",
        "EVENT",
        "JSON_JQ_TRANSFORM",
        "SET_VARIABLE",
        "TERMINATE",
        "NOOP",
    }
)
ASYNC_TYPES = frozenset({"SUB_WORKFLOW", "START_WORKFLOW", "PULL_WORKFLOW_MESSAGES", "WAIT"})
SYSTEM_TYPES = SYNC_TYPES | ASYNC_TYPES | AI_TYPES
# S-7.7: never retried automatically.
BUILT_IN = frozenset({"FORK", "JOIN", "EXCLUSIVE_JOIN", "DECISION", "SWITCH", "DO_WHILE"})
# S-2.5: never subject to a response timeout.
# S-42.2: a pull that waits is looked at every second, so it is never silent.
NO_RESPONSE_TIMEOUT = frozenset(
    {"HUMAN", "WAIT", "DO_WHILE", "JOIN", "EXCLUSIVE_JOIN", "SUB_WORKFLOW", "PULL_WORKFLOW_MESSAGES"}
)


@dataclass(frozen=True)
class TaskDef:
    """A task definition with the defaults of S-2.6."""

    name: str
    retry_count: int = 3
    retry_logic: str = "FIXED"
    retry_delay: int = 60
    backoff_scale: int = 1
    max_retry_delay: int = 0
    timeout_policy: str = "TIME_OUT_WF"
    timeout: int = 0
    response_timeout: int = 3600
    poll_timeout: int = 0
    total_timeout: int = 0
    concurrent_limit: int = 0
    rate_limit: int = 0
    rate_window: int = 1
    input_template: Object = field(default_factory=dict)

    def __deepcopy__(self, _memo: object) -> TaskDef:
        return self


@dataclass(frozen=True)
class Step:
    """One WorkflowTask of a definition (data-model 2), children included."""

    name: str
    ref: str
    type: str
    raw: Object
    inputs: Object
    cases: dict[str, tuple[Step, ...]]
    default: tuple[Step, ...]
    branches: tuple[tuple[Step, ...], ...]
    body: tuple[Step, ...]
    optional: bool
    permissive: bool
    start_delay: int
    retry_count: int | None
    definition: TaskDef | None

    def __deepcopy__(self, _memo: object) -> Step:
        return self


@dataclass(frozen=True)
class WorkflowDef:
    """A workflow definition as the record of a running workflow keeps it (S-2.3)."""

    name: str
    version: int
    steps: tuple[Step, ...]
    raw: Object
    output: Object
    variables: Object
    input_template: Object
    restartable: bool
    timeout: int
    timeout_policy: str
    failure_workflow: Json
    failure_version: int | None

    def __deepcopy__(self, _memo: object) -> WorkflowDef:
        return self


@dataclass
class Task:
    """One task instance (S-1.7)."""

    id: str
    ref: str
    type: str
    def_name: str
    step: Step
    status: str
    scheduled: int
    inputs: Object = field(default_factory=dict)
    output: Object = field(default_factory=dict)
    seq: int = 0
    retry_count: int = 0
    retried_id: str | None = None
    iteration: int = 0
    retried: bool = False
    executed: bool = False
    subworkflow_changed: bool = False
    reason: str | None = None
    start: int = 0
    update: int = 0
    end: int = 0
    first_scheduled: int = 0
    start_delay: int = 0
    callback: int = 0
    poll_count: int = 0
    worker: str | None = None
    domain: str | None = None
    child: str | None = None
    wait_until: int = 0
    has_children: bool = False
    items: list[Json] | None = None
    # When it may be handed out or started (None: in no queue), and its place among those due then.
    due: int | None = None
    push: int = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Task:
        twin = copy.copy(self)
        twin.inputs = copy.deepcopy(self.inputs, memo)
        twin.output = copy.deepcopy(self.output, memo)
        twin.items = copy.deepcopy(self.items, memo)
        return twin

    @property
    def terminal(self) -> bool:
        """Whether nothing but an operator can change it any more."""
        return self.status in TASK_TERMINAL

    @property
    def unsuccessful(self) -> bool:
        """Terminal and not successful (S-1.2)."""
        return self.status in TASK_UNSUCCESSFUL

    @property
    def system(self) -> bool:
        """Whether the engine runs it itself (S-9.1)."""
        return self.type in SYSTEM_TYPES

    @property
    def base(self) -> str:
        """The reference name without its iteration (S-1.10)."""
        return self.ref.split("__")[0]


@dataclass
class Workflow:
    """One execution (S-1.16)."""

    id: str
    definition: WorkflowDef
    input: Object
    created: int
    status: str = RUNNING
    tasks: list[Task] = field(default_factory=list)
    output: Object = field(default_factory=dict)
    variables: Object = field(default_factory=dict)
    reason: str | None = None
    correlation_id: str | None = None
    priority: int = 0
    task_to_domain: dict[str, str] = field(default_factory=dict)
    parent_id: str | None = None
    parent_task_id: str | None = None
    failed_task_id: str | None = None
    last_retried: int = 0
    ended: int = 0
    limit_key: str | None = None
    held: bool = False
    # Messages that nobody has pulled yet, and when the newest came (S-82.1).
    mailbox: list[Object] = field(default_factory=list)
    newest_mail: int = 0

    @property
    def terminal(self) -> bool:
        """Whether the execution has ended."""
        return self.status in WORKFLOW_TERMINAL

    def current(self, ref: str) -> Task | None:
        """The current instance of a reference name: the last in list order (S-1.9)."""
        found = None
        for task in self.tasks:
            if task.ref == ref:
                found = task
        return found

    def task(self, task_id: str) -> Task | None:
        """The instance with this id."""
        return next((t for t in self.tasks if t.id == task_id), None)


class Ending(Exception):
    """A terminating condition raised in a decider pass (S-4.15)."""

    def __init__(self, status: str, reason: str | None, task: Task | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.task = task


class Refusal(Exception):
    """A refusal the caller deserves, with its HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
