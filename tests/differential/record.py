"""Outcomes as lines of JSON, so that a long run can go on where it was cut off and be judged anew."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.differential.lockstep import Difference
from tests.differential.scenarios import Outcome

if TYPE_CHECKING:
    from pathlib import Path


def written(outcome: Outcome) -> str:
    """An outcome as one line."""
    return json.dumps(asdict(outcome))


def read(path: Path) -> dict[str, Outcome]:
    """The outcomes in a file by name, the last of each; none when there is no file."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = json.loads(line)
        differences = tuple(
            Difference(**(each | {"lines": tuple(each["lines"])})) for each in cells.pop("differences")
        )
        outcome = Outcome(**(cells | {"said": tuple(cells["said"])}), differences=differences)
        found[outcome.name] = outcome
    return found
