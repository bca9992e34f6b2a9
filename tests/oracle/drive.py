"""Runs a case on two backends in step, comparing everything after every command, and shrinks what fails."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.oracle.compare import (
    UUID,
    Backend,
    Mismatch,
    Object,
    Side,
    compact,
    readable,
    require_same,
    started_by,
    workflow_view,
)
from tests.oracle.definition_writer import WORKERS
from tests.oracle.definitions import every_step, workflow_def
from tests.oracle.model import SYSTEM_TYPES
from tests.oracle.verbs import Oracle

if TYPE_CHECKING:
    from tests.oracle.generate import Case, Command

EPOCH_MS = 1_700_000_000_000
DRAIN_ROUNDS = 90
DRAIN_ADVANCE_MS = 75_011
DRAIN_STEP_MS = 5_011
WORKFLOWS_MAX = 60

_WAITING = frozenset({"WAIT", "HUMAN", "EVENT", "PULL_WORKFLOW_MESSAGES"})


@dataclass
class Report:
    """What a run covered."""

    commands: int = 0
    workflows: int = 0
    tasks: int = 0
    doubt: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    task_types: dict[str, int] = field(default_factory=dict)


class Doubtful(Exception):
    """The contract leaves open what happens from here; the case is compared up to this point only."""


class Pair:
    """A model and an oracle that see the same commands."""

    def __init__(self, model: Backend, oracle: Oracle) -> None:
        self.oracle = oracle
        self.left = Side("model", model)
        self.right = Side("oracle", oracle)
        self.states: dict[str, Object] = {}
        self.report = Report()
        self.refs: list[str] = []

    # ---- talking to both

    def both(self, verb: str, params: dict[str, str], body: Any = None) -> tuple[Any, Any]:
        """The same call on both sides; ids in parameters and body are symbols that start with `@`."""
        sides = (self.left, self.right)
        answers = [side.call(verb, _concrete(side, params), _concrete(side, body)) for side in sides]
        (left_code, left), (right_code, right) = answers
        if self.oracle.doubts():
            raise Doubtful(self.oracle.doubts()[0])
        refused = 400 <= left_code < 500 and 400 <= right_code < 500  # which refusal, the transcripts say
        if left_code != right_code and not refused:
            raise Mismatch(
                f"{verb} {params}: model answers {left_code} {left!r}, oracle {right_code} {right!r}"
            )
        return left, right

    def advance(self, ms: int) -> None:
        self.right.backend.advance(ms)
        if self.oracle.doubts():
            raise Doubtful(self.oracle.doubts()[0])
        self.left.backend.advance(ms)

    def compare(self, what: str) -> None:
        """Compares every workflow met so far, children and failure workflows included."""
        pending = list(self.right.workflow_ids)
        views: list[tuple[list[str], list[str]]] = []
        while pending:
            symbol = pending.pop(0)
            views.append(self._views(symbol, pending))
        require_same(what, left=[x for a, _ in views for x in a], right=[x for _, b in views for x in b])
        self.left.backend.check()
        self.oracle.check()

    def _views(self, symbol: str, pending: list[str]) -> tuple[list[str], list[str]]:
        found = {}
        for side in (self.left, self.right):
            code, answer = side.call("workflow.get", {"workflowId": side.workflow_ids[symbol]})
            if code != 200:
                answer = None
            else:
                side.know_tasks(symbol, answer["tasks"])
            found[side.name] = answer
        left, right = found["model"], found["oracle"]
        if left is None or right is None:
            self.states.pop(symbol, None)
            gone = [[f"{symbol} {'is gone' if answer is None else 'is there'}"] for answer in (left, right)]
            return gone[0], gone[1]
        self.states[symbol] = right
        pending.extend(self._discover(symbol, left, right=right))
        return readable(symbol, workflow_view(self.left, left)), readable(
            symbol, workflow_view(self.right, right)
        )

    def _discover(self, symbol: str, left: Object, *, right: Object) -> list[str]:
        fresh = []
        mine = {_key(t): started_by(t) for t in left["tasks"]}
        pairs = [
            (f"{symbol}.{t['referenceTaskName']}#{t['retryCount']}", mine.get(_key(t)), child)
            for t in right["tasks"]
            if (child := started_by(t))
        ]
        note = "conductor.failure_workflow"
        pairs.append((f"{symbol}!", left["output"].get(note), right["output"].get(note)))
        known = set(self.right.workflow_ids.values())
        for name, mine_id, other in pairs:
            if mine_id is None or not _is_id(mine_id) or not _is_id(other) or other in known:
                continue
            unique = name if name not in self.right.workflow_ids else f"{name}~{len(known)}"
            self.left.know_workflow(unique, mine_id)
            self.right.know_workflow(unique, other)
            known.add(other)
            fresh.append(unique)
        return fresh

    # ---- commands

    def define(self, case: Case) -> None:
        """Registers the definitions of a case and starts it."""
        self.both("taskdefs.create", {}, case.task_defs)
        for definition in case.workflow_defs:
            self.both("workflowdefs.create", {}, definition)
            self.refs.extend(s.ref for s in every_step(workflow_def(definition).steps))
        self.start(case.start)

    def start(self, request: Object) -> None:
        left, right = self.both("workflow.start", {}, request)
        if not _is_id(left) or not _is_id(right):
            if _is_id(left) or _is_id(right):
                raise Mismatch(f"a start: model answers {left}, oracle {right}")
            return
        known = [s for s in self.right.workflow_ids if self.right.workflow_ids[s] == right]
        if known:  # S-90.1
            require_same("an existing one", left=[left], right=[self.left.workflow_ids[known[0]]])
            return
        symbol = f"w{len(self.right.workflow_ids) + 1}"
        self.left.know_workflow(symbol, left)
        self.right.know_workflow(symbol, right)

    def run(self, command: Command) -> None:
        """Runs one command."""
        self.report.commands += 1
        _COMMANDS[command.kind](self, command)

    def tasks(self, *, statuses: frozenset[str] | None, waiting: bool) -> list[str]:
        """The symbols of tasks a command can aim at."""
        found = []
        for symbol, workflow in self.states.items():
            for task in workflow["tasks"]:
                fits = task["taskType"] in _WAITING if waiting else task["taskType"] not in SYSTEM_TYPES
                if fits and (statuses is None or task["status"] in statuses):
                    found.append(f"{symbol}/{task['referenceTaskName']}#{task['retryCount']}")
        return found

    def poll(self, kind: str, count: int) -> list[str]:
        """Polls on both sides; what was handed out, as symbols."""
        params = {"tasktype": kind, "count": str(count), "timeout": "0", "workerid": "w"}
        left, right = self.both("tasks.poll_batch", params)
        self._meet(left, right=right)
        names = []
        for side, tasks in ((self.left, left), (self.right, right)):
            by_id = {v: k for k, v in side.workflow_ids.items()}
            names.append(
                [
                    f"{by_id.get(t['workflowInstanceId'])}/{t['referenceTaskName']}#{t['retryCount']}"
                    for t in tasks
                ]
            )
        require_same(f"poll {kind} x{count}", left=names[0], right=names[1])
        return names[1]

    def _meet(self, left: list[Object], *, right: list[Object]) -> None:
        """Names what nothing led to: it was started by a task that its loop has dropped since (S-28.12)."""
        known = {side.name: set(side.workflow_ids.values()) for side in (self.left, self.right)}
        for mine, other in zip(left, right, strict=False):
            ids = mine["workflowInstanceId"], other["workflowInstanceId"]
            if ids[0] not in known["model"] and ids[1] not in known["oracle"]:
                symbol = f"lost{len(known['oracle'])}"
                for side, found in zip((self.left, self.right), ids, strict=True):
                    side.know_workflow(symbol, found)
                    known[side.name].add(found)

    def finish(self, task: str, result: Object) -> None:
        """A worker's result for a task given by its symbol."""
        ids = {"taskId": f"@{task}", "workflowInstanceId": f"@{task.rsplit('/', 1)[0]}", "workerId": "w"}
        self.both("tasks.update", {}, ids | result)

    def drain(self) -> None:
        """Lets everything come to its end: a workflow that never ends is a mismatch too."""
        for _ in range(DRAIN_ROUNDS):
            if len(self.states) > WORKFLOWS_MAX or all(w["status"] in _ENDED for w in self.states.values()):
                return
            for symbol, workflow in list(self.states.items()):
                if workflow["status"] == "PAUSED":
                    self.both("workflow.resume", {"workflowId": f"@{symbol}"})
            self.compare("after resuming what was paused in the drain")
            for kind in WORKERS:
                self.poll(kind, 100)
            self.compare("after the polls of the drain")
            out = frozenset({"IN_PROGRESS"})
            done = self.tasks(statuses=out, waiting=False) + self.tasks(statuses=out, waiting=True)
            for task in done:
                self.finish(task, {"status": "COMPLETED", "outputData": {"n": 3, "s": "b"}})
                self.compare(f"after completing {task} in the drain")
            self.advance(DRAIN_STEP_MS if done else DRAIN_ADVANCE_MS)
            self.compare("after an advance of the drain")
        raise Mismatch(f"still not ended: {[s for s, w in self.states.items() if w['status'] not in _ENDED]}")


_ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})


def _key(task: Object) -> tuple[str, int]:
    return task["referenceTaskName"], task["retryCount"]


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def _concrete(side: Side, value: Any) -> Any:
    """A value with `@symbol` replaced by the side's id."""
    if isinstance(value, dict):
        return {k: _concrete(side, v) for k, v in value.items()}
    if isinstance(value, str) and value.startswith("@"):
        name = value[1:]
        return side.task_ids[name] if "/" in name else side.workflow_ids[name]
    return value


def _poll(pair: Pair, command: Command) -> None:
    pair.poll(command.args["type"], command.args["count"])


def _update(pair: Pair, command: Command) -> None:
    targets = pair.tasks(statuses=frozenset({"IN_PROGRESS"}), waiting=False)
    if targets:
        pair.finish(targets[command.pick % len(targets)], command.args)


def _late(pair: Pair, command: Command) -> None:
    targets = pair.tasks(statuses=None, waiting=False)
    if targets:
        pair.finish(targets[command.pick % len(targets)], command.args)


def _callback(pair: Pair, command: Command) -> None:
    targets = pair.tasks(statuses=frozenset({"IN_PROGRESS"}), waiting=False)
    if targets:
        pair.finish(targets[command.pick % len(targets)], {"status": "IN_PROGRESS", **command.args})


def _extend(pair: Pair, command: Command) -> None:
    targets = pair.tasks(statuses=None, waiting=False)
    if targets:
        pair.finish(targets[command.pick % len(targets)], {"status": "IN_PROGRESS", "extendLease": True})


def _signal(pair: Pair, command: Command) -> None:
    targets = pair.tasks(statuses=frozenset({"IN_PROGRESS"}), waiting=True)
    if not targets:
        return
    task = targets[command.pick % len(targets)]
    result = {k: v for k, v in command.args.items() if k != "byRef"}
    if not command.args["byRef"]:
        pair.finish(task, result)
        return
    workflow, ref = task.rsplit("#", 1)[0].rsplit("/", 1)
    params = {"workflowId": f"@{workflow}", "taskRefName": ref, "status": result["status"]}
    pair.both("tasks.update_by_ref", params, result["outputData"])


def _operate(pair: Pair, command: Command) -> None:
    targets = sorted(pair.states)
    if command.args["verb"] == "remove":  # a parent whose child record is gone waits for ever
        targets = [t for t in targets if "." not in t]
    if not targets:
        return
    verb, flag = command.args["verb"], "true" if command.args["flag"] else "false"
    params = {"workflowId": f"@{targets[command.pick % len(targets)]}"}
    if verb == "terminate":
        params["reason"] = "stop"
    elif verb == "remove":
        params["archiveWorkflow"] = "false"
    elif verb == "retry":
        params["resumeSubworkflowTasks"] = flag
    pair.both(f"workflow.{verb}", params)


def _rerun(pair: Pair, command: Command) -> None:
    """From a task of the workflow or of one below it; mostly of one that has ended."""
    ended = [s for s in sorted(pair.states) if pair.states[s]["status"] in _ENDED]
    targets = ended if ended and command.pick % 10 else sorted(pair.states)
    if not targets:
        return
    symbol = targets[command.pick % len(targets)]
    body = {k: v for k, v in command.args.items() if k != "task" and v is not None}
    if command.args["task"] is not None:
        below = [s for s in sorted(pair.states) if s == symbol or s.startswith(symbol + ".")]
        tasks = [f"{s}/{_name(t)}" for s in below for t in pair.states[s]["tasks"]]
        if tasks:
            body["reRunFromTaskId"] = f"@{tasks[command.args['task'] % len(tasks)]}"
    pair.both("workflow.rerun", {"workflowId": f"@{symbol}"}, body)


def _name(task: Object) -> str:
    return f"{task['referenceTaskName']}#{task['retryCount']}"


def _skip(pair: Pair, command: Command) -> None:
    """Any step of the main definition, reached or not."""
    targets = sorted(pair.states)
    if targets and pair.refs:
        ref = pair.refs[command.pick % len(pair.refs)]
        params = {"workflowId": f"@{targets[command.pick % len(targets)]}", "taskReferenceName": ref}
        pair.both("workflow.skip", params, command.args)


def _post(pair: Pair, command: Command) -> None:
    targets = sorted(pair.states)
    if targets:
        params = {"workflowId": f"@{targets[command.pick % len(targets)]}"}
        pair.both("workflow.post_message", params, command.args)


_COMMANDS: dict[str, Callable[[Pair, Command], None]] = {
    "poll": _poll,
    "update": _update,
    "late": _late,
    "callback": _callback,
    "extend": _extend,
    "signal": _signal,
    "operate": _operate,
    "rerun": _rerun,
    "skip": _skip,
    "post": _post,
    "advance": lambda pair, command: pair.advance(command.args["ms"]),
    "start": lambda pair, command: pair.start(command.args),
}

Maker = Callable[[int, int], Backend]


def run_case(case: Case, make: Maker, *, seed: int = 1) -> Report:
    """Runs a case; raises Mismatch when the backends disagree."""
    pair = Pair(make(seed, EPOCH_MS), Oracle(seed, EPOCH_MS))
    try:
        pair.define(case)
        pair.compare("after the start")
        for command in case.commands:
            if len(pair.states) > WORKFLOWS_MAX:
                break
            pair.run(command)
            pair.compare(f"after: {command}")
        pair.drain()
    except Doubtful as doubt:
        pair.report.doubt = str(doubt)
    _summarise(pair)
    return pair.report


def _summarise(pair: Pair) -> None:
    report = pair.report
    for workflow in pair.states.values():
        report.workflows += 1
        report.statuses[workflow["status"]] = report.statuses.get(workflow["status"], 0) + 1
        for task in workflow["tasks"]:
            report.tasks += 1
            kind = task["taskType"] if task["taskType"] in SYSTEM_TYPES else "SIMPLE"
            report.task_types[kind] = report.task_types.get(kind, 0) + 1


def shrink(case: Case, make: Maker, *, budget: int = 200) -> Case:
    """A case with fewer commands that still fails."""
    step = max(1, len(case.commands) // 2)
    while step >= 1 and budget > 0:
        position, shrunk = 0, False
        while position < len(case.commands) and budget > 0:
            budget -= 1
            commands = case.commands[:position] + case.commands[position + step :]
            smaller = dataclasses.replace(case, commands=commands)
            if failure_of(smaller, make) is not None:
                case, shrunk = smaller, True
            else:
                position += step
        if not shrunk or step > 1:
            step //= 2
    return case


def failure_of(case: Case, make: Maker) -> Exception | None:
    """How a case fails, if it does; whatever it raises is what we are looking for."""
    try:
        run_case(case, make)
    except Exception as error:
        return error
    return None


def explain(case: Case) -> str:
    """A case as text a person can read and run again by hand."""
    lines = ["task definitions:", *(f"  {compact(d)}" for d in case.task_defs), "workflow definitions:"]
    lines += [f"  {json.dumps(d)}" for d in case.workflow_defs]
    lines += [f"start: {compact(case.start)}", "commands:", *(f"  {c}" for c in case.commands)]
    return "\n".join(lines)
