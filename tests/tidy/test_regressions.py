"""Each failure of the past that the first legs cover is a test under its name; `regressions.tsv` has them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

import pytest
from tests.tidy.sources import ROOT, is_test, python_files, rust_files

LIST = ROOT / "tests" / "tidy" / "regressions.tsv"
FIRST_LEGS = {"T1", "T2"}
"""Simulation and model check: their regressions need nothing but the core."""
NAMES = re.compile(r"\bfn (\w+)\(|\bdef test_(\w+)\(")


@dataclass(frozen=True)
class Regression:
    """A row of the list."""

    name: str
    legs: frozenset[str]
    waits_for: str
    """What has to be built before it can be tested; empty when nothing."""


def listed() -> list[Regression]:
    """Return the rows of the list."""
    with LIST.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Regression(row["name"], frozenset(row["legs"].split()), row["waits for"]) for row in rows]


def names_of_tests() -> set[str]:
    """Return the names of all tests, those of Python without their prefix."""
    files = [path for path in (*python_files("tests"), *rust_files()) if is_test(path)]
    found = (match for path in files for match in NAMES.finditer(path.read_text(encoding="utf-8")))
    return {match.group(1) or match.group(2) for match in found}


@pytest.fixture(scope="module")
def names() -> set[str]:
    return names_of_tests()


def test_the_list_names_each_failure_once() -> None:
    rows = listed()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.legs and re.fullmatch(r"[a-z_]+", row.name) for row in rows)


@pytest.mark.parametrize("row", [row for row in listed() if not row.waits_for], ids=lambda row: str(row.name))
def test_a_failure_of_the_past_is_a_test(row: Regression, names: set[str]) -> None:
    assert row.name in names, f"no test is called {row.name}"


def test_what_the_core_alone_can_show_is_shown(names: set[str]) -> None:
    first = [row for row in listed() if row.legs & FIRST_LEGS]
    missing = {row.name for row in first if row.name not in names}
    assert missing <= {row.name for row in first if row.waits_for}
    assert len(first) - len(missing) >= 19, "the list has lost some"
