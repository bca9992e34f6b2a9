"""The workflows the durability tests drive, and what must hold in each of them.

Every worker result carries a token nobody else uses, and every step hands the tokens it read to the next one,
so a stored execution tells by itself which updates were taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESPONSE_TIMEOUT_S = 3
WAIT_MS = 1000

TASK_TYPES = ("kt_work", "kt_retry0", "kt_retry1")
"""The queues the workers of the test poll."""


@dataclass(frozen=True)
class Kind:
    """One workflow: its definition, and the flow of tokens through it as (ref, input key, source ref)."""

    name: str
    tasks: tuple[dict[str, Any], ...]
    flow: tuple[tuple[str, str, str], ...] = ()
    is_child: bool = False

    def definition(self) -> dict[str, Any]:
        """Returns the definition to register."""
        refs = list(self.worker_refs)
        return {
            "name": self.name,
            "version": 1,
            "schemaVersion": 2,
            "ownerEmail": "durability@example.com",
            "tasks": list(self.tasks),
            "outputParameters": {
                "token": f"${{{refs[-1]}.output.token}}",
                **{ref: f"${{{ref}.output.token}}" for ref in refs},
            },
            "timeoutSeconds": 0,
            "timeoutPolicy": "ALERT_ONLY",
        }

    @property
    def worker_refs(self) -> tuple[str, ...]:
        """The references that leave a token: tasks of workers and sub-workflows, in definition order."""
        return tuple(_refs_with_token(self.tasks))


def _refs_with_token(tasks: tuple[dict[str, Any], ...] | list[dict[str, Any]]) -> list[str]:
    found = []
    for task in tasks:
        for branch in task.get("forkTasks", []):
            found += _refs_with_token(branch)
        if task["type"] in ("SIMPLE", "SUB_WORKFLOW"):
            found.append(task["taskReferenceName"])
    return found


def _work(ref: str, *, name: str = "kt_work", **inputs: str) -> dict[str, Any]:
    given = {"start": "${workflow.input.token}"}
    given.update({key: f"${{{source}.output.token}}" for key, source in inputs.items()})
    return {"name": name, "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": given}


CHILD = Kind("kt_child", (_work("inner"),), is_child=True)

KINDS = {
    kind.name: kind
    for kind in (
        CHILD,
        Kind("kt_one", (_work("only"),)),
        Kind(
            "kt_chain",
            (_work("first"), _work("second", before="first"), _work("third", before="second")),
            flow=(("second", "before", "first"), ("third", "before", "second")),
        ),
        Kind(
            "kt_fork",
            (
                {
                    "name": "split",
                    "taskReferenceName": "split",
                    "type": "FORK_JOIN",
                    "inputParameters": {},
                    "forkTasks": [[_work("left")], [_work("right")]],
                },
                {
                    "name": "meet",
                    "taskReferenceName": "meet",
                    "type": "JOIN",
                    "inputParameters": {},
                    "joinOn": ["left", "right"],
                },
                _work("after", left="left", right="right"),
            ),
            flow=(("after", "left", "left"), ("after", "right", "right")),
        ),
        Kind(
            "kt_sub",
            (
                {
                    "name": "nested",
                    "taskReferenceName": "nested",
                    "type": "SUB_WORKFLOW",
                    "inputParameters": {"token": "${workflow.input.token}"},
                    "subWorkflowParam": {"name": "kt_child", "version": 1},
                },
                _work("after", before="nested"),
            ),
            flow=(("after", "before", "nested"),),
        ),
        Kind(
            "kt_retry",
            (_work("now", name="kt_retry0"), _work("later", name="kt_retry1", before="now")),
            flow=(("later", "before", "now"),),
        ),
        Kind(
            "kt_wait",
            (
                {
                    "name": "pause",
                    "taskReferenceName": "pause",
                    "type": "WAIT",
                    "inputParameters": {"duration": "1 seconds"},
                },
                _work("after"),
            ),
        ),
    )
}

STARTABLE = tuple(name for name, kind in KINDS.items() if not kind.is_child)


def task_definitions() -> list[dict[str, Any]]:
    """Returns the task definitions; retries are plenty, because a kill costs an attempt."""
    delays = {"kt_work": 0, "kt_retry0": 0, "kt_retry1": 1}
    return [
        {
            "name": name,
            "ownerEmail": "durability@example.com",
            "retryCount": 50,
            "retryLogic": "FIXED",
            "retryDelaySeconds": delay_s,
            "timeoutSeconds": 0,
            "timeoutPolicy": "RETRY",
            "responseTimeoutSeconds": RESPONSE_TIMEOUT_S,
        }
        for name, delay_s in delays.items()
    ]


def workflow_definitions() -> list[dict[str, Any]]:
    """Returns the workflow definitions."""
    return [kind.definition() for kind in KINDS.values()]
