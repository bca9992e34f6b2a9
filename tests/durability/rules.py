"""What must hold in a stored execution, given what the client knows: the checks themselves, without any I/O.

Each complaint begins with its kind: `lost` (something acknowledged is not there), `doubled` (something
happened twice or changed after it was final), `half` (an execution that is not whole), `wrong` (any other
broken promise).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.durability.workflows import KINDS, WAIT_MS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.durability.ledger import Attempt, Ledger, Start

Execution = dict[str, Any]
Task = dict[str, Any]

FINAL_WORKFLOW = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
FINAL_TASK = frozenset(
    {
        "COMPLETED",
        "COMPLETED_WITH_ERRORS",
        "FAILED",
        "FAILED_WITH_TERMINAL_ERROR",
        "TIMED_OUT",
        "CANCELED",
        "SKIPPED",
    }
)
BY_WORKERS = frozenset({"SIMPLE", "kt_work", "kt_retry0", "kt_retry1"})


def complaints(ledger: Ledger, execution: Execution, *, asked_at: float) -> list[str]:
    """Returns what is wrong with one execution that was asked for at the client's time `asked_at`."""
    kind = KINDS[execution["workflowName"]]
    found = [
        *_about_wholeness(ledger, execution, kind),
        *_about_attempt_numbers(execution),
        *(text for task in execution["tasks"] for text in _about_result(ledger, task, asked_at=asked_at)),
        *_about_flow(ledger, execution, kind),
        *_about_joins_and_waits(execution),
        *_about_end(execution, kind),
    ]
    return [f"{text} [{execution['workflowName']} {execution['workflowId']}]" for text in found]


def missing(start: Start) -> str:
    """Returns the complaint about an acknowledged start that does not exist."""
    return f"lost: start {start.token} was acknowledged as {start.workflow_id} and does not exist (G1)"


def unsettled(execution: Execution) -> str:
    """Returns the complaint about an execution that does not end although nothing disturbs it."""
    waits = [f"{t['referenceTaskName']} {t['status']} #{t['retryCount']}" for t in open_tasks(execution)]
    where = f"{execution['workflowName']} {execution['workflowId']}"
    return f"stuck: {where} is {execution['status']}, waits for {', '.join(waits) or 'nothing'} (G1)"


def open_tasks(execution: Execution) -> list[Task]:
    """Returns the tasks that have not ended."""
    return [task for task in execution["tasks"] if task["status"] not in FINAL_TASK]


def _about_wholeness(ledger: Ledger, execution: Execution, kind: Kind) -> Iterator[str]:
    """G1: with or without an acknowledgement, an execution that exists is complete."""
    token = execution.get("input", {}).get("token")
    start = ledger.starts.get(token)
    if start is None:
        yield f"half: its input {execution.get('input')} is none that was sent"
        return
    if not kind.is_child and start.kind != execution["workflowName"]:
        yield f"wrong: start {token} asked for {start.kind}"
    if execution.get("correlationId") != token:
        yield f"half: its correlation id is {execution.get('correlationId')}, should be {token}"
    if execution["input"] != {"token": token}:
        yield f"half: its input is {execution['input']}"
    if not execution["tasks"]:
        yield "half: it has no task"


def _about_attempt_numbers(execution: Execution) -> Iterator[str]:
    """G3: attempts of a reference are numbered 0, 1, 2 ..., and only the last may be open or successful."""
    for ref in sorted({task["referenceTaskName"] for task in execution["tasks"]}):
        attempts = _attempts(execution, ref)
        numbers = [task["retryCount"] for task in attempts]
        if numbers != list(range(len(attempts))):
            yield f"doubled: attempts of {ref} are numbered {numbers}"
        for task in attempts[:-1]:
            if task["status"] not in ("FAILED", "TIMED_OUT"):
                yield f"doubled: {ref} #{task['retryCount']} is {task['status']} and a later attempt exists"
        seqs = [task["seq"] for task in attempts]
        if seqs != sorted(set(seqs)):
            yield f"wrong: attempts of {ref} have the seq numbers {seqs}"


def _about_result(ledger: Ledger, task: Task, *, asked_at: float) -> Iterator[str]:
    """G3: a result that was acknowledged is there, and it is the first accepted one."""
    if task["taskType"] not in BY_WORKERS:
        return
    attempt = ledger.attempts.get(task["taskId"])
    name = f"{task['referenceTaskName']} #{task['retryCount']} {task['taskId']}"
    if attempt is None:
        if task["status"] in ("COMPLETED", "FAILED"):
            yield f"wrong: {name} is {task['status']} and no worker ever got it"
        return
    yield from _about_identity(attempt, task, name)
    status, token = task["status"], task.get("outputData", {}).get("token")
    if status in ("COMPLETED", "FAILED"):
        possible = attempt.possible()
        if token not in possible:
            sent = [send.token for send in attempt.sends]
            yield f"doubled: {name} holds {token}, first accepted can only be {sorted(possible)} of {sent}"
        elif possible[token] != status:
            yield f"wrong: {name} is {status}, but {token} was sent as {possible[token]}"
    elif status == "TIMED_OUT" and attempt.was_in_time():
        yield f"lost: {name} was acknowledged in time and is TIMED_OUT (G3)"
    elif status not in FINAL_TASK and attempt.settled_before(asked_at):
        yield f"lost: {name} was acknowledged and is {status} (G3)"


def _about_identity(attempt: Attempt, task: Task, name: str) -> Iterator[str]:
    if (attempt.ref, attempt.retry_count) != (task["referenceTaskName"], task["retryCount"]):
        yield f"wrong: {name} was handed out as {attempt.ref} #{attempt.retry_count}"
    if attempt.inputs != task.get("inputData", {}):
        yield f"wrong: {name} was handed out with {attempt.inputs} and holds {task.get('inputData')}"


def _about_flow(ledger: Ledger, execution: Execution, kind: Kind) -> Iterator[str]:
    """G3: what a step read is what the step before it left, and every step read the start's own token."""
    for ref, key, source in kind.flow:
        for task in _attempts(execution, ref):
            left = _token_of(execution, source)
            read = task.get("inputData", {}).get(key)
            if left is None or read != left:
                yield f"doubled: {ref} #{task['retryCount']} read {read} from {source}, which holds {left}"
    for task in execution["tasks"]:
        if task["taskType"] in BY_WORKERS and task.get("inputData", {}).get("start") not in ledger.starts:
            yield f"half: {task['referenceTaskName']} has the input {task.get('inputData')}"


def _about_joins_and_waits(execution: Execution) -> Iterator[str]:
    for task in execution["tasks"]:
        if task["taskType"] == "JOIN" and task["status"] == "COMPLETED":
            open_refs = [ref for ref in ("left", "right") if _token_of(execution, ref) is None]
            if open_refs:
                yield f"wrong: the join is done before {open_refs} (G11)"
        if task["taskType"] == "WAIT" and task["status"] == "COMPLETED":
            waited_ms = task["endTime"] - task["scheduledTime"]
            if waited_ms < WAIT_MS:
                yield f"wrong: WAIT of {WAIT_MS} ms took {waited_ms} ms (G6)"


def _about_end(execution: Execution, kind: Kind) -> Iterator[str]:
    status = execution["status"]
    if status not in ("RUNNING", "COMPLETED"):
        yield f"wrong: it is {status}: {execution.get('reasonForIncompletion')}"
    if status != "COMPLETED":
        return
    for task in open_tasks(execution):
        yield f"half: it is COMPLETED and {task['referenceTaskName']} is {task['status']}"
    for ref in kind.worker_refs:
        if (left := _token_of(execution, ref)) is None:
            yield f"half: it is COMPLETED and {ref} is not"
        elif execution.get("output", {}).get(ref) != left:
            said = execution.get("output", {}).get(ref)
            yield f"wrong: its output says {said} for {ref}, which holds {left}"


def _token_of(execution: Execution, ref: str) -> str | None:
    """Returns the token of the successful attempt of a reference name."""
    done = [task for task in _attempts(execution, ref) if task["status"] == "COMPLETED"]
    return done[-1].get("outputData", {}).get("token") if done else None


def _attempts(execution: Execution, ref: str) -> list[Task]:
    found = [task for task in execution["tasks"] if task["referenceTaskName"] == ref]
    return sorted(found, key=lambda task: int(task["retryCount"]))


@dataclass
class Witness:
    """Remembers what was seen final once, and complains when it is seen otherwise later (G7)."""

    results: dict[str, tuple[str, Any]] = field(default_factory=dict)
    ends: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def complaints(self, execution: Execution) -> list[str]:
        """Takes note of an execution and returns what changed although it was final."""
        found = []
        workflow_id = execution["workflowId"]
        if execution["status"] in FINAL_WORKFLOW or workflow_id in self.ends:
            now = (execution["status"], execution.get("output"))
            if self.ends.setdefault(workflow_id, now) != now:
                found.append(f"doubled: {workflow_id} ended as {self.ends[workflow_id]} and is {now}")
        seen = {task["taskId"]: task for task in execution["tasks"]}
        for task_id, task in seen.items():
            if task["status"] in FINAL_TASK or task_id in self.results:
                now = (task["status"], task.get("outputData"))
                if self.results.setdefault(task_id, now) != now:
                    found.append(f"doubled: task {task_id} ended as {self.results[task_id]} and is {now}")
        return found
