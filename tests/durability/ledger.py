"""What the client knows: which requests it sent, and which of them the server acknowledged.

The ledger never asks the server anything. Its times are the client's monotonic clock: a request is noted
before its first byte is written, an acknowledgement after its last byte is read, so that "sent after that was
acknowledged" is never true by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.durability.workflows import RESPONSE_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

SURE_S = RESPONSE_TIMEOUT_S - 0.1
"""An update acknowledged so soon after its poll was sent cannot have come after the response timeout."""


@dataclass
class Start:
    """One request to start a workflow.

    `workflow_id` is set by the acknowledgement, `may_have_arrived` when it is clear that none will come.
    """

    token: str
    kind: str
    sent_at: float
    workflow_id: str | None = None
    acked_at: float | None = None
    may_have_arrived: bool = False

    @property
    def is_acked(self) -> bool:
        """Whether the server said yes."""
        return self.workflow_id is not None


@dataclass
class Send:
    """One update of a task, with a token of its own."""

    token: str
    status: str
    sent_at: float
    acked_at: float | None = None


@dataclass
class Attempt:
    """One task instance a poll handed out, and everything the workers said about it."""

    task_id: str
    workflow_id: str
    ref: str
    retry_count: int
    inputs: dict[str, object]
    offered_at: list[float] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    progress_sends: int = 0
    is_contended: bool = False

    def first_ack_at(self) -> float | None:
        """Returns when the first acknowledgement of a result came."""
        return min((send.acked_at for send in self.sends if send.acked_at is not None), default=None)

    def possible(self) -> dict[str, str]:
        """Returns token and status of every result that may be the first accepted one.

        A result sent after another one was acknowledged cannot be.
        """
        first = self.first_ack_at()
        return {send.token: send.status for send in self.sends if first is None or send.sent_at <= first}

    def settled_before(self, moment: float) -> bool:
        """Whether a result was acknowledged before that moment, so that it must be there now."""
        first = self.first_ack_at()
        return first is not None and first < moment

    def was_in_time(self) -> bool:
        """Whether the first acknowledged result came before the response timeout could have fired."""
        first = self.first_ack_at()
        return first is not None and bool(self.offered_at) and first - self.offered_at[-1] < SURE_S


@dataclass
class Ledger:
    """All requests of a run."""

    starts: dict[str, Start] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    duplicates: int = 0
    late: int = 0
    dropped: int = 0
    updates_acked: int = 0
    _next: int = 0

    def new_token(self, prefix: str) -> str:
        """Returns a token nobody else uses."""
        self._next += 1
        return f"{prefix}-{self._next}"

    def note_start(self, token: str, *, kind: str, now: float) -> Start:
        """Notes a start that is about to be sent."""
        start = Start(token, kind, now)
        self.starts[token] = start
        return start

    def note_offer(self, task: dict[str, object], *, polled_at: float) -> Attempt:
        """Notes a task that came out of a poll sent at `polled_at`."""
        task_id = str(task["taskId"])
        inputs = task.get("inputData")
        attempt = self.attempts.get(task_id)
        if attempt is None:
            attempt = Attempt(
                task_id,
                str(task["workflowInstanceId"]),
                str(task["referenceTaskName"]),
                int(str(task["retryCount"])),
                inputs if isinstance(inputs, dict) else {},
            )
            self.attempts[task_id] = attempt
        attempt.offered_at.append(polled_at)
        if len(attempt.offered_at) > 1 + attempt.progress_sends:
            self.complaints.append(
                f"doubled: {attempt.ref} {task_id} was handed out again before its time-out (G5)"
            )
        return attempt

    def note_send(self, attempt: Attempt, *, status: str, now: float) -> Send:
        """Notes a result that is about to be sent."""
        send = Send(self.new_token("r"), status, now)
        self.duplicates += bool(attempt.sends)
        attempt.sends.append(send)
        return send

    def acked_starts(self) -> Iterator[Start]:
        """Yields the starts the server said yes to."""
        return (start for start in self.starts.values() if start.is_acked)

    def doubtful_starts(self) -> Iterator[Start]:
        """Yields the starts that were not acknowledged but may have arrived."""
        return (start for start in self.starts.values() if not start.is_acked and start.may_have_arrived)
