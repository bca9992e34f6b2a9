"""Which rules of the contract the tests cite: `python -m tests.conformance.coverage semantics.md`."""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

from tests.conformance.transcript import RULE

_DEFINED = re.compile(r"^(S-\d+\.\d+)\b", re.MULTILINE)
_SOURCES = ("*.txt", "*.py", "*.rs")


def cited(roots: list[Path]) -> dict[str, int]:
    """How many files under the roots cite each rule."""
    counts: dict[str, int] = defaultdict(int)
    for root in roots:
        for pattern in _SOURCES:
            for path in root.rglob(pattern):
                for rule in set(RULE.findall(path.read_text(encoding="utf-8", errors="replace"))):
                    counts[rule] += 1
    return counts


def main() -> int:
    """Prints cited and uncited rules by section."""
    parser = argparse.ArgumentParser(
        description="Lists rules of the contract that tests cite, and those they do not."
    )
    parser.add_argument("contract", type=Path)
    parser.add_argument("roots", type=Path, nargs="*", default=[Path(__file__).parent])
    parser.add_argument("--sections", default="", help="only these sections, e.g. 1,2,25")
    options = parser.parse_args()
    rules = list(dict.fromkeys(_DEFINED.findall(options.contract.read_text(encoding="utf-8"))))
    wanted = set(filter(None, options.sections.split(",")))
    rules = [r for r in rules if not wanted or r[2:].split(".")[0] in wanted]
    counts = cited(options.roots)
    missing = [r for r in rules if r not in counts]
    by_section: dict[str, list[str]] = defaultdict(list)
    for rule in missing:
        by_section[rule[2:].split(".")[0]].append(rule)
    for section, found in by_section.items():
        print(f"section {section}: {' '.join(found)}")
    unknown = sorted(
        r for r in counts if r not in _DEFINED.findall(options.contract.read_text(encoding="utf-8"))
    )
    print(f"{len(rules)} rules, {len(rules) - len(missing)} cited, {len(missing)} not; unknown: {unknown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
