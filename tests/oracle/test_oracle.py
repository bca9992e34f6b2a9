"""The oracle holds its own invariants and every case comes to an end."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from tests.oracle.drive import run_case
from tests.oracle.generate import DRAWS, Case, Skewed, cases
from tests.oracle.run import sweep
from tests.oracle.verbs import Oracle

SEEDS = range(1, 151)


def test_random_cases_end_and_agree_with_themselves() -> None:
    totals, failures = sweep(SEEDS, Oracle)
    assert not failures, failures[0]
    assert totals["doubtful"] <= len(SEEDS) // 20, "too many cases run into what the contract leaves open"
    for kind in (
        "SIMPLE",
        "FORK",
        "JOIN",
        "SWITCH",
        "DO_WHILE",
        "SUB_WORKFLOW",
        "WAIT",
        "INLINE",
        "SET_VARIABLE",
    ):
        assert totals[f"task {kind}"] > 10, f"hardly any {kind} in {dict(totals)}"
    for status in ("COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"):
        assert totals[f"workflow {status}"] > 3, f"hardly any workflow {status} in {dict(totals)}"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(case=cases())
def test_hypothesis_cases_end_and_agree_with_themselves(case: Case) -> None:
    run_case(case, Oracle)


@pytest.mark.parametrize("draw", DRAWS)
def test_a_seed_always_gives_the_same_case(draw: str) -> None:
    assert DRAWS[draw](7) == DRAWS[draw](7)
    assert DRAWS[draw](7) != DRAWS[draw](8)


def test_skewed_draws_repeat_themselves() -> None:
    skew = [Skewed(seed) for seed in range(20)]
    draws = [[one.random() for _ in range(100)] for one in skew]
    assert sum(len(set(d)) < 60 for d in draws) > 5, "hardly anybody has a habit"
    assert sum(len(set(d)) > 80 for d in draws) > 2, "hardly anybody is free of one"
