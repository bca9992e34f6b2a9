"""Which rules of the contract are tested, deviated from, or neither: `python -m tests.conformance.coverage`.

The contract itself lies beside the repository; `rules.tsv` lists its rule ids, so that this runs without it.
With the path of `semantics.md` as argument, or in CONFORMANCE_CONTRACT, the list is compared with it as well;
`--write` makes the list anew.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.transcript import RULE

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("rules.tsv")
COMPATIBILITY = ROOT / "docs" / "compatibility.md"
_HEADING = re.compile(r"^## (\d+) (.+)$|^(S-\d+\.\d+)\b", re.MULTILINE)
_TESTS = ("tests/**/*.txt", "tests/**/test_*.py", "rust/*/src/**/tests.rs", "rust/*/tests/**/*.rs")
_SECTIONS = (range(1, 73), range(80, 83), range(90, 93))


@dataclass(frozen=True)
class Coverage:
    """The rules of the list, in its order, sorted by what there is for them."""

    rules: dict[str, str]
    cited: frozenset[str]
    deviating: frozenset[str]

    @property
    def missing(self) -> list[str]:
        """Rules that no test cites and the compatibility page does not list."""
        return [r for r in self.rules if r not in self.cited and r not in self.deviating]

    @property
    def unknown(self) -> list[str]:
        """Cited ids of the listed sections that are no rules: slips of the pen."""
        return sorted(r for r in self.cited | self.deviating if r not in self.rules and _wanted(r))

    def summary(self) -> str:
        """One line of counts."""
        listed = [r for r in self.rules if r in self.deviating]
        both = sum(r in self.cited for r in listed)
        tested = sum(r in self.cited for r in self.rules)
        return (
            f"{len(self.rules)} rules: {tested} cited by a test, {len(listed)} listed as deviating "
            f"({both} of them tested too), {len(self.missing)} missing"
        )


def _wanted(rule: str) -> bool:
    section = int(rule[2:].split(".", maxsplit=1)[0])
    return any(section in wanted for wanted in _SECTIONS)


def rules_of(contract: str) -> dict[str, str]:
    """Rule ids of a contract's text with the title of their section, in order."""
    found: dict[str, str] = {}
    title = ""
    for match in _HEADING.finditer(contract):
        if match[2] is not None:
            title = match[2]
        elif _wanted(match[3]):
            found.setdefault(match[3], title)
    return found


def listed() -> dict[str, str]:
    """The rules of `rules.tsv`."""
    text = LIST.read_text(encoding="utf-8")
    return dict(re.findall(r"^(\S+)\t(.+)$", text, re.MULTILINE))


def citations(*patterns: str) -> dict[str, list[str]]:
    """For each rule, the files below the repository that cite it."""
    found: dict[str, list[str]] = {}
    for path in sorted({p for pattern in patterns for p in ROOT.glob(pattern)}):
        for rule in set(RULE.findall(path.read_text(encoding="utf-8"))):
            found.setdefault(rule, []).append(str(path.relative_to(ROOT)))
    return found


def measure() -> Coverage:
    """What there is now."""
    deviating = RULE.findall(COMPATIBILITY.read_text(encoding="utf-8"))
    return Coverage(listed(), frozenset(citations(*_TESTS)), frozenset(deviating))


def by_section(coverage: Coverage) -> list[str]:
    """The missing rules, one line per section."""
    lines: dict[str, list[str]] = {}
    for rule in coverage.missing:
        section = rule[2:].split(".")[0]
        lines.setdefault(f"{section} {coverage.rules[rule]}", []).append(rule)
    return [f"{title}: {' '.join(rules)}" for title, rules in lines.items()]


def _differences(contract: Path, *, write: bool) -> list[str]:
    rules = rules_of(contract.read_text(encoding="utf-8"))
    if write:
        LIST.write_text("".join(f"{r}\t{title}\n" for r, title in rules.items()), encoding="utf-8")
    known = listed()
    odd = sorted(rules.keys() ^ known.keys())
    return [f"{rule} is in only one of {LIST.name} and the contract" for rule in odd]


def main() -> int:
    """Prints the missing rules by section and the counts; 1 when the list and the contract differ."""
    parser = argparse.ArgumentParser(
        description="Counts the rules of the contract that tests cite and deviations name."
    )
    default = os.environ.get("CONFORMANCE_CONTRACT")
    parser.add_argument("contract", type=Path, nargs="?", default=default, help="path of semantics.md")
    parser.add_argument("--write", action="store_true", help="make the list of rules anew from the contract")
    parser.add_argument("--where", action="store_true", help="say for each rule which tests cite it")
    options = parser.parse_args()
    wrong = _differences(Path(options.contract), write=options.write) if options.contract else []
    if options.write and not options.contract:
        parser.error("--write needs the contract")
    coverage = measure()
    if options.where:
        where = citations(*_TESTS)
        print("\n".join(f"{r}: {' '.join(where.get(r, ['-']))}" for r in coverage.rules))
    print("\n".join([*wrong, *by_section(coverage), *(f"no such rule: {r}" for r in coverage.unknown)]))
    print(coverage.summary())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
