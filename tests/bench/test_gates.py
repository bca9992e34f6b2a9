"""The gates close on what costs more, open on noise, and read callgrind's files right."""

from __future__ import annotations

import json

import pytest
from benchmarks.gates import callgrind
from benchmarks.gates.__main__ import RECORD
from benchmarks.gates.record import GATES, closed, gate_of, judge, table


def test_a_count_above_its_tolerance_closes_the_gate_and_says_where_to_look() -> None:
    verdicts = judge({"exec/instructions_per_task": 103.0}, {"exec/instructions_per_task": 100.0})
    assert [each.name for each in closed(verdicts, same_compiler=True)] == ["exec/instructions_per_task"]
    assert "exec_loop" in table(verdicts, same_compiler=True)


@pytest.mark.parametrize("now", [101.9, 100.0, 50.0])
def test_noise_and_gains_leave_the_gate_open(now: float) -> None:
    verdicts = judge({"exec/instructions_per_task": now}, {"exec/instructions_per_task": 100.0})
    assert not closed(verdicts, same_compiler=True)


def test_a_gain_asks_to_be_recorded() -> None:
    verdicts = judge({"served_alone/crossings": 4.0}, {"served_alone/crossings": 6.0})
    assert "lower: record it" in table(verdicts, same_compiler=True)


def test_another_compiler_excuses_instructions_and_nothing_else() -> None:
    counts = {
        "exec/instructions_per_task": 200.0,
        "exec/allocations_per_task": 2.0,
        "served_alone/syncs": 4.0,
    }
    record = {
        "exec/instructions_per_task": 100.0,
        "exec/allocations_per_task": 1.0,
        "served_alone/syncs": 3.0,
    }
    verdicts = judge(counts, record)
    assert [each.name for each in closed(verdicts, same_compiler=False)] == ["served_alone/syncs"]
    assert len(closed(verdicts, same_compiler=True)) == 3


def test_a_count_without_a_record_is_shown_and_closes_nothing() -> None:
    verdicts = judge({"served_alone/syncs": 3.0}, {})
    assert not closed(verdicts, same_compiler=True)
    assert "not recorded" in table(verdicts, same_compiler=True)


def test_every_recorded_count_has_a_gate_and_every_gate_a_count() -> None:
    recorded = json.loads(RECORD.read_text())["counts"]
    used = {gate_of(name).pattern for name in recorded}
    assert used == {gate.pattern for gate in GATES}


def test_a_count_that_nobody_judges_is_an_error() -> None:
    with pytest.raises(ValueError, match="no gate judges made/up"):
        gate_of("made/up")


def test_allocations_are_the_calls_into_the_allocator_from_outside() -> None:
    lines = [
        "fn=(1) decide",
        "cfn=(2) mi_malloc_aligned",
        "calls=7 0",
        "cfn=(3) mi_free",
        "calls=7 0",
        "fn=(2)",
        "cfn=(4) mi_malloc_generic",
        "calls=3 0",
        "fn=(5) commit",
        "cfn=(2)",
        "calls=2 0",
        "cfn=(6) mi_realloc_aligned",
        "calls=1 0",
    ]
    assert callgrind._allocations(lines) == 10
