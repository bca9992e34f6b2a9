"""DO_WHILE: iterations, conditions, lists (S-28)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from tests.oracle import decide, definitions, script
from tests.oracle.expressions import context_of, resolve, task_inputs
from tests.oracle.mapping import Mapper
from tests.oracle.model import COMPLETED, FAILED, FATAL, Json, Object, Task, Workflow

if TYPE_CHECKING:
    from tests.oracle.world import World


def execute(world: World, workflow: Workflow, task: Task) -> None:
    """Looks at the current iteration and goes on when it is complete."""
    if task.iteration == 0:
        _begin(world, workflow, task=task)
        return
    held = _current_iteration(workflow, task)
    _forget(workflow, task)
    failed = [b for b in held if b.unsuccessful and not b.step.permissive]
    if not failed and not _iteration_complete(workflow, task=task, held=held):
        return
    results: Object = {}
    for body in held:
        results[body.base] = body.output
        if body.unsuccessful and not body.step.permissive:
            break
    task.output = _arranged({**task.output, str(task.iteration): results})
    if failed:
        task.status, task.reason = FAILED, " ".join(b.reason or "" for b in failed)
        return
    try:
        again = _again(workflow, task)
    except script.ScriptError as error:
        task.status, task.reason = FATAL, f"Unable to evaluate condition {error}"
        return
    if again:
        _start_iteration(world, workflow, task=task, number=task.iteration + 1)
    else:
        task.status = COMPLETED


def set_back(task: Task, number: int) -> None:
    """Goes on in an earlier iteration: what was put out later is dropped (S-63.8)."""
    task.iteration = number
    kept = {k: v for k, v in task.output.items() if not k.isdigit() or int(k) < number}
    kept["iteration"] = number
    if task.items is not None:
        kept.update(loopIndex=number - 1, loopItem=task.items[number - 1])
    task.output = _arranged(kept)


def _by_list(task: Task) -> bool:
    return bool(task.step.raw.get("items")) or "_items" in task.step.inputs


def _begin(world: World, workflow: Workflow, *, task: Task) -> None:
    keep = task.inputs.get("keepLastN")
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int)):
        task.status, task.reason = FATAL, "keepLastN is not an integer"
        return
    if _by_list(task):
        given = task.step.raw.get("items")
        value: Json = task.inputs.get("_items")
        if given:
            value = resolve(given, context_of(workflow), task_id=task.id)
        if value is None:
            value = []
        task.items = copy.deepcopy(value if isinstance(value, list) else [value])
        if not task.items:
            task.output, task.status = {"iteration": 0}, COMPLETED
            return
    _start_iteration(world, workflow, task=task, number=1)


def _start_iteration(world: World, workflow: Workflow, *, task: Task, number: int) -> None:
    task.iteration = number
    output = {**task.output, "iteration": number}
    if task.items is not None:
        output.update(loopIndex=number - 1, loopItem=task.items[number - 1])
    task.output = _arranged(output)
    _forget(workflow, task)
    first = Mapper(world, workflow).instances(task.step.body[0], iteration=number)
    decide.schedule(world, workflow, candidates=first)


def _arranged(output: Object) -> Object:
    """The output of a loop with its keys in one order: iterations, list position, counter.

    The order carries no meaning (S-8.2), but it shows in the text of a map (S-8.10).
    """
    last = ("loopIndex", "loopItem", "iteration")
    iterations = sorted((k for k in output if k not in last), key=int)
    return {k: output[k] for k in (*iterations, *last) if k in output}


def _members(task: Task) -> set[str]:
    return {s.ref for s in definitions.every_step(task.step.body)}


def _current_iteration(workflow: Workflow, task: Task) -> list[Task]:
    """The newest instance of every body task of the current iteration, in list order (S-28.4)."""
    members = _members(task)
    latest: dict[str, Task] = {}
    for body in workflow.tasks:
        if body.iteration == task.iteration and body.base in members:
            held = latest.get(body.ref)
            if held is None or body.retry_count >= held.retry_count:
                latest[body.ref] = body
    return [t for t in workflow.tasks if latest.get(t.ref) is t]


def _iteration_complete(workflow: Workflow, *, task: Task, held: list[Task]) -> bool:
    """S-28.7; what ended as it was mapped counts from the next turn, as its own hook comes after (S-27.2)."""
    by_ref = {b.ref: b for b in held}
    if not all(b.executed for b in held):
        return False
    if any(f"{s.ref}__{task.iteration}" not in by_ref for s in task.step.body):
        return False
    members = _members(task)
    for body in held:
        after = decide.following_step(workflow, task=body, ref=body.base)
        if after is not None and after.ref in members and f"{after.ref}__{task.iteration}" not in by_ref:
            return False
    return True


def _again(workflow: Workflow, task: Task) -> bool:
    """Whether a further iteration follows (S-28.8 to S-28.11)."""
    if task.items is not None and task.iteration >= len(task.items):
        return False
    condition = task.step.raw.get("loopCondition")
    if condition is None or not condition.strip():
        return task.items is not None
    template = task.step.definition.input_template if task.step.definition else {}
    scope = task_inputs(task.step.inputs, template, context=context_of(workflow), task_id=task.id)
    if task.items is not None:
        scope.update(loopIndex=task.output["loopIndex"], loopItem=task.output["loopItem"])
    members = _members(task)
    for body in workflow.tasks:
        if body.iteration > 0 and body.base in members:
            scope[body.base] = body.output
    scope[task.ref] = task.output
    return script.truth(script.evaluate(condition, copy.deepcopy(scope)))


def _forget(workflow: Workflow, task: Task) -> None:
    """Drops the iterations that are no longer kept (S-28.12)."""
    keep = task.inputs.get("keepLastN")
    if keep is None:
        return
    members = _members(task)
    for number in range(1, task.iteration - keep + 1):
        task.output = {k: v for k, v in task.output.items() if k != str(number)}
        workflow.tasks = [t for t in workflow.tasks if not (t.iteration == number and t.base in members)]
