"""fastcond and Conductor OSS: servers of the Conductor API, driven by the compiled client."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.server import SETUPS, find_archive, find_java, find_store
from benchmarks.peers.peer import Drive, Peer, Plan
from benchmarks.targets import ROOT, Report, conductor_server, drive

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = ("exec", "chain13", "fork10", "dyn50", "sub")

COUNTED = {
    "redis": "Java and Redis, append-only file synced every second: an acknowledgement may be lost",
    "sqlite": "Java, with SQLite inside it",
    "postgres": "Java and PostgreSQL with its default, durable settings",
}


def fastcond(shapes: tuple[str, ...]) -> Peer:
    """Make the row that the others are compared with."""

    @contextlib.contextmanager
    def serving(plan: Plan) -> Iterator[Drive]:
        with _served(plan, plan.fastcond_command) as driven:
            yield driven

    return Peer(
        name="fastcond",
        shapes=shapes,
        counted="the server with its embedded store; every acknowledgement after a sync",
        prepare=lambda: None,
        serving=serving,
    )


def _conductor(setup: str) -> Peer:
    # A server runs in its own folder, so the checkout has to be named.
    launch = f"env PYTHONPATH={ROOT} {sys.executable} -m benchmarks.peers.conductor.server"

    def prepare() -> None:
        find_java()
        find_archive()
        find_store(setup)

    @contextlib.contextmanager
    def serving(plan: Plan) -> Iterator[Drive]:
        with _served(plan, f"{launch} {setup} --port {{port}}") as driven:
            yield driven

    return Peer(f"conductor-{setup}", SHAPES, COUNTED[setup], prepare, serving, floor=40.0)


@contextlib.contextmanager
def _served(plan: Plan, command: str) -> Iterator[Drive]:
    with conductor_server(command) as target:

        def driven(shape: str, seconds: float) -> Report:
            return drive(plan.load_generator, target, plan.load(shape, seconds))

        yield driven


PEERS = tuple(_conductor(setup) for setup in SETUPS)
