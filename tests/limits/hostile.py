"""Workflows that are as large as they may be, or larger (quality H10 to H14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Step = dict[str, Any]

NOOP: Step = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}


@dataclass(frozen=True)
class Hostile:
    """An execution that would hold everybody up if it were let."""

    name: str
    tasks: list[Step]
    input: dict[str, Any]
    ends: bool = True
    """Whether it ends by itself; else it is terminated once it is made."""


def _fork(width: int, kind: str) -> tuple[list[Step], dict[str, Any]]:
    inputs = {"forkTaskName": "branch", "forkTaskType": kind, "forkTaskInputs": "${workflow.input.items}"}
    steps = [
        {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC", "inputParameters": inputs},
        {"name": "j", "taskReferenceName": "j", "type": "JOIN"},
    ]
    return steps, {"items": [1] * width}


def _loop(name: str, condition: str, body: list[Step], **inputs: Any) -> Step:
    return {
        "name": name,
        "taskReferenceName": name,
        "type": "DO_WHILE",
        "loopCondition": condition,
        "inputParameters": inputs,
        "loopOver": body,
    }


def everything(width: int) -> list[Hostile]:
    """Return one of each, with forks and loops of ``width``; 100,000 is what quality.md asks for."""
    instant, instant_input = _fork(width, "NOOP")
    queued, queued_input = _fork(width, "SIMPLE")
    inner = _loop("l", "$.l.iteration < 1000", [NOOP])
    itself: Step = {
        "name": "s",
        "taskReferenceName": "s",
        "type": "SUB_WORKFLOW",
        "subWorkflowParam": {"name": "hostile_itself", "version": 1},
    }
    long = [{**NOOP, "taskReferenceName": f"n{at}"} for at in range(10_000)]
    return [
        Hostile("hostile_fork_instant", instant, instant_input),
        Hostile("hostile_fork_queued", queued, queued_input, ends=False),
        Hostile("hostile_loop", [_loop("l", f"$.l.iteration < {width}", [NOOP], keepLastN=1)], {}),
        Hostile("hostile_endless", [_loop("l", "true", [NOOP], keepLastN=1)], {}),
        Hostile("hostile_product", [_loop("o", "$.o.iteration < 1000", [inner])], {}),
        Hostile("hostile_itself", [itself], {}),
        Hostile("hostile_definition", long, {}),
    ]
