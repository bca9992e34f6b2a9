"""`make differential`: the real Conductor as a reference. See `--help`."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.conductor.server import VERSION
from tests.differential import known as known_differences
from tests.differential import record, report, servers
from tests.differential.scenarios import ROOTS, Outcome, Servers, random_case, replay, transcripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.differential.known import Known

ROOT = Path(__file__).parents[2]
KNOWN = ROOT / "docs" / "differential-known.txt"
RECORD = ROOT / ".cache" / "differential.jsonl"
RUNS_MAX = 3
"""A scenario with an unexplained difference runs again: Conductor on SQLite answers 500 now and then because
its database is locked, and a few of its outcomes are races. A difference of ours is there each time."""


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
    parser.add_argument("--record", type=Path, default=RECORD, help="where outcomes are kept, one a line")
    parser.add_argument("--resume", action="store_true", help="run only what the record does not hold yet")
    parser.add_argument("--conductor", help="API of a running Conductor, instead of starting one")
    parser.add_argument("--fastcond", help="API of a running fastcond, instead of starting one")
    return parser.parse_args()


@contextlib.contextmanager
def _pair(options: argparse.Namespace) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        left = options.fastcond or stack.enter_context(servers.fastcond())
        right = options.conductor or stack.enter_context(servers.conductor())
        yield Servers(left, right)


def _wanted(options: argparse.Namespace) -> dict[str, Callable[[Servers], Outcome]]:
    """The scenarios of this run by name, and how to run each."""
    found: dict[str, Callable[[Servers], Outcome]] = {}
    if not options.no_transcripts:
        for name, script in transcripts(options.folders, options.only):
            found[name] = partial(replay, name=name, script=script)
    for seed in range(options.seed, options.seed + options.random):
        found[f"random/{seed}"] = partial(random_case, seed=seed)
    return found


def _run(
    wanted: dict[str, Callable[[Servers], Outcome]], path: Path, pair: Servers, known: list[Known]
) -> None:
    """Run what is wanted and keep each outcome at once, so that a run that is cut off can go on."""
    with path.open("a", encoding="utf-8") as file:
        for name, act in wanted.items():
            file.write(record.written(_told(known, name, partial(act, pair))) + "\n")
            file.flush()


def _told(known: list[Known], name: str, act: Callable[[], Outcome]) -> Outcome:
    """Run one scenario and say on the terminal what came of it."""
    began = time.monotonic()
    for run in range(1, RUNS_MAX + 1):
        try:
            outcome = replace(act(), runs=run)
        except (OSError, http.client.HTTPException) as error:
            outcome = Outcome(name, skipped=f"no answer from a server: {type(error).__name__}", runs=run)
            continue
        if report.verdict(outcome, known) != report.UNEXPLAINED:
            break
    seconds = time.monotonic() - began
    print(f"{report.verdict(outcome, known):12} {seconds:5.1f} s  {outcome.name}", flush=True)
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
    wanted = _wanted(options)
    options.record.parent.mkdir(exist_ok=True)
    done = record.read(options.record) if options.resume else {}
    if not options.resume:
        options.record.unlink(missing_ok=True)
    missing = {name: act for name, act in wanted.items() if name not in done}
    if missing:
        with _pair(options) as pair:
            _run(missing, options.record, pair, known)
    done = record.read(options.record)
    outcomes = [done[name] for name in wanted]
    seeds = f"{options.random}, from seed {options.seed} on" if options.random else "none"
    page = report.markdown(outcomes, known, version=VERSION, seeds=seeds)
    if options.report is not None:
        options.report.write_text(page, encoding="utf-8")
    left_over = report.unexplained(outcomes, known)
    print(json.dumps({"scenarios": len(outcomes), "unexplained": len(left_over)}))
    return 1 if left_over else 0


if __name__ == "__main__":
    sys.exit(main())
