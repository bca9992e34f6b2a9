"""Long comparisons by hand: `python -m tests.oracle.run --seed 1 --count 20000`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.oracle.drive import Maker, Report, explain, failure_of, run_case, shrink
from tests.oracle.generate import DRAWS, seeded
from tests.oracle.verbs import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.oracle.generate import Case

# A panic of the core ends the process: then these lines tell where to look.
SHOWN_EVERY = 1_000


def model_maker() -> Maker:
    """Makes `fastcond._core.Model`s."""
    found: Maker = importlib.import_module("fastcond._core").Model
    return found


def check(seed: int, make: Maker, draw: Callable[[int], Case] = seeded) -> Report:
    """Runs the case of a seed; a failure names the seed, the shrunk case and the difference."""
    case = draw(seed)
    try:
        return run_case(case, make)
    except Exception as error:
        smaller = shrink(case, make)
        shown = failure_of(smaller, make) or error
        raise AssertionError(f"seed {seed}: {type(shown).__name__}: {shown}\n\n{explain(smaller)}") from error


def sweep(
    seeds: range,
    make: Maker,
    *,
    draw: Callable[[int], Case] = seeded,
    failures_max: int = 1,
    show: Callable[[str], None] | None = None,
) -> tuple[Counter[str], list[str]]:
    """Runs many seeds, until there are enough failures; the totals, and the failures."""
    totals: Counter[str] = Counter()
    failures: list[str] = []
    for seed in seeds:
        if seed % SHOWN_EVERY == 0 and show is not None:
            show(f"at seed {seed}, {len(failures)} failures")
        if len(failures) >= failures_max:
            break
        try:
            report = check(seed, make, draw)
        except AssertionError as failure:
            failures.append(str(failure))
            totals.update(definitions=1)
            if show is not None:
                show(str(failure))
            continue
        totals.update(commands=report.commands, workflows=report.workflows, tasks=report.tasks, definitions=1)
        totals.update({f"workflow {k}": v for k, v in report.statuses.items()})
        totals.update({f"task {k}": v for k, v in report.task_types.items()})
        if report.doubt is not None:
            totals.update(["doubtful", f"doubt: {report.doubt}"])
    return totals, failures


def _show(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compares the core with the oracle on random definitions.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--self", action="store_true", help="compare the oracle with itself")
    parser.add_argument("--draw", choices=DRAWS, default="plain", help="how the cases are drawn")
    parser.add_argument("--failures", type=int, default=5, help="stop after this many")
    options = parser.parse_args()
    make: Maker = Oracle if options.self else model_maker()
    began = time.monotonic()
    seeds = range(options.seed, options.seed + options.count)
    draw = DRAWS[options.draw]
    totals, failures = sweep(
        seeds, make, draw=draw, failures_max=options.failures, show=lambda text: print(text, flush=True)
    )
    for name, number in sorted(totals.items()):
        print(f"{number:>9} {name}")
    print(f"{len(failures)} failures in {time.monotonic() - began:.1f} s, from seed {options.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
