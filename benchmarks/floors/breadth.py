"""P12: many idle long polls, and many task types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.floors.bench import median_of_ratios, per_cpu
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import Load, conductor_server

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

IDLE = Bound("P12", "CPU of idle long polls of 50 s, share of a core", 0.01, 0.002, is_ceiling=True)
IDLE_SHORT = Bound("P12", "the same, of 5 s, the most that Conductor allows", None, None, is_ceiling=True)
TYPES = Bound("P12", "loss of exec per server CPU second with many task types", 0.10, 0.02, is_ceiling=True)

POLL_S = 50
SHORT_POLL_S = 5
SPARE_CONNECTIONS = 200


def idle_polls_and_types(bench: Bench) -> Found:
    """Park polls on a server without work, then drive one and many types in interleaved rounds."""
    parked = {seconds: _idle(bench, seconds) for seconds in (POLL_S, SHORT_POLL_S)}
    loads = {
        "one": replace(bench.exec_load(), types=1),
        "many": replace(bench.exec_load(), types=bench.scale.types),
    }
    rounds = []
    for number in range(bench.scale.rounds):
        names = list(loads) if number % 2 == 0 else list(reversed(loads))
        rounds.append({name: bench.fresh(loads[name]) for name in names})
    kept = median_of_ratios((per_cpu(each["many"]), per_cpu(each["one"])) for each in rounds)

    def note(seconds: int) -> str:
        return f"{bench.scale.idle_polls:,} polls: {bench.scale.idle_polls / seconds:,.0f} renewals a second"

    return Found(
        [
            IDLE.found(parked[POLL_S]["server"]["idle_cpu_share"], note(POLL_S)),
            IDLE_SHORT.found(parked[SHORT_POLL_S]["server"]["idle_cpu_share"], note(SHORT_POLL_S)),
            TYPES.found(1 - kept, f"{bench.scale.types:,} types"),
        ],
        {"idle": parked, "rounds": rounds},
    )


def _idle(bench: Bench, seconds: int) -> Report:
    """Watch a server on which nothing but polls of that length are parked."""
    polls = bench.scale.idle_polls
    load = Load(
        f"idlepolls{polls}",
        seconds=max(bench.scale.idle_seconds, seconds + SHORT_POLL_S),
        payload_bytes=0,
        starters=1,
        workers=1,
        poll_timeout_ms=seconds * 1_000,
    )
    room = {
        "FASTCOND_CONNECTIONS_MAX": str(polls + SPARE_CONNECTIONS),
        "FASTCOND_POLL_S_MAX": str(max(seconds, SHORT_POLL_S)),
    }
    with conductor_server(bench.server_command, environment=room) as target:
        return bench.drive(target, load)
