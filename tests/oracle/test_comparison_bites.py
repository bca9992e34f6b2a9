"""Seeded wrong implementations are caught: a comparison blind to them would find nothing anywhere."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from tests.oracle import (
    decide,
    ending,
    expressions,
    hooks,
    loops,
    operations,
    rerun,
    retry,
    timeouts,
    workers,
)
from tests.oracle.compare import Mismatch
from tests.oracle.drive import run_case
from tests.oracle.generate import seeded
from tests.oracle.model import COMPLETED, PAUSED, Task, Workflow
from tests.oracle.verbs import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

# As many as the rarest of them needs: an input that changes between two attempts.
SEEDS = range(1, 2401)


def _late_result_wins(world: Any, workflow: Workflow, *, task: Task, result: dict[str, Any]) -> None:
    task.status = result["status"]
    task.output = result.get("outputData") or {}
    decide.decide(world, workflow)


def _join_without_waiting(world: Any, workflow: Workflow, task: Task) -> None:
    hooks._join(world, workflow, task)
    if len(task.output) > 0:
        task.status = COMPLETED


def _schedules_while_paused(world: Any, workflow: Workflow) -> decide.Outcome:
    paused = workflow.status == PAUSED
    workflow.status = "RUNNING" if paused else workflow.status
    try:
        return _PASS(world, workflow)
    finally:
        if paused:
            workflow.status = PAUSED


_PASS = decide._pass
_DEADLINES = timeouts.deadlines
_ATTEMPT = retry.attempt
_AGAIN = loops._again
_OUTPUT = ending.output_of

MUTANTS: dict[str, Callable[[], Any]] = {
    "one retry too few": lambda: mock.patch.object(
        retry, "may_retry", lambda _, task: task.retry_count < 1 and task.status == "FAILED"
    ),
    "retries at once": lambda: mock.patch.object(retry, "delay", return_value=0),
    "a retry keeps the old inputs": lambda: mock.patch.object(
        retry, "attempt", lambda w, f, **k: dataclasses.replace(_ATTEMPT(w, f, **k), inputs=k["task"].inputs)
    ),
    "a late result wins": lambda: mock.patch.object(workers, "apply", _late_result_wins),
    "a join does not wait": lambda: mock.patch.dict(hooks._RULES, JOIN=_join_without_waiting),
    "a paused workflow schedules": lambda: mock.patch.object(decide, "_pass", _schedules_while_paused),
    "permissive failures are forgotten": lambda: mock.patch.object(
        decide, "_check_permissive", return_value=None
    ),
    "no response timeouts": lambda: mock.patch.object(
        timeouts, "deadlines", lambda task: [d for d in _DEADLINES(task) if d[1] != "response"]
    ),
    "a loop runs once more": lambda: mock.patch.object(
        loops,
        "_again",
        # A list that is over cannot give another item, whoever asks.
        lambda workflow, task: (task.items is None and task.iteration < 2) or _AGAIN(workflow, task),
    ),
    "the output of the first task": lambda: mock.patch.object(
        ending,
        "output_of",
        lambda w: dict(w.tasks[0].output) if w.tasks and not w.definition.output else _OUTPUT(w),
    ),
    "texts without JSON": lambda: mock.patch.object(expressions, "text", str),
    "children are not cancelled": lambda: mock.patch.object(
        ending, "terminate", _without_children(ending.terminate)
    ),
    "a retry forgets the cancelled ones": lambda: mock.patch.object(
        operations,
        "_new_attempt",
        lambda w, f, *, task: [] if task.status == "CANCELED" else [_ATTEMPT(w, f, task=task, delay=0)],
    ),
    "a rerun forgets nothing": lambda: mock.patch.object(rerun, "_downstream", return_value=[]),
    "a rerun leaves a loop where it is": lambda: mock.patch.object(rerun, "_set_loop_back"),
    "TERMINATE does not end it": lambda: mock.patch.object(
        decide, "following_step", _past_terminate(decide.following_step)
    ),
}


def _without_children(real: Callable[..., None]) -> Callable[..., None]:
    def terminate(world: Any, workflow: Workflow, **given: Any) -> None:
        if workflow.parent_id is None or given.get("compensate", True):
            real(world, workflow, **given)

    return terminate


def _past_terminate(real: Callable[..., Any]) -> Callable[..., Any]:
    def following(workflow: Workflow, *, task: Task, ref: str) -> Any:
        if task.type == "SWITCH":
            task.has_children = False
        return real(workflow, task=task, ref=ref)

    return following


class Mutant(Oracle):
    """An oracle that does one thing wrong."""

    wrong: Callable[[], Any]

    def call(self, verb: str, params: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        with type(self).wrong():
            return super().call(verb, params, body)

    def advance(self, ms: int) -> None:
        with type(self).wrong():
            super().advance(ms)


@pytest.mark.parametrize("name", MUTANTS)
def test_wrong_implementation_is_caught(name: str) -> None:
    kind = type("Wrong", (Mutant,), {"wrong": staticmethod(MUTANTS[name])})
    for seed in SEEDS:
        try:
            run_case(seeded(seed), kind)
        except (Mismatch, AssertionError):
            return
    pytest.fail(f"{name}: not caught by {len(SEEDS)} cases")
