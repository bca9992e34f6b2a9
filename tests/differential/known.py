"""The differences that are explained, from `docs/differential-known.txt`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.differential.lockstep import Difference

KINDS = frozenset({"bug", "deviation", "normalised"})
"""What the original does wrong, what we do otherwise on purpose, and what is not compared."""
RULES = re.compile(r"(?:S-\d+\.\d+|rest-api \d+|observed)(?: (?:S-\d+\.\d+|rest-api \d+|observed))*")
_COLUMNS = 5


@dataclass(frozen=True)
class Known:
    """One line of the file."""

    scenarios: str
    """Pattern for names of scenarios, `*` for any."""
    rule: str
    kind: str
    pattern: re.Pattern[str]
    """Found in the command or in a differing line."""
    sentence: str

    def explains(self, difference: Difference) -> bool:
        """Whether this is why."""
        if self.kind == "normalised":
            return False
        text = "\n".join((difference.after, *difference.lines))
        return fnmatch(difference.scenario, self.scenarios) and self.pattern.search(text) is not None


def pattern_of(text: str) -> re.Pattern[str]:
    """A pattern as the file gives it; `^` is the start of any line."""
    return re.compile(text, re.MULTILINE)


def read(path: Path) -> list[Known]:
    """Read `scenarios | rule | kind | pattern | sentence` per line; raises ValueError with the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) != _COLUMNS or cells[2] not in KINDS:
            raise ValueError(
                f"{path.name}:{number}: not `scenarios | rule | bug or deviation | pattern | sentence`"
            )
        found.append(Known(cells[0], cells[1], cells[2], pattern_of(cells[3]), cells[4]))
    return found


def explanation(difference: Difference, known: list[Known]) -> Known | None:
    """The first line that explains a difference."""
    return next((each for each in known if each.explains(difference)), None)
