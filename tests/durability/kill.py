"""Kills a server again and again while clients use it; proves that nothing acknowledged is lost or doubled.

    python -m tests.durability.kill --kills 500 --seed 7

Two phases: safety while kills happen, with an audit after each restart; then the disturbances end and
everything has to come to its end. The run also fails when the kills did not bite, that is, when they hit an
idle server.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.durability.audit import Audit
from tests.durability.ledger import Ledger
from tests.durability.load import Load
from tests.durability.server import Server
from tests.durability.workflows import TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.durability.rules import Execution

BETWEEN_KILLS_S = (0.05, 0.4)
AFTER_WRITE_S_MAX = 0.002
KILL_DURING_RECOVERY = 0.2
DURING_RECOVERY_S = (0.02, 0.5)
LOOK_AT_ALL_FIRST = 10
WRITE_S_MAX = 30.0
AIMS_MAX = 20
BITES_MIN = 0.8
PLAIN_S = 8.0
COMPLAINTS_KEPT = 50
TELL_EVERY = 50


@dataclass
class Outcome:
    """The figures of one run; `ok` is the verdict."""

    seed: int
    kills: int
    kills_during_recovery: int = 0
    kills_that_hit_a_write: int = 0
    writes_lost: int = 0
    starts: int = 0
    starts_acked: int = 0
    starts_unanswered: int = 0
    starts_unanswered_and_there: int = 0
    executions: int = 0
    attempts: int = 0
    attempts_timed_out: int = 0
    updates_acked: int = 0
    updates_repeated: int = 0
    calls: int = 0
    seconds: float = 0.0
    restart_ms_max: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every promise held and the faults really happened."""
        return not self.complaints

    def line(self) -> str:
        """Returns the summary line."""
        kinds = ("lost", "doubled", "half", "stuck", "wrong")
        parts = (
            f"seed {self.seed}",
            f"{self.kills} kills ({self.kills_that_hit_a_write} hit a write in flight)",
            f"{self.kills_during_recovery} more kills during recovery",
            f"{self.starts} starts ({self.starts_acked} acknowledged)",
            f"{self.starts_unanswered} starts unanswered ({self.starts_unanswered_and_there} of them there)",
            f"{self.attempts} attempts ({self.attempts_timed_out} timed out)",
            f"{self.updates_acked} updates acknowledged ({self.updates_repeated} repeats sent)",
            *(f"{kind} {self.by_kind.get(kind, 0)}" for kind in kinds),
            f"{self.seconds:.0f} s",
        )
        return f"kill-test {'ok' if self.ok else 'FAILED'}: {', '.join(parts)}"


class Run:
    """One run: a server, its clients, its auditor, and a seeded executioner."""

    def __init__(self, server: Server, *, seed: int, kills: int, starts_max: int | None = None) -> None:
        self._server = server
        self._random = random.Random(seed)
        self._ledger = Ledger()
        self._load = Load(server.port, self._ledger, seed=seed + 1)
        self._load.starts_max = starts_max
        self._audit = Audit(server.port, self._ledger, seed + 2)
        self._outcome = Outcome(seed, kills)
        self.told = 0
        """How many complaints were told while it ran."""

    async def under_kills(self, *, tell: Callable[[str], None] | None = None) -> Outcome:
        """Runs the safety phase with kills, then heals, then starts the server once more and compares.

        `tell` is given a line now and then, and every complaint when it is made.
        """
        began = time.monotonic()
        await asyncio.to_thread(self._server.start)
        try:
            await self._open()
            for number in range(1, self._outcome.kills + 1):
                await self._kill_once()
                await self._audit.look(everything=_is_full_look(number))
                self._load.check_alive()
                if tell is not None:
                    self._tell(number, tell, seconds=time.monotonic() - began)
            before = await self._heal()
            await asyncio.to_thread(self._stop_and_start)
            after = await self._audit.look(everything=True)
            self._compare(before, after)
        finally:
            await self._load.end()
            await asyncio.to_thread(self._server.kill)
        self._demand_bites()
        return self._sum_up(before, seconds=time.monotonic() - began)

    async def undisturbed(self) -> Outcome:
        """Runs the same clients and the same audit against a server that is not ours to kill."""
        began = time.monotonic()
        try:
            await self._open()
            await asyncio.sleep(PLAIN_S)
            executions = await self._heal()
        finally:
            await self._load.end()
        return self._sum_up(executions, seconds=time.monotonic() - began)

    def _tell(self, number: int, tell: Callable[[str], None], *, seconds: float) -> None:
        found = self._found()
        for complaint in found[self.told : COMPLAINTS_KEPT]:
            tell(complaint)
        self.told = len(found)
        if number % TELL_EVERY == 0:
            starts = len(self._ledger.starts)
            tell(f"{number} kills, {starts} starts, {len(found)} complaints, {seconds:.0f} s")

    def _found(self) -> list[str]:
        return list(dict.fromkeys([*self._ledger.complaints, *self._audit.found]))

    async def _open(self) -> None:
        await self._load.register()
        self._load.begin()
        self._load.up.set()

    async def _kill_once(self) -> None:
        """Kills the server in a write, maybe again while it recovers, and starts it."""
        await asyncio.sleep(self._random.uniform(*BETWEEN_KILLS_S))
        traffic = self._load.traffic
        for _ in range(AIMS_MAX):
            traffic.write_sent.clear()
            await asyncio.wait_for(traffic.write_sent.wait(), WRITE_S_MAX)
            await asyncio.sleep(self._random.uniform(0, AFTER_WRITE_S_MAX))
            if traffic.writes_in_flight > 0:
                break
        self._outcome.kills_that_hit_a_write += traffic.writes_in_flight > 0
        self._load.up.clear()
        self._server.kill()
        while self._random.random() < KILL_DURING_RECOVERY:
            self._server.launch()
            await asyncio.sleep(self._random.uniform(*DURING_RECOVERY_S))
            self._server.kill()
            self._outcome.kills_during_recovery += 1
        began = time.monotonic()
        await asyncio.to_thread(self._server.start)
        self._outcome.restart_ms_max = max(
            self._outcome.restart_ms_max, int((time.monotonic() - began) * 1000)
        )
        self._load.up.set()

    async def _heal(self) -> dict[str, Execution]:
        """Ends all disturbances, waits until everything has ended, and returns all executions."""
        self._load.behave()
        await self._audit.wait_settled()
        await self._load.end()
        executions = await self._audit.look(everything=True)
        await self._audit.check_twins(executions.values())
        await self._audit.check_queues_empty(TASK_TYPES)
        return executions

    def _stop_and_start(self) -> None:
        code = self._server.stop()
        if code != 0:
            self._audit.found.append(f"wrong: SIGTERM ended the server with exit code {code}")
        self._server.start()

    def _compare(self, before: dict[str, Execution], after: dict[str, Execution]) -> None:
        """G8: what was read from memory before the restart is what is read from disk after it."""
        for workflow_id, execution in before.items():
            if after.get(workflow_id) != execution:
                self._audit.found.append(f"wrong: {workflow_id} reads differently after a restart (G8)")

    def _demand_bites(self) -> None:
        """A run whose faults did not hit anything proves nothing."""
        outcome = self._outcome
        if outcome.kills_that_hit_a_write < outcome.kills * BITES_MIN:
            hits = f"{outcome.kills_that_hit_a_write} of {outcome.kills}"
            self._audit.found.append(f"wrong: only {hits} kills hit a write in flight, the load was too low")

    def _sum_up(self, executions: dict[str, Execution], *, seconds: float) -> Outcome:
        outcome, ledger = self._outcome, self._ledger
        doubtful = [
            start for start in ledger.starts.values() if start.acked_at is None and start.may_have_arrived
        ]
        tasks = [task for execution in executions.values() for task in execution["tasks"]]
        outcome.writes_lost = self._load.traffic.lost_writes
        outcome.starts = len(ledger.starts)
        outcome.starts_acked = sum(start.acked_at is not None for start in ledger.starts.values())
        outcome.starts_unanswered = len(doubtful)
        outcome.starts_unanswered_and_there = sum(start.is_acked for start in doubtful)
        outcome.executions = len(executions)
        outcome.attempts = len(ledger.attempts)
        outcome.attempts_timed_out = sum(task["status"] == "TIMED_OUT" for task in tasks)
        outcome.updates_acked = ledger.updates_acked
        outcome.updates_repeated = ledger.duplicates
        outcome.calls = self._load.traffic.calls
        outcome.seconds = round(seconds, 1)
        found = self._found()
        outcome.by_kind = dict(Counter(text.partition(":")[0] for text in found))
        outcome.complaints = found[:COMPLAINTS_KEPT]
        return outcome


def _is_full_look(number: int) -> bool:
    """Whether everything is read after this kill: after the 10th, 20th, 40th ..., as what there is grows."""
    while number > LOOK_AT_ALL_FIRST and number % 2 == 0:
        number //= 2
    return number == LOOK_AT_ALL_FIRST


def main() -> None:
    """Runs from the command line; exits 0 only if every promise held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--port", type=int, help="do not kill: check the server that listens on this port")
    parser.add_argument("--starts", type=int, help="end after so many starts (default: no end)")
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="fastcond-kill-"))
    server = Server(home)
    print(f"seed {arguments.seed}, {arguments.kills} kills, data in {home}", flush=True)
    if arguments.port:
        server.port = arguments.port
    run = Run(server, seed=arguments.seed, kills=arguments.kills, starts_max=arguments.starts)
    tell = functools.partial(print, flush=True)
    outcome = asyncio.run(run.undisturbed() if arguments.port else run.under_kills(tell=tell))
    for complaint in outcome.complaints[run.told :]:
        print(complaint)
    print(outcome.line())
    figures = json.dumps(asdict(outcome) | {"ok": outcome.ok})
    print(figures)
    if arguments.json:
        arguments.json.write_text(figures + "\n")
    if not outcome.ok:
        print(f"replay: python -m tests.durability.kill --kills {arguments.kills} --seed {arguments.seed}")
        print(f"the damaged store and the log are in {home}")
        sys.exit(1)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
