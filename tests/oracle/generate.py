"""Random cases: definitions, an input, commands; the same seed gives the same case on any machine."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from tests.oracle.definition_writer import CHILDREN, FAILURE, MAIN, WORKERS, DefinitionWriter

if TYPE_CHECKING:
    from collections.abc import Callable

Object = dict[str, Any]
# Odd lengths, so that an advance seldom lands exactly on a deadline.
ADVANCES_MS = (137, 1_511, 2_503, 4_517, 11_503, 61_507, 3_601_511)
RESULTS = ("COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED")


@dataclass(frozen=True)
class Command:
    """One thing that happens, told without ids: targets are picked by number among those that exist then."""

    kind: str
    pick: int = 0
    args: Object = field(default_factory=dict)

    def __str__(self) -> str:
        given = " ".join(f"{k}={v!r}" for k, v in self.args.items())
        return f"{self.kind} {self.pick} {given}".strip()


@dataclass(frozen=True)
class Case:
    """Definitions, one or two starts, and the commands that follow."""

    task_defs: list[Object]
    workflow_defs: list[Object]
    start: Object
    commands: list[Command]


def case(rng: random.Random) -> Case:
    """A random case."""
    writer = DefinitionWriter(rng)
    workflow_defs = [writer.workflow(name) for name in (*CHILDREN, FAILURE, MAIN)]
    start: Object = {"name": MAIN, "input": _payload(rng)}
    if rng.random() < 0.2:
        start["correlationId"] = "c-1"
    commands = [_command(rng) for _ in range(rng.randint(8, 36))]
    if rng.random() < 0.15:
        commands.insert(rng.randint(0, len(commands)), Command("start", args=start))
    return Case(writer.task_defs(), workflow_defs, start, commands)


def seeded(seed: int) -> Case:
    """The case of a seed."""
    return case(random.Random(seed))


class Skewed(random.Random):
    """Draws that repeat themselves and keep to the ends of their range, as accidents do.

    What needs the same thing to happen twice, or all to be the first of its kind, is seldom met otherwise.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._habit = super().random()
        self._before: list[float] = []

    def random(self) -> float:
        """A number from 0 to below 1; every other draw of `random.Random` is made of it."""
        if super().random() >= self._habit:
            found = super().random()
        elif self._before and super().random() < 0.5:
            found = self._before[int(super().random() * len(self._before))]
        else:
            found = (0.0, 0.5, 1 - 2**-53)[int(super().random() * 3)]
        self._before = [*self._before[-7:], found]
        return found


def skewed(seed: int) -> Case:
    """The case of a seed with skewed draws."""
    return case(Skewed(seed))


def limited(seed: int) -> Case:
    """The case of a seed, started more often, with keys and limits on how many run (S-53.5, S-90.1)."""
    found, rng = seeded(seed), random.Random(f"limited {seed}")
    workflow_defs = [d | _limit(rng) if rng.random() < 0.4 else d for d in found.workflow_defs]
    commands = list(found.commands)
    for _ in range(rng.randint(1, 4)):
        again = Command("start", args=found.start | _key(rng))
        commands.insert(rng.randint(0, len(commands)), again)
    return Case(found.task_defs, workflow_defs, found.start | _key(rng), commands)


def _limit(rng: random.Random) -> Object:
    config = {
        "rateLimitKey": rng.choice(("k", "${workflow.input.s}")),
        "concurrentExecLimit": rng.choice((1, 1, 2)),
        "policy": rng.choice(("QUEUE", "QUEUE", "REJECT")),
    }
    return {"rateLimitConfig": config}


def _key(rng: random.Random) -> Object:
    if rng.random() < 0.3:
        return {}
    strategy = rng.choice(("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING", None))
    return {"idempotencyKey": rng.choice(("k1", "k2")), "idempotencyStrategy": strategy}


# How the case of a seed may be drawn.
DRAWS: dict[str, Callable[[int], Case]] = {"plain": seeded, "skewed": skewed, "limited": limited}


def cases() -> st.SearchStrategy[Case]:
    """The same cases for hypothesis, which can shrink them."""
    return st.randoms(use_true_random=False).map(case)


def _payload(rng: random.Random) -> Object:
    """A small output or input that switches, loops and forks can look at."""
    found: Object = {"n": rng.randint(0, 4), "s": rng.choice("abp")}
    if rng.random() < 0.5:
        found["list"] = [rng.choice((1, "x", {"n": 2}, None, 2.5)) for _ in range(rng.randint(0, 3))]
    if rng.random() < 0.2:
        found["deep"] = {"k": [{"n": 1, "s": "a"}, {"n": 3, "s": "${workflow.input.n}"}]}
    if rng.random() < 0.1:
        found["big"] = 2**53 + 1
    return found


def _result(rng: random.Random) -> Object:
    status = rng.choices(RESULTS, weights=(75, 17, 5, 3))[0]
    found: Object = {"status": status, "outputData": _payload(rng)}
    if status != "COMPLETED" or rng.random() < 0.1:
        found["reasonForIncompletion"] = rng.choice(("no luck", "out of stock"))
    return found


def _command(rng: random.Random) -> Command:
    kind = rng.choices(
        (
            "poll",
            "update",
            "callback",
            "late",
            "extend",
            "signal",
            "advance",
            "operate",
            "rerun",
            "skip",
            "post",
        ),
        weights=(30, 30, 4, 4, 2, 6, 16, 8, 5, 2, 4),
    )[0]
    return Command(kind, rng.randint(0, 999), _arguments(rng, kind))


def _arguments(rng: random.Random, kind: str) -> Object:
    maker = _ARGUMENTS.get(kind)
    return {} if maker is None else maker(rng)


def _rerun(rng: random.Random) -> Object:
    """A rerun, mostly from a task; its number says from which."""
    found: Object = {"task": rng.randint(0, 99) if rng.random() < 0.85 else None}
    if rng.random() < 0.3:
        found["workflowInput"] = _payload(rng)
    if rng.random() < 0.3:
        found["taskInput"] = _payload(rng)
    if rng.random() < 0.2:
        found["correlationId"] = "c-2"
    return found


def _operation(rng: random.Random) -> str:
    return rng.choices(
        ("pause", "resume", "retry", "restart", "terminate", "decide", "resetcallbacks", "remove"),
        weights=(20, 22, 30, 8, 8, 6, 5, 1),
    )[0]


_ARGUMENTS: dict[str, Callable[[random.Random], Object]] = {
    "poll": lambda rng: {"type": rng.choice(WORKERS), "count": rng.choice((1, 1, 2, 5))},
    "update": _result,
    "late": _result,
    "callback": lambda rng: {"callbackAfterSeconds": rng.choice((0, 2, 30))},
    "signal": lambda rng: {**_result(rng), "byRef": rng.random() < 0.4},
    "advance": lambda rng: {"ms": rng.choices(ADVANCES_MS, weights=(20, 25, 20, 15, 12, 6, 2))[0]},
    "rerun": _rerun,
    "post": _payload,
    "skip": lambda rng: {"taskInput": _payload(rng), "taskOutput": _payload(rng)},
    "operate": lambda rng: {"verb": _operation(rng), "flag": rng.random() < 0.4},
}
