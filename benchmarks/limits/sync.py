"""The ``fdatasync`` loop: one append and one sync after the other on the disk that the servers use."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from benchmarks.targets import sync_times

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS_PER_EXECUTION = 3
"""Start, poll and update are acknowledged one after the other, so a client alone waits for three syncs."""


def measure(program: Path, *, seconds: float) -> dict[str, Any]:
    """Time the loop, and say what it means for executions that nobody shares a sync with."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    times = sync_times(program, seconds=seconds)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The loop is the only child that ended in between.
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    syncs = times["per_s"] * seconds
    return {
        **times,
        "cpu_us_per_sync": round(1e6 * cpu_s / syncs, 1),
        "executions_per_s": round(times["per_s"] / REQUESTS_PER_EXECUTION, 1),
        "executions_per_cpu_s": round(syncs / REQUESTS_PER_EXECUTION / cpu_s, 1),
    }
