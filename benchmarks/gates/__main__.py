"""What one execution costs, counted and not timed, against a record.

``python -m benchmarks.gates`` counts on this checkout and exits 1 when a count is more above
``bench_results/gates.json`` than its gate lets through, saying where to look; ``--record`` writes that file.
Counted are instructions and allocations of the pure core and of the whole request path (under callgrind),
and of a real server its journal bytes, its syncs (under strace) and the calls from Python into the core.
Instructions counted by another compiler are shown and not judged: they say more about the compiler than
about the change.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.gates import callgrind, served
from benchmarks.gates.record import Counts, closed, judge, table
from benchmarks.targets import ROOT, build

RECORD = ROOT / "bench_results" / "gates.json"

EXAMPLES = ("-p", "fastcond-node", "--example", "exec_loop", "--example", "request_path")

PAYLOAD_BYTES = 1024

JOURNAL_BYTES = re.compile(r"(\d+) journal bytes per execution")

THREADS = ("loop", "engine", "journal", "archive")
"""In the order in which a server starts them; the loop is the thread that opens it."""

REQUEST_SHORT, REQUEST_LONG = 256, 1280
"""Executions through the whole server; multiples of what the example archives at once."""


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


def main() -> int:
    """Count, compare, and say so; the exit code is 0 when every gate is open."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--record", action="store_true", help="write the counts to the record")
    parser.add_argument("--examples", type=Path, help="folder of built examples, instead of building them")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: nothing is counted", file=sys.stderr)
        return 2
    counts = _count(arguments.examples or build(*EXAMPLES) / "examples")
    compiler = subprocess.run(
        ["rustc", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
    if arguments.record:
        RECORD.write_text(json.dumps({"compiler": compiler, "counts": counts}, indent=1) + "\n")
    record = json.loads(RECORD.read_text())
    same_compiler: bool = record["compiler"] == compiler
    verdicts = judge(counts, record["counts"])
    print(table(verdicts, same_compiler=same_compiler))
    if not same_compiler:
        print(f"\nThe record was made by {record['compiler']}, not by {compiler}.")
    if closed(verdicts, same_compiler=same_compiler):
        print(
            "\nIf the cost is deliberate, say why in the change and run python -m benchmarks.gates --record."
        )
        return 1
    return 0


def _count(examples: Path) -> Counts:
    counts: Counts = {}
    for shape in SHAPES:
        counts |= _core(examples / "exec_loop", shape)
    counts |= _request_path(examples / "request_path")
    with_syncs = shutil.which("strace") is not None
    if not with_syncs:
        print("strace is not installed: syncs are not counted", file=sys.stderr)
    for schedule, cost in served.count(with_syncs=with_syncs).items():
        for name, number in asdict(cost).items():
            if with_syncs or name != "syncs":
                counts[f"{schedule}/{name}"] = number
    return counts


def _core(program: Path, shape: Shape) -> Counts:
    """Count the machine that decides, the parsing of bodies and the example's own work included."""
    short, long = (
        callgrind.run(program, executions, PAYLOAD_BYTES, shape.width, int(shape.is_dynamic))
        for executions in (shape.short, shape.long)
    )
    tasks = (shape.long - shape.short) * shape.width
    found = JOURNAL_BYTES.search(short.output)
    if found is None:
        raise ValueError(f"no {JOURNAL_BYTES.pattern} in: {short.output}")
    return {
        f"{shape.name}/instructions_per_task": round((long.instructions - short.instructions) / tasks, 1),
        f"{shape.name}/allocations_per_task": round((long.allocations - short.allocations) / tasks, 2),
        f"{shape.name}/journal_bytes_per_task": round(int(found[1]) / shape.width, 1),
    }


def _request_path(program: Path) -> Counts:
    """Count a server from HTTP bytes to HTTP bytes, thread by thread; the client's own work is the loop's."""
    short, long = (callgrind.run(program, executions) for executions in (REQUEST_SHORT, REQUEST_LONG))
    executions = REQUEST_LONG - REQUEST_SHORT
    counts = {
        "request/instructions": (long.instructions - short.instructions) / executions,
        "request/allocations": (long.allocations - short.allocations) / executions,
    }
    for name, less, more in zip(THREADS, short.by_thread, long.by_thread, strict=True):
        counts[f"request/{name}_instructions"] = (more - less) / executions
    return {name: round(number, 1) for name, number in counts.items()}


if __name__ == "__main__":
    sys.exit(main())
