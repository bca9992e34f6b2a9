"""What one execution costs the core, counted and not timed: instructions and journal bytes, against a record.

``python -m benchmarks.gates`` counts with callgrind on this checkout and exits 1 when a count is more than
2 % above ``bench_results/gates.json``; ``--record`` writes that file. A count made by another compiler is
shown and not judged: it says more about the compiler than about the change.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from benchmarks.targets import ROOT, build

if TYPE_CHECKING:
    from pathlib import Path

RECORD = ROOT / "bench_results" / "gates.json"
TOLERANCE = 0.02
"""Share above the record at which a gate closes."""

PAYLOAD_BYTES = 1024

INSTRUCTIONS = re.compile(r"Collected : (\d+)")
JOURNAL_BYTES = re.compile(r"(\d+) journal bytes per execution")


@dataclass(frozen=True)
class Shape:
    """One shape of execution; two runs of different length tell the cost of one more execution."""

    name: str
    width: int
    is_dynamic: bool
    short: int
    long: int


SHAPES = (
    Shape("exec", width=1, is_dynamic=False, short=500, long=1500),
    Shape("fork100", width=100, is_dynamic=False, short=5, long=15),
    Shape("dyn100", width=100, is_dynamic=True, short=5, long=15),
)


@dataclass(frozen=True)
class Count:
    """What one task of a shape costs the machine that decides, parsing and the driver's own work included."""

    instructions_per_task: float
    journal_bytes_per_task: float


def main() -> int:
    """Count, compare, and say so; the exit code is 0 when every gate is open."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--record", action="store_true", help="write the counts to the record")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing is counted", file=sys.stderr)
        return 2
    program = build("-p", "fastcond-node", "--example", "exec_loop") / "examples" / "exec_loop"
    counts = {shape.name: _count(program, shape) for shape in SHAPES}
    compiler = subprocess.run(
        ["rustc", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if arguments.record:
        found = {"compiler": compiler, "counts": {name: asdict(count) for name, count in counts.items()}}
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
    record = json.loads(RECORD.read_text())
    is_judged = record["compiler"] == compiler
    closed = _compare(counts, record["counts"])
    if not is_judged:
        print(f"the record was made by {record['compiler']}, not by {compiler}: not judged")
    return 1 if closed and is_judged else 0


def _count(program: Path, shape: Shape) -> Count:
    (short, journal_bytes), (long, _) = (_run(program, shape, number) for number in (shape.short, shape.long))
    tasks = (shape.long - shape.short) * shape.width
    return Count(round((long - short) / tasks, 1), round(journal_bytes / shape.width, 1))


def _run(program: Path, shape: Shape, executions: int) -> tuple[int, int]:
    """Return the instructions of a run and its journal bytes per execution."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"--callgrind-out-file={folder}/out"
        words = [executions, PAYLOAD_BYTES, shape.width, int(shape.is_dynamic)]
        command = ["valgrind", "--tool=callgrind", out, str(program), *map(str, words)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(_only(INSTRUCTIONS, run.stderr)), int(_only(JOURNAL_BYTES, run.stdout))


def _only(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise ValueError(f"no {pattern.pattern} in: {text}")
    return found[1]


def _compare(counts: dict[str, Count], record: dict[str, dict[str, float]]) -> bool:
    """Print each count beside its record; return whether one of them is too high."""
    closed = False
    for shape, count in counts.items():
        for name, now in asdict(count).items():
            before = record[shape][name]
            change = now / before - 1
            closed |= change > TOLERANCE
            mark = "  TOO HIGH" if change > TOLERANCE else ""
            print(f"{shape:8} {name:24} {now:>12,.1f} {before:>12,.1f} {change:>+8.2%}{mark}")
    return closed


if __name__ == "__main__":
    sys.exit(main())
