"""Compare counts with their record, and say of each that is too high where to look."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

Counts = dict[str, float]
"""``row/what`` to the count of one execution, or of one task where the name says so."""


@dataclass(frozen=True)
class Gate:
    """Which counts it judges, how much above its record a count may be, and where to look when it is."""

    pattern: str
    tolerance: float
    is_of_compiler: bool
    """Whether another compiler counts otherwise, so that its counts are not judged."""

    look: str


GATES = (
    Gate(
        "*/instructions_per_task",
        0.02,
        is_of_compiler=True,
        look="deciding and committing without HTTP, threads or files: rust/node/examples/exec_loop.rs"
        " under callgrind, then callgrind_annotate --inclusive=yes on its file, before and after the change",
    ),
    Gate(
        "*/allocations*",
        0.02,
        is_of_compiler=True,
        look="a buffer, a String or a clone on the hot path that was not there, or a Vec that grows where its"
        " capacity is known: callgrind_annotate --tree=caller, callers of mi_malloc_aligned and"
        " mi_realloc_aligned",
    ),
    Gate(
        "*/journal_bytes*",
        0.02,
        is_of_compiler=False,
        look="what a commit carries: the fields of Change in rust/model/src/codec/patch.rs that a Step sets,"
        " and payloads that rust/model/src/codec/payloads.rs no longer finds equal",
    ),
    Gate(
        "request/instructions",
        0.02,
        is_of_compiler=True,
        look="all threads together; the rows of the threads below it say which one",
    ),
    Gate(
        "request/loop_instructions",
        0.02,
        is_of_compiler=True,
        look="parsing, routing and framing on the event loop's thread: rust/wire, rust/node/src/front.rs",
    ),
    Gate(
        "request/engine_instructions",
        0.02,
        is_of_compiler=True,
        look="rust/node/src/calls, rust/engine, rust/node/src/machine/commit.rs: exec/instructions_per_task"
        " says whether it is the deciding or what the thread does around it (rust/node/src/server/engine.rs)",
    ),
    Gate(
        "request/journal_instructions",
        # A small number in which a wake-up more shows.
        0.1,
        is_of_compiler=True,
        look="appending a group: rust/store/src/journal.rs and below",
    ),
    Gate(
        "request/archive_instructions",
        # The archive writes once a second besides, so a slow run has a batch more.
        0.05,
        is_of_compiler=True,
        look="rows for SQLite: their columns in rust/node/src/machine/rows.rs, indexes and statements in"
        " rust/store/src/archive/schema.rs and rust/store/src/archive/write.rs",
    ),
    Gate(
        "served_*/crossings",
        0.02,
        is_of_compiler=False,
        look="calls from Python into the core: a turn that reads and a turn that writes for each pipeline"
        " (src/fastcond/runtime/pump.py). More means a route that became cold (rust/node/src/front/hot.rs), a"
        " second wake-up, or a call per request",
    ),
    Gate(
        "served_*/syncs",
        0.02,
        is_of_compiler=False,
        look="one per group of requests: rust/store/src/journal/group.rs, and where the engine hands over in"
        " rust/node/src/server/engine.rs",
    ),
)


@dataclass(frozen=True)
class Verdict:
    """One count beside its record."""

    name: str
    now: float
    before: float | None
    """None when it was never recorded."""

    gate: Gate

    @property
    def change(self) -> float:
        """Share by which the count is above its record."""
        return self.now / self.before - 1 if self.before else 0.0

    @property
    def is_too_high(self) -> bool:
        """Whether the change is more than the gate lets through."""
        return self.change > self.gate.tolerance

    @property
    def is_lower(self) -> bool:
        """Whether so much was gained that the record should be renewed, so that it is kept."""
        return -self.change > self.gate.tolerance


def gate_of(name: str) -> Gate:
    """Return the gate that judges a count; one that nobody judges is an error of ours."""
    for gate in GATES:
        if fnmatch.fnmatch(name, gate.pattern):
            return gate
    raise ValueError(f"no gate judges {name}: add one to GATES")


def judge(counts: Counts, record: Counts) -> list[Verdict]:
    """Put every count beside its record."""
    return [Verdict(name, now, record.get(name), gate_of(name)) for name, now in counts.items()]


def table(verdicts: list[Verdict], *, same_compiler: bool) -> str:
    """Lay the verdicts out for a terminal, and behind them what to look at for those that are too high."""
    lines = [f"{'per execution, or per task':<40}{'now':>12}{'record':>12}{'change':>9}"]
    for each in verdicts:
        before = "none" if each.before is None else f"{each.before:,.3f}".rstrip("0").rstrip(".")
        now = f"{each.now:,.3f}".rstrip("0").rstrip(".")
        lines.append(f"{each.name:<40}{now:>12}{before:>12}{each.change:>+9.2%}{_mark(each, same_compiler)}")
    for each in closed(verdicts, same_compiler=same_compiler):
        lines.append(f"\n{each.name} is {each.change:+.1%} (at most {each.gate.tolerance:+.0%}).")
        lines.append(f"  Look at {each.gate.look}.")
    return "\n".join(lines)


def closed(verdicts: list[Verdict], *, same_compiler: bool) -> list[Verdict]:
    """Return those that a change may not land with."""
    return [each for each in verdicts if each.is_too_high and (same_compiler or not each.gate.is_of_compiler)]


def _mark(verdict: Verdict, same_compiler: bool) -> str:  # noqa: FBT001 - one of two arguments
    if verdict.before is None:
        return "  not recorded"
    if verdict.gate.is_of_compiler and not same_compiler:
        return "  not judged"
    if verdict.is_too_high:
        return "  TOO HIGH"
    return "  lower: record it" if verdict.is_lower else ""
