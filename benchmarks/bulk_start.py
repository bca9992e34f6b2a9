"""Compare what a start costs the server when it comes alone and when it comes with others in one request.

``python -m benchmarks.bulk_start`` from the root of the checkout. Each round, on one fresh server and folder,
starts the same executions in each of the ways below; figures are medians of the rounds, processor time is
that of the server, the archive's work included.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import socket
import statistics
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import machine
from benchmarks.first_day import SERVER_COMMAND
from benchmarks.floors.usage import settle, usage
from benchmarks.targets import ROOT, BenchmarkError, Target, conductor_server

TASK = {"name": "bulk_task", "ownerEmail": "bench@example.com"}
STEP = {"name": "bulk_task", "taskReferenceName": "t", "type": "SIMPLE"}
DEFINITION = {
    "name": "bulk",
    "version": 1,
    "schemaVersion": 2,
    "ownerEmail": "bench@example.com",
    "tasks": [STEP],
}


@dataclass(frozen=True)
class Way:
    """So many connections, each with one request under way that starts so many executions."""

    connections: int
    per_request: int


WAYS = (Way(8, 1), Way(64, 1), Way(8, 10), Way(4, 100), Way(1, 1_000))


def main() -> int:
    """Run, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--server", default=SERVER_COMMAND, help="command line, {port} and {dir} filled in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--executions", type=int, default=16_000, help="started in each way and round")
    parser.add_argument("--payload", type=int, default=1_024, help="bytes of each input")
    parser.add_argument("--json", type=Path, help="where to write the record")
    given = parser.parse_args()
    found: dict[Way, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(given.rounds):
        with conductor_server(given.server) as target:
            _send(_connect(target), "POST", "/api/metadata/taskdefs", json.dumps([TASK]))
            _send(_connect(target), "PUT", "/api/metadata/workflow", json.dumps([DEFINITION]))
            for way in WAYS:
                found[way].append(_measure(target, way, given.executions, given.payload))
    rows = [
        {
            **asdict(way),
            "server_cpu_us_per_execution": round(statistics.median(cpu for cpu, _ in runs), 1),
            "executions_per_s": round(statistics.median(rate for _, rate in runs)),
            "rounds": runs,
        }
        for way, runs in found.items()
    ]
    for row in rows:
        print({name: value for name, value in row.items() if name != "rounds"})
    record = {"machine": asdict(machine.describe(ROOT)), "payload_bytes": given.payload, "ways": rows}
    path = given.json or ROOT / "bench_results" / f"bulk-start-{dt.datetime.now(dt.UTC):%Y-%m-%d}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    return 0


def _measure(target: Target, way: Way, executions: int, payload_bytes: int) -> tuple[float, float]:
    """Return microseconds of server processor time per execution, and executions per second."""
    requests = executions // way.connections // way.per_request
    threads = [
        threading.Thread(target=_start, args=(target, way, requests, payload_bytes))
        for _ in range(way.connections)
    ]
    cpu_s, began = usage(target.pid).cpu_s, time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - began
    started = requests * way.connections * way.per_request
    return (settle(target.pid).cpu_s - cpu_s) / started * 1e6, started / took_s


def _start(target: Target, way: Way, requests: int, payload_bytes: int) -> None:
    connection = _connect(target)
    line = json.dumps({"name": "bulk", "version": 1, "input": {"p": "x" * payload_bytes}})
    path = "/api/workflow" if way.per_request == 1 else "/api/workflow/bulk/start"
    for _ in range(requests):
        answer = _send(connection, "POST", path, "\n".join([line] * way.per_request))
        if way.per_request > 1 and answer.count(b'{"workflowId":') != way.per_request:
            raise BenchmarkError(f"not everything was started: {answer[:500]!r}")


def _connect(target: Target) -> socket.socket:
    host, _, port = target.url.split("/")[2].partition(":")
    return socket.create_connection((host, int(port)), timeout=60)


def _send(connection: socket.socket, method: str, path: str, body: str) -> bytes:
    """Send a request in one piece, as a lean client does, and return the body of its answer."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    content = answer.read()
    if answer.status != 200:
        raise BenchmarkError(f"{method} {path}: {answer.status} {content[:500]!r}")
    return content


if __name__ == "__main__":
    sys.exit(main())
