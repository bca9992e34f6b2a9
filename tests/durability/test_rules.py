"""The checkers checked: each complains about a wrong store made for it (quality section 7, habit 9)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.durability.ledger import Ledger
from tests.durability.rules import Witness, complaints, missing, unsettled
from tests.durability.workflows import RESPONSE_TIMEOUT_S, WAIT_MS

if TYPE_CHECKING:
    from collections.abc import Callable

Execution = dict[str, Any]

NOW = 100.0


def _task(ref: str, *, token: str | None, number: int = 0, seq: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "taskId": f"{ref}-{number}",
        "referenceTaskName": ref,
        "taskType": "kt_work",
        "status": "COMPLETED",
        "retryCount": number,
        "seq": seq,
        "inputData": {"start": "s-1"},
        "outputData": {"token": token} if token else {},
        "scheduledTime": 0,
        "endTime": 5000,
        **given,
    }


def _note(ledger: Ledger, task: dict[str, Any], *results: str) -> None:
    """Notes an offer and results that were sent and acknowledged one after the other."""
    offered = {**task, "workflowInstanceId": "w-1"}
    attempt = ledger.note_offer(offered, polled_at=1.0)
    for number, token in enumerate(results):
        send = ledger.note_send(attempt, status="COMPLETED", now=1.1 + number)
        send.token, send.acked_at = token, 1.2 + number


def _right() -> tuple[Ledger, Execution]:
    """Returns a ledger and an execution that agree; `kt_chain` with its first two steps done."""
    ledger = Ledger()
    start = ledger.note_start("s-1", kind="kt_chain", now=0.5)
    start.workflow_id, start.acked_at = "w-1", 0.6
    first = _task("first", token="r-1")
    second = _task("second", token="r-2", seq=2, inputData={"start": "s-1", "before": "r-1"})
    third = _task("third", token=None, seq=3, status="SCHEDULED", inputData={"start": "s-1", "before": "r-2"})
    _note(ledger, first, "r-1", "r-1b")
    _note(ledger, second, "r-2")
    execution = {
        "workflowId": "w-1",
        "workflowName": "kt_chain",
        "correlationId": "s-1",
        "status": "RUNNING",
        "input": {"token": "s-1"},
        "output": {},
        "tasks": [first, second, third],
    }
    return ledger, execution


def test_right_execution_gives_no_complaint() -> None:
    ledger, execution = _right()
    assert complaints(ledger, execution, asked_at=NOW) == []


def _acknowledged_result_is_gone(execution: Execution) -> None:
    execution["tasks"][1].update(status="IN_PROGRESS", outputData={})


def _timed_out_although_acknowledged_in_time(execution: Execution) -> None:
    execution["tasks"][1].update(status="TIMED_OUT", outputData={})


def _second_result_won(execution: Execution) -> None:
    execution["tasks"][0]["outputData"] = {"token": "r-1b"}
    execution["tasks"][1]["inputData"]["before"] = "r-1b"


def _result_nobody_sent(execution: Execution) -> None:
    execution["tasks"][1]["outputData"] = {"token": "r-77"}


def _other_status_than_sent(execution: Execution) -> None:
    execution["tasks"][1]["status"] = "FAILED"


def _completed_twice(execution: Execution) -> None:
    execution["tasks"].insert(1, _task("first", token="r-1", number=1, seq=9))


def _two_attempts_with_one_number(execution: Execution) -> None:
    execution["tasks"].append(_task("third", token=None, seq=4, status="SCHEDULED"))


def _next_step_read_something_else(execution: Execution) -> None:
    execution["tasks"][2]["inputData"]["before"] = "r-1"


def _input_is_not_the_one_sent(execution: Execution) -> None:
    execution["input"] = {"token": "s-1", "more": 1}


def _input_is_of_nobody(execution: Execution) -> None:
    execution["input"] = {}


def _no_task(execution: Execution) -> None:
    execution["tasks"] = []


def _ended_with_an_open_task(execution: Execution) -> None:
    execution["status"] = "COMPLETED"


def _failed_without_reason(execution: Execution) -> None:
    execution["status"] = "FAILED"


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (_acknowledged_result_is_gone, "lost"),
        (_timed_out_although_acknowledged_in_time, "lost"),
        (_second_result_won, "doubled"),
        (_result_nobody_sent, "doubled"),
        (_other_status_than_sent, "wrong"),
        (_completed_twice, "doubled"),
        (_two_attempts_with_one_number, "doubled"),
        (_next_step_read_something_else, "doubled"),
        (_input_is_not_the_one_sent, "half"),
        (_input_is_of_nobody, "half"),
        (_no_task, "half"),
        (_ended_with_an_open_task, "half"),
        (_failed_without_reason, "wrong"),
    ],
)
def test_spoiled_execution_gives_its_complaint(spoil: Callable[[Execution], None], kind: str) -> None:
    ledger, execution = _right()
    spoil(execution)
    found = complaints(ledger, execution, asked_at=NOW)
    assert [text for text in found if text.startswith(f"{kind}:")], found


def test_update_acknowledged_after_the_question_may_be_missing() -> None:
    ledger, execution = _right()
    _acknowledged_result_is_gone(execution)
    execution["tasks"].pop()
    assert complaints(ledger, execution, asked_at=1.15) == []


def test_late_update_may_be_ignored() -> None:
    ledger, execution = _right()
    _timed_out_although_acknowledged_in_time(execution)
    execution["tasks"].pop()
    ledger.attempts["second-0"].sends[0].acked_at = 1.0 + RESPONSE_TIMEOUT_S
    assert complaints(ledger, execution, asked_at=NOW) == []


def test_unanswered_first_result_may_win_over_the_acknowledged_second() -> None:
    ledger, execution = _right()
    ledger.attempts["first-0"].sends[0].acked_at = None
    assert complaints(ledger, execution, asked_at=NOW) == []
    _second_result_won(execution)
    ledger.attempts["second-0"].inputs["before"] = "r-1b"
    assert complaints(ledger, execution, asked_at=NOW) == []


def test_attempt_handed_out_twice_is_a_complaint() -> None:
    ledger, execution = _right()
    _note(ledger, execution["tasks"][2])
    assert ledger.complaints == []
    _note(ledger, execution["tasks"][2])
    assert [text for text in ledger.complaints if text.startswith("doubled:")]


def test_early_wait_and_early_join_are_complaints() -> None:
    ledger, execution = _right()
    pause = _task("pause", token=None, taskType="WAIT", endTime=WAIT_MS - 1, seq=7)
    meet = _task("meet", token=None, taskType="JOIN", seq=8)
    execution["tasks"] += [pause, meet]
    found = complaints(ledger, execution, asked_at=NOW)
    assert [text for text in found if "WAIT" in text]
    assert [text for text in found if "join" in text]


def test_witness_complains_when_something_final_changes() -> None:
    _, execution = _right()
    witness = Witness()
    assert witness.complaints(execution) == []
    changed = copy.deepcopy(execution)
    changed["tasks"][0]["outputData"] = {"token": "r-9"}
    assert [text for text in witness.complaints(changed) if text.startswith("doubled:")]
    reopened = copy.deepcopy(execution)
    reopened["tasks"][1]["status"] = "IN_PROGRESS"
    assert [text for text in witness.complaints(reopened) if text.startswith("doubled:")]


def test_missing_and_stuck_are_named() -> None:
    ledger, execution = _right()
    assert missing(ledger.starts["s-1"]).startswith("lost: start s-1")
    assert "third SCHEDULED" in unsettled(execution)
