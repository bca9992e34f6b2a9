"""Measure every target against fresh servers and hold it against floor and aim.

``python -m benchmarks.floors`` from the root of the checkout; ``--only P6,P8`` for some, ``--quick`` to try
the code. Every figure is a ratio within the run, or a count.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.first_day import SERVER_COMMAND
from benchmarks.floors import (
    breadth,
    disk,
    latency,
    overload,
    parked,
    payload,
    peers,
    retained,
    search,
    throughput,
)
from benchmarks.floors.bench import QUICK, Bench, Scale
from benchmarks.floors.bound import Bound, Found, Row, table
from benchmarks.floors.usage import busy
from benchmarks.targets import ROOT, WORK, BenchmarkError, build_load_generator, sync_times

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Group:
    """Targets that are measured together."""

    targets: tuple[str, ...]
    measure: Callable[[Bench], Found]

    @property
    def name(self) -> str:
        """What the group is called in the record."""
        return "-".join(self.targets)


GROUPS = (
    Group(("P1", "P2", "P3"), throughput.shares),
    Group(("P4", "P5"), peers.ratios),
    Group(("P6",), latency.half_of_peak),
    Group(("P7",), throughput.cost_by_width),
    Group(("P8",), parked.memory_and_restart),
    Group(("P9",), disk.bytes_per_execution),
    Group(("P10",), search.index_cost),
    Group(("P11",), overload.three_times_the_peak),
    Group(("P12",), breadth.idle_polls_and_types),
    Group(("P13",), retained.over_history),
    Group(("P14",), payload.against_null),
)


def main() -> int:
    """Measure, print and record; 1 when a floor does not hold and that was asked about."""
    options = _options()
    groups = [group for group in GROUPS if not options.only or set(options.only) & set(group.targets)]
    if not groups:
        print(f"no such target: {','.join(options.only)}", file=sys.stderr)
        return 2
    _raise_file_limit()
    scale = _scale(options)
    bench = Bench(options.load_generator or build_load_generator(), options.server_command, scale)
    rows: list[Row] = []
    evidence: dict[str, Any] = {}
    for group in groups:
        print(f"{group.name}", file=sys.stderr, flush=True)
        began, before = time.monotonic(), busy()
        found = _measured(group, bench)
        took = time.monotonic() - began
        # On a machine that is shared, times by the wall clock say as much about the others.
        elsewhere = busy().elsewhere_since(before) / (took * len(os.sched_getaffinity(0)))
        rows += found.rows
        evidence[group.name] = {"took_s": took, "cpu_share_of_others": elsewhere, **found.evidence}
        print(table(found.rows), file=sys.stderr)
        print(f"     others used {elsewhere:.0%} of the machine meanwhile", file=sys.stderr, flush=True)
    out = _out(options)
    if out is not None:
        out.write_text(json.dumps(_record(bench, rows, evidence), indent=1) + "\n")
        print(f"written: {out}")
    print(f"\n{table(rows)}")
    is_held = all(row.verdict in {"holds", "aim missed"} for row in rows)
    return 1 if options.require_floors and not is_held else 0


def _measured(group: Group, bench: Bench) -> Found:
    """Measure a group; one that cannot be measured is a row that says so, and the others go on."""
    try:
        return group.measure(bench)
    except (BenchmarkError, OSError) as error:
        bound = Bound(group.name, "could not be measured", None, None)
        return Found([bound.found(None, str(error).strip()[-600:])], {"error": str(error)})


def _scale(options: argparse.Namespace) -> Scale:
    scale = QUICK if options.quick else Scale()
    asked = {
        "rounds": options.rounds,
        "overload_seconds": options.overload_seconds,
        "retained": options.retained,
        "parked": options.parked,
    }
    return replace(scale, **{name: value for name, value in asked.items() if value is not None})


def _out(options: argparse.Namespace) -> Path | None:
    out: Path | None = options.out
    # A part of the targets, or short runs, are no record unless somebody says where to put it.
    if out is None and not options.quick and not options.only:
        out = ROOT / "bench_results" / f"floors-{dt.datetime.now(dt.UTC):%Y-%m-%d}.json"
    return out


def _record(bench: Bench, rows: list[Row], evidence: dict[str, Any]) -> dict[str, Any]:
    return {
        "benchmark": "floors",
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": asdict(machine.describe(WORK)),
        "commit": machine.commit(ROOT),
        "command": ["python", "-m", "benchmarks.floors", *sys.argv[1:]],
        "server_command": bench.server_command.replace(str(ROOT), "CHECKOUT"),
        "scale": asdict(bench.scale),
        "fsync": sync_times(bench.program, seconds=2.0),
        "rows": [asdict(row) for row in rows],
        "evidence": evidence,
    }


def _raise_file_limit() -> None:
    """Let this process and what it starts open as many files as the machine allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=lambda text: text.split(","), help="targets, as P6,P8")
    parser.add_argument("--quick", action="store_true", help="small counts, recorded only with --out")
    parser.add_argument("--rounds", type=int, help="interleaved rounds of the shares")
    parser.add_argument("--overload-seconds", type=float, help="length of P11's overload (300)")
    parser.add_argument("--retained", type=int, help="executions kept for P13 (5000000)")
    parser.add_argument("--parked", type=_counts, help="counts of parked executions for P8, as 10000,100000")
    parser.add_argument("--require-floors", action="store_true", help="exit 1 when a floor does not hold")
    parser.add_argument("--out", type=Path, help="file of the record (bench_results/floors-DATE.json)")
    parser.add_argument("--load-generator", type=Path, help="a built fastcond-bench, instead of building it")
    parser.add_argument("--server-command", default=SERVER_COMMAND, help="with {port} and {dir}")
    return parser.parse_args()


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
