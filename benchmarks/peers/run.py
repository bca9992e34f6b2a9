"""fastcond and its peers in interleaved rounds: work per server CPU second.

``python -m benchmarks.peers.run`` fetches what the peers need, writes ``bench_results/peers-DATE.json`` with
every report and prints the ratios, those that fastcond loses included.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.first_day import SERVER_COMMAND
from benchmarks.peers.catalogue import PEERS, SHAPES
from benchmarks.peers.fastcond import NAME, fastcond
from benchmarks.peers.peer import Peer, Plan
from benchmarks.peers.ratios import Row, broken_floors, summarise
from benchmarks.peers.rounds import Measured, measure, prepare
from benchmarks.targets import ROOT, WORK, build_load_generator


def main() -> int:
    """Measure, print and record; 1 when fastcond broke a promise, or a floor that was asked about."""
    options = _options()
    # The servers end with this process, also when somebody ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = Plan(
        load_generator=(options.load_generator or build_load_generator()).absolute(),
        fastcond_command=options.server_command,
        rounds=options.rounds,
        seconds=options.seconds,
        warm_seconds=options.warm_seconds,
        inflight=options.inflight,
    )
    measured = Measured()
    peers = prepare([PEERS[name] for name in options.peers], measured)
    compared = {shape for peer in peers for shape in peer.shapes}
    peers = [fastcond(tuple(shape for shape in SHAPES if shape in compared)), *peers]
    measure(plan, peers, options.profiles, measured)
    summary = summarise(measured.reports, peers)
    out: Path = options.out or ROOT / "bench_results" / f"peers-{dt.datetime.now(dt.UTC):%Y-%m-%d}.json"
    record = _record(plan, peers, summary, measured)
    out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written: {out}\n")
    _print(summary, measured)
    below = broken_floors(summary)
    print("".join(f"BROKEN floor {each}\n" for each in below), end="")
    failed = bool(measured.broken[NAME]) or (options.require_floors and bool(below))
    return 1 if failed else 0


def _record(plan: Plan, peers: list[Peer], summary: dict[str, Row], measured: Measured) -> dict[str, Any]:
    how = asdict(plan)
    for of_this_machine in ("load_generator", "fastcond_command"):
        del how[of_this_machine]
    return {
        "benchmark": "peers",
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": asdict(machine.describe(WORK)),
        "commit": machine.commit(ROOT),
        "command": ["python", "-m", "benchmarks.peers.run", *sys.argv[1:]],
        "servers": {peer.name: peer.counted for peer in peers},
        "plan": how,
        "summary": summary,
        **asdict(measured),
    }


def _print(summary: dict[str, Row], measured: Measured) -> None:
    print(
        f"{'':10}{'':20}{'tasks/CPU s':>13}{'tasks/s':>11}{'start p50 ms':>14}{'fastcond x':>12}{'floor':>7}"
    )
    for shape, row in summary.items():
        for name, figures in row.items():
            start = figures["start_p50_us"]
            print(
                f"{shape:10}{name:20}{figures['tasks_per_server_cpu_s']:>13,.0f}{figures['tasks_per_s']:>11,.0f}"
                f"{'' if start is None else f'{start / 1000:,.1f}':>14}"
                f"{_times(figures.get('fastcond_ratio'), 1):>12}{_times(figures.get('floor'), 0):>7}"
            )
    for name, failures in measured.broken.items():
        for failure in failures:
            print(f"{name} broke a promise: {failure.split(':')[0]}: {failure.strip().splitlines()[-1]}")
    for name, reason in measured.missing.items():
        print(f"{name} cannot be had on this machine: {reason}")


def _times(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=Plan.rounds)
    parser.add_argument("--seconds", type=float, default=Plan.seconds)
    parser.add_argument("--warm-seconds", type=float, default=Plan.warm_seconds)
    parser.add_argument("--inflight", type=int, default=Plan.inflight)
    parser.add_argument("--profiles", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--require-floors", action="store_true", help="exit 1 when a floor is broken")
    parser.add_argument("--load-generator", type=Path, help="a built fastcond-bench, instead of building it")
    parser.add_argument("--server-command", default=SERVER_COMMAND, help="of fastcond, with {port} and {dir}")
    parser.add_argument("--out", type=Path, help="file of the record (bench_results/peers-DATE.json)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
