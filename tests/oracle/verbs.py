"""The oracle behind the interface of `fastcond._core.Model`: verb, parameters, body in; an answer out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.oracle import definitions, mailbox, operations, rerun, workers
from tests.oracle.decide import decide
from tests.oracle.model import SCHEDULED, Json, Object, Refusal, Workflow
from tests.oracle.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

Params = dict[str, str]
JSON, TEXT = "application/json", "text/plain"


class Oracle:
    """A drop-in for `Model` that is slow, plain, and written from the contract alone."""

    def __init__(self, seed: int, now_ms: int) -> None:
        self.seed = seed
        self.world = World(now_ms)

    def call(self, verb: str, params: Params, body: bytes) -> tuple[int, str, bytes]:
        """Runs one verb to the end, everything due included."""
        if verb not in _VERBS:
            raise ValueError(f"unknown verb {verb}")
        try:
            value = _VERBS[verb](self.world, params, json.loads(body) if body else None)
        except Refusal as refusal:
            answer = {"status": refusal.code, "message": refusal.message, "retryable": False}
            return refusal.code, JSON, json.dumps(answer).encode()
        self.world.settle()
        if callable(value):
            value = value()
        if value is None:
            return 204 if verb in _EMPTY else 200, "", b""
        if isinstance(value, str):
            return 200, TEXT, value.encode()
        return 200, JSON, json.dumps(value).encode()

    def advance(self, ms: int) -> None:
        """Moves the virtual clock."""
        self.world.advance(ms)

    def now(self) -> int:
        """The virtual time."""
        return self.world.now

    def check(self) -> None:
        """Asserts the invariants of S-96.5."""
        for workflow in self.world.workflows.values():
            _check(self.world, workflow)

    def doubts(self) -> list[str]:
        """What the contract left open so far."""
        return self.world.doubts


# Verbs whose answer without a body is 204 (rest-api 3.1, 5).
_EMPTY = frozenset(
    {"workflow.restart", "workflow.retry", "workflow.resetcallbacks", "tasks.poll", "tasks.update_v2"}
)


def _check(world: World, workflow: Workflow) -> None:
    open_refs = [t.ref for t in workflow.tasks if not t.terminal]
    assert len(open_refs) == len(set(open_refs)), "at most one non-terminal instance per reference name"
    for task in workflow.tasks:
        assert not task.retried or task.unsuccessful, "a retried instance is terminal and unsuccessful"
        assert not task.executed or task.terminal, "executed implies terminal"
    if workflow.terminal:
        assert not open_refs, "a terminal workflow has no non-terminal task"
    if workflow.status == "RUNNING":
        assert open_refs or workflow.held, "a running workflow waits for something"
    seqs = [t.seq for t in workflow.tasks if t.status != "SKIPPED"]
    assert seqs == sorted(set(seqs)), "seq strictly increases"
    assert world.now >= workflow.created


def _flag(params: Params, key: str, *, default: bool = False) -> bool:
    return params[key] == "true" if key in params else default


def _workflow(world: World, params: Params) -> Workflow:
    return world.find(params["workflowId"])


# ---- metadata


def _task_defs_create(world: World, _params: Params, body: Json) -> None:
    for raw in body:
        definitions.check_task_def(raw)
    for raw in body:
        world.task_defs[raw["name"]] = definitions.task_def(raw)


def _task_defs_update(world: World, _params: Params, body: Json) -> None:
    definitions.check_task_def(body)
    if body["name"] not in world.task_defs:
        raise Refusal(404, f"no task definition {body['name']}")
    world.task_defs[body["name"]] = definitions.task_def(body)


def _task_defs_delete(world: World, params: Params, _body: Json) -> None:
    if world.task_defs.pop(params["tasktype"], None) is None:
        raise Refusal(404, f"no task definition {params['tasktype']}")


def _workflow_defs_create(world: World, params: Params, body: Json) -> None:
    definitions.check_workflow_def(body)
    found = definitions.workflow_def(body)
    key = (found.name, found.version)
    if key in world.workflow_defs and not _flag(params, "overwrite"):
        raise Refusal(409, f"{found.name}.{found.version} exists")
    world.workflow_defs[key] = found


def _workflow_defs_update(world: World, _params: Params, body: Json) -> Object:
    for raw in body:
        definitions.check_workflow_def(raw)
    for raw in body:
        found = definitions.workflow_def(raw)
        world.workflow_defs[found.name, found.version] = found
    return {"bulkErrorResults": {}, "bulkSuccessfulResults": [raw["name"] for raw in body]}


def _workflow_defs_delete(world: World, params: Params, _body: Json) -> None:
    if world.workflow_defs.pop((params["name"], int(params["version"])), None) is None:
        raise Refusal(404, "no such workflow definition")


# ---- executions


def _start(world: World, _params: Params, body: Json) -> str:
    inline = body.get("workflowDef")
    if inline is not None:
        definitions.check_workflow_def(inline)
    priority = body.get("priority") or 0
    if not body.get("name") or not 0 <= priority <= 99:
        raise Refusal(400, "name or priority")
    name = body["name"] if inline is None else inline["name"]
    key = body.get("idempotencyKey")
    existing = _under_key(world, name, key=key, strategy=body.get("idempotencyStrategy") or "FAIL")
    if existing is not None:
        return existing.id
    started = world.start(
        name=body["name"],
        version=body.get("version"),
        inline=None if inline is None else definitions.workflow_def(inline),
        given=body.get("input", {}),
        correlation_id=body.get("correlationId"),
        priority=priority,
        task_to_domain=body.get("taskToDomain"),
        may_refuse=True,
    )
    if key:
        world.keys[started.id] = (name, key)
    return started.id


def _under_key(world: World, name: str, *, key: str | None, strategy: str) -> Workflow | None:
    """The workflow that a start with a key comes to; None when it may start (S-90.1)."""
    found = [w for i, w in world.workflows.items() if key and world.keys.get(i) == (name, key)]
    if strategy == "RETURN_EXISTING":
        return found[-1] if found else None
    if any(strategy == "FAIL" or not w.terminal for w in found):
        raise Refusal(409, f"{name} was started with {key} before")
    return None


def _start_by_name(world: World, params: Params, body: Json) -> str:
    priority = int(params.get("priority", "0"))
    if not 0 <= priority <= 99:
        raise Refusal(400, "priority")
    version = params.get("version")
    return world.start(
        name=params["name"],
        version=None if version is None else int(version),
        given=body,
        correlation_id=params.get("correlationId"),
        priority=priority,
        may_refuse=True,
    ).id


_PAYLOADS = ("input", "output", "variables", "inputData", "outputData")


def _masked(shown: Object, hidden: set[str]) -> Object:
    """What a reader sees: values of masked fields are hidden in payloads (S-92.7)."""
    if not hidden:
        return shown

    def hide(value: Json) -> Json:
        if isinstance(value, dict):
            return {k: "***" if k in hidden else hide(v) for k, v in value.items()}
        return [hide(v) for v in value] if isinstance(value, list) else value

    found = {k: hide(v) if k in _PAYLOADS else v for k, v in shown.items()}
    return found | {"tasks": [_masked(t, hidden) for t in found["tasks"]]} if "tasks" in found else found


def _get(world: World, params: Params, _body: Json) -> Object:
    found = world.workflows.get(params["workflowId"]) or world.archived.get(params["workflowId"])
    if found is None:
        raise Refusal(404, "no such workflow")
    hidden = set(found.definition.raw.get("maskedFields") or [])
    shown: Object = _masked(world.as_json(found), hidden)
    if not _flag(params, "includeTasks", default=True):
        shown["tasks"] = []
    return shown


def _status(world: World, params: Params, _body: Json) -> Object:
    found = _workflow(world, params)
    shown: Object = {"workflowId": found.id, "status": found.status}
    if found.correlation_id is not None:
        shown["correlationId"] = found.correlation_id
    if _flag(params, "includeOutput"):
        shown["output"] = found.output
    if _flag(params, "includeVariables"):
        shown["variables"] = found.variables
    return shown


def _retry(world: World, params: Params, _body: Json) -> None:
    resume = _flag(params, "resumeSubworkflowTasks")
    operations.retry_workflow(world, _workflow(world, params), resume_children=resume)


def _rerun(world: World, params: Params, body: Json) -> str:
    rerun.rerun(world, _workflow(world, params), body)
    return params["workflowId"]


def _skip(world: World, params: Params, body: Json) -> None:
    ref = params["taskReferenceName"]
    operations.skip(world, _workflow(world, params), ref=ref, request=body or {})


def _put_variables(world: World, params: Params, body: Json) -> Callable[[], Object]:
    operations.put_variables(world, _workflow(world, params), body)
    return lambda: _get(world, params, None)


def _restart(world: World, params: Params, _body: Json) -> None:
    operations.restart(world, _workflow(world, params), latest=_flag(params, "useLatestDefinitions"))


def _terminate(world: World, params: Params, _body: Json) -> None:
    compensate = params.get("triggerFailureWorkflow") == "true"
    workflow = _workflow(world, params)
    operations.terminate(world, workflow, reason=params.get("reason"), compensate=compensate)


def _remove(world: World, params: Params, _body: Json) -> None:
    archive = _flag(params, "archiveWorkflow", default=True)
    operations.remove(world, _workflow(world, params), archive=archive)


def _terminate_remove(world: World, params: Params, body: Json) -> None:
    if not _workflow(world, params).terminal:
        _terminate(world, params, body)
    world.settle()
    _remove(world, params, body)


def _post_message(world: World, params: Params, body: Json) -> str:
    workflow = _workflow(world, params)
    found = mailbox.post(world, workflow, payload=body)
    decide(world, workflow)
    return found


# ---- tasks


def _poll(world: World, params: Params, _body: Json) -> Json:
    found = workers.poll(
        world,
        params["tasktype"],
        count=int(params.get("count", "1")),
        worker=params.get("workerid"),
        domain=params.get("domain"),
    )
    return [world.task_json(w, t) for w, t in found]


def _poll_one(world: World, params: Params, body: Json) -> Json:
    found = _poll(world, {**params, "count": "1"}, body)
    return found[0] if found else None


def _update(world: World, _params: Params, body: Json) -> str:
    return workers.update(world, body).id


def _update_v2(world: World, _params: Params, body: Json) -> Callable[[], Json]:
    task = workers.update(world, body)

    def next_task() -> Json:
        if not task.terminal or body.get("extendLease"):
            return None
        found = workers.poll(world, task.type, count=1, worker=body.get("workerId"), domain=task.domain)
        return world.task_json(*found[0]) if found else None

    return next_task


def _by_ref(world: World, params: Params, body: Json) -> str | None:
    found = workers.by_reference(
        world,
        params["workflowId"],
        ref=params["taskRefName"],
        status=params["status"],
        output=body or {},
        worker=params.get("workerid"),
    )
    return None if found is None else found.id


def _by_ref_sync(world: World, params: Params, body: Json) -> Callable[[], Object]:
    if _by_ref(world, params, body) is None:
        raise Refusal(404, "no pending task of that name")
    return lambda: _get(world, params, None)


def _task_get(world: World, params: Params, _body: Json) -> Object:
    for workflow in world.workflows.values():
        task = workflow.task(params["taskId"])
        if task is not None:
            return world.task_json(workflow, task)
    raise Refusal(404, "no such task")


def _queue_size(world: World, params: Params, _body: Json) -> int:
    waiting = [t for w in world.workflows.values() for t in w.tasks if t.status == SCHEDULED and not t.system]
    return sum(t.type == params["taskType"] and t.domain == params.get("domain") for t in waiting)


_VERBS: dict[str, Callable[[World, Params, Json], Json]] = {
    "taskdefs.create": _task_defs_create,
    "taskdefs.update": _task_defs_update,
    "taskdefs.delete": _task_defs_delete,
    "workflowdefs.create": _workflow_defs_create,
    "workflowdefs.update": _workflow_defs_update,
    "workflowdefs.delete": _workflow_defs_delete,
    "workflow.start": _start,
    "workflow.start_by_name": _start_by_name,
    "workflow.get": _get,
    "workflow.status": _status,
    "workflow.decide": lambda w, p, _: decide(w, _workflow(w, p)),
    "workflow.pause": lambda w, p, _: operations.pause(_workflow(w, p)),
    "workflow.resume": lambda w, p, _: operations.resume(w, _workflow(w, p)),
    "workflow.retry": _retry,
    "workflow.restart": _restart,
    "workflow.rerun": _rerun,
    "workflow.skip": _skip,
    "workflow.variables": _put_variables,
    "workflow.terminate": _terminate,
    "workflow.remove": _remove,
    "workflow.terminate_remove": _terminate_remove,
    "workflow.post_message": _post_message,
    "workflow.resetcallbacks": lambda w, p, _: operations.reset_callbacks(w, _workflow(w, p)),
    "tasks.poll": _poll_one,
    "tasks.poll_batch": _poll,
    "tasks.update": _update,
    "tasks.update_v2": _update_v2,
    "tasks.update_by_ref": _by_ref,
    "tasks.update_by_ref_sync": _by_ref_sync,
    "tasks.get": _task_get,
    "queue.size": _queue_size,
}
