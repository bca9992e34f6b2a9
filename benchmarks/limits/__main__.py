"""Measure the limits of this machine, and fastcond beside them, in interleaved rounds.

``python -m benchmarks.limits`` from the root of the checkout. Executions are start, poll and update with 1 KB
payloads. ``null`` and ``echo`` are driven by the same client with the same requests; fastcond's polls carry a
task with its payload where theirs carry none, so its share is a little harder than it looks.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.first_day import SERVER_COMMAND
from benchmarks.limits import echo, null, sync
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SYNC_SECONDS = 2.0


def main() -> int:
    """Measure, print and record."""
    options = _options()
    program: Path = options.load_generator or build_load_generator()
    built: Path = options.echo or echo.build_echo()
    load = Load("exec", options.seconds, payload_bytes=1_024, starters=32, workers=64)

    def served() -> Report:
        with conductor_server(options.server_command) as target:
            return drive(program, target, load)

    measures: dict[str, Callable[[], Report]] = {
        "null": lambda: null.measure(program, load),
        "echo": lambda: echo.measure(program, built, load),
        "fastcond": served,
    }
    try:
        rounds = [_round(number, measures) for number in range(options.rounds)]
        syncs = sync.measure(program, seconds=SYNC_SECONDS)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    summary = {**summarise(rounds), "fdatasync": syncs}
    if options.out is not None:
        now = dt.datetime.now(dt.UTC)
        record = {
            "benchmark": "limits",
            "at": now.isoformat(timespec="seconds"),
            "machine": asdict(machine.describe(WORK)),
            "commit": machine.commit(ROOT),
            "command": ["python", "-m", "benchmarks.limits", *sys.argv[1:]],
            "summary": summary,
            "rounds": rounds,
        }
        options.out.write_text(json.dumps(record, indent=1) + "\n")
        print(f"written: {options.out}", file=sys.stderr)
    print(json.dumps(summary, indent=1))
    return 0


def summarise(rounds: list[dict[str, Report]]) -> dict[str, dict[str, float]]:
    """Take medians of the rounds; a share is one of the null server in the same round."""
    return {
        name: {
            "executions_per_cpu_s": _median(each[name]["executions"]["per_server_cpu_s"] for each in rounds),
            "executions_per_s": _median(each[name]["executions"]["per_s"] for each in rounds),
            "null_share_per_cpu": round(
                statistics.median(
                    each[name]["executions"]["per_server_cpu_s"]
                    / each["null"]["executions"]["per_server_cpu_s"]
                    for each in rounds
                ),
                3,
            ),
        }
        for name in rounds[0]
    }


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 1)


def _round(number: int, measures: dict[str, Callable[[], Report]]) -> dict[str, Report]:
    """Measure each once; who comes first changes from one round to the next."""
    names = list(measures) if number % 2 == 0 else list(reversed(measures))
    print(f"round {number + 1}: {', '.join(names)}", file=sys.stderr, flush=True)
    return {name: measures[name]() for name in names}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each run (4)")
    parser.add_argument("--out", type=Path, help="file of the record")
    parser.add_argument("--load-generator", type=Path, help="a built fastcond-bench, instead of building it")
    parser.add_argument("--echo", type=Path, help="a built echo, instead of building it")
    parser.add_argument("--server-command", default=SERVER_COMMAND, help="with {port} and {dir}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
