"""The two servers: the published Conductor on SQLite, and fastcond, each on a free port and a new folder."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.server import READY_SECONDS_MAX, serving
from benchmarks.peers.processes import run_folder, running
from benchmarks.targets import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAP = "-Xmx700m"
SETTINGS = (
    "--server.address=127.0.0.1",
    # How long it leaves an execution alone before it looks again; 30 s as it comes.
    "--conductor.app.workflow-offset-timeout=1s",
    # PULL_WORKFLOW_MESSAGES is off as it comes (S-42.1).
    "--conductor.workflow-message-queue.enabled=true",
)


@contextlib.contextmanager
def conductor() -> Iterator[str]:
    """Run the original; the address of its API."""
    with run_folder() as folder, serving("sqlite", folder, machine=(HEAP,), settings=SETTINGS) as server:
        yield f"http://127.0.0.1:{server.port}/api"


@contextlib.contextmanager
def fastcond() -> Iterator[str]:
    """Run fastcond as this interpreter has it; the address of its API."""
    with run_folder() as folder:
        port = free_port()
        options = ["--port", str(port), "--data-dir", str(folder / "state")]
        command = [sys.executable, "-m", "fastcond", "server", "start", *options]
        with running(
            command, folder=folder, port=port, health="/health", ready_seconds_max=READY_SECONDS_MAX
        ):
            yield f"http://127.0.0.1:{port}/api"
