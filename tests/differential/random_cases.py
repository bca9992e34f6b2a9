"""Random definitions with a scripted worker, told as transcript commands: any of them can be kept as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.oracle.definition_writer import CHILDREN, WORKERS
from tests.oracle.generate import seeded
from tests.oracle.model import SYSTEM_TYPES, WORKFLOW_TERMINAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.lockstep import LockStep
    from tests.oracle.generate import Case, Command

Object = dict[str, Any]
COMMANDS_MAX = 14
DRAIN_ROUNDS_MAX = 12
EXECUTIONS_MAX = 25
"""A case that grows beyond is left where it is: retried children start new ones without end."""

_WAITING = frozenset({"WAIT", "HUMAN"})
_TIMED_KEYS = (
    "timeoutSeconds",
    "totalTimeoutSeconds",
    "pollTimeoutSeconds",
    "concurrentExecLimit",
    "rateLimitPerFrequency",
    "rateLimitFrequencyInSeconds",
    "maxRetryDelaySeconds",
    "timeoutPolicy",
    "backoffScaleFactor",
)
_OPERATIONS = {
    "pause": "pause {}",
    "resume": "resume {}",
    "retry": "retry {}",
    "restart": "restart {}",
    "terminate": 'terminate {} "stop"',
    "decide": "decide {}",
}


def run_case(seed: int, step: LockStep) -> list[str]:
    """Run the case of a seed on both servers until it ends or differs; the commands that were given."""
    case = seeded(seed)
    said: list[str] = []

    def say(command: str) -> None:
        said.append(command)
        step.run(command)

    for definition in _definitions(case):
        say(definition)
    given = case.start["input"]
    given |= {"list": ["e" if each is None else each for each in given["list"]]} if "list" in given else {}
    say(f"start w1 {case.start['name']} {json.dumps(given)}")
    for command in case.commands[:COMMANDS_MAX]:
        if step.differences or _has_grown(step):
            return said
        for each in _told(step, command):
            say(each)
    _drain(step, say)
    return said


def _definitions(case: Case) -> list[str]:
    tasks = [f"task {json.dumps(_untimed_definition(each))}" for each in case.task_defs]
    workflows = [_untimed(each) for each in case.workflow_defs]
    return tasks + [f"workflow overwrite {json.dumps(each)}" for each in workflows]


def _untimed_definition(definition: Object) -> Object:
    """A task definition under which nothing happens by the passing of time."""
    kept = {k: v for k, v in definition.items() if k not in _TIMED_KEYS}
    return kept | {"retryDelaySeconds": 0, "responseTimeoutSeconds": 3600}


def _untimed(value: Any) -> Any:
    """A workflow definition, or a part of one, likewise: waits are for a signal.

    Left out is also what is known to end the comparison early: a null among the elements of a fork (S-24.7),
    an input template of a child (S-3.3).
    """
    if isinstance(value, list):
        return [_untimed(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = {"startDelay"} | ({"timeoutSeconds", "timeoutPolicy"} if "tasks" in value else set())
    if value.get("name") in CHILDREN:
        dropped.add("inputTemplate")
    kept = {k: _untimed(v) for k, v in value.items() if k not in dropped}
    if isinstance(kept.get("forkTaskInputs"), list):
        kept["forkTaskInputs"] = ["e" if each is None else each for each in kept["forkTaskInputs"]]
    if kept.get("type") == "WAIT":
        kept["inputParameters"] = {}
    if kept.get("type") == "DO_WHILE":
        # The original asks for one even where a list is gone through (S-2.12).
        kept.setdefault("loopCondition", "true")
    return kept


def _has_grown(step: LockStep) -> bool:
    return len(step.left.records()) > EXECUTIONS_MAX


def _told(step: LockStep, command: Command) -> list[str]:
    """What a drawn command is as transcript commands, given what exists now; none when it finds no target."""
    if command.kind == "poll":
        # All of them, so that the order of the queue, which differs, does not matter.
        return [f"poll {command.args['type']} count=100"]
    if command.kind == "operate":
        form = _OPERATIONS.get(command.args["verb"])
        symbols = sorted(step.left.records())
        return [form.format(symbols[command.pick % len(symbols)])] if form else []
    pick = {
        "update": lambda: _tasks(step, waiting=False, running=True),
        "late": lambda: _tasks(step, waiting=False, running=False),
        "signal": lambda: _tasks(step, waiting=True, running=True),
    }.get(command.kind)
    targets = pick() if pick else []
    if not targets:
        return []
    result = {k: v for k, v in command.args.items() if k != "byRef"}
    return [f"update {targets[command.pick % len(targets)]} {json.dumps(result)}"]


def _tasks(step: LockStep, *, waiting: bool, running: bool) -> list[str]:
    """Tasks that somebody outside can report on."""
    found = []
    for symbol, record in sorted(step.left.records().items()):
        for task in record["tasks"]:
            kind = task["taskType"]
            fits = kind in _WAITING if waiting else kind not in SYSTEM_TYPES
            if fits and (task["status"] == "IN_PROGRESS" or not running):
                found.append(f"{symbol}/{task['referenceTaskName']}#{task['retryCount']}")
    return found


def _drain(step: LockStep, say: Callable[[str], None]) -> None:
    """Let the worker finish everything; what does not end within the rounds has been compared so far."""
    for _ in range(DRAIN_ROUNDS_MAX):
        records = step.left.records()
        is_over = all(r["status"] in WORKFLOW_TERMINAL for r in records.values())
        if step.differences or _has_grown(step) or is_over:
            return
        for symbol in [s for s, r in sorted(records.items()) if r["status"] == "PAUSED"]:
            say(f"resume {symbol}")
        for kind in WORKERS:
            say(f"poll {kind} count=100")
        done = _tasks(step, waiting=False, running=True) + _tasks(step, waiting=True, running=True)
        for task in done:
            if step.differences or task not in {
                *_tasks(step, waiting=False, running=True),
                *_tasks(step, waiting=True, running=True),
            }:
                continue
            say(f'complete {task} {{"n": 3, "s": "b"}}')
