"""Have and run raw Redis."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.driver import client
from benchmarks.peers.install import program, python_packages
from benchmarks.peers.peer import Drive, Peer, Plan
from benchmarks.peers.processes import run_folder, running
from benchmarks.targets import ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def _redis() -> str:
    return program("redis-lua", "redis-server", "install the package redis-server")


def _programs() -> Path:
    return python_packages("redis-lua", _REQUIREMENTS)


def _prepare() -> None:
    _redis()
    _programs()


def _peer(name: str, width: int, batching: str) -> Peer:
    @contextlib.contextmanager
    def serving(plan: Plan) -> Iterator[Drive]:
        programs, port = _programs(), free_port()
        with run_folder() as folder:
            durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
            command = [_redis(), "--bind", "127.0.0.1", "--port", str(port), *durable]
            python = str(programs / "python")
            drive = [python, "-m", "benchmarks.peers.redis_lua.drive", str(port), str(width)]
            with (
                running(command, folder=folder, port=port) as server,
                client(
                    drive,
                    folder=folder,
                    plan=plan,
                    roots=(server.pid,),
                    environment={**os.environ, "PYTHONPATH": str(ROOT)},
                ) as driven,
            ):
                yield driven

    counted = (
        f"redis-server, appendfsync always; three scripts without engine, definitions, search or recovery of "
        f"leases: what a queue on Redis costs at least, not a peer. {batching}"
    )
    return Peer(name, ("exec",), counted, _prepare, serving)


PEERS = (
    _peer("redis-lua", 1, "One command per round trip; a client in Python keeps it far from busy"),
    _peer("redis-lua-piped", 16, "The client batches: 16 commands per round trip"),
)
