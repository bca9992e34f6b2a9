"""`make differential`: the real Conductor as a reference. See `--help`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.server import VERSION
from tests.differential import known as known_differences
from tests.differential import report, servers
from tests.differential.scenarios import ROOTS, Servers, random_case, replay, transcripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.differential.known import Known
    from tests.differential.scenarios import Outcome

ROOT = Path(__file__).parents[2]
KNOWN = ROOT / "docs" / "differential-known.txt"
REPORT = ROOT / "docs" / "differential.md"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.differential", description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=[], help="transcripts whose name holds one of these words"
    )
    parser.add_argument("--folders", type=Path, nargs="*", default=ROOTS, help="where the transcripts are")
    parser.add_argument("--random", type=int, default=0, help="how many random definitions")
    parser.add_argument("--seed", type=int, default=1, help="the first of them")
    parser.add_argument("--no-transcripts", action="store_true", help="random definitions only")
    parser.add_argument("--report", type=Path, help="write the page here")
    parser.add_argument("--conductor", help="API of a running Conductor, instead of starting one")
    parser.add_argument("--fastcond", help="API of a running fastcond, instead of starting one")
    return parser.parse_args()


@contextlib.contextmanager
def _pair(options: argparse.Namespace) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        left = options.fastcond or stack.enter_context(servers.fastcond())
        right = options.conductor or stack.enter_context(servers.conductor())
        yield Servers(left, right)


def _run(options: argparse.Namespace, pair: Servers, known: list[Known]) -> Iterator[Outcome]:
    if not options.no_transcripts:
        for name, script in transcripts(options.folders, options.only):
            yield _told(known, partial(replay, pair, name, script))
    for seed in range(options.seed, options.seed + options.random):
        yield _told(known, partial(random_case, pair, seed))


def _told(known: list[Known], act: Callable[[], Outcome]) -> Outcome:
    """Run one scenario and say on the terminal what came of it."""
    began = time.monotonic()
    outcome = act()
    print(
        f"{report.verdict(outcome, known):12} {time.monotonic() - began:5.1f} s  {outcome.name}", flush=True
    )
    found = report.unexplained([outcome], known)
    for difference in found:
        print(report.shown(difference), flush=True)
    if found and outcome.said:
        print("    commands:", *(f"      {each}" for each in outcome.said), sep="\n", flush=True)
    return outcome


def main() -> int:
    """Run, tell what is unexplained, write the page; 1 when something is."""
    options = _options()
    known = known_differences.read(KNOWN)
    with _pair(options) as pair:
        outcomes = list(_run(options, pair, known))
    seeds = f"{options.random}, from seed {options.seed} on" if options.random else "none"
    page = report.markdown(outcomes, known, version=VERSION, seeds=seeds)
    if options.report is not None:
        options.report.write_text(page, encoding="utf-8")
    left_over = report.unexplained(outcomes, known)
    print(json.dumps({"scenarios": len(outcomes), "unexplained": len(left_over)}))
    return 1 if left_over else 0


if __name__ == "__main__":
    sys.exit(main())
