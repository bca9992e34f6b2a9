"""What a peer is: a server that can be had, started, and driven with some of the shapes.

Every peer, fastcond included, gives its reports in the form of the compiled load generator, so that one
summary reads them all. A *task* is one step that a worker carries out: a chain of nine is nine tasks in one
execution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.targets import Report

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

CHAINS = {"exec": 1, "chain9": 9}
"""Shapes that every peer can carry out, and their steps. The others need a Conductor definition."""


class PeerMissingError(Exception):
    """A part of the peer cannot be had on this machine; the message says which and what to do."""


@dataclass(frozen=True)
class Connections:
    """Connections of the compiled client: each server gets as many as make it do most per CPU second."""

    starters: int
    workers: int


@dataclass(frozen=True)
class Plan:
    """How long and how often, the same for all."""

    load_generator: Path
    """The compiled client of the Conductor API."""

    fastcond_command: str
    """Starts fastcond; with ``{port}`` and ``{dir}``."""

    rounds: int = 5
    warm_seconds: float = 20.0
    """A server compiled while it runs is given time for that; all get the same."""
    seconds: float = 15.0
    payload_bytes: int = 1024
    conductor: Connections = Connections(starters=16, workers=16)
    """137 executions per CPU second on Redis; 98 with the connections that fastcond gets."""
    fastcond: Connections = Connections(starters=32, workers=64)
    """14,900 executions per CPU second; 11,100 with those that Conductor gets."""
    inflight: int = 128
    """Enough that a server which looks at its joins now and then is not idle meanwhile."""


Drive = Callable[[str, float], Report]
"""Drives a running server with a shape for some seconds; a broken promise raises ``BenchmarkError``."""


@dataclass(frozen=True)
class Peer:
    """One server under test."""

    name: str
    shapes: tuple[str, ...]

    counted: str
    """Whose CPU time the figures hold, and how durable an acknowledgement is; stands in the record."""

    prepare: Callable[[], None]
    """Fetches what is missing; ``PeerMissingError`` when that cannot be."""

    serving: Callable[[Plan], AbstractContextManager[Drive]]
    """Runs the server on a new folder for the length of the block."""

    floor: float | None = None
    """How many times its work per server CPU second fastcond must do, in every shape."""
