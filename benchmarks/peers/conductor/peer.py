"""Conductor OSS on each of its stores."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.client import drive_of
from benchmarks.peers.conductor.server import SETUPS, find_archive, find_java, find_store, serving
from benchmarks.peers.peer import Drive, Peer, Plan
from benchmarks.peers.processes import run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = ("exec", "chain13", "fork10", "dyn50", "sub")
FLOOR = 40.0

COUNTED = {
    "redis": (
        "Java and Redis, search index off; append-only file synced every second, so that an acknowledgement "
        "may be lost"
    ),
    "sqlite": "Java with SQLite inside it, as it comes; it does not start with the search index off",
    "postgres": "Java and PostgreSQL with its default, durable settings, search index off",
}


def _peer(setup: str) -> Peer:
    def prepare() -> None:
        find_java()
        find_archive()
        find_store(setup)

    @contextlib.contextmanager
    def serve(plan: Plan) -> Iterator[Drive]:
        with run_folder() as folder, serving(setup, folder) as server:
            yield drive_of(plan, plan.conductor, port=server.port, roots=server.roots, folder=folder)

    return Peer(f"conductor-{setup}", SHAPES, COUNTED[setup], prepare, serve, floor=FLOOR)


PEERS = tuple(_peer(setup) for setup in SETUPS)
