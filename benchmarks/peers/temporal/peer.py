"""Have and run Temporal's development server."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.driver import client
from benchmarks.peers.install import python_packages
from benchmarks.peers.peer import CHAINS, Drive, Peer, Plan
from benchmarks.peers.processes import run_folder, running
from benchmarks.targets import ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

# More only wait for each other, and for seconds: 22 executions per CPU second at 16, 18 at 128.
INFLIGHT = 16

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def _programs() -> Path:
    return python_packages("temporal", _REQUIREMENTS)


def _prepare() -> None:
    _programs()


@contextlib.contextmanager
def _serving(plan: Plan) -> Iterator[Drive]:
    programs, port = _programs(), free_port()
    with run_folder() as folder:
        # Without a file it keeps everything in memory, and nothing that it acknowledges is durable.
        options = ["--headless", "--ip", "127.0.0.1", "--port", str(port), "--db-filename", "temporal.db"]
        command = [str(programs / "temporal"), "server", "start-dev", "--log-level", "error", *options]
        drive = [str(programs / "python"), "-m", "benchmarks.peers.temporal.drive", f"127.0.0.1:{port}"]
        with (
            running(command, folder=folder, port=port) as server,
            client(
                drive,
                folder=folder,
                plan=plan,
                roots=(server.pid,),
                environment={**os.environ, "PYTHONPATH": str(ROOT)},
                inflight=INFLIGHT,
            ) as driven,
        ):
            yield driven


PEERS = (
    Peer(
        name="temporal",
        shapes=tuple(CHAINS),
        counted="temporal server start-dev with a database file; client and worker (Python SDK) not counted",
        prepare=_prepare,
        serving=_serving,
        floor=500.0,
    ),
)
