"""The comparison itself: what it lets pass and what it must not; and the file of explanations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conformance import transcript
from tests.conformance.backends import make
from tests.conformance.session import Session
from tests.conformance.words import WORDS
from tests.differential import known, record, report
from tests.differential.lockstep import Difference, root_of, seconds_of
from tests.differential.scenarios import ROOTS, Outcome
from tests.differential.view import difference, lines_of

KNOWN = Path(__file__).parents[2] / "docs" / "differential-known.txt"


def task(**changed: Any) -> dict[str, Any]:
    return {
        "referenceTaskName": "a",
        "taskType": "a",
        "status": "COMPLETED",
        "retryCount": 0,
        "iteration": 0,
        "inputData": {"n": 1},
        "outputData": {"o": 2},
        "taskId": "one",
    } | changed


def execution(*tasks: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "status": "COMPLETED",
        "input": {},
        "output": {"o": 2},
        "variables": {},
        "tasks": list(tasks),
    } | changed


def lines(found: dict[str, Any]) -> tuple[str, ...]:
    return lines_of("w1", found, lambda value: value)


@pytest.mark.parametrize(
    "changed",
    [
        {"referenceTaskName": "b"},
        {"taskType": "b"},
        {"status": "FAILED"},
        {"retryCount": 1},
        {"iteration": 1},
        {"inputData": {"n": 1.0}},
        {"outputData": {}},
        {"domain": "d"},
        {"retried": True},
        {"subWorkflowId": "w1.a"},
        {"reasonForIncompletion": "why"},
    ],
)
def test_what_a_task_shows_is_compared(changed: dict[str, Any]) -> None:
    assert difference(lines(execution(task())), lines(execution(task(**changed))))


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "FAILED"},
        {"input": {"n": 1}},
        {"output": {}},
        {"variables": {"v": 1}},
        {"reasonForIncompletion": "why"},
        {"tasks": []},
        {"tasks": [task(), task(referenceTaskName="b")]},
    ],
)
def test_what_an_execution_shows_is_compared(changed: dict[str, Any]) -> None:
    assert difference(lines(execution(task())), lines(execution(task()) | changed))


@pytest.mark.parametrize(
    "changed", [{"taskId": "two"}, {"workerId": "host"}, {"endTime": 7}, {"executed": True}]
)
def test_ids_times_and_hosts_are_not_compared(changed: dict[str, Any]) -> None:
    assert not difference(lines(execution(task())), lines(execution(task(**changed))))


def test_the_order_of_tasks_is_compared() -> None:
    one, two = task(), task(referenceTaskName="b")
    assert difference(lines(execution(one, two)), lines(execution(two, one)))


def test_the_wording_of_reasons_is_free() -> None:
    ours = lines(execution(task(status="FAILED", reasonForIncompletion="why"), reasonForIncompletion="x"))
    theirs = lines(
        execution(task(status="FAILED", reasonForIncompletion="because"), reasonForIncompletion="y")
    )
    assert ours == theirs


def test_a_new_attempt_may_carry_the_old_reason() -> None:
    waiting = task(status="SCHEDULED")
    assert lines(execution(waiting)) == lines(
        execution(waiting | {"reasonForIncompletion": "of the one before"})
    )


def test_a_child_without_input_parameters_has_no_input() -> None:
    stored: dict[str, Any] = {"subWorkflowName": "c", "priority": None, "workflowInput": {}}
    assert lines(execution(input=stored)) == lines(execution())
    assert lines(execution(input=stored | {"workflowInput": {"n": 1}})) != lines(execution())


def test_an_output_before_the_end_is_not_compared() -> None:
    assert lines(execution(status="RUNNING", output={"o": 1})) == lines(
        execution(status="RUNNING", output={})
    )


@pytest.mark.parametrize("symbol", ["w1", "w1/a", "w1.s", "w1.s.t/a#1", "w1!", "w1!.s"])
def test_everything_belongs_to_what_was_started(symbol: str) -> None:
    assert root_of(symbol) == "w1"


def test_lengths_of_time() -> None:
    assert [seconds_of(each) for each in ("1ms", "2s", "3m", "1h")] == [0.001, 2, 180, 3600]
    with pytest.raises(ValueError, match="soon"):
        seconds_of("soon")


def test_one_unexplained_difference_makes_a_scenario_unexplained(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("# a comment\n\nretries/* | S-1.1 | bug | ^\\+ .*COMPLETED | It ends too early.\n")
    explained = Difference("retries/x", "retry w1", "w1", ("- w1 RUNNING", "+ w1 COMPLETED"))
    elsewhere = Difference("tasks/x", "retry w1", "w1", explained.lines)
    other = Difference("retries/x", "retry w1", "w1", ("- w1 COMPLETED", "+ w1 FAILED"))
    entries = known.read(file)
    verdicts = [
        report.verdict(Outcome("retries/x", differences=differences), entries)
        for differences in ((), (explained,), (explained, other), (elsewhere,))
    ]
    assert verdicts == ["equal", "explained", "unexplained", "unexplained"]
    assert report.verdict(Outcome("x", skipped="needs an hour"), entries) == "skipped"


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("\n* | S-1.1 | guess | x | y\n")
    with pytest.raises(ValueError, match=r"known\.txt:2"):
        known.read(file)


def test_the_page_counts_and_names_what_it_found() -> None:
    entry = known.Known("*", "S-9.9", "deviation", known.pattern_of("COMPLETED"), "It ends too early.")
    differs = Difference("retries/x", "retry w1", "w1", ("+ w1 COMPLETED",))
    outcomes = [Outcome("retries/x", 3, (differs,)), Outcome("a", 2), Outcome("random/7", 5)]
    page = report.markdown(outcomes, [entry], version="1", seeds="1, from seed 7 on")
    assert "| transcripts | 2 | 1 | 1 | 0 | 0 | 5 |" in page
    assert "| random definitions | 1 | 1 | 0 | 0 | 0 | 5 |" in page
    assert "| S-9.9 | It ends too early. | deviation | 1 | retries/x |" in page
    assert "Nothing is unexplained." in page


@pytest.mark.parametrize("path", transcript.files(ROOTS[1]), ids=lambda path: path.stem)
def test_a_transcript_of_our_own_prints_what_it_says(path: Path) -> None:
    script = transcript.read(path)
    session = Session(make("model"), WORDS)
    assert [session.run(b.commands) for b in script.blocks] == [b.expected for b in script.blocks]


def test_an_outcome_is_kept_and_read_as_it_was(tmp_path: Path) -> None:
    differs = Difference("random/1", "retry w1", "w1", ("- a", "+ b"))
    kept = [Outcome("random/1", 3, (differs,), runs=2, said=("start w1 x",)), Outcome("x", skipped="why")]
    file = tmp_path / "record.jsonl"
    file.write_text("".join(f"{record.written(each)}\n" for each in [Outcome("x"), *kept]))
    assert record.read(file) == {each.name: each for each in kept}
    assert record.read(tmp_path / "absent") == {}


def test_the_file_of_explanations_is_in_order() -> None:
    for each in known.read(KNOWN):
        assert known.RULES.fullmatch(each.rule), f"{each.rule} is no rule: {each.sentence}"
        assert each.sentence.endswith("."), f"not a sentence: {each.sentence}"
