"""The command words about events: handlers, what they started, messages of queues, and callbacks."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

from tests.oracle.compare import compact

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.session import Line, Session

Object = dict[str, Any]


def _handler(session: Session, line: Line) -> list[str]:
    undo = ("events.delete", {"name": line.json.get("name", "")})
    if session.backend.eventual and undo not in session.defined:
        session.backend.call(*undo, b"")
    session.call("events.create", {}, line.json)
    session.defined.append(undo)
    return []


def _handler_update(session: Session, line: Line) -> list[str]:
    session.call("events.update", {}, line.json)
    return []


def _handler_delete(session: Session, line: Line) -> list[str]:
    session.call("events.delete", {"name": line.args[0]})
    return []


def _handlers(session: Session, line: Line) -> list[str]:
    """`handlers`, of those that this transcript has made, or `handlers EVENT [active=false]`."""
    if line.args:
        active = {"activeOnly": line.options["active"]} if "active" in line.options else {}
        found: list[Object] = session.call("events.of_event", {"event": line.args[0]} | active)
    else:
        ours = {params["name"] for verb, params in session.defined if verb == "events.delete"}
        found = [h for h in session.call("events.list") if h["name"] in ours]
    return [compact(h) for h in found] or ["none"]


def event_execution_id(handler: str, event: str, message: str, *, action: int = 0) -> str:
    """The id of the execution that an action starts: it follows from what it is about."""
    name = f"event:{len(handler)}:{len(event)}:{handler}{event}{message}:{action}"
    digest = hashlib.md5(name.encode(), usedforsecurity=False).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def _caused(session: Session, line: Line) -> list[str]:
    """`caused w2 HANDLER EVENT MESSAGE [action=1]`: names what a handler started; a task is a message."""
    symbol, handler, event, message = line.args
    found = session.task(message)["taskId"] if "/" in message else message
    action = int(line.options.get("action", "0"))
    session.workflows[symbol] = event_execution_id(handler, event, found, action=action)
    return []


def _deliver(session: Session, line: Line) -> list[str]:
    """`deliver EVENT MESSAGE {"payload": ...}`: what a queue inside the server does with a message."""
    event, message = line.args
    payload = line.json if line.json is not None else {}
    session.call("events.deliver", {"event": event, "messageId": message}, session.with_ids(payload))
    return []


def _callback(session: Session, line: Line) -> list[str]:
    """`callback w1 ref STATUS {...}` or `callback w1/ref STATUS {...}`, the latter by task id."""
    *target, status = line.args
    workflow, _, ref = target[0].partition("/")
    params = {"workflowId": session.workflow_id(workflow), "status": status}
    if ref:
        params["taskId"] = session.task(target[0])["taskId"]
        session.call("default_queues.update_task", params, line.json or {})
    else:
        params["taskRefName"] = target[1]
        session.call("default_queues.update", params, line.json or {})
    return []


def _callback_queues(session: Session, line: Line) -> list[str]:
    assert not line.args, "it takes nothing"
    return [compact(session.call("default_queues.names")), compact(session.call("default_queues.sizes"))]


EVENT_WORDS: dict[str, Callable[[Session, Line], list[str]]] = {
    "handler": _handler,
    "handler-update": _handler_update,
    "handler-delete": _handler_delete,
    "handlers": _handlers,
    "caused": _caused,
    "deliver": _deliver,
    "callback": _callback,
    "callback-queues": _callback_queues,
}
