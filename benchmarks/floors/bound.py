"""What a target asks for, what was found, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["holds", "BROKEN", "aim missed", "not measured"]


@dataclass(frozen=True)
class Bound:
    """One figure with a floor that must hold and an aim that should."""

    target: str
    """Number of the target, as ``P6``."""
    what: str
    """What is measured, unit last."""
    floor: float | None
    """None where there is an aim only."""
    aim: float | None
    is_ceiling: bool = False
    """Whether less is better."""

    def judge(self, measured: float | None) -> Verdict:
        """Say how a figure stands; None is one that could not be had."""
        if measured is None:
            return "not measured"
        if self.floor is not None and not self._reaches(measured, self.floor):
            return "BROKEN"
        return "holds" if self.aim is None or self._reaches(measured, self.aim) else "aim missed"

    def _reaches(self, measured: float, wanted: float) -> bool:
        return measured <= wanted if self.is_ceiling else measured >= wanted

    def found(self, measured: float | None, note: str = "") -> Row:
        """Put a figure beside its bound."""
        return Row(self, None if measured is None else float(measured), self.judge(measured), note)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    bound: Bound
    measured: float | None
    verdict: Verdict
    note: str = ""
    """How it was measured, where that is not plain, or why it was not."""


@dataclass(frozen=True)
class Found:
    """What measuring a group of targets gave."""

    rows: list[Row]
    evidence: dict[str, Any] = field(default_factory=dict)
    """Reports and figures behind the rows, as they go into the record."""


def table(rows: list[Row]) -> str:
    """Lay rows out for a terminal."""
    lines = [f"{'':4} {'what':<66}{'floor':>11}{'aim':>11}{'measured':>11}  verdict"]
    for row in rows:
        bound = row.bound
        sign = "<=" if bound.is_ceiling else ">="
        cells = [_cell(bound.floor, sign), _cell(bound.aim, sign), _cell(row.measured)]
        lines.append(
            f"{bound.target:4} {bound.what:<66}{''.join(f'{cell:>11}' for cell in cells)}  {row.verdict}"
        )
        if row.note:
            lines.append(f"     {row.note}")
    return "\n".join(lines)


def _cell(value: float | None, sign: str = "") -> str:
    if value is None:
        return "-"
    return f"{sign} {value:,.4g}".strip() if abs(value) < 1_000 else f"{sign} {value:,.0f}".strip()
