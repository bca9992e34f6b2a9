"""P13: executions on top of a long history, against an empty store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.floors.bench import median_of_ratios, per_cpu, per_second
from benchmarks.floors.bound import Bound, Found
from benchmarks.floors.usage import folder_bytes, settle
from benchmarks.targets import Load, conductor_server

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

KEPT = Bound("P13", "exec per server CPU second over a long history, share of an empty store", 0.80, 0.95)

FILL_SECONDS_MAX = 3_600.0


def over_history(bench: Bench) -> Found:
    """Fill one server, then drive it and fresh ones in interleaved rounds."""
    history = Load(
        "exec",
        seconds=FILL_SECONDS_MAX,
        payload_bytes=0,
        starters=32,
        workers=64,
        executions=bench.scale.retained,
    )
    rounds: list[dict[str, Report]] = []
    with conductor_server(bench.server_command) as full:
        filled = bench.drive(full, history)
        resident = settle(full.pid).resident_bytes
        on_disk = folder_bytes(full.data)
        for number in range(bench.scale.rounds):
            steps = {
                "full": lambda: bench.drive(full, bench.exec_load()),
                "empty": lambda: bench.fresh(bench.exec_load()),
            }
            names = list(steps) if number % 2 == 0 else list(reversed(steps))
            rounds.append({name: steps[name]() for name in names})
    kept = median_of_ratios((per_cpu(each["full"]), per_cpu(each["empty"])) for each in rounds)
    wall = median_of_ratios((per_second(each["full"]), per_second(each["empty"])) for each in rounds)
    note = (
        f"{bench.scale.retained:,} retained, {sum(on_disk.values()) / 2**30:,.2f} GiB; wall clock {wall:.2f}"
    )
    return Found(
        [KEPT.found(kept, note)],
        {"fill": filled, "resident_bytes": resident, "disk": on_disk, "rounds": rounds},
    )
