"""What transcripts run on: the core in process, the oracle, or a live server over HTTP."""

from __future__ import annotations

import http.client
import importlib
import json
import time
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from tests.oracle.verbs import Oracle

EPOCH_MS = 1_700_000_000_000
PATIENCE_S = 15.0
Answer = tuple[int, str, bytes]


class Backend(Protocol):
    """A server of some kind, spoken to by verbs."""

    eventual: bool

    def call(self, verb: str, params: dict[str, str], body: bytes) -> Answer: ...

    def advance(self, ms: int) -> None: ...


class InProcess:
    """The core (`fastcond._core.Model`) or the oracle, on a virtual clock."""

    eventual = False

    def __init__(self, kind: str) -> None:
        self._model: Any
        if kind == "oracle":
            self._model = Oracle(1, EPOCH_MS)
        else:
            self._model = importlib.import_module("fastcond._core").Model(1, EPOCH_MS)

    def call(self, verb: str, params: dict[str, str], body: bytes) -> Answer:
        status, kind, answer = self._model.call(verb, params, body)
        self._model.check()
        return status, kind, bytes(answer)

    def advance(self, ms: int) -> None:
        self._model.advance(ms)
        self._model.check()


@dataclass(frozen=True)
class Route:
    """Where a verb lives in the REST API; `{x}` takes a parameter, the rest go into the query."""

    method: str
    path: str


ROUTES = {
    "taskdefs.create": Route("POST", "/metadata/taskdefs"),
    "taskdefs.update": Route("PUT", "/metadata/taskdefs"),
    "taskdefs.delete": Route("DELETE", "/metadata/taskdefs/{tasktype}"),
    "workflowdefs.create": Route("POST", "/metadata/workflow"),
    "workflowdefs.update": Route("PUT", "/metadata/workflow"),
    "workflowdefs.delete": Route("DELETE", "/metadata/workflow/{name}/{version}"),
    "workflow.start": Route("POST", "/workflow"),
    "workflow.start_by_name": Route("POST", "/workflow/{name}"),
    "workflow.get": Route("GET", "/workflow/{workflowId}"),
    "workflow.status": Route("GET", "/workflow/{workflowId}/status"),
    "workflow.decide": Route("PUT", "/workflow/decide/{workflowId}"),
    "workflow.pause": Route("PUT", "/workflow/{workflowId}/pause"),
    "workflow.resume": Route("PUT", "/workflow/{workflowId}/resume"),
    "workflow.retry": Route("POST", "/workflow/{workflowId}/retry"),
    "workflow.restart": Route("POST", "/workflow/{workflowId}/restart"),
    "workflow.terminate": Route("DELETE", "/workflow/{workflowId}"),
    "workflow.remove": Route("DELETE", "/workflow/{workflowId}/remove"),
    "workflow.terminate_remove": Route("DELETE", "/workflow/{workflowId}/terminate-remove"),
    "workflow.rerun": Route("POST", "/workflow/{workflowId}/rerun"),
    "workflow.skip": Route("PUT", "/workflow/{workflowId}/skiptask/{taskReferenceName}"),
    "workflow.variables": Route("POST", "/workflow/{workflowId}/variables"),
    "workflow.resetcallbacks": Route("POST", "/workflow/{workflowId}/resetcallbacks"),
    "workflow.post_message": Route("POST", "/workflow/{workflowId}/messages"),
    "tasks.poll_batch": Route("GET", "/tasks/poll/batch/{tasktype}"),
    "tasks.update": Route("POST", "/tasks"),
    "tasks.update_v2": Route("POST", "/tasks/update-v2"),
    "tasks.update_by_ref": Route("POST", "/tasks/{workflowId}/{taskRefName}/{status}"),
    "tasks.update_by_ref_sync": Route("POST", "/tasks/{workflowId}/{taskRefName}/{status}/sync"),
    "queue.size": Route("GET", "/tasks/queue/size"),
    "events.create": Route("POST", "/event"),
    "events.update": Route("PUT", "/event"),
    "events.delete": Route("DELETE", "/event/{name}"),
    "events.list": Route("GET", "/event"),
    "events.of_event": Route("GET", "/event/{event}"),
    "default_queues.update": Route("POST", "/queue/update/{workflowId}/{taskRefName}/{status}"),
    "default_queues.update_task": Route("POST", "/queue/update/{workflowId}/task/{taskId}/{status}"),
    "default_queues.sizes": Route("GET", "/queue/size"),
    "default_queues.names": Route("GET", "/queue/"),
}


class Http:
    """A live server; what it does may show a little later, so readers ask again until it does."""

    eventual = True

    def __init__(self, url: str, *, timeout_s: float = 30.0) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s

    def call(self, verb: str, params: dict[str, str], body: bytes) -> Answer:
        route = ROUTES[verb]
        path, query = route.path, dict(params)
        for name in [n for n in params if "{" + n + "}" in path]:
            path = path.replace("{" + name + "}", quote(query.pop(name), safe=""))
        target = self._url.path.rstrip("/") + path + ("?" + urlencode(query) if query else "")
        host, port = self._url.hostname or "", self._url.port
        connection = http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        try:
            connection.request(route.method, target, body or None, {"content-type": "application/json"})
            response = connection.getresponse()
            return response.status, response.headers.get("content-type", ""), response.read()
        finally:
            connection.close()

    def advance(self, ms: int) -> None:
        raise NotImplementedError(f"a live server has no clock to move by {ms} ms")


def make(kind: str, url: str | None = None) -> Backend:
    """A backend by name: `oracle`, `model` or `http`."""
    if kind == "http":
        if url is None:
            raise ValueError("the http backend needs a URL")
        return Http(url)
    return InProcess(kind)


def decoded(answer: Answer) -> Any:
    """The body of an answer."""
    _, kind, body = answer
    if kind.startswith("application/json") and body:
        return json.loads(body)
    return body.decode()


def deadline() -> float:
    """Until when an eventual backend is asked again."""
    return time.monotonic() + PATIENCE_S
