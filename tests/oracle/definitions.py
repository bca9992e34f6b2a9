"""Reading and checking definitions, embedding task definitions, finding one's way in the tree (S-2, S-6)."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.oracle import jsonpath
from tests.oracle.expressions import references
from tests.oracle.model import SYSTEM_TYPES, Json, Object, Refusal, Step, TaskDef, WorkflowDef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def task_def(raw: Object) -> TaskDef:
    """A task definition from its JSON."""

    def given(key: str, default: Json) -> Json:
        value = raw.get(key)
        return default if value is None else value

    return TaskDef(
        name=raw["name"],
        retry_count=given("retryCount", 3),
        retry_logic=given("retryLogic", "FIXED"),
        retry_delay=given("retryDelaySeconds", 60),
        backoff_scale=given("backoffScaleFactor", 1),
        max_retry_delay=given("maxRetryDelaySeconds", 0),
        timeout_policy=given("timeoutPolicy", "TIME_OUT_WF"),
        timeout=given("timeoutSeconds", 0),
        response_timeout=given("responseTimeoutSeconds", 3600),
        poll_timeout=given("pollTimeoutSeconds", 0),
        total_timeout=given("totalTimeoutSeconds", 0),
        concurrent_limit=given("concurrentExecLimit", 0),
        rate_limit=given("rateLimitPerFrequency", 0),
        rate_window=given("rateLimitFrequencyInSeconds", 1),
        input_template=given("inputTemplate", {}),
    )


def step(raw: Object) -> Step:
    """One WorkflowTask from its JSON."""
    embedded = raw.get("taskDefinition")
    return Step(
        name=raw.get("name") or "",
        ref=raw.get("taskReferenceName") or "",
        type=raw.get("type") or "SIMPLE",
        raw=raw,
        inputs=raw.get("inputParameters") or {},
        cases={k: steps(v) for k, v in (raw.get("decisionCases") or {}).items()},
        default=steps(raw.get("defaultCase") or []),
        branches=tuple(steps(b) for b in raw.get("forkTasks") or []),
        body=steps(raw.get("loopOver") or []),
        optional=bool(raw.get("optional")),
        permissive=bool(raw.get("permissive")),
        start_delay=raw.get("startDelay") or 0,
        retry_count=raw.get("retryCount"),
        definition=task_def(embedded) if embedded else None,
    )


def steps(raw: Iterable[Object]) -> tuple[Step, ...]:
    """A list of WorkflowTasks."""
    return tuple(step(r) for r in raw)


def workflow_def(raw: Object) -> WorkflowDef:
    """A workflow definition from its JSON, with the defaults of S-2.8."""
    restartable = raw.get("restartable")
    return WorkflowDef(
        name=raw.get("name") or "",
        version=raw.get("version", 1),
        steps=steps(raw.get("tasks") or []),
        raw=raw,
        output=raw.get("outputParameters") or {},
        variables=raw.get("variables") or {},
        input_template=raw.get("inputTemplate") or {},
        restartable=True if restartable is None else restartable,
        timeout=raw.get("timeoutSeconds") or 0,
        timeout_policy=raw.get("timeoutPolicy") or "ALERT_ONLY",
        failure_workflow=raw.get("failureWorkflow"),
        failure_version=raw.get("failureWorkflowVersion"),
    )


def lists_of(parent: Step) -> Iterator[tuple[Step, ...]]:
    """Every list of tasks directly under a task."""
    yield from parent.cases.values()
    yield parent.default
    yield from parent.branches
    yield parent.body


def every_step(items: Iterable[Step]) -> Iterator[Step]:
    """Every task of a definition tree."""
    for item in items:
        yield item
        for children in lists_of(item):
            yield from every_step(children)


def embed(definition: WorkflowDef, registry: Mapping[str, TaskDef]) -> WorkflowDef:
    """The definition with a task definition in every task of its tree (S-2.4)."""

    def one(item: Step) -> Step:
        found = item.definition
        if found is None and item.name.strip():
            found = registry.get(item.name)
            if found is None:
                found = TaskDef(name=item.name)
                if item.type != "SIMPLE":
                    found = dataclasses.replace(found, retry_count=0, response_timeout=0)
        return dataclasses.replace(
            item,
            definition=found,
            cases={k: many(v) for k, v in item.cases.items()},
            default=many(item.default),
            branches=tuple(many(b) for b in item.branches),
            body=many(item.body),
        )

    def many(items: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(one(i) for i in items)

    return dataclasses.replace(definition, steps=many(definition.steps))


@dataclass(frozen=True)
class Place:
    """Where a task stands in the definition tree."""

    step: Step
    siblings: tuple[Step, ...]
    index: int
    parent: Place | None


def locate(definition: WorkflowDef, ref: str) -> Place | None:
    """The place of a reference name, or None when the tree has no such name."""

    def search(siblings: tuple[Step, ...], parent: Place | None) -> Place | None:
        for index, item in enumerate(siblings):
            place = Place(item, siblings, index, parent)
            if item.ref == ref:
                return place
            for children in lists_of(item):
                found = search(children, place)
                if found is not None:
                    return found
        return None

    return search(definition.steps, None)


def is_in_loop(place: Place) -> bool:
    """Whether a step stands in the body of a loop."""
    around = place.parent
    while around is not None and around.step.type != "DO_WHILE":
        around = around.parent
    return around is not None


def successor(place: Place, *, is_skipped: bool = False) -> Step | None:
    """The task that follows in the definition (S-6.2 to S-6.7); a skipped TERMINATE ends nothing."""
    if place.step.type == "TERMINATE" and not is_skipped:
        return None
    if place.index + 1 < len(place.siblings):
        return place.siblings[place.index + 1]
    parent = place.parent
    if parent is None:
        return None
    if parent.step.type == "DO_WHILE":
        return parent.step
    if parent.step.type == "FORK_JOIN":
        after = parent.index + 1
        return parent.siblings[after] if after < len(parent.siblings) else None
    return successor(parent)


_DURATION = re.compile(
    r"\s*(?:(\d+)\s*(?:days?|d))?\s*(?:(\d+)\s*(?:hours?|hrs?|h))?"
    r"\s*(?:(\d+)\s*(?:minutes?|mins?|m))?\s*(?:(\d+)\s*(?:seconds?|secs?|s))?\s*",
    re.IGNORECASE,
)


def duration_ms(text: str) -> int | None:
    """The length of a WAIT duration (S-32.2), or None when it is not one."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(g or 0) for g in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000


def check_task_def(raw: Object) -> None:
    """The registration checks of a task definition (S-2.12)."""
    if not raw.get("name"):
        raise Refusal(400, "a task definition needs a name")
    found = task_def(raw)
    wrong = (
        found.retry_count < 0
        or found.response_timeout < 1
        or found.backoff_scale < 1
        or (found.timeout > 0 and found.response_timeout > found.timeout)
        or (found.timeout > 0 and 0 < found.total_timeout < found.timeout)
    )
    if wrong:
        raise Refusal(400, "the task definition breaks S-2.12")


def check_workflow_def(raw: Object) -> None:
    """The registration checks of a workflow definition (S-2.12)."""
    definition = workflow_def(raw)
    if not definition.name or not definition.steps:
        raise Refusal(400, "a workflow definition needs a name and tasks")
    if raw.get("schemaVersion", 2) != 2:
        raise Refusal(400, "only schemaVersion 2")
    refs = [s.ref for s in every_step(definition.steps)]
    if len(refs) != len(set(refs)):
        raise Refusal(400, "reference names must be unique")
    for item in every_step(definition.steps):
        _check_step(item)
    for item in definition.steps:
        _check_paths(item, set(refs))


def _check_step(item: Step) -> None:
    if not item.name or not item.ref or "__" in item.ref:  # S-1.10
        raise Refusal(400, "a task needs a name and a reference name without '__'")
    if item.type == "SIMPLE" and item.name in SYSTEM_TYPES | {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}:  # S-9.2
        raise Refusal(400, f"{item.name} is the name of a system task")
    if not _REQUIRED.get(item.type, lambda _: True)(item):
        raise Refusal(400, f"{item.type} {item.ref} breaks S-2.12")


def _switch_ok(item: Step) -> bool:
    return bool(item.raw.get("evaluatorType") and item.raw.get("expression") and item.cases)


def _decision_ok(item: Step) -> bool:
    return bool((item.raw.get("caseValueParam") or item.raw.get("caseExpression")) and item.cases)


def _loop_ok(item: Step) -> bool:
    by_list = item.raw.get("items") or "_items" in item.inputs
    return bool((item.raw.get("loopCondition") or by_list) and item.body)


def _dynamic_ok(item: Step) -> bool:
    single = bool(item.raw.get("dynamicForkJoinTasksParam"))
    both = bool(item.raw.get("dynamicForkTasksParam") and item.raw.get("dynamicForkTasksInputParamName"))
    return "forkTaskInputs" in item.inputs or single != both


def _terminate_ok(item: Step) -> bool:
    known = item.inputs.get("terminationStatus") in {"COMPLETED", "FAILED", "TERMINATED"}
    return known and not item.optional


def _wait_ok(item: Step) -> bool:
    duration, until = item.inputs.get("duration"), item.inputs.get("until")
    if duration is not None and until is not None:
        return False
    return not isinstance(duration, str) or "${" in duration or duration_ms(duration) is not None


_REQUIRED = {
    "SWITCH": _switch_ok,
    "DECISION": _decision_ok,
    "DO_WHILE": _loop_ok,
    "FORK_JOIN": lambda item: bool(item.branches),
    "JSON_JQ_TRANSFORM": lambda item: item.inputs.get("queryExpression") is not None,
    "EVENT": lambda item: bool(item.raw.get("sink")),
    "FORK_JOIN_DYNAMIC": _dynamic_ok,
    "SUB_WORKFLOW": lambda item: item.raw.get("subWorkflowParam") is not None,
    "TERMINATE": _terminate_ok,
    "WAIT": _wait_ok,
}


def _check_paths(item: Step, refs: set[str]) -> None:
    for path in references(item.inputs):
        root = jsonpath.root(path)
        if path != "CPEWF_TASK_ID" and root != "workflow" and root not in refs:
            raise Refusal(400, f"${{{path}}} does not lead anywhere")
