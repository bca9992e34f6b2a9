"""Compare fastcond with the null durable server, and its cost per task across widths and depths.

``python -m benchmarks.first_day`` from the root of the checkout. Both servers are driven by the same client
in interleaved rounds, each run on a fresh server and folder; figures are medians of the rounds, and a ratio
is taken within one round.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.targets import (
    ROOT,
    WORK,
    BenchmarkError,
    Load,
    Report,
    build_load_generator,
    conductor_server,
    drive,
    null_server,
    sync_times,
)

SERVER_COMMAND = ".venv/bin/fastcond server start --port {port} --data-dir {dir} --store embedded"

# Floors that CI holds; later ones only rise. One short round scatters by a sixth around the published figure.
NULL_SHARE_FLOOR = 0.35
FORK_COST_RATIO_MAX = 2.0


@dataclass(frozen=True)
class Plan:
    """How long and how wide to measure."""

    rounds: int = 5
    exec_seconds: float = 6.0
    cost_seconds: float = 3.0
    chain_sizes: tuple[int, ...] = (1, 10, 100, 1_000)
    fork_sizes: tuple[int, ...] = (10, 100, 1_000, 10_000)
    exec_payload_bytes: int = 1_024
    cost_payload_bytes: int = 64
    exec_starters: int = 32
    exec_workers: int = 64
    cost_starters: int = 8
    cost_workers: int = 32

    def exec_load(self) -> Load:
        """One execution of one task: start, poll, update."""
        return Load(
            profile="exec",
            seconds=self.exec_seconds,
            payload_bytes=self.exec_payload_bytes,
            starters=self.exec_starters,
            workers=self.exec_workers,
        )

    def cost_loads(self) -> list[Load]:
        """Chains and forks of every size, with the same connections and bytes per task."""
        sizes = [("chain", size) for size in self.chain_sizes] + [("fork", size) for size in self.fork_sizes]
        return [
            Load(
                profile=f"{shape}:{size}",
                seconds=self.cost_seconds,
                payload_bytes=self.cost_payload_bytes,
                starters=self.cost_starters,
                workers=self.cost_workers,
            )
            for shape, size in sizes
        ]


QUICK = Plan(rounds=1, exec_seconds=2.0, cost_seconds=2.0, chain_sizes=(1, 10, 100), fork_sizes=(10, 10_000))


@dataclass(frozen=True)
class Round:
    """The reports of one round."""

    null: Report
    fastcond: Report
    cost: dict[str, Report]


def measure(plan: Plan, program: Path, server_command: str) -> list[Round]:
    """Make the rounds; who comes first changes from one to the next."""
    rounds = []
    for number in range(plan.rounds):
        null: Report = {}
        if number % 2 == 0:
            null = _null_round(plan, program)
        _progress(number, plan, "exec")
        with conductor_server(server_command) as target:
            fastcond = drive(program, target, plan.exec_load())
        cost = {}
        for load in plan.cost_loads():
            _progress(number, plan, load.profile)
            with conductor_server(server_command) as target:
                cost[load.profile] = drive(program, target, load)
        if number % 2 == 1:
            null = _null_round(plan, program)
        rounds.append(Round(null=null, fastcond=fastcond, cost=cost))
    return rounds


def _null_round(plan: Plan, program: Path) -> Report:
    with null_server(program) as target:
        return drive(program, target, plan.exec_load())


def summarise(rounds: list[Round]) -> dict[str, Any]:
    """Take the medians, and say whether the floors hold."""
    shares = [_per_cpu(entry.fastcond) / _per_cpu(entry.null) for entry in rounds]
    walls = [_per_second(entry.fastcond) / _per_second(entry.null) for entry in rounds]
    cost = {
        profile: statistics.median(entry.cost[profile]["server"]["cpu_us_per_task"] for entry in rounds)
        for profile in rounds[0].cost
    }
    widest, narrowest = _fork_extremes(cost)
    fork_ratio = cost[widest] / cost[narrowest]
    share = statistics.median(shares)
    return {
        "null": _exec_medians([entry.null for entry in rounds]),
        "fastcond": _exec_medians([entry.fastcond for entry in rounds]),
        "null_share_per_server_cpu": round(share, 4),
        "null_share_wall": round(statistics.median(walls), 4),
        "cpu_us_per_task": cost,
        "fork_cost_ratio": {"of": [widest, narrowest], "ratio": round(fork_ratio, 3)},
        "floors": {
            f"null share >= {NULL_SHARE_FLOOR}": share >= NULL_SHARE_FLOOR,
            f"fork cost ratio <= {FORK_COST_RATIO_MAX}": fork_ratio <= FORK_COST_RATIO_MAX,
        },
    }


def _exec_medians(reports: list[Report]) -> dict[str, float]:
    rows = {
        "executions_per_server_cpu_s": [_per_cpu(each) for each in reports],
        "executions_per_s": [_per_second(each) for each in reports],
        "device_bytes_per_execution": [each["server"]["device_bytes_per_execution"] or 0 for each in reports],
        "resident_mib": [each["server"]["resident_bytes"] / 2**20 for each in reports],
        "client_cpu_us_per_execution": [
            1e6 * each["client"]["cpu_s"] / each["executions"]["count"] for each in reports
        ],
    }
    for call in ("start", "poll", "update", "start_to_completed"):
        for quantile in ("p50", "p99"):
            rows[f"{call}_{quantile}_us"] = [each["latency_us"][call][quantile] for each in reports]
    return {name: round(statistics.median(values), 1) for name, values in rows.items()}


def _per_cpu(report: Report) -> float:
    return float(report["executions"]["per_server_cpu_s"])


def _per_second(report: Report) -> float:
    return float(report["executions"]["per_s"])


def _fork_extremes(cost: dict[str, float]) -> tuple[str, str]:
    widths = sorted(int(name.removeprefix("fork:")) for name in cost if name.startswith("fork:"))
    return f"fork:{widths[-1]}", f"fork:{widths[0]}"


def table(summary: dict[str, Any]) -> str:
    """Lay the summary out for a terminal."""
    lines = [f"{'':<32}{'null':>12}{'fastcond':>12}{'share':>8}"]
    for name, null in summary["null"].items():
        fastcond = summary["fastcond"][name]
        share = f"{fastcond / null:.2f}" if null else ""
        lines.append(f"{name:<32}{null:>12,.1f}{fastcond:>12,.1f}{share:>8}")
    lines.append("")
    lines.append(f"{'server CPU per task':<32}{'us':>12}")
    lines.extend(f"{profile:<32}{cost:>12,.1f}" for profile, cost in summary["cpu_us_per_task"].items())
    lines.append("")
    lines.append(f"share of the null server per CPU second: {summary['null_share_per_server_cpu']:.1%}")
    ratio = summary["fork_cost_ratio"]
    lines.append(f"cost per task of {ratio['of'][0]} over {ratio['of'][1]}: {ratio['ratio']:.2f}")
    lines.extend(f"{'holds ' if holds else 'BROKEN'} {floor}" for floor, holds in summary["floors"].items())
    return "\n".join(lines)


def main() -> int:
    """Measure, print and record; 1 when a floor is broken and that was asked about."""
    options = _options()
    plan = QUICK if options.quick else Plan()
    if options.rounds:
        plan = Plan(**{**asdict(plan), "rounds": options.rounds})
    program: Path = options.load_generator or build_load_generator()
    try:
        sync = sync_times(program, seconds=2.0)
        rounds = measure(plan, program, options.server_command)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    summary = summarise(rounds)
    now = dt.datetime.now(dt.UTC)
    out: Path | None = options.out
    if out is None and not options.quick:
        out = ROOT / "bench_results" / f"first-day-{now:%Y-%m-%d}.json"
    if out is not None:
        record = {
            "benchmark": "first_day",
            "at": now.isoformat(timespec="seconds"),
            "machine": asdict(machine.describe(WORK)),
            "commit": machine.commit(ROOT),
            "command": ["python", "-m", "benchmarks.first_day", *sys.argv[1:]],
            "server_command": options.server_command,
            "plan": asdict(plan),
            "fsync": sync,
            "summary": summary,
            "rounds": [asdict(entry) for entry in rounds],
        }
        out.write_text(json.dumps(record, indent=1) + "\n")
        print(f"\nwritten: {out}")
    print(f"\n{table(summary)}")
    return 1 if options.require_floors and not all(summary["floors"].values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short round, recorded only with --out")
    parser.add_argument("--rounds", type=int, help="how many rounds instead of the plan's")
    parser.add_argument("--require-floors", action="store_true", help="exit 1 when a floor is broken")
    parser.add_argument("--out", type=Path, help="file of the record (bench_results/first-day-DATE.json)")
    parser.add_argument("--load-generator", type=Path, help="a built fastcond-bench, instead of building it")
    parser.add_argument("--server-command", default=SERVER_COMMAND, help="with {port} and {dir}")
    return parser.parse_args()


def _progress(number: int, plan: Plan, what: str) -> None:
    print(f"round {number + 1} of {plan.rounds}: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
