"""The oracle as a server: definitions, executions, a virtual clock."""

from __future__ import annotations

import copy
import dataclasses
import uuid
from collections import deque

from tests.oracle import definitions, ending, hooks, mailbox, timeouts
from tests.oracle.decide import decide, start_due_wait
from tests.oracle.expressions import context_of, resolve, text, with_template
from tests.oracle.mapping import pinned
from tests.oracle.model import (
    ASYNC_TYPES,
    CANCELED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    PAUSED,
    SCHEDULED,
    TERMINATED,
    Ending,
    Json,
    Object,
    Refusal,
    Step,
    Task,
    TaskDef,
    Workflow,
    WorkflowDef,
)

_CHILD_END = {TERMINATED: CANCELED}


def check_start(request: Json) -> None:
    """The checks of a start request (S-3.1); raises a refusal."""
    name = request.get("name") if isinstance(request, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise Refusal(400, "a start needs the name of a workflow")
    priority = request.get("priority") or 0
    if not isinstance(priority, int) or not 0 <= priority <= 99:
        raise Refusal(400, "priority is from 0 to 99")
    if not isinstance(request.get("input", {}), dict):
        raise Refusal(400, "the input is not an object")


class World:
    """Everything one server knows. Every public call leaves nothing undone that is due now."""

    def __init__(self, now_ms: int) -> None:
        self.now = now_ms
        self.workflows: dict[str, Workflow] = {}
        self.archived: dict[str, Workflow] = {}
        self.task_defs: dict[str, TaskDef] = {}
        self.workflow_defs: dict[tuple[str, int], WorkflowDef] = {}
        self.polled: dict[tuple[str, str | None], int] = {}
        self.handed_out: dict[str, list[int]] = {}
        # What workflows have to tell each other, in order: ends, with their output, and starts, without.
        self.messages: deque[tuple[str, Object | None]] = deque()
        self.doubts: list[str] = []
        # Name and idempotency key that workflows were started with.
        self.keys: dict[str, tuple[str, str]] = {}
        self._ids = 0
        self._pushes = 0
        # The timer of each workflow: its moment, and its place among all that were set.
        self._timers: dict[str, tuple[int, int]] = {}
        self._timers_set = 0

    # ---- small things

    def new_id(self) -> str:
        """A fresh id that looks like a UUID."""
        self._ids += 1
        return str(uuid.UUID(int=(0xFA57C04D << 96) + (4 << 76) + (2 << 62) + self._ids))

    def push(self, task: Task, *, at: int) -> None:
        """Puts a worker task in its queue."""
        self._pushes += 1
        task.due, task.push = at, self._pushes

    def doubt(self, what: str) -> None:
        """Notes that the contract leaves open what happens from here on."""
        self.doubts.append(what)

    def find(self, workflow_id: str) -> Workflow:
        """The workflow, or 404."""
        found = self.workflows.get(workflow_id)
        if found is None:
            raise Refusal(404, f"no workflow {workflow_id}")
        return found

    # ---- definitions

    def latest_version(self, name: Json) -> int | None:
        """The highest registered version of a name (S-2.1)."""
        return max((v for n, v in self.workflow_defs if n == name), default=None)

    def resolved(self, name: str, *, version: int | None) -> WorkflowDef:
        """A registered definition, embedded and pinned, ready to run (S-2.1, S-2.3)."""
        number = self.latest_version(name) if version is None else version
        found = None if number is None else self.workflow_defs.get((name, number))
        if found is None:
            raise Refusal(404, f"no workflow definition {name}.{version}")
        return self.prepared(found)

    def prepared(self, definition: WorkflowDef) -> WorkflowDef:
        """A definition with task definitions embedded and sub-workflow versions pinned (S-2.4, S-2.9)."""
        embedded = definitions.embed(definition, self.task_defs)
        return dataclasses.replace(embedded, steps=tuple(self._pin(s) for s in embedded.steps))

    def _pin(self, step: Step) -> Step:
        step = dataclasses.replace(
            step,
            cases={k: tuple(self._pin(s) for s in v) for k, v in step.cases.items()},
            default=tuple(self._pin(s) for s in step.default),
            branches=tuple(tuple(self._pin(s) for s in b) for b in step.branches),
            body=tuple(self._pin(s) for s in step.body),
        )
        param = step.raw.get("subWorkflowParam")
        if step.type != "SUB_WORKFLOW" or not isinstance(param, dict):
            return step
        name = param.get("name")
        if param.get("workflowDefinition") or param.get("version") is not None or "${" in str(name):
            return step
        version = self.latest_version(name)
        if version is None:
            raise Refusal(404, f"no workflow definition {name}")
        return pinned(step, version)

    # ---- starting

    def start(
        self,
        *,
        name: str,
        given: Json,
        version: int | None = None,
        inline: WorkflowDef | None = None,
        correlation_id: str | None = None,
        priority: int = 0,
        task_to_domain: dict[str, str] | None = None,
        parent: tuple[Workflow, Task] | None = None,
        waits_in_line: bool = False,
        may_refuse: bool = False,
    ) -> Workflow:
        """Starts a workflow and decides it (S-3.1), at once or when its turn among the messages comes."""
        if given is None:
            raise Refusal(400, "the input is missing")
        definition = self.resolved(name, version=version) if inline is None else self.prepared(inline)
        workflow = Workflow(
            id=self.new_id(),
            definition=definition,
            input=copy.deepcopy(with_template(given, definition.input_template)),
            created=self.now,
            variables=dict(definition.variables),
            correlation_id=correlation_id,
            priority=priority,
            task_to_domain=dict(task_to_domain or {}),
        )
        if parent is not None:
            workflow.parent_id, workflow.parent_task_id = parent[0].id, parent[1].id
            parent[1].child = workflow.id
        self._limit(workflow, refuses=may_refuse)
        self.workflows[workflow.id] = workflow
        if waits_in_line:
            self.messages.append((workflow.id, None))
        else:
            decide(self, workflow)
        return workflow

    def _limit(self, workflow: Workflow, *, refuses: bool) -> None:
        """Holds or refuses a workflow of which enough run (S-53.5)."""
        config = workflow.definition.raw.get("rateLimitConfig") or {}
        if (config.get("concurrentExecLimit") or 0) <= 0:
            return
        key = resolve(config.get("rateLimitKey") or "", context_of(workflow))
        workflow.limit_key = "" if key is None else text(key)
        if self._has_room(workflow, others=list(self.workflows.values())):
            return
        if refuses and config.get("policy") == "REJECT":
            raise Refusal(429, "as many as may run do")
        workflow.held = True

    def _has_room(self, workflow: Workflow, *, others: list[Workflow]) -> bool:
        same = [
            w
            for w in others
            if (w.definition.name, w.limit_key) == (workflow.definition.name, workflow.limit_key)
        ]
        waiting = any(w.held for w in same if not w.terminal)
        running = [w for w in same if not w.terminal and not w.held]
        limit: int = workflow.definition.raw["rateLimitConfig"]["concurrentExecLimit"]
        return not waiting and len(running) < limit

    def _admit(self) -> bool:
        """Lets the first workflow begin that waits and may; whether there was one."""
        for workflow in self.workflows.values():
            if workflow.held and not workflow.terminal:
                before = [w for w in self.workflows.values() if not w.held]
                if self._has_room(workflow, others=before) and self._is_first(workflow):
                    workflow.held = False
                    decide(self, workflow)
                    return True
        return False

    def _is_first(self, workflow: Workflow) -> bool:
        key = (workflow.definition.name, workflow.limit_key)
        line = [w for w in self.workflows.values() if w.held and not w.terminal]
        return next(w for w in line if (w.definition.name, w.limit_key) == key) is workflow

    def _start_child(self, parent: Workflow, task: Task) -> None:
        """S-30.4 to S-30.8."""
        task.due, task.callback = None, 0
        task.start = task.start or self.now
        wanted = task.inputs
        inline, given = wanted.get("subWorkflowDefinition"), wanted.get("workflowInput") or {}
        if inline is not None:
            given = {**given, "_systemMetadata": {"dynamic": True}}
        task.status = IN_PROGRESS
        try:
            child = self.start(
                name=wanted.get("subWorkflowName") or "",
                version=wanted.get("subWorkflowVersion") or None,
                inline=None if inline is None else definitions.workflow_def(inline),
                given=given,
                correlation_id=parent.correlation_id,
                priority=parent.priority if wanted.get("priority") is None else int(wanted["priority"]),
                task_to_domain=wanted.get("subWorkflowTaskToDomain") or parent.task_to_domain,
                parent=(parent, task),
                waits_in_line=True,  # S-3.8: its first decide comes by itself
            )
        except Refusal as refusal:
            task.status, task.reason, task.end = FAILED, refusal.message, self.now
            return
        task.output = {**task.output, "subWorkflowId": child.id}

    def _start_independent(self, owner: Workflow, task: Task) -> None:
        """S-31: an execution without a parent; its first decide comes by itself, like a child's."""
        task.due, task.callback = None, 0
        task.start = task.start or self.now
        wanted: Json = task.inputs.get("startWorkflow")
        try:
            check_start(wanted)
            inline = wanted.get("workflowDef")
            if inline is not None:
                definitions.check_workflow_def(inline)
            started = self.start(
                name=wanted["name"],
                version=wanted.get("version"),
                inline=None if inline is None else definitions.workflow_def(inline),
                given=wanted.get("input", {}),
                correlation_id=(wanted.get("correlationId") or "").strip() or owner.correlation_id,
                priority=wanted.get("priority") or 0,
                task_to_domain=wanted.get("taskToDomain") or owner.task_to_domain,
                waits_in_line=True,
            )
        except Refusal as refusal:
            task.status, task.reason, task.end = FAILED, refusal.message, self.now
            return
        task.status, task.output, task.end = COMPLETED, {"workflowId": started.id}, self.now

    # ---- what is due now

    def settle(self) -> None:
        """Starts every due child, tells parents about ended ones, lets timers strike, until nothing is left.

        A timer is a command of its own (S-55.2 Do): what is overdue the moment it is made strikes when the
        command that made it is over.
        """
        while True:
            while self._admit() or self._start_due_child():
                pass
            self._grow_joins()
            if not self._deliver() and not self._fire_overdue():
                break
        for workflow in self.workflows.values():
            self.keep_timer(workflow)

    def _grow_joins(self) -> None:
        """S-25.4: what a joined task puts out is in its join before anything else happens to the workflow."""
        for workflow in self.workflows.values():
            if not workflow.terminal:
                hooks.grow_joins(workflow)

    def _fire_overdue(self) -> bool:
        for workflow in list(self.workflows.values()):
            moment = self._next(workflow)
            if moment is not None and moment <= self.now:
                self.fire(workflow)
                return True
        return False

    def _start_due_child(self) -> bool:
        return any(self._start_due_in(workflow) for workflow in list(self.workflows.values()))

    def _start_due_in(self, workflow: Workflow) -> bool:
        for task in [] if workflow.terminal else workflow.tasks:
            if self._begin_if_due(workflow, task):
                if task.terminal or task.type in {"WAIT", "PULL_WORKFLOW_MESSAGES"}:
                    decide(self, workflow)
                return True
        return False

    def begin_before_end(self, child: Workflow) -> None:
        """A child begun in the step that ends its parent is started first, then ended (S-3.8, S-30.11)."""
        if (child.id, None) in self.messages:
            self.messages.remove((child.id, None))
            decide(self, child)
            self.begin_due(child)

    def begin_due(self, workflow: Workflow) -> None:
        """What a workflow starts begins with it, before another workflow hears of anything (S-63.9)."""
        while self._start_due_in(workflow):
            pass

    def _begin_if_due(self, workflow: Workflow, task: Task) -> bool:
        due = task.status == SCHEDULED and task.due is not None and task.due <= self.now
        if due and task.type == "SUB_WORKFLOW":
            self._start_child(workflow, task)
        elif due and task.type == "START_WORKFLOW":
            self._start_independent(workflow, task)
        elif due and task.type == "PULL_WORKFLOW_MESSAGES":
            mailbox.begin(self, workflow, task=task)
        elif due and task.type == "WAIT":
            start_due_wait(self, task)
        else:
            return False
        return True

    def _deliver(self) -> bool:
        if not self.messages:
            return False
        sender_id, output = self.messages.popleft()
        sender = self.workflows.get(sender_id)
        if sender is not None and output is not None:
            self._tell_parent(sender, output)
        elif sender is not None and not sender.terminal:
            decide(self, sender)
        return True

    def _tell_parent(self, child: Workflow, output: Object) -> None:
        """S-30.9, S-30.13."""
        parent = self.workflows.get(child.parent_id or "")
        if parent is None or not child.terminal:
            return
        task = parent.task(child.parent_task_id or "")
        if task is None or task.terminal or task.child != child.id:
            return
        task.status = _CHILD_END.get(child.status, child.status)
        # Its own child's id, also when the child hands on that of a child of its own.
        task.output = {**task.output, **output, "subWorkflowId": child.id}
        task.end = self.now
        if child.status != COMPLETED:
            name = f"{child.definition.name}.{child.definition.version}/{child.id}"
            task.reason = f"Sub workflow {name} failure reason: {child.reason}"
        decide(self, parent)

    # ---- the clock

    def advance(self, ms: int) -> None:
        """Moves the clock, firing what becomes due on the way, in order."""
        target = self.now + ms
        while True:
            moments = [(m, w) for w in self.workflows.values() if (m := self._next(w)) is not None]
            moment = min((m for m, _ in moments), default=None)
            if moment is None or moment > target:
                break
            self.now = max(self.now, moment)
            # Timers of one instant strike in the order they were set, and push in that order (S-50.9).
            together = sorted((w for m, w in moments if m == moment), key=lambda w: self._timers[w.id])
            if len({self._family(w) for w in together}) < len(together):
                self.doubt("two workflows of one family have a deadline at the same instant")
            # All timers of one instant strike before what they set off between workflows is heard.
            for workflow in together:
                self.fire(workflow)
                self.begin_due(workflow)
            self.settle()
            for workflow in together:
                after = self._next(workflow)
                assert after is None or after > moment, "a deadline that has passed leaves no trace of itself"
        self.now = target

    def _family(self, workflow: Workflow) -> str:
        while (parent := self.workflows.get(workflow.parent_id or "")) is not None:
            workflow = parent
        return workflow.id

    def _next(self, workflow: Workflow) -> int | None:
        """The next moment at which a workflow changes by itself."""
        if workflow.terminal:
            return None
        found = [timeouts.workflow_deadline(workflow)]
        for task in workflow.tasks:
            if task.type == "WAIT" and task.status == IN_PROGRESS and task.wait_until > 0:
                found.append(task.wait_until + 1)  # S-32.7: strictly later than the deadline
            if task.status == SCHEDULED and task.type in ASYNC_TYPES:
                found.append(task.due)
            if workflow.status != PAUSED:
                found.extend(d for d, _ in timeouts.deadlines(task))
        return min((f for f in found if f is not None), default=None)

    def keep_timer(self, workflow: Workflow) -> None:
        """Sets the timer of a workflow when its next moment is another one than before."""
        moment = self._next(workflow)
        if moment is None or moment <= self.now:
            self._timers.pop(workflow.id, None)
        elif self._timers.get(workflow.id, (None, 0))[0] != moment:
            self._timers_set += 1
            self._timers[workflow.id] = (moment, self._timers_set)

    def fire(self, workflow: Workflow) -> None:
        """What is due in a workflow strikes in list order, until something ends it; then it is decided."""
        try:
            self.strike(workflow)
        except Ending as end:
            ending.terminate(self, workflow, status=end.status, reason=end.reason, task=end.task)
            return
        decide(self, workflow)

    def strike(self, workflow: Workflow) -> None:
        """What the timers of a workflow do (S-55, S-32.7); raises Ending when it ends of it (S-5.14)."""
        timeouts.check_workflow(self, workflow)
        for task in list(workflow.tasks):
            if workflow.status != PAUSED and timeouts.check_task(self, task):
                continue
            if task.type == "WAIT" and task.status == IN_PROGRESS and 0 < task.wait_until < self.now:
                task.status, task.end = COMPLETED, self.now
            else:
                self._begin_if_due(workflow, task)

    # ---- reading

    def as_json(self, workflow: Workflow) -> Object:
        """The record as the API shows it, as far as it is compared."""
        ordered = sorted(workflow.tasks, key=lambda t: t.seq)
        found: Object = {
            "workflowId": workflow.id,
            "workflowName": workflow.definition.name,
            "workflowVersion": workflow.definition.version,
            "status": workflow.status,
            "input": workflow.input,
            "output": workflow.output,
            "variables": workflow.variables,
            "priority": workflow.priority,
            "tasks": [self.task_json(workflow, t) for t in ordered],
        }
        optional = {
            "reasonForIncompletion": workflow.reason,
            "correlationId": workflow.correlation_id,
            "parentWorkflowId": workflow.parent_id,
        }
        return found | {k: v for k, v in optional.items() if v is not None}

    def task_json(self, workflow: Workflow, task: Task) -> Object:
        """One task as the API shows it."""
        found: Object = {
            "taskId": task.id,
            "workflowInstanceId": workflow.id,
            "referenceTaskName": task.ref,
            "taskType": task.type,
            "taskDefName": task.def_name,
            "status": task.status,
            "seq": task.seq,
            "retryCount": task.retry_count,
            "iteration": task.iteration,
            "inputData": task.inputs,
            "outputData": task.output,
            "retried": task.retried,
            "executed": task.executed,
            "pollCount": task.poll_count,
            "callbackAfterSeconds": task.callback,
            "scheduledTime": task.scheduled,
            "startTime": task.start,
            "endTime": task.end,
        }
        optional = {
            "reasonForIncompletion": task.reason,
            "subWorkflowId": task.child,
            "domain": task.domain,
            "workerId": task.worker,
            "retriedTaskId": task.retried_id,
        }
        return found | {k: v for k, v in optional.items() if v is not None}
