"""P1, P2, P3 and P7: executions against the null server, chains with update-v2, and cost across widths."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.floors.bench import median_of_ratios, per_cpu, per_second, tasks_per_cpu
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import Load

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

P1 = Bound("P1", "exec per server CPU second, share of the null server", 0.40, 0.70)
P2 = Bound("P2", "exec per second of wall clock, client on the same cores", 8_000, 20_000)
P3 = Bound("P3", "chain of 13 with update-v2: tasks per server CPU second over exec", 1.5, 2.5)
P7_FORK = Bound("P7", "server CPU per task, widest fork over fork of 10", 2.0, 1.2, is_ceiling=True)
P7_DYNAMIC = Bound("P7", "server CPU per task, wide dynamic fork over one of 10", 1.5, 1.2, is_ceiling=True)
P7_LOOP = Bound("P7", "server CPU per task, deepest loop over loop of 10", 2.0, 1.2, is_ceiling=True)


def shares(bench: Bench) -> Found:
    """Drive null server, exec and chain in interleaved rounds; who comes first changes."""
    load = bench.exec_load()
    chain = Load(
        profile="chain13", seconds=load.seconds, payload_bytes=1_024, starters=16, workers=16, inflight=128
    )
    rounds: list[dict[str, Report]] = []
    for number in range(bench.scale.rounds):
        steps = {
            "null": lambda: bench.null(load),
            "exec": lambda: bench.fresh(load),
            "chain13": lambda: bench.fresh(chain),
        }
        names = list(steps) if number % 2 == 0 else list(reversed(steps))
        rounds.append({name: steps[name]() for name in names})
    return Found(
        [
            P1.found(median_of_ratios((per_cpu(each["exec"]), per_cpu(each["null"])) for each in rounds)),
            P2.found(statistics.median(per_second(each["exec"]) for each in rounds)),
            P3.found(
                median_of_ratios((tasks_per_cpu(each["chain13"]), per_cpu(each["exec"])) for each in rounds)
            ),
        ],
        {"rounds": rounds},
    )


def cost_by_width(bench: Bench) -> Found:
    """Drive narrow and wide forks of both kinds, shallow and deep loops, in interleaved rounds."""
    seconds = bench.scale.seconds / 2
    wide, dynamic = bench.scale.wide, bench.scale.dynamic
    loads = {
        "fork10": Load("fork10", seconds, 64, starters=8, workers=32),
        f"fork{wide}": Load(f"fork{wide}", seconds, 64, starters=8, workers=32),
        "dyn10": Load("dyn10", seconds, 64, starters=8, workers=32),
        f"dyn{dynamic}": Load(f"dyn{dynamic}", seconds, 64, starters=8, workers=32),
        # As many unfinished loops in both, so that as many tasks share a commit.
        "loop10": Load("loop10", seconds, 64, starters=8, workers=8, inflight=8),
        f"loop{wide}": Load(f"loop{wide}", 1.0, 64, starters=8, workers=8, inflight=8),
    }
    rounds: list[dict[str, Report]] = []
    for number in range(bench.scale.shape_rounds):
        names = list(loads) if number % 2 == 0 else list(reversed(loads))
        rounds.append({name: bench.fresh(loads[name]) for name in names})

    def ratio(shape: str, width: str) -> float:
        return median_of_ratios(
            (tasks_per_cpu(each[f"{shape}10"]), tasks_per_cpu(each[f"{shape}{width}"])) for each in rounds
        )

    return Found(
        [
            P7_FORK.found(ratio("fork", wide)),
            P7_DYNAMIC.found(ratio("dyn", dynamic), dynamic),
            P7_LOOP.found(ratio("loop", wide)),
        ],
        {"rounds": rounds},
    )
