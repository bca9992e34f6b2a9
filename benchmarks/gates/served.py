"""What one execution costs a real server under a fixed schedule: crossings, syncs, journal bytes.

The schedule makes the counts exact. One request at a time shows the price of a request alone; pipelines of
sixteen show that batches cross and sync, not items.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks.targets import ROOT, STOP_SECONDS_MAX, WORK

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPELINE = 16
PAYLOAD = "x" * 1024

ALONE = 48
"""Executions one request at a time."""

PIPELINED = 12 * PIPELINE
"""Executions in pipelines."""

ANSWER_SECONDS_MAX = 60.0

_TIMED = "sweep"
"""Called once a second, so its number says how fast the run was."""

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_JOURNAL_BYTES = re.compile(rb"^fastcond_journal_bytes_total (\d+)", re.MULTILINE)

_TASK = {"name": "gate", "retryCount": 0, "responseTimeoutSeconds": 3600, "ownerEmail": "gate@example.com"}
_STEP = {
    "name": "gate",
    "taskReferenceName": "t1",
    "type": "SIMPLE",
    "inputParameters": {"payload": "${workflow.input.payload}"},
}
_WORKFLOW = {
    "name": "gate",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "gate@example.com",
    "timeoutPolicy": "ALERT_ONLY",
    "timeoutSeconds": 0,
    "tasks": [_STEP],
}


@dataclass(frozen=True)
class Cost:
    """Per execution of one task with payloads of 1 KB: start, poll, update."""

    crossings: float
    """Calls from Python into the core."""

    syncs: float
    """Syncs of the journal; those of the archive come about once a second and belong to no execution."""

    journal_bytes: float


def count(*, with_syncs: bool) -> dict[str, Cost]:
    """Count both schedules on a new server; without strace the syncs are 0."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gates-", dir=WORK) as folder:
        server = _Counted(Path(folder), with_syncs=with_syncs)
        try:
            client = _Client(server.port)
            client.post("/api/metadata/taskdefs", [_TASK])
            client.post("/api/metadata/workflow", _WORKFLOW)
            # What happens only once lies behind.
            _execute(client, PIPELINE)
            before = server.look(client)
            for _ in range(ALONE):
                _execute(client, 1)
            between = server.look(client)
            for _ in range(PIPELINED // PIPELINE):
                _execute(client, PIPELINE)
            after = server.look(client)
        finally:
            server.stop()
    return {
        "served_alone": before.cost_until(between, ALONE),
        "served_pipelined": between.cost_until(after, PIPELINED),
    }


@dataclass(frozen=True)
class _Look:
    """The counters at one moment: before and after the request that asks for the journal's bytes."""

    crossings_before: int
    crossings_after: int
    syncs_before: int
    syncs_after: int
    journal_bytes: int

    def cost_until(self, later: _Look, executions: int) -> Cost:
        return Cost(
            round((later.crossings_before - self.crossings_after) / executions, 3),
            round((later.syncs_before - self.syncs_after) / executions, 3),
            round((later.journal_bytes - self.journal_bytes) / executions, 1),
        )


class _Counted:
    """A running server that tells its crossings, under strace that tells its syncs."""

    def __init__(self, folder: Path, *, with_syncs: bool) -> None:
        self._trace = folder / "trace"
        self._trace.touch()
        trace = [
            "strace",
            "-D",
            "-f",
            "-q",
            "-y",
            "-o",
            str(self._trace),
            "-e",
            "trace=fdatasync,fsync",
            "--",
        ]
        command = [sys.executable, "-m", "benchmarks.gates.counted_server", str(folder / "store")]
        self._process = subprocess.Popen(
            [*(trace if with_syncs else []), *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        banner = self._line()
        found = re.search(r"http://[^ ]*:(\d+)", banner)
        if found is None:
            _, error = self._process.communicate(timeout=STOP_SECONDS_MAX)
            raise RuntimeError(f"the counted server did not start: {banner}{error}")
        self.port = int(found[1])

    def look(self, client: _Client) -> _Look:
        crossings, syncs = self._crossings(), self._syncs()
        found = _JOURNAL_BYTES.search(client.get("/metrics"))
        if found is None:
            raise RuntimeError("/metrics has no fastcond_journal_bytes_total")
        return _Look(crossings, self._crossings(), syncs, self._syncs(), int(found[1]))

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=STOP_SECONDS_MAX)

    def _crossings(self) -> int:
        _stream(self._process.stdin).write("\n")
        _stream(self._process.stdin).flush()
        counts: dict[str, int] = json.loads(self._line())
        return sum(number for name, number in counts.items() if name != _TIMED)

    def _syncs(self) -> int:
        return sum("/journal/" in line for line in self._trace.read_text().splitlines())

    def _line(self) -> str:
        return _stream(self._process.stdout).readline()


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the process was started without this pipe")
    return stream


class _Client:
    """One connection that sends whole pipelines and reads whole answers."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS_MAX)
        self._received = b""

    def post(self, path: str, body: object) -> None:
        self.exchange([_request("POST", path, _compact(body))])

    def get(self, path: str) -> bytes:
        (body,) = self.exchange([_request("GET", path)])
        return body

    def exchange(self, requests: list[bytes]) -> list[bytes]:
        """Send the requests in one piece and return the bodies of their answers."""
        self._socket.sendall(b"".join(requests))
        answers = self._answers()
        return [next(answers) for _ in requests]

    def _answers(self) -> Iterator[bytes]:
        while True:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head + b"\r\n")
            if end and not head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 204 ")):
                raise RuntimeError(f"refused: {self._received[:500]!r}")
            size = int(length[1]) if length else 0
            if end and len(rest) >= size:
                self._received = rest[size:]
                yield rest[:size]
            else:
                read = self._socket.recv(1 << 20)
                if not read:
                    raise RuntimeError("the server closed the connection")
                self._received += read


def _request(method: str, path: str, body: str = "") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n{body}".encode()


def _compact(value: object) -> str:
    """Write JSON as a template writes it: equal payloads are then equal bytes, which are kept once."""
    return json.dumps(value, separators=(",", ":"))


def _execute(client: _Client, number: int) -> None:
    """Start, poll and complete this many executions, each of the three in one pipeline."""
    start = _compact({"name": "gate", "version": 1, "input": {"payload": PAYLOAD}})
    client.exchange([_request("POST", "/api/workflow", start)] * number)
    polled = client.exchange([_request("GET", "/api/tasks/poll/gate?workerid=gate")] * number)
    client.exchange([_request("POST", "/api/tasks", _completion(task)) for task in polled])


def _completion(task: bytes) -> str:
    polled = json.loads(task)
    return _compact(
        {
            "workflowInstanceId": polled["workflowInstanceId"],
            "taskId": polled["taskId"],
            "workerId": "gate",
            "status": "COMPLETED",
            "outputData": {"payload": PAYLOAD},
        }
    )
