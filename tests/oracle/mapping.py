"""Turning a step of the definition into task instances (S-6.9 to S-6.12 and the task type sections)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.oracle import definitions, dynamic_fork, script
from tests.oracle.expressions import context_of, resolve, task_inputs, text
from tests.oracle.model import (
    AI_TYPES,
    ASYNC_TYPES,
    COMPLETED,
    FAILED,
    FATAL,
    IN_PROGRESS,
    SCHEDULED,
    SKIPPED,
    SYSTEM_TYPES,
    TASK_TERMINAL,
    Json,
    Object,
    Step,
    Task,
    TaskDef,
    Workflow,
)
from tests.oracle.waiting import start_wait

if TYPE_CHECKING:
    from tests.oracle.world import World


class MappingError(Exception):
    """A step that cannot become a task; the task fails for good with this reason (S-4.16)."""


class Mapper:
    """Maps steps of one execution at one moment."""

    def __init__(self, world: World, workflow: Workflow) -> None:
        self.world = world
        self.workflow = workflow
        self.context = context_of(workflow)

    def instances(self, step: Step, *, retry_count: int = 0, iteration: int = 0) -> list[Task]:
        """The instances a step gives now, without those whose names are taken (S-6.9, S-6.10)."""
        found = self._absent(self.map(step, retry_count=retry_count))
        if iteration > 0:
            for task in found:
                task.ref = f"{task.ref}__{iteration}"
                task.iteration = iteration
            before = len(found)
            head = found[0].ref if found else None
            found = self._absent(found)
            if found and len(found) < before and found[0].ref != head:
                self.world.doubt("S-6.9: a step was mapped again and only some of its instances are new")
        return found

    def _absent(self, tasks: list[Task]) -> list[Task]:
        taken = {t.ref for t in self.workflow.tasks if t.status == IN_PROGRESS or t.status in TASK_TERMINAL}
        kept = [t for t in tasks if t.ref not in taken]
        if kept and tasks[0].ref in taken:
            self.world.doubt("S-6.9: a step was mapped again and only some of its instances are new")
        return kept

    def map(self, step: Step, *, retry_count: int = 0) -> list[Task]:
        """All instances a step gives, whether or not their names are taken."""
        rule = _RULES.get(step.type, Mapper._user_defined)
        try:
            found = rule(self, step)
        except (MappingError, dynamic_fork.BadFork) as error:
            kind = "FORK" if step.type.startswith("FORK_JOIN") else step.type
            failed = self._new(step, kind=kind, status=FATAL, inputs=self._plain(step))
            failed.reason = str(error)
            failed.end = self.world.now
            found = [failed]
        found[0].retry_count = retry_count
        return found

    # ---- building blocks

    def _new(self, step: Step, *, kind: str, status: str, inputs: Object, task_id: str = "") -> Task:
        return Task(
            id=task_id or self.world.new_id(),
            ref=step.ref,
            type=kind,
            def_name=step.name,
            step=step,
            status=status,
            scheduled=self.world.now,
            inputs=inputs,
        )

    def _plain(self, step: Step) -> Object:
        """Inputs with neither template nor task id (S-8.16)."""
        resolved: Object = resolve(step.inputs, self.context)
        return resolved

    def _with_id(self, step: Step, kind: str, *, template: bool, status: str = IN_PROGRESS) -> Task:
        task_id = self.world.new_id()
        defaults = step.definition.input_template if template and step.definition else {}
        inputs = task_inputs(step.inputs, defaults, context=self.context, task_id=task_id)
        return self._new(step, kind=kind, status=status, inputs=inputs, task_id=task_id)

    def refreshed_inputs(self, task: Task) -> Object:
        """The inputs of a further attempt: a fresh resolution over the old ones (S-54.12, S-61.6)."""
        step = task.step
        templated = step.type not in _UNTEMPLATED
        defaults = step.definition.input_template if templated and step.definition else {}
        fresh = task_inputs(step.inputs, defaults, context=self.context, task_id=task.id)
        if step.type == "EVENT":
            fresh |= self.event_sink(step)
        return {**task.inputs, **fresh}

    # ---- worker tasks

    def _simple(self, step: Step) -> list[Task]:
        return [self._worker(step, step.name)]

    def _user_defined(self, step: Step) -> list[Task]:
        if step.definition is None:  # only a dynamic child: the tree always has one (S-2.4)
            raise MappingError(f"no task definition is registered under {step.name}")
        return [self._worker(step, step.type)]

    def _worker(self, step: Step, kind: str) -> Task:
        task = self._with_id(step, kind, template=True, status=SCHEDULED)
        task.start_delay = task.callback = step.start_delay
        return task

    def _dynamic(self, step: Step) -> list[Task]:
        task = self._with_id(step, "DYNAMIC", template=True, status=SCHEDULED)
        chosen = task.inputs.get(step.raw["dynamicTaskNameParam"])
        if chosen is None:
            raise MappingError("the name of the task to run is missing")
        name = text(chosen)
        definition = self._definition_of(name)
        task.step = dataclasses.replace(step, name=name, definition=definition)
        task.type = task.def_name = name
        task.start_delay = task.callback = step.start_delay
        given = {k: v for k, v in task.inputs.items() if v is not None}
        template: Object = resolve(definition.input_template, self.context)
        task.inputs = {**template, **given} | {k: None for k in task.inputs if k not in {**template, **given}}
        if name == "WAIT":
            start_wait(task, self.world.now)
        elif name in SYSTEM_TYPES and name not in ASYNC_TYPES:
            task.status = IN_PROGRESS
        return [task]

    def _definition_of(self, name: str) -> TaskDef:
        """What retries, timeouts and limits of a name chosen at run time follow (S-21.4)."""
        if not name or name in _STRUCTURED:
            raise MappingError(f"{name} is nothing that a DYNAMIC can be")
        found = self.world.task_defs.get(name)
        if found is None and name not in SYSTEM_TYPES:
            raise MappingError(f"no task definition is registered under {name}")
        return found or TaskDef(name=name, retry_count=0, response_timeout=0)

    # ---- forks and joins

    def _fork(self, step: Step) -> list[Task]:
        join = self.join_after(step)
        fork = self._new(step, kind="FORK", status=COMPLETED, inputs=self._plain(step))
        fork.start = fork.end = self.world.now
        found = [fork]
        for branch in step.branches:
            first = self.unskipped(branch)
            if first is not None:
                found.extend(self._absent(self.map(first)))
        return found if self._is_skipped(join) else found + self.map(join)

    def _is_skipped(self, step: Step) -> bool:
        found = self.workflow.current(step.ref)
        return found is not None and found.status == SKIPPED

    def unskipped(self, steps: tuple[Step, ...]) -> Step | None:
        """The first step of a list that was not skipped (S-60.8, S-6.8)."""
        skipped = {t.ref for t in self.workflow.tasks if t.status == SKIPPED}
        return next((s for s in steps if s.ref not in skipped), None)

    def join_after(self, step: Step) -> Step:
        """The JOIN that must follow a fork in its list (S-22.1)."""
        place = definitions.locate(self.workflow.definition, step.ref)
        if place is not None and place.index + 1 < len(place.siblings):
            after = place.siblings[place.index + 1]
            if after.type == "JOIN":
                return after
        raise MappingError(f"the fork {step.ref} is not followed by a JOIN")

    def _dynamic_fork(self, step: Step) -> list[Task]:
        join = self.join_after(step)
        inputs = self._plain(step)
        children = dynamic_fork.children(self.world, self.workflow, step=step, inputs=inputs)
        fork = self._new(step, kind="FORK", status=COMPLETED, inputs=inputs)
        fork.start = fork.end = self.world.now
        fork.executed = not self._is_skipped(join)
        found, names = [fork], []
        for child in children:
            mapped = self._absent(self.map(child))
            if not mapped:
                raise MappingError(f"the reference name {child.ref} is already taken")
            found.extend(mapped)
            names.append(mapped[-1].ref)
        fork.inputs = {
            **inputs,
            "forkedTasks": [c.ref for c in children],
            "forkedTaskDefs": [c.raw for c in children],
        }
        if self._is_skipped(join):
            return found
        waiting = self._new(join, kind="JOIN", status=IN_PROGRESS, inputs={**join.inputs, "joinOn": names})
        return [*found, waiting]

    def _join(self, step: Step) -> list[Task]:
        names = list(step.raw.get("joinOn") or [])
        return [self._new(step, kind="JOIN", status=IN_PROGRESS, inputs={"joinOn": names})]

    def _exclusive_join(self, step: Step) -> list[Task]:
        inputs: Object = {"joinOn": list(step.raw.get("joinOn") or [])}
        # `make differential`: Conductor writes the list even when it is not set.
        inputs["defaultExclusiveJoinTask"] = list(step.raw.get("defaultExclusiveJoinTask") or [])
        return [self._new(step, kind="EXCLUSIVE_JOIN", status=IN_PROGRESS, inputs=inputs)]

    # ---- branching

    def _switch(self, step: Step) -> list[Task]:
        inputs = self._plain(step)
        task = self._new(step, kind="SWITCH", status=IN_PROGRESS, inputs=inputs)
        kind, expression = step.raw.get("evaluatorType"), step.raw.get("expression") or ""
        if kind == "value-param":
            value = inputs.get(expression)
        elif kind in {"javascript", "graaljs"}:
            try:
                value = script.evaluate(expression, inputs)
            except script.ScriptError as error:
                task.status, task.reason, task.end = FAILED, str(error), self.world.now
                return [task]
        else:
            raise MappingError(f"unknown evaluator {kind}")
        case = case_text(value)
        chosen = step.cases.get(case, step.default)
        task.inputs = {**inputs, "case": case}
        task.output = {"evaluationResult": [case], "selectedCase": case}
        return self._with_branch(task, chosen)

    def _decision(self, step: Step) -> list[Task]:
        inputs = self._plain(step)
        expression = step.raw.get("caseExpression")
        if expression and expression.strip():
            try:
                value = script.evaluate(expression, inputs)
            except script.ScriptError as error:
                raise MappingError(str(error)) from error
        else:
            value = inputs.get(step.raw.get("caseValueParam") or "")
        case = case_text(value)
        chosen = step.cases.get(case) or step.default
        task = self._new(step, kind="DECISION", status=IN_PROGRESS, inputs={"case": case})
        task.output = {"caseOutput": [case]}
        return self._with_branch(task, chosen)

    def _with_branch(self, task: Task, chosen: tuple[Step, ...]) -> list[Task]:
        # S-27.1, S-27.2: chosen and complete as it is mapped, so a retry never chooses a second time.
        task.status, task.start, task.end = COMPLETED, self.world.now, self.world.now
        first = self.unskipped(chosen)
        task.has_children = first is not None
        return [task] if first is None else [task, *self._absent(self.map(first))]

    # ---- the rest

    def _loop(self, step: Step) -> list[Task]:
        return [self._with_id(step, "DO_WHILE", template=True)]

    def _script(self, step: Step) -> list[Task]:
        return [self._with_id(step, step.type, template=True)]

    def _untemplated(self, step: Step) -> list[Task]:
        return [self._with_id(step, step.type, template=False)]

    def _set_variable(self, step: Step) -> list[Task]:
        return [self._new(step, kind=step.type, status=IN_PROGRESS, inputs=self._plain(step))]

    def _noop(self, step: Step) -> list[Task]:
        return [self._new(step, kind=step.type, status=IN_PROGRESS, inputs={})]

    def _wait(self, step: Step) -> list[Task]:
        task = self._with_id(step, "WAIT", template=False)
        start_wait(task, self.world.now)
        return [task]

    def _sub_workflow(self, step: Step) -> list[Task]:
        task = self._new(step, kind="SUB_WORKFLOW", status=SCHEDULED, inputs=self.sub_workflow_inputs(step))
        task.start_delay = task.callback = step.start_delay
        return [task]

    def _event(self, step: Step) -> list[Task]:
        task = self._with_id(step, "EVENT", template=False)
        task.inputs |= self.event_sink(step)
        return [task]

    def event_sink(self, step: Step) -> Object:
        """What an EVENT has in its input besides the parameters (S-34.1)."""
        sink = resolve(step.raw["sink"], self.context)
        return {"sink": sink, "asyncComplete": bool(step.raw.get("asyncComplete"))}

    def _pull(self, step: Step) -> list[Task]:
        task = self._with_id(step, step.type, template=False, status=SCHEDULED)
        task.start_delay = task.callback = step.start_delay
        return [task]

    def _start_workflow(self, step: Step) -> list[Task]:
        task = self._new(step, kind="START_WORKFLOW", status=SCHEDULED, inputs=self._plain(step))
        task.start_delay = task.callback = step.start_delay
        return [task]

    def sub_workflow_inputs(self, step: Step) -> Object:
        """The stored input of a SUB_WORKFLOW task (S-30.1 to S-30.3)."""
        given = step.raw.get("subWorkflowParam")
        if not isinstance(given, dict):
            raise MappingError("subWorkflowParam is missing")
        inline = given.get("workflowDefinition")
        params: Object = resolve({k: v for k, v in given.items() if k != "workflowDefinition"}, self.context)
        if isinstance(inline, str):
            inline = resolve(inline, self.context)
        name, version = params.get("name"), params.get("version")
        if isinstance(inline, dict):
            name = inline.get("name")
        elif version is None:
            version = self.world.latest_version(name)
            if version is None:
                raise MappingError(f"no workflow definition is registered under {name}")
        # Of a definition that is given the version is not kept, as the original does.
        number = None if isinstance(inline, dict) else dynamic_fork.whole_number(version)
        if number is None and not isinstance(inline, dict):
            raise MappingError(f"{version!r} is not a version")
        return {
            "subWorkflowName": name,
            "subWorkflowVersion": number,
            "subWorkflowTaskToDomain": params.get("taskToDomain"),
            "subWorkflowDefinition": inline,
            "priority": params.get("priority"),
            "idempotencyKey": params.get("idempotencyKey"),
            "idempotencyStrategy": params.get("idempotencyStrategy"),
            "workflowInput": self._plain(step),
        }


_PULL = "PULL_WORKFLOW_MESSAGES"
# What these do stands in the definition, where a DYNAMIC has nothing of it.
_STRUCTURED = frozenset(
    {"FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN"}
    | {"SWITCH", "DECISION", "DO_WHILE", "DYNAMIC"}
)
# S-8.16: their inputs take no input template.
_UNTEMPLATED = frozenset(
    {"WAIT", "HUMAN", "TERMINATE", "SET_VARIABLE", "NOOP", "START_WORKFLOW", "EVENT", _PULL}
)

_RULES = {
    "SIMPLE": Mapper._simple,
    "DYNAMIC": Mapper._dynamic,
    "FORK_JOIN": Mapper._fork,
    "FORK_JOIN_DYNAMIC": Mapper._dynamic_fork,
    "JOIN": Mapper._join,
    "EXCLUSIVE_JOIN": Mapper._exclusive_join,
    "SWITCH": Mapper._switch,
    "DECISION": Mapper._decision,
    "DO_WHILE": Mapper._loop,
    "INLINE": Mapper._script,
    "LAMBDA": Mapper._script,
    "JSON_JQ_TRANSFORM": Mapper._script,
    "HUMAN": Mapper._untemplated,
    "TERMINATE": Mapper._untemplated,
    "SET_VARIABLE": Mapper._set_variable,
    "NOOP": Mapper._noop,
    "WAIT": Mapper._wait,
    "EVENT": Mapper._event,
    **dict.fromkeys(AI_TYPES, Mapper._script),
    _PULL: Mapper._pull,
    "SUB_WORKFLOW": Mapper._sub_workflow,
    "START_WORKFLOW": Mapper._start_workflow,
}


def case_text(value: Json) -> str:
    """The case a value selects (S-27.1)."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def pinned(step: Step, version: int) -> Step:
    """A SUB_WORKFLOW step with its version fixed (S-2.9)."""
    raw = {**step.raw, "subWorkflowParam": {**step.raw["subWorkflowParam"], "version": version}}
    return dataclasses.replace(step, raw=raw)
