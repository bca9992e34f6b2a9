"""Which transcripts run against live servers, and how one of them or a random case runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance import transcript
from tests.conformance.backends import Http
from tests.conformance.words import WORDS
from tests.differential.lockstep import LockStep, seconds_of
from tests.differential.observed import Observed
from tests.differential.random_cases import run_case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conformance.transcript import Transcript
    from tests.differential.lockstep import Difference

ROOTS = (Path(__file__).parents[1] / "conformance", Path(__file__).parent / "transcripts")
"""The second holds what the oracle cannot follow: it speaks only a little JavaScript."""
WAIT_SECONDS_MAX = 12.0
"""A transcript whose clock moves by no more is waited for; the others are skipped."""
ANSWER_SECONDS_MAX = 150.0
"""Conductor waits a minute for a lock it then does without (S-7.8)."""


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario."""

    name: str
    compared: int = 0
    differences: tuple[Difference, ...] = ()
    skipped: str | None = None
    runs: int = 1
    """How often it ran until nothing was unexplained, or until we gave up."""
    said: tuple[str, ...] = field(default=(), repr=False)
    """The commands of a random case."""


def transcripts(roots: Sequence[Path], only: list[str]) -> list[tuple[str, Transcript]]:
    """All of them with their names; with words given, those whose name holds one."""
    found = [
        (str(path.relative_to(root).with_suffix("")), path)
        for root in roots
        for path in transcript.files(root)
    ]
    return [(name, transcript.read(path)) for name, path in found if not only or any(w in name for w in only)]


def reason_to_skip(script: Transcript) -> str | None:
    """Why a transcript cannot run on a live server, if it cannot."""
    commands = [command for block in script.blocks for command in block.commands]
    waited = sum(seconds_of(c.split()[1]) for c in commands if c.startswith("advance "))
    if waited > WAIT_SECONDS_MAX:
        return f"moves the clock by more than {WAIT_SECONDS_MAX:.0f} s"
    return None


@dataclass(frozen=True)
class Servers:
    """Addresses of the two APIs."""

    fastcond: str
    conductor: str


def replay(servers: Servers, name: str, script: Transcript) -> Outcome:
    """Run one transcript."""
    skipped = reason_to_skip(script)
    if skipped is not None:
        return Outcome(name, skipped=skipped)

    def act(step: LockStep) -> list[str]:
        for block in script.blocks:
            for command in block.commands:
                step.run(command)
        return []

    return _outcome(servers, name, act)


def random_case(servers: Servers, seed: int) -> Outcome:
    """Run the case of a seed."""
    return _outcome(servers, f"random/{seed}", lambda step: run_case(seed, step), codes=False)


def _outcome(
    servers: Servers, name: str, act: Callable[[LockStep], list[str]], *, codes: bool = True
) -> Outcome:
    left, right = (
        Observed(Http(url, timeout_s=ANSWER_SECONDS_MAX), WORDS)
        for url in (servers.fastcond, servers.conductor)
    )
    step = LockStep(name, left, right, codes)
    try:
        said = act(step)
    finally:
        step.left.forget()
        step.right.forget()
    return Outcome(name, step.compared, tuple(step.differences), said=tuple(said))
