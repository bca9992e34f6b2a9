"""Every small case: `python -m tests.oracle.exhaustive` tries all commands on all definitions of a few tasks.

A definition is made of worker tasks, sub-workflows, forks, switches and loops; a fork with its join counts
as one task, and so do the others, each beside what it contains. Loops do not lie in loops. From the start
on, every command is tried on every state, up to a number of commands. A state that the oracle was in
before, hidden fields included and whatever way led there, is not gone through again: what follows it has
been compared. Where the contract leaves open what a command does the way ends, and is counted.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.oracle.compare import UUID, Backend, Mismatch, Object
from tests.oracle.drive import EPOCH_MS, Doubtful, Maker, Pair
from tests.oracle.run import model_maker
from tests.oracle.verbs import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.oracle.model import Task, Workflow

MAIN, CHILD, WORKER = "main", "child", "work"
TASKS_MAX, COMMANDS_MAX = 4, 6


# ---- definitions


@dataclass(frozen=True)
class Shape:
    """A task, and the lists of tasks it contains."""

    kind: str
    inside: tuple[tuple[Shape, ...], ...] = ()


def shapes(size: int, *, in_loop: bool = False) -> Iterator[tuple[Shape, ...]]:
    """All lists that are made of exactly `size` tasks."""
    if size == 0:
        yield ()
    for first in range(1, size + 1):
        for head in _one(first, in_loop=in_loop):
            for rest in shapes(size - first, in_loop=in_loop):
                yield (head, *rest)


def _one(size: int, *, in_loop: bool) -> Iterator[Shape]:
    if size == 1:
        yield Shape("worker")
        yield Shape("child")
        return
    if not in_loop:
        for body in shapes(size - 1, in_loop=True):
            yield Shape("loop", (body,))
    for left in range(1, size):
        for one in shapes(left, in_loop=in_loop):
            for other in shapes(size - 1 - left, in_loop=in_loop):
                yield Shape("switch", (one, other))
                if other:
                    yield Shape("fork", (one, other))


class _Writer:
    def __init__(self) -> None:
        self.count = 0

    def steps(self, found: tuple[Shape, ...]) -> list[Object]:
        return [step for shape in found for step in self._step(shape)]

    def _step(self, shape: Shape) -> list[Object]:
        self.count += 1
        ref = f"{shape.kind}{self.count}"
        step: Object = {"name": ref, "taskReferenceName": ref}
        inside = [self.steps(i) for i in shape.inside]
        if shape.kind == "worker":
            return [{**step, "name": WORKER}]
        if shape.kind == "child":
            return [step | {"type": "SUB_WORKFLOW", "subWorkflowParam": {"name": CHILD}}]
        if shape.kind == "loop":
            condition = f"$.{ref}.iteration < 2"
            return [step | {"type": "DO_WHILE", "loopCondition": condition, "loopOver": inside[0]}]
        if shape.kind == "switch":
            step |= {"type": "SWITCH", "evaluatorType": "value-param", "expression": "s"}
            step["inputParameters"] = {"s": "${workflow.input.s}"}
            return [step | {"decisionCases": {"a": inside[0]}, "defaultCase": inside[1]}]
        join = {"name": "j", "taskReferenceName": f"join{self.count}", "type": "JOIN"}
        return [
            step | {"type": "FORK_JOIN", "forkTasks": inside},
            join | {"joinOn": [branch[-1]["taskReferenceName"] for branch in inside]},
        ]


def definition(found: tuple[Shape, ...]) -> Object:
    """The workflow definition of a list of tasks."""
    return {"name": MAIN, "tasks": _Writer().steps(found)}


# ---- commands


_WITH_A_WORKER = frozenset({"IN_PROGRESS"})


def _report(pair: Pair, status: str, *, at: int) -> None:
    if not pair.tasks(statuses=_WITH_A_WORKER, waiting=False):
        pair.poll(WORKER, 9)
        pair.compare("after a poll")
    found = pair.tasks(statuses=_WITH_A_WORKER, waiting=False)
    if found:
        pair.finish(found[at], {"status": status, "outputData": {"n": 1}, "reasonForIncompletion": "r"})


def _operate(pair: Pair, verb: str, **params: str) -> None:
    pair.both(f"workflow.{verb}", {"workflowId": "@w1", **params})


def _pause_or_resume(pair: Pair) -> None:
    _operate(pair, "resume" if pair.states["w1"]["status"] == "PAUSED" else "pause")


def _rerun(pair: Pair) -> None:
    first = pair.states["w1"]["tasks"][0]
    target = f"@w1/{first['referenceTaskName']}#{first['retryCount']}"
    pair.both("workflow.rerun", {"workflowId": "@w1"}, {"reRunFromTaskId": target})


COMMANDS: dict[str, Callable[[Pair], None]] = {
    "complete the first": lambda pair: _report(pair, "COMPLETED", at=0),
    "complete the last": lambda pair: _report(pair, "COMPLETED", at=-1),
    "fail the first": lambda pair: _report(pair, "FAILED", at=0),
    "pause or resume": _pause_or_resume,
    "terminate": lambda pair: _operate(pair, "terminate", reason="r"),
    "retry": lambda pair: _operate(pair, "retry"),
    "retry with children": lambda pair: _operate(pair, "retry", resumeSubworkflowTasks="true"),
    "rerun from the first": _rerun,
}


# ---- states


class _Recorded:
    """A backend that remembers what it was told, so that another one can be brought where it is."""

    def __init__(self, backend: Backend, told: list[tuple[str, dict[str, str], bytes]]) -> None:
        self.backend, self.told = backend, list(told)
        for call in told:
            backend.call(*call)

    def call(self, verb: str, params: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if verb != "workflow.get":
            self.told.append((verb, params, body))
        return self.backend.call(verb, params, body)

    def advance(self, ms: int) -> None:
        raise NotImplementedError("time stands still here")

    def check(self) -> None:
        self.backend.check()


def _twin(pair: Pair, make: Maker) -> Pair:
    """The same two states once more."""
    assert isinstance(pair.left.backend, _Recorded)
    twin = Pair(_Recorded(make(1, EPOCH_MS), pair.left.backend.told), copy.deepcopy(pair.oracle))
    for mine, other in ((twin.left, pair.left), (twin.right, pair.right)):
        for symbol, found in other.workflow_ids.items():
            mine.know_workflow(symbol, found)
        for symbol, found in other.task_ids.items():
            mine.know_task(symbol, found)
    twin.states = dict(pair.states)
    return twin


def _fingerprint(oracle: Oracle) -> str:
    """All that the oracle knows of its workflows, without the ids, which tell only how it came there."""
    workflows = oracle.world.workflows.values()
    line = sorted(t.push for w in workflows for t in w.tasks if t.due is not None)
    found = [(_fields(w, "definition", "tasks"), [_task_fields(t, line) for t in w.tasks]) for w in workflows]
    names: dict[str, str] = {}
    return UUID.sub(lambda m: names.setdefault(m.group(), str(len(names))), repr(found))


def _task_fields(task: Task, line: list[int]) -> Object:
    return _fields(task, "step", "push") | {"place": line.index(task.push) if task.due is not None else None}


def _fields(record: Workflow | Task, *without: str) -> Object:
    return {k: v for k, v in vars(record).items() if k not in without}


@dataclass
class Count:
    """What was gone through."""

    definitions: int = 0
    states: int = 0
    commands: int = 0
    doubtful: int = 0


def explore(found: tuple[Shape, ...], make: Maker, *, commands_max: int, count: Count) -> None:
    """Tries every command on every state of one definition; raises Mismatch with the way to it."""
    start = Pair(_Recorded(make(1, EPOCH_MS), []), Oracle(1, EPOCH_MS))
    start.both("taskdefs.create", {}, [{"name": WORKER, "retryCount": 0}])
    start.both("workflowdefs.create", {}, {"name": CHILD, "tasks": [_Writer().steps((Shape("worker"),))[0]]})
    start.both("workflowdefs.create", {}, definition(found))
    start.start({"name": MAIN, "input": {"s": "a"}})
    start.compare("after the start")
    count.definitions += 1
    known = {_fingerprint(start.oracle)}
    level: list[tuple[tuple[str, ...], Pair]] = [((), start)]
    for _ in range(commands_max):
        following: list[tuple[tuple[str, ...], Pair]] = []
        for way, pair in level:
            for name, command in COMMANDS.items():
                reached = _after(pair, command, make, way=(*way, name), found=found)
                count.commands += 1
                if reached is None:
                    count.doubtful += 1
                    continue
                mark = _fingerprint(reached.oracle)
                if mark not in known:
                    known.add(mark)
                    following.append(((*way, name), reached))
        level = following
    count.states += len(known)


def _after(
    pair: Pair,
    command: Callable[[Pair], None],
    make: Maker,
    *,
    way: tuple[str, ...],
    found: tuple[Shape, ...],
) -> Pair | None:
    reached = _twin(pair, make)
    try:
        command(reached)
        reached.compare("after the last")
    except Doubtful:
        return None
    except Exception as error:
        raise Mismatch(f"{definition(found)}\n{', '.join(way)}\n{type(error).__name__}: {error}") from error
    return reached


def explore_all(make: Maker, *, tasks_max: int, commands_max: int) -> Count:
    """All definitions of up to so many tasks."""
    count = Count()
    for size in range(1, tasks_max + 1):
        for found in shapes(size):
            explore(found, make, commands_max=commands_max, count=count)
    return count


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compares the core with the oracle on every small case.")
    parser.add_argument("--tasks", type=int, default=TASKS_MAX)
    parser.add_argument("--commands", type=int, default=COMMANDS_MAX)
    options = parser.parse_args()
    began = time.monotonic()
    count = explore_all(model_maker(), tasks_max=options.tasks, commands_max=options.commands)
    print(
        f"{count.definitions} definitions of up to {options.tasks} tasks, {options.commands} commands deep: "
        f"{count.commands} commands from {count.states} states compared in {time.monotonic() - began:.0f} s, "
        f"of them {count.doubtful} where the contract leaves open what they do"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
