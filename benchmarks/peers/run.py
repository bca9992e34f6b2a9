"""fastcond and its peers under the same client, in interleaved rounds: tasks per server CPU second.

``python -m benchmarks.peers.run`` writes ``bench_results/peers-DATE.json`` with every report and prints the
ratios, those that fastcond loses included.
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
from benchmarks.first_day import SERVER_COMMAND
from benchmarks.targets import (
    ROOT,
    WORK,
    BenchmarkError,
    Load,
    Report,
    build_load_generator,
    conductor_server,
    drive,
)

PROFILES = ("exec", "chain13", "fork10", "dyn50")

# A server runs in its own folder, so the checkout has to be named.
_CONDUCTOR = f"env PYTHONPATH={ROOT} {sys.executable} -m benchmarks.peers.conductor"
PEERS = {
    "conductor-redis": f"{_CONDUCTOR} redis --port {{port}}",
    "conductor-sqlite": f"{_CONDUCTOR} sqlite --port {{port}}",
}
FASTCOND = "fastcond"


@dataclass(frozen=True)
class Plan:
    """How long and how often."""

    rounds: int = 3
    warm_seconds: float = 20.0
    """A server compiled while it runs is given time for that; all get the same."""
    seconds: float = 15.0
    payload_bytes: int = 1024
    starters: int = 16
    workers: int = 16
    inflight: int = 128
    """Enough that a server which looks at its joins now and then is not idle meanwhile."""

    def load(self, profile: str, seconds: float) -> Load:
        """The load of one run."""
        return Load(
            profile=profile,
            seconds=seconds,
            payload_bytes=self.payload_bytes,
            starters=self.starters,
            workers=self.workers,
            inflight=self.inflight,
        )


def measure(plan: Plan, program: Path, servers: dict[str, str], profiles: list[str]) -> dict[str, Any]:
    """Make the rounds; each server is started once a round and driven with every profile."""
    reports: dict[str, dict[str, list[Report]]] = {name: {} for name in servers}
    broken: dict[str, list[str]] = {name: [] for name in servers}
    for number in range(plan.rounds):
        for name, command in servers.items():
            with conductor_server(command) as target:
                drive(program, target, plan.load(profiles[0], plan.warm_seconds))
                for profile in profiles:
                    print(
                        f"round {number + 1} of {plan.rounds}: {profile} on {name}",
                        file=sys.stderr,
                        flush=True,
                    )
                    try:
                        report = drive(program, target, plan.load(profile, plan.seconds))
                    except BenchmarkError as error:
                        # A peer that loses or doubles work is part of the result.
                        broken[name].append(f"{profile}: {str(error)[-500:]}")
                        continue
                    reports[name].setdefault(profile, []).append(report)
    return {"reports": reports, "broken": broken}


def summarise(reports: dict[str, dict[str, list[Report]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Take medians per profile and server, and the ratio of fastcond's tasks per server CPU second."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for name, by_profile in reports.items():
        for profile, runs in by_profile.items():
            table.setdefault(profile, {})[name] = {
                "tasks_per_server_cpu_s": statistics.median(r["tasks"]["per_server_cpu_s"] for r in runs),
                "tasks_per_s": statistics.median(r["tasks"]["per_s"] for r in runs),
                "start_p50_us": statistics.median(r["latency_us"]["start"]["p50"] for r in runs),
            }
    for row in table.values():
        ours = row.get(FASTCOND)
        for figures in row.values():
            if ours is not None:
                figures["fastcond_ratio"] = round(
                    ours["tasks_per_server_cpu_s"] / figures["tasks_per_server_cpu_s"], 1
                )
    return table


def main() -> int:
    """Measure, print and record."""
    options = _options()
    plan = Plan(rounds=options.rounds, seconds=options.seconds, warm_seconds=options.warm_seconds)
    program = build_load_generator()
    servers = {FASTCOND: SERVER_COMMAND} | {name: PEERS[name] for name in options.peers}
    try:
        measured = measure(plan, program, servers, options.profiles)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    summary = summarise(measured["reports"])
    now = dt.datetime.now(dt.UTC)
    out: Path = options.out or ROOT / "bench_results" / f"peers-{now:%Y-%m-%d}.json"
    record = {
        "benchmark": "peers",
        "at": now.isoformat(timespec="seconds"),
        "machine": asdict(machine.describe(WORK)),
        "commit": machine.commit(ROOT),
        "command": ["python", "-m", "benchmarks.peers.run", *sys.argv[1:]],
        "servers": {name: command.replace(str(ROOT), "CHECKOUT") for name, command in servers.items()},
        "plan": asdict(plan),
        "summary": summary,
        **measured,
    }
    out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written: {out}\n")
    _print(summary, measured["broken"])
    return 0


def _print(summary: dict[str, dict[str, dict[str, float]]], broken: dict[str, list[str]]) -> None:
    print(f"{'':10}{'':20}{'tasks/CPU s':>13}{'tasks/s':>11}{'start p50 ms':>14}{'fastcond x':>12}")
    for profile, row in summary.items():
        for name, figures in row.items():
            print(
                f"{profile:10}{name:20}{figures['tasks_per_server_cpu_s']:>13,.0f}"
                f"{figures['tasks_per_s']:>11,.0f}{figures['start_p50_us'] / 1000:>14,.1f}"
                f"{figures.get('fastcond_ratio', 0):>12,.1f}"
            )
    for name, failures in broken.items():
        for failure in failures:
            print(f"{name} broke a promise: {failure.split(':')[0]}: {failure.strip().splitlines()[-1]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--warm-seconds", type=float, default=Plan.warm_seconds)
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES))
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--out", type=Path, help="file of the record (bench_results/peers-DATE.json)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
