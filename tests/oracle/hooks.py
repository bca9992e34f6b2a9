"""What the synchronous system tasks do when they are executed (sections 25, 27, 36, 37, 38, 41)."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from tests.oracle import jq, loops, script
from tests.oracle.expressions import text
from tests.oracle.model import (
    AI_TYPES,
    CANCELED,
    COMPLETED,
    COMPLETED_WITH_ERRORS,
    FAILED,
    FATAL,
    SKIPPED,
    Json,
    Task,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.world import World

VARIABLES_BYTES_MAX = 256 * 1024


def execute(world: World, workflow: Workflow, *, task: Task) -> bool:
    """Runs the execute hook of a waiting task; whether anything changed (S-4.11)."""
    rule = _RULES.get(task.type)
    if rule is None:
        return False
    before = copy.deepcopy((task.status, task.output, task.iteration))
    rule(world, workflow, task)
    if task.terminal:
        task.end = world.now
    return before != (task.status, task.output, task.iteration)


def _done(_world: World, _workflow: Workflow, task: Task) -> None:
    task.status = COMPLETED


def _joined(workflow: Workflow, task: Task) -> tuple[list[Task], list[Task], bool]:
    """What a JOIN waits for: those present, those that are final, and whether that is all (S-25.3)."""
    suffix = f"__{task.iteration}" if task.iteration > 0 else ""
    names = [n + suffix for n in task.inputs.get("joinOn") or []]
    # S-9.6: an unsuccessful instance is final only once the decider has accepted it. Until then, as long as a
    # pause lasts, it may be replaced, and a join takes nothing over from it.
    found = [t for t in (workflow.current(n) for n in names) if t is not None]
    present = [t for t in found if t.executed or not t.unsuccessful]
    final = [t for t in present if t.terminal]
    return present, final, len(final) == len(names)


def _failed_for_join(final: list[Task], *, everything: bool) -> list[Task]:
    failures = [t for t in final if t.unsuccessful and not t.step.optional]
    return failures if everything or any(not t.step.permissive for t in failures) else []


def join_is_ready(workflow: Workflow, task: Task) -> bool:
    """Whether a JOIN would end if it were looked at now (S-25.5, S-25.6)."""
    _, final, everything = _joined(workflow, task)
    return everything or bool(_failed_for_join(final, everything=False))


def grow_join(workflow: Workflow, task: Task) -> bool:
    """Takes over the outputs there are, also before the JOIN ends (S-25.4); whether any is new."""
    before = task.output
    found = {joined.ref: joined.output for joined in _joined(workflow, task)[0] if joined.output}
    # The order of keys means nothing (S-8.2), but a text made of them shows it: that of `joinOn`.
    kept = {ref: output for ref, output in before.items() if ref not in found}
    task.output = {**found, **kept}
    return task.output != before


def grow_joins(workflow: Workflow) -> bool:
    """Lets all waiting joins take over what there is, those over other joins too; whether any is new."""
    waiting = [t for t in workflow.tasks if t.type == "JOIN" and not t.terminal]
    changed = False
    while any(grow_join(workflow, t) for t in waiting):
        changed = True
    return changed


def _join(_world: World, workflow: Workflow, task: Task) -> None:
    grow_join(workflow, task)
    _, final, everything = _joined(workflow, task)
    failures = _failed_for_join(final, everything=everything)
    if failures:
        # A permissive task that was cancelled fails the JOIN like any other, as seen on the original.
        cut = all(t.status == CANCELED and not t.step.permissive for t in failures)
        task.status = CANCELED if cut else FAILED
        task.reason = " ".join(t.reason or "" for t in failures)
    elif everything:
        tolerated = [t for t in final if t.step.optional and t.status == COMPLETED_WITH_ERRORS]
        task.status = COMPLETED_WITH_ERRORS if tolerated else COMPLETED
        task.reason = " ".join(f"{t.ref}/{t.id}" for t in tolerated) or None


def _exclusive_join(_world: World, workflow: Workflow, task: Task) -> None:
    """Looks at the first name that ran, past permissive failures (S-26.2 to S-26.5)."""
    suffix = f"__{task.iteration}" if task.iteration > 0 else ""

    def ran(names: list[str]) -> list[Task]:
        found = [workflow.current(name + suffix) for name in names]
        return [t for t in found if t is not None and t.status != SKIPPED]

    listed = ran(task.inputs["joinOn"])
    looked_at = listed or ran(task.inputs.get("defaultExclusiveJoinTask") or [])[:1]
    # S-9.6: a failure counts once the decider has accepted it.
    failed = [t for t in looked_at if t.unsuccessful and t.executed]
    for candidate in looked_at:
        if candidate in failed and candidate.step.permissive and len(failed) < len(looked_at):
            continue
        if candidate in failed:
            task.status, task.reason = FAILED, " ".join(t.reason or "" for t in failed)
        elif candidate.terminal and not candidate.unsuccessful:
            task.status, task.output = COMPLETED, copy.deepcopy(candidate.output)
        return


def _inline(_world: World, _workflow: Workflow, task: Task) -> None:
    kind = task.inputs.get("evaluatorType", "javascript")
    expression = task.inputs.get("expression")
    try:
        if not isinstance(expression, str) or not expression.strip():
            raise script.ScriptError("the expression is empty")
        if kind == "value-param":
            result: Json = task.inputs.get(expression)
        elif kind in {"javascript", "graaljs"}:
            result = script.evaluate(expression, copy.deepcopy(task.inputs))
        else:
            raise script.ScriptError(f"unknown evaluator {kind}")
    except script.ScriptError as error:
        task.status, task.reason, task.output = FATAL, str(error), {"error": str(error)}
        return
    task.status, task.output = COMPLETED, {"result": result}


def _lambda(_world: World, _workflow: Workflow, task: Task) -> None:
    source = task.inputs.get("scriptExpression")
    try:
        if not isinstance(source, str) or not source.strip():
            raise script.ScriptError("the script is empty")
        result = script.call(source, copy.deepcopy(task.inputs))
    except script.ScriptError as error:
        task.status, task.reason, task.output = FAILED, str(error), {"error": str(error)}
        return
    task.status, task.output = COMPLETED, {"result": result}


def _jq(_world: World, _workflow: Workflow, task: Task) -> None:
    source = task.inputs.get("queryExpression")
    if not isinstance(source, str) or not source.strip():
        task.status, task.reason = FAILED, "queryExpression is missing"
        return
    try:
        found = jq.results(source, copy.deepcopy(task.inputs))
    except jq.JqError as error:
        task.status, task.reason, task.output = FAILED, str(error), {"error": str(error)}
        return
    task.status, task.output = COMPLETED, {"result": found[0] if found else None, "resultList": found}


def _event(_world: World, workflow: Workflow, task: Task) -> None:
    if "event_produced" in task.output:  # S-34.7: once per attempt
        return
    sink = task.inputs.get("sink")
    name = workflow.definition.name
    if sink == "conductor":
        queue = f"conductor:{name}:{task.ref}"
    elif isinstance(sink, str) and sink.startswith("conductor:"):
        queue = f"conductor:{name}:{sink.removeprefix('conductor:')}"
    else:  # S-34.3: no provider but the internal one is on
        task.status, task.reason = FAILED, f"nobody takes messages for {sink}"
        return
    task.output = {
        **task.inputs,
        "workflowInstanceId": workflow.id,
        "workflowType": name,
        "workflowVersion": workflow.definition.version,
        "correlationId": workflow.correlation_id,
        "taskToDomain": workflow.task_to_domain,
        "event_produced": queue,
    }
    if task.inputs.get("asyncComplete") is not True:
        task.status = COMPLETED


def _refused(_world: World, _workflow: Workflow, task: Task) -> None:
    task.status, task.reason = FATAL, f"nobody here runs {task.type}"


def _set_variable(_world: World, workflow: Workflow, task: Task) -> None:
    merged = {**workflow.variables, **copy.deepcopy(task.inputs)}
    if len(json.dumps(merged, ensure_ascii=False, separators=(",", ":")).encode()) > VARIABLES_BYTES_MAX:
        task.status, task.reason = FATAL, "the variables are too large"
        return
    workflow.variables = merged
    task.status = COMPLETED


def _terminate(_world: World, _workflow: Workflow, task: Task) -> None:
    if task.inputs.get("terminationStatus") not in {"COMPLETED", "FAILED", "TERMINATED"}:
        task.status, task.reason = FAILED, "given termination status is not valid"
        return
    given = task.inputs.get("workflowOutput")
    if isinstance(given, dict):
        task.output = given
    elif given is not None:
        task.output = {"output": given}
    task.status = COMPLETED


def termination_reason(task: Task) -> str:
    """The reason a TERMINATE gives to its workflow (S-7.5, S-38.4)."""
    given = task.inputs.get("terminationReason")
    if given is None:
        return f"Workflow is {task.inputs['terminationStatus']} by TERMINATE task: {task.id}"
    return text(given)


_RULES: dict[str, Callable[[World, Workflow, Task], None]] = {
    "NOOP": _done,
    "JOIN": _join,
    "EXCLUSIVE_JOIN": _exclusive_join,
    "INLINE": _inline,
    "LAMBDA": _lambda,
    "EVENT": _event,
    "JSON_JQ_TRANSFORM": _jq,
    "SET_VARIABLE": _set_variable,
    "TERMINATE": _terminate,
    "DO_WHILE": loops.execute,
    **dict.fromkeys(AI_TYPES, _refused),
}
