"""Event handlers over HTTP: the transcripts about them, and what only HTTP shows (rest-api 7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance import transcript
from tests.conformance.backends import make
from tests.conformance.session import Session
from tests.conformance.words import WORDS

if TYPE_CHECKING:
    from tests.conftest import Server

FOLDER = Path(__file__).parents[1] / "conformance" / "events"
FILES = [path for path in transcript.files(FOLDER) if not transcript.read(path).needs_clock]
ACTION = {"action": "start_workflow", "start_workflow": {"name": "w"}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transcript_prints_the_same_over_http(server: Server, path: Path) -> None:
    script = transcript.read(path)
    session = Session(make("http", server.api), WORDS)
    try:
        outputs = [session.run(block.commands, block.expected) for block in script.blocks]
    finally:
        session.forget()
    assert transcript.write(script, outputs) == transcript.write(script, [b.expected for b in script.blocks])


def handler(name: str, event: str, **fields: Any) -> dict[str, Any]:
    """Return a handler that starts a workflow."""
    return {"name": name, "event": event, "active": True, "actions": [ACTION], **fields}


def test_what_a_handler_must_have_is_said_with_its_path(server: Server) -> None:
    """S-80.1, rest-api 15: paths begin with the method's name; what is fine is answered without a body."""
    refused = server.call("POST", "/api/event", {"name": "", "actions": []})
    assert refused.status == 400
    found = {(v["path"], v["message"]) for v in refused.json()["validationErrors"]}
    assert found == {
        ("addEventHandler.arg0.name", "Missing event handler name"),
        ("addEventHandler.arg0.event", "Missing event location"),
        ("addEventHandler.arg0.actions", "No actions specified. Please specify at-least one action"),
    }
    refused = server.call("PUT", "/api/event", handler("", "a:b"))
    assert [v["path"] for v in refused.json()["validationErrors"]] == ["updateEventHandler.arg0.name"]
    taken = server.call("POST", "/api/event", handler("said", "a:b"))
    assert (taken.status, taken.body) == (200, b"")
    again = server.call("POST", "/api/event", handler("said", "a:b"))
    assert (again.status, again.json()["message"]) == (409, "EventHandler with name said already exists!")
    gone = server.call("DELETE", "/api/event/unsaid")
    assert (gone.status, gone.json()["message"]) == (404, "EventHandler with name unsaid not found!")


def test_a_handler_has_at_most_a_thousand_actions(server: Server) -> None:
    assert server.call("POST", "/api/event", handler("many", "a:c", actions=[ACTION] * 1000)).status == 200
    assert server.call("DELETE", "/api/event/many").status == 200
    refused = server.call("POST", "/api/event", handler("more", "a:c", actions=[ACTION] * 1001))
    assert (refused.status, refused.json()["validationErrors"][0]["path"]) == (
        400,
        "addEventHandler.arg0.actions",
    )


def test_an_event_may_have_any_characters(server: Server) -> None:
    event = "amqp_queue:a/b?routingKey=c&durable=true"
    assert server.call("POST", "/api/event", handler("odd/name", event)).status == 200
    path = "/api/event/amqp_queue:a%2Fb%3FroutingKey=c&durable=true"
    assert [h["name"] for h in server.call("GET", path).json()] == ["odd/name"]
    assert server.call("DELETE", "/api/event/odd%2Fname").status == 200
    assert server.call("GET", path).json() == []


def test_only_the_server_s_own_queues_deliver(server: Server) -> None:
    """The door of the queues is no endpoint."""
    assert server.call("POST", "/api/event/deliver", {}).status in {404, 405}


def test_a_status_that_is_none_is_refused(server: Server) -> None:
    """S-81.1: rest-api 2 allows 400 where Conductor answers 500."""
    assert server.call("POST", "/api/queue/update/w/t/DONE", {}).status == 400
    assert server.call("POST", "/api/queue/update/w/t/COMPLETED", []).status == 400
    assert server.call("POST", "/api/queue/update/w/t/COMPLETED", {}).status == 200
