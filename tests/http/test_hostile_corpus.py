"""The hostile corpus (H1-H9, H20-H24, H38) by raw socket against a live server."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.http.hostile import Case, cases
from tests.http.raw import until_closed

if TYPE_CHECKING:
    from tests.conftest import Server

ANSWER_S_MAX = 2.0
GROWTH_KIB_MAX = 256 * 1024
# HTTP's own words for a method and a version that are not spoken here.
ASKED_FOR = {501, 505}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def test_hostile_requests_are_answered_at_once_and_never_by_a_fault(server: Server) -> None:
    """At least 1,000 cases: no answer takes 2 s, none is 5xx, errors have their body, the server lives on."""
    before = resident_kib(server)
    all_cases = cases()
    assert len(all_cases) >= 1000
    assert len({case.name for case in all_cases}) == len(all_cases)
    complaints = [complaint for case in all_cases for complaint in [wrong_with(server, case)] if complaint]
    assert complaints == [], f"{len(complaints)} of {len(all_cases)}:\n" + "\n".join(complaints[:40])
    assert server.process.poll() is None, "".join(server.log)
    assert server.call("GET", "/health").status == 200
    assert server.call("GET", "/api/tasks/poll/batch/some?timeout=1").json() == []
    assert resident_kib(server) - before < GROWTH_KIB_MAX
    faults = [line for line in server.log if "a request failed" in line or "Traceback" in line]
    assert faults == []


@pytest.mark.parametrize(
    "case",
    [case for case in cases() if case.name.startswith("POST /api/workflow: key twice")],
    ids=lambda case: case.name,
)
def test_a_key_given_twice_is_the_clients_mistake(server: Server, case: Case) -> None:
    """H1-H4: two readers could take either value, so nobody does."""
    received, _ = exchange(server.port, case)
    assert received.startswith(b"HTTP/1.1 400 "), received[:200]


def wrong_with(server: Server, case: Case) -> str | None:
    """Return what is wrong with the answer to a case, in one line."""
    received, seconds = exchange(server.port, case)
    if seconds > ANSWER_S_MAX:
        # The machine may have been busy with others; a server that hangs does so again.
        received, seconds = exchange(server.port, case)
    if seconds > ANSWER_S_MAX:
        return f"{case.name}: took {seconds:.1f} s"
    statuses = [int(found) for found in STATUS.findall(received)]
    if case.is_http and len(statuses) != 1:
        return f"{case.name}: {len(statuses)} answers: {received[:120]!r}"
    if any(status >= 500 and status not in ASKED_FOR for status in statuses):
        return f"{case.name}: {received[:300]!r}"
    if b"X-Injected" in received.partition(b"\r\n\r\n")[0]:
        return f"{case.name}: a header of the client's: {received[:300]!r}"
    if case.is_http and statuses[0] >= 400:
        return _wrong_with_error(case, statuses[0], received)
    return None


def _wrong_with_error(case: Case, status: int, received: bytes) -> str | None:
    head, _, body = received.partition(b"\r\n\r\n")
    try:
        fields = json.loads(body)
    except ValueError:
        return f"{case.name}: an error without its body: {received[:200]!r}"
    if fields.get("status") != status or not isinstance(fields.get("message"), str):
        return f"{case.name}: an error of another form: {body[:200]!r}"
    if b"content-type: application/json\r\n" not in head.lower() + b"\r\n":
        return f"{case.name}: an error of another type: {head!r}"
    return None


def exchange(port: int, case: Case) -> tuple[bytes, float]:
    """Send a case and return all that is answered until the end, and how long that took.

    What is no whole request is followed by an end, so that nobody waits for the rest of it.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(case.sent)
            if not case.is_http:
                connection.shutdown(socket.SHUT_WR)
        received = until_closed(connection)
        return received, time.monotonic() - began


def resident_kib(server: Server) -> int:
    """Return the memory that the server's process has now."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    assert found is not None
    return int(found.group(1))
