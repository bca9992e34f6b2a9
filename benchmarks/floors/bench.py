"""What every target is measured with: load generator, server command, and how much of everything."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.targets import Load, Report, Target, conductor_server, drive, null_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Scale:
    """How long, how wide and how often."""

    rounds: int = 5
    seconds: float = 6.0
    """Of one run against a server."""
    shape_rounds: int = 3
    """Of the shapes and payloads, which need less precision than the shares."""
    wide: str = "10k"
    """Width of the wide fork and depth of the deep loop."""
    dynamic: str = "4000"
    """Width of the wide dynamic fork: the one that stopped Conductor (netflix#1767)."""
    curve_shares: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
    """Shares of the peak, besides the half of it."""
    parked: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    idle_seconds: float = 30.0
    disk_executions: tuple[int, int] = (50_000, 250_000)
    search_tries: int = 200
    overload_seconds: float = 300.0
    idle_polls: int = 10_000
    types: int = 1_000
    retained: int = 5_000_000
    payload_bytes: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000)


QUICK = Scale(
    rounds=1,
    seconds=2.0,
    shape_rounds=1,
    wide="1k",
    dynamic="1k",
    curve_shares=(0.1, 0.9),
    parked=(1_000, 10_000),
    idle_seconds=5.0,
    disk_executions=(5_000, 25_000),
    search_tries=20,
    overload_seconds=10.0,
    idle_polls=1_000,
    types=100,
    retained=50_000,
    payload_bytes=(100, 10_000, 1_000_000),
)


@dataclass(frozen=True)
class Bench:
    """One installation to measure with."""

    program: Path
    """The built load generator."""
    server_command: str
    """With ``{port}`` and ``{dir}``."""
    scale: Scale

    def fresh(self, load: Load, *, command: str | None = None, warm_seconds: float = 0.0) -> Report:
        """Drive a new server on a new folder, and measure after so many seconds of the same load."""
        with conductor_server(command or self.server_command) as target:
            return self._warm(target, load, warm_seconds)

    def null(self, load: Load, *, warm_seconds: float = 0.0) -> Report:
        """Drive a new null durable server likewise."""
        with null_server(self.program) as target:
            return self._warm(target, load, warm_seconds)

    def _warm(self, target: Target, load: Load, seconds: float) -> Report:
        if seconds > 0:
            self.drive(target, replace(load, seconds=seconds))
        return self.drive(target, load)

    def drive(self, target: Target, load: Load) -> Report:
        """Drive a server that runs, and say so on standard error."""
        rate = "" if load.rate is None else f" at {load.rate:,.0f}/s"
        print(
            f"  {load.profile}{rate}, {load.payload_bytes} B, on {target.kind}", file=sys.stderr, flush=True
        )
        return drive(self.program, target, load)

    def exec_load(self, *, seconds: float | None = None) -> Load:
        """One execution of one task with 1 KB payloads, as the first targets have it."""
        return Load(
            profile="exec",
            seconds=seconds or self.scale.seconds,
            payload_bytes=1_024,
            starters=32,
            workers=64,
        )


def per_cpu(report: Report) -> float:
    """Executions per second of server CPU."""
    return float(report["executions"]["per_server_cpu_s"])


def tasks_per_cpu(report: Report) -> float:
    """Tasks per second of server CPU."""
    return float(report["tasks"]["per_server_cpu_s"])


def per_second(report: Report) -> float:
    """Executions per second of wall clock."""
    return float(report["executions"]["per_s"])


def median_of_ratios(pairs: Iterable[tuple[float, float]]) -> float:
    """Take the median of quotients, each of two figures of one round."""
    return statistics.median(over / under for over, under in pairs)
