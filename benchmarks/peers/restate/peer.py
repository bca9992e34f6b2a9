"""Have and run Restate."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.driver import client
from benchmarks.peers.install import node_packages, program
from benchmarks.peers.peer import CHAINS, Drive, Peer, PeerMissingError, Plan
from benchmarks.peers.processes import run_folder, running
from benchmarks.targets import BenchmarkError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

# It does more at once: per CPU second 497, 836 and 781 invocations of one step with 32, 128 and 400
# unfinished, and 173, 255 and 296 of nine.
INFLIGHT = 400

_HERE = Path(__file__).parent
_REGISTER_SECONDS_MAX = 30.0


# The SDK in package.json is the newest that runs on Node.js 20; the worker is not counted.
def _packages() -> Path:
    return node_packages("restate", _HERE / "package.json")


def _server(packages: Path) -> Path:
    # The package of the server holds a starter; the program is in one named after the processor.
    found = sorted(packages.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))
    if not found:
        raise PeerMissingError("restate: npm has no server for this processor")
    return found[0]


def _prepare() -> None:
    program("restate", "node", "install Node.js 20 or later")
    _server(_packages())


@contextlib.contextmanager
def _serving(plan: Plan) -> Iterator[Drive]:
    packages, node = _packages(), program("restate", "node", "install Node.js 20 or later")
    fabric, ingress, admin, worker_port = (free_port() for _ in range(4))
    with run_folder() as folder:
        for name in ("worker.mjs", "drive.mjs"):
            shutil.copy(_HERE / name, folder)
        (folder / "node_modules").symlink_to(packages / "node_modules")
        environment = {
            **os.environ,
            "RESTATE_BASE_DIR": str(folder / "restate-data"),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{fabric}",
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
            "RESTATE_LOG_FILTER": "warn",
        }
        with (
            running([str(_server(packages))], folder=folder, port=admin, environment=environment) as server,
            running([node, "worker.mjs", str(worker_port)], folder=folder, port=worker_port),
        ):
            _register(admin, worker_port)
            drive = [node, "drive.mjs", str(ingress)]
            with client(drive, folder=folder, plan=plan, roots=(server.pid,), inflight=INFLIGHT) as driven:
                yield driven


def _register(admin_port: int, worker_port: int) -> None:
    """Tell the server where the worker is; it asks the worker what it offers before it answers."""
    connection = http.client.HTTPConnection("127.0.0.1", admin_port, timeout=_REGISTER_SECONDS_MAX)
    with contextlib.closing(connection):
        body = json.dumps({"uri": f"http://127.0.0.1:{worker_port}"})
        connection.request("POST", "/deployments", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    if answer.status >= 300:
        raise BenchmarkError(f"restate does not take the worker: {answer.status} {text[:500]}")


PEERS = (
    Peer(
        name="restate",
        shapes=tuple(CHAINS),
        counted="restate-server with its defaults (log synced to disk); the worker (Node.js) is not counted",
        prepare=_prepare,
        serving=_serving,
        floor=8.0,
    ),
)
