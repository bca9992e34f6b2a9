"""Two servers that get the same commands one by one and are compared after each, once they have settled."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.conformance.session import Line, Refused
from tests.differential.view import difference

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.observed import Observed, States

LOOKS_MAX = 65
"""How often the right side is looked at until it is where the left side is: some five seconds.

Counted, not timed: a machine that stands still for a while takes nothing away.
"""
LOOK_S_MAX = 0.08
NUDGE_AT = frozenset({8, 16, 32, 64})
"""At which looks the right side is asked to look at its executions itself."""

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DEFINES = frozenset({"workflow", "task"})
_READS = frozenset({"show", "status", "queue"})


@dataclass(frozen=True)
class Difference:
    """The first place at which one execution, or one answer, is not the same on both sides."""

    scenario: str
    after: str
    """The command."""
    where: str
    """Symbol of the execution the difference began in, or `answer`."""
    lines: tuple[str, ...]
    """`-` fastcond, `+` Conductor."""


@dataclass
class LockStep:
    """A scenario on both sides; an execution that has come to differ is not compared any further."""

    scenario: str
    left: Observed
    right: Observed
    codes: bool = True
    """Whether the status of a refusal is compared, not only that there is one."""
    differences: list[Difference] = field(default_factory=list)
    compared: int = 0
    """States of executions found equal."""
    _diverged: set[str] = field(default_factory=set)

    def run(self, command: str) -> None:
        """Carry one transcript command out on both sides and compare."""
        line = Line.parse(command)
        if line.word in {"show", "queue"}:
            return
        if line.word == "advance":
            time.sleep(seconds_of(line.args[0]))
        elif line.word == "poll":
            self._poll(command, line)
        else:
            self._same(command, line)
        if line.word not in _DEFINES | _READS:
            self.settle(command)

    def _same(self, command: str, line: Line) -> None:
        left = _answer(lambda: self.left.carry_out(line))
        right = _answer(lambda: self.right.carry_out(line))
        self._compare_answers(command, line, left, right)
        if line.word in _DEFINES and left != right:
            # What only one of them took is not in the way of the next of that name.
            for side, answer in ((self.left, left), (self.right, right)):
                if not answer:
                    side.undefine_last()

    def _compare_answers(self, command: str, line: Line, left: list[str], right: list[str]) -> None:
        if not self.codes:
            left, right = _refusals_alike(left), _refusals_alike(right)
        touched = {root_of(each) for each in [*line.args, *left, *right]}
        if left != right and not touched & self._diverged:
            lines = (*(f"- {each}" for each in left), *(f"+ {each}" for each in right))
            self._note(command, "answer", lines)

    def _poll(self, command: str, line: Line) -> None:
        """Poll on the right until it has given what the left gave; in which order is not compared."""
        left = _answer(lambda: self.left.carry_out(line))
        right: list[str] = []
        for look in range(LOOKS_MAX):
            right += _answer(lambda: self.right.carry_out(line))
            if not self._counted(left) - self._counted(right):
                break
            self._wait(look)
        self._compare_answers(
            command,
            line,
            sorted(self._counted(left)) or ["nothing"],
            sorted(self._counted(right)) or ["nothing"],
        )

    def _counted(self, names: list[str]) -> set[str]:
        return {each for each in names if root_of(each) not in self._diverged and each != "nothing"}

    def settle(self, after: str) -> None:
        """Look at both sides until they are alike; what stays different is noted."""
        for look in range(LOOKS_MAX):
            left, right = self._kept(self.left.states()), self._kept(self.right.states())
            if left == right:
                self.compared += len(left)
                return
            self._wait(look)
        self._diverge(after, left, right)

    def _wait(self, look: int) -> None:
        if look in NUDGE_AT:
            self.right.states()
            self.right.nudge()
        time.sleep(min(LOOK_S_MAX, 0.01 * (look + 1)))

    def _kept(self, states: States) -> States:
        return {k: v for k, v in states.items() if root_of(k) not in self._diverged}

    def _diverge(self, after: str, left: States, right: States) -> None:
        for root in sorted({root_of(k) for k in (*left, *right)}):
            lines: list[str] = []
            where = ""
            for symbol in sorted(s for s in {*left, *right} if root_of(s) == root):
                found = difference(left.get(symbol, ()), right.get(symbol, ()))
                where = where or (symbol if found else "")
                lines += found
            if lines:
                self._note(after, where, tuple(lines))
                self._diverged.add(root)

    def _note(self, after: str, where: str, lines: tuple[str, ...]) -> None:
        self.differences.append(Difference(self.scenario, after, where, lines))


def root_of(symbol: str) -> str:
    """The started execution that a task, a child or a failure workflow belongs to."""
    return re.split(r"[.!/]", symbol, maxsplit=1)[0]


def seconds_of(text: str) -> float:
    """A length of time as transcripts write it."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    if found is None:
        raise ValueError(f"{text} is not a length of time")
    return int(found[1]) * _UNIT_S[found[2]]


def _refusals_alike(answer: list[str]) -> list[str]:
    return ["refused" if each.startswith("error ") else each for each in answer]


def _answer(act: Callable[[], list[str]]) -> list[str]:
    try:
        return act()
    except Refused as refused:
        return [f"error {refused}"]
    except LookupError as missing:
        return [f"missing {missing}"]
