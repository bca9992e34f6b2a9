"""HTTP tasks through the whole server: leased, run in the process, reported (S-35)."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.calls import define, ended, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Server


# What a server may answer and fastcond may not be able to keep as JSON.
ODD_BODIES = {
    "/deep": b"[" * 5_000 + b"]" * 5_000,
    "/twice": b'{"a":1,"a":2}',
    "/long": b"1" * 100_000,
    "/infinite": b"[1e999, NaN, Infinity]",
    "/broken": b'{"a":',
    "/latin": b'"\xe4\xff"',
    "/surrogate": b'"\\ud800"',
    "/zero": b'"\x00"',
}


class Remote(BaseHTTPRequestHandler):
    """Answers POST with what it was sent, and any other path with its number as status."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, b'{"got":' + body + b"}")

    def do_GET(self) -> None:
        if self.path in ODD_BODIES:
            self.answer(200, ODD_BODIES[self.path])
            return
        self.answer(int(self.path.strip("/")), b'{"why":"asked for"}')

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the interface's name
        """Keep the test output quiet."""


@contextlib.contextmanager
def remote() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Remote) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def http_task(reference: str, request: dict[str, Any], **fields: Any) -> dict[str, Any]:
    task = {"name": reference, "taskReferenceName": reference, "type": "HTTP"}
    return {**task, "inputParameters": {"http_request": request}, **fields}


def test_an_http_task_completes_with_the_response(server: Server) -> None:
    """S-35.2; the request's parameters are resolved before the worker sees them."""
    request = {"uri": "${workflow.input.url}/echo", "method": "POST", "body": {"n": "${workflow.input.n}"}}
    define(
        server,
        "http_ok",
        [http_task("call", request)],
        outputParameters={"n": "${call.output.response.body.got.n}"},
    )
    with remote() as url:
        workflow = ended(server, start(server, "http_ok", {"url": url, "n": 12345678901234567890}))
    assert workflow["status"] == "COMPLETED"
    assert workflow["output"]["n"] == 12345678901234567890
    response = workflow["tasks"][0]["outputData"]["response"]
    assert (response["statusCode"], response["reasonPhrase"]) == (200, "OK")


def test_an_http_error_fails_the_task_with_its_reason(server: Server) -> None:
    """S-35.4."""
    define(server, "http_bad", [http_task("call", {"uri": "${workflow.input.url}/503", "method": "GET"})])
    with remote() as url:
        workflow = ended(server, start(server, "http_bad", {"url": url}))
    assert workflow["status"] == "FAILED"
    task = workflow["tasks"][0]
    assert task["outputData"]["response"]["statusCode"] == 503
    assert task["reasonForIncompletion"].startswith("Failed to invoke HTTP task due to: 503 ")


def test_an_http_task_is_retried_only_as_its_definition_says(server: Server) -> None:
    """S-35.5: whatever the status, and with the number of the task definition of its name or of the step."""
    request = {"uri": "${workflow.input.url}/404", "method": "GET"}
    definition = {"name": "call_twice", "retryCount": 1, "retryDelaySeconds": 0}
    assert server.call("POST", "/api/metadata/taskdefs", [definition]).status == 200
    define(server, "http_once", [http_task("call_once", request)])
    define(server, "http_twice", [http_task("call_twice", request)])
    define(server, "http_thrice", [http_task("call_twice", request, retryCount=2)])
    with remote() as url:
        attempts = {
            name: len(ended(server, start(server, name, {"url": url}))["tasks"])
            for name in ("http_once", "http_twice", "http_thrice")
        }
    assert attempts == {"http_once": 1, "http_twice": 2, "http_thrice": 3}


def test_an_async_complete_http_task_waits(server: Server) -> None:
    """S-35.2, S-9.5: 2xx leaves the task IN_PROGRESS until somebody completes it."""
    request = {"uri": "${workflow.input.url}/echo", "method": "POST", "body": {}}
    define(server, "http_async", [http_task("call", request, asyncComplete=True)])
    with remote() as url:
        workflow_id = start(server, "http_async", {"url": url})
        sent = threading.Event()
        while not sent.is_set():
            task = server.call("GET", f"/api/workflow/{workflow_id}").json()["tasks"][0]
            if task["status"] == "IN_PROGRESS" and task.get("outputData"):
                sent.set()
            assert task["status"] in {"SCHEDULED", "IN_PROGRESS"}, json.dumps(task)
    done = server.call("POST", f"/api/tasks/{workflow_id}/call/COMPLETED", {"by": "hand"})
    assert done.status == 200
    assert ended(server, workflow_id)["status"] == "COMPLETED"


def test_a_metadata_address_is_out_of_reach(server: Server) -> None:
    """G24."""
    define(server, "http_denied", [http_task("call", {"uri": "http://169.254.169.254/", "method": "GET"})])
    workflow = ended(server, start(server, "http_denied"))
    assert workflow["tasks"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "egress policy" in workflow["tasks"][0]["reasonForIncompletion"]


@pytest.mark.parametrize("path", ODD_BODIES)
def test_whatever_a_server_answers_the_task_ends(server: Server, path: str) -> None:
    """S-35.2: a body that is no JSON is text; one that cannot be kept fails the task, and nothing waits."""
    name = f"http_odd_{path[1:]}"
    define(server, name, [http_task("call", {"uri": "${workflow.input.url}" + path, "method": "GET"})])
    with remote() as url:
        workflow = ended(server, start(server, name, {"url": url}))
    task = workflow["tasks"][0]
    assert task["status"] in {"COMPLETED", "FAILED"}
    assert (task["status"] == "COMPLETED") == ("statusCode" in task["outputData"].get("response", {}))
    assert task["status"] == "COMPLETED" or task["reasonForIncompletion"]
