"""Death of the server with events in flight: none is lost, nothing is done twice (G13, S-80.6, S-80.11).

What an action does and the note that it was done are one journal record; the message leaves its outbox after
both. So after any number of kills each order that was acknowledged was billed once and heard of once, by two
actions of one handler. `rust/node/tests/recovery` cuts the journal after every record; here it is a process.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.event_words import event_execution_id
from tests.durability.server import Server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("core")]

KILLS = 5
SEED = 13
STARTERS = 3
SETTLED_S_MAX = 30.0
EVENT = "conductor:order:paid"


def definitions(server: Server, collector: str) -> None:
    """Registers an order that publishes, the bill, and the handler that starts one and notes the order."""
    workflows = [
        {"name": "bill", "tasks": [{"name": "w", "taskReferenceName": "w", "type": "HUMAN"}]},
        {"name": "order", "tasks": [event_task()]},
    ]
    assert server.call("PUT", "/api/metadata/workflow", body=workflows).status == 200
    note = {"workflowId": collector, "variables": {"heard": ["${of}"]}, "appendArray": True}
    handler = {
        "name": "pays",
        "event": EVENT,
        "active": True,
        "condition": "$.event_produced.length > 0",
        "actions": [
            {"action": "start_workflow", "start_workflow": {"name": "bill", "input": {"of": "${of}"}}},
            {"action": "update_workflow_variables", "update_workflow_variables": note},
        ],
    }
    assert server.call("POST", "/api/event", body=handler).status == 200


def event_task() -> dict[str, Any]:
    """Returns the step that publishes under its own task id."""
    parameters = {"of": "${CPEWF_TASK_ID}"}
    return {
        "name": "e",
        "taskReferenceName": "e",
        "type": "EVENT",
        "sink": "conductor:paid",
        "inputParameters": parameters,
    }


def collector(server: Server) -> str:
    """Starts the execution that hears of every order."""
    workflow = {"name": "all", "tasks": [{"name": "h", "taskReferenceName": "h", "type": "HUMAN"}]}
    assert server.call("PUT", "/api/metadata/workflow", body=[workflow]).status == 200
    answer = server.call("POST", "/api/workflow", body={"name": "all", "input": {}})
    assert answer.status == 200
    return answer.body.decode()


def order(server: Server, started: list[str], enough: threading.Event) -> None:
    """Starts orders until the server is gone; notes those that were acknowledged."""
    while not enough.is_set():
        try:
            answer = server.call("POST", "/api/workflow", body={"name": "order", "input": {}})
        except OSError:
            return
        if answer.status == 200:
            started.append(answer.body.decode())


def test_kills_with_events_in_flight_lose_none_and_double_none(tmp_path: Path) -> None:
    server = Server(tmp_path)
    chance = random.Random(SEED)
    started: list[str] = []
    try:
        server.start()
        everybody = collector(server)
        definitions(server, everybody)
        for _ in range(KILLS):
            before = len(started)
            enough = threading.Event()
            crowd = [threading.Thread(target=order, args=(server, started, enough)) for _ in range(STARTERS)]
            for one in crowd:
                one.start()
            until = time.monotonic() + SETTLED_S_MAX
            wanted = before + chance.randrange(5, 120)
            while len(started) < wanted and time.monotonic() < until:
                time.sleep(0.001)
            server.kill()
            enough.set()
            for one in crowd:
                one.join()
            server.start()
        check(server, everybody, started)
    finally:
        server.kill()


def check(server: Server, everybody: str, started: list[str]) -> None:
    """Compares what was acknowledged with what the handler did, once it had the time to do it."""
    assert len(started) >= KILLS * 5, "the kills hit a busy server"
    messages = [published(server, workflow) for workflow in started]
    until = time.monotonic() + SETTLED_S_MAX
    while True:
        heard = Counter(heard_by(server, everybody))
        if heard.keys() >= set(messages) or time.monotonic() > until:
            break
        time.sleep(0.05)
    assert not set(messages) - heard.keys(), "an event was lost"
    assert max(heard.values()) == 1, "an event was acted on twice"
    for message in heard:
        bill = event_execution_id("pays", EVENT, message)
        answer = server.call("GET", f"/api/workflow/{bill}")
        assert (answer.status, answer.json()["input"]["of"]) == (200, message)
    # Orders whose answer was lost count too, but no bill is without one.
    found = server.call("GET", "/api/workflow/search?query=workflowType%3Dbill&size=1")
    assert found.json()["totalHits"] == len(heard)


def published(server: Server, workflow: str) -> str:
    """Returns the message that an order published: the id of its task."""
    shown = server.call("GET", f"/api/workflow/{workflow}").json()
    assert shown["status"] == "COMPLETED"
    task: str = shown["tasks"][0]["taskId"]
    return task


def heard_by(server: Server, workflow: str) -> list[str]:
    """Returns the messages that the collector knows."""
    shown = server.call("GET", f"/api/workflow/{workflow}?includeTasks=false").json()
    found: list[str] = shown["variables"].get("heard", [])
    return found
