"""P14: bytes per server CPU second across payload sizes, against the null server with the same payload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.floors.bench import median_of_ratios, per_cpu
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import Load

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

INFLIGHT_BYTES_MAX = 16 << 20
"""Payload under way at one time, so that the largest sizes measure the server and not a lack of memory."""
WARM_SHARE = 0.5
"""Of the measured seconds, before them on both servers: memory that is had for the first time is cleared by
the kernel, and by its host before that, which at large payloads is a third of the first seconds."""
PAYLOADS_PER_EXECUTION = 3
"""Start, poll and update carry one each."""


def bound_of(size: int) -> Bound:
    """Return the bound of a payload of this many bytes."""
    return Bound("P14", f"payload {size:,} B: bytes per server CPU s, share of the null server", 0.40, 0.70)


def load_of(size: int, seconds: float) -> Load:
    """Make the run for a size: fewer connections where a few of its payloads fill the bound."""
    connections = max(8, min(64, INFLIGHT_BYTES_MAX // size))
    return Load(
        profile="exec",
        seconds=seconds,
        payload_bytes=size,
        starters=max(4, connections // 2),
        workers=connections,
    )


def against_null(bench: Bench) -> Found:
    """Drive both servers with every size, in interleaved rounds."""
    rounds: list[dict[str, dict[str, Report]]] = []
    for number in range(bench.scale.shape_rounds):
        entry: dict[str, dict[str, Report]] = {}
        for size in bench.scale.payload_bytes:
            load = load_of(size, bench.scale.seconds / 2)
            warm = load.seconds * WARM_SHARE
            steps = {
                "null": lambda load=load, warm=warm: bench.null(load, warm_seconds=warm),
                "fastcond": lambda load=load, warm=warm: bench.fresh(load, warm_seconds=warm),
            }
            names = list(steps) if number % 2 == 0 else list(reversed(steps))
            entry[str(size)] = {name: steps[name]() for name in names}
        rounds.append(entry)
    rows = []
    for size in bench.scale.payload_bytes:
        pairs = [(per_cpu(each[str(size)]["fastcond"]), per_cpu(each[str(size)]["null"])) for each in rounds]
        rate = median_of_ratios((ours * size * PAYLOADS_PER_EXECUTION, 1e6) for ours, _ in pairs)
        # Both move the same bytes per execution, so the ratio of rates is that of executions.
        rows.append(bound_of(size).found(median_of_ratios(pairs), f"fastcond {rate:,.1f} MB per CPU second"))
    return Found(rows, {"rounds": rounds})
