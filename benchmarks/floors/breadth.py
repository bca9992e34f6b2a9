"""P12: many idle long polls, and many task types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.floors.bench import median_of_ratios, per_cpu
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import Load, conductor_server

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench

IDLE = Bound("P12", "CPU of idle long polls, share of a core", 0.01, 0.002, is_ceiling=True)
TYPES = Bound("P12", "loss of exec per server CPU second with many task types", 0.10, 0.02, is_ceiling=True)

POLL_TIMEOUT_MS = 5_000
"""The longest that the API allows."""
SPARE_CONNECTIONS = 200


def idle_polls_and_types(bench: Bench) -> Found:
    """Park polls on a server without work, then drive one and many types in interleaved rounds."""
    polls = bench.scale.idle_polls
    idle = Load(
        f"idlepolls{polls}",
        seconds=bench.scale.idle_seconds,
        payload_bytes=0,
        starters=1,
        workers=1,
        poll_timeout_ms=POLL_TIMEOUT_MS,
    )
    room = {"FASTCOND_CONNECTIONS_MAX": str(polls + SPARE_CONNECTIONS)}
    with conductor_server(bench.server_command, environment=room) as target:
        parked = bench.drive(target, idle)
    loads = {
        "one": replace(bench.exec_load(), types=1),
        "many": replace(bench.exec_load(), types=bench.scale.types),
    }
    rounds = []
    for number in range(bench.scale.rounds):
        names = list(loads) if number % 2 == 0 else list(reversed(loads))
        rounds.append({name: bench.fresh(loads[name]) for name in names})
    kept = median_of_ratios((per_cpu(each["many"]), per_cpu(each["one"])) for each in rounds)
    renewals = polls * 1_000 / POLL_TIMEOUT_MS
    note = f"{polls:,} polls of {POLL_TIMEOUT_MS / 1_000:g} s: {renewals:,.0f} renewals a second"
    return Found(
        [
            IDLE.found(parked["server"]["idle_cpu_share"], note),
            TYPES.found(1 - kept, f"{bench.scale.types:,} types"),
        ],
        {"idle": parked, "rounds": rounds},
    )
