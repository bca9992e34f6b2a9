"""Many starts with one request, an addition to Conductor's API (docs/extensions.md)."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import running
from tests.http.calls import define, read, simple

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Answer, Server

PATH = "/api/workflow/bulk/start"
NDJSON = {"Content-Type": "application/x-ndjson"}


def bulk(server: Server, requests: list[Any]) -> Answer:
    body = "".join(f"{json.dumps(request)}\n" for request in requests).encode()
    return server.call("POST", PATH, body, headers=NDJSON)


def answers(answer: Answer) -> list[Any]:
    assert (answer.status, answer.content_type) == (200, "application/x-ndjson"), answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def test_every_line_is_answered_in_its_place(server: Server) -> None:
    define(server, "bulk", [simple("bulk_task")])
    good, bad = {"name": "bulk", "input": {"a": 1}, "correlationId": "c"}, {"name": "no such", "input": {}}
    first, second, third = answers(bulk(server, [good, bad, good]))
    single = server.call("POST", "/api/workflow", bad)
    assert single.status == 404
    assert second == {"error": single.json()}
    for line in (first, third):
        workflow = read(server, line["workflowId"])
        assert workflow["status"] == "RUNNING"
        assert (workflow["input"], workflow["correlationId"]) == ({"a": 1}, "c")
    assert first != third


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/jsonl", "application/json"])
def test_the_usual_names_of_the_format_are_taken(server: Server, content_type: str) -> None:
    define(server, "bulk_named", [simple("bulk_named_task")])
    body = b'{"name":"bulk_named","input":{}}'
    answer = server.call("POST", PATH, body, headers={"Content-Type": f"{content_type}; charset=utf-8"})
    assert len(answers(answer)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", NDJSON, 400),
        (b"\n" * 5, NDJSON, 400),
        (b'{"name":"x","input":{}}\n' * 1001, NDJSON, 400),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"\x1f\x8b", NDJSON | {"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_request_that_is_wrong_as_a_whole_is_refused(
    server: Server, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = server.call("POST", PATH, body, headers=headers)
    assert (answer.status, answer.json()["status"]) == (status, status)


def test_what_a_line_names_survives_a_kill(tmp_path: Path) -> None:
    pytest.importorskip("fastcond._core", reason="the compiled core is not built (make build)")
    with running(tmp_path) as server:
        define(server, "bulk_kept", [simple("bulk_kept_task")])
        lines = answers(bulk(server, [{"name": "bulk_kept", "input": {"n": n}} for n in range(200)]))
        server.stop(number=signal.SIGKILL)
    with running(tmp_path) as server:
        for n in (0, 99, 199):
            workflow = read(server, lines[n]["workflowId"])
            assert (workflow["status"], workflow["input"]) == ("RUNNING", {"n": n})
        sizes = server.call("GET", "/api/tasks/queue/sizes?taskType=bulk_kept_task").json()
        assert sizes == {"bulk_kept_task": 200}
