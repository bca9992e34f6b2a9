"""Whether one order ended exactly as it should: in the server's record and in the books of the shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders import Fate, fate_of, order_id_of, order_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Execution = dict[str, Any]
Task = dict[str, Any]

SUCCESSFUL = {"COMPLETED", "COMPLETED_WITH_ERRORS"}


@dataclass(frozen=True)
class Trail:
    """Everything one order left behind: its executions and its entries in the books."""

    number: int
    order: Execution
    shipping: tuple[Execution, ...]
    compensation: Execution | None
    booked: dict[str, int]

    @property
    def executions(self) -> tuple[Execution, ...]:
        """All executions of this order."""
        return (self.order, *self.shipping, *((self.compensation,) if self.compensation else ()))


def complaints(trail: Trail) -> list[str]:
    """Returns what is wrong with an order, one sentence each; nothing when it ended as it should."""
    fate = fate_of(trail.number)
    found = [
        *_about_status(trail, fate),
        *_about_carrier(trail, fate),
        *_about_attempts(trail),
        *(_about_success(trail, fate) if fate.status == "COMPLETED" else _about_undoing(trail)),
    ]
    return [f"{order_id_of(trail.number)} ({trail.order['workflowId']}): {text}" for text in found]


def _about_status(trail: Trail, fate: Fate) -> Iterator[str]:
    status, reason = trail.order["status"], trail.order.get("reasonForIncompletion")
    if status != fate.status:
        yield f"is {status}, should be {fate.status}; reason: {reason}"
    if fate.failed_at is not None:
        last = _attempts(trail.order, fate.failed_at)
        expected = (
            "COMPLETED" if fate.failed_at == "reject_order" else ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
        )
        if not last or last[-1]["status"] not in expected:
            yield f"should have failed at {fate.failed_at}, reason given: {reason}"
    was_reviewed = bool(_attempts(trail.order, "review_order"))
    if was_reviewed != fate.is_reviewed:
        yield f"review task present: {was_reviewed}, should be: {fate.is_reviewed}"
    for task in trail.order["tasks"]:
        if task["status"] in ("SCHEDULED", "IN_PROGRESS"):
            yield f"ended with {task['referenceTaskName']} still {task['status']}"


def _about_carrier(trail: Trail, fate: Fate) -> Iterator[str]:
    attempts = [task for child in trail.shipping for task in _attempts(child, "book_carrier")]
    if fate.failed_at in ("authorise_payment", "reject_order"):
        if attempts:
            yield "was shipped although it failed before"
        return
    for task in attempts:
        may_succeed = int(task["retryCount"]) >= fate.carrier_failures
        if task["status"] == "COMPLETED" and not may_succeed:
            yield f"carrier attempt {task['retryCount']} succeeded too early"
        if task["status"] == "FAILED" and may_succeed:
            yield f"carrier attempt {task['retryCount']} failed: {task.get('reasonForIncompletion')}"
    wanted = fate.carrier_failures + (1 if fate.status == "COMPLETED" else 0)
    if len(attempts) < wanted:
        yield f"{len(attempts)} carrier attempts, should be {wanted} or more"


def _about_attempts(trail: Trail) -> Iterator[str]:
    """No task completes twice: one unsuccessful attempt after another, at most the last successful."""
    for execution in trail.executions:
        for ref in {task["referenceTaskName"] for task in execution["tasks"]}:
            attempts = _attempts(execution, ref)
            if [task["retryCount"] for task in attempts] != list(range(len(attempts))):
                yield f"attempts of {ref} are numbered {[task['retryCount'] for task in attempts]}"
            if any(task["status"] in SUCCESSFUL for task in attempts[:-1]):
                yield f"{ref} went on after it had completed"


def _about_success(trail: Trail, fate: Fate) -> Iterator[str]:
    order = order_of(trail.number)
    quantity = sum(item["quantity"] for item in order["items"])
    wanted = {
        "reserve": quantity,
        "authorise": order["total"],
        "capture": order["total"],
        "booking": 1,
        "label": 1,
    }
    for kind, amount in wanted.items():
        if trail.booked.get(kind) != amount:
            yield f"books say {kind} {trail.booked.get(kind)}, should be {amount}"
    for kind in ("release", "refund"):
        if kind in trail.booked:
            yield f"books say {kind} although the order was delivered"
    if trail.compensation is not None:
        yield "was compensated although it was delivered"
    output = trail.order.get("output", {})
    expected = {
        "outcome": "delivered",
        "orderId": order["orderId"],
        "captured": order["total"],
        "tracking": f"parcel-{order['orderId']}",
        "reservation": f"stock-{order['orderId']}",
    }
    for key, value in expected.items():
        if output.get(key) != value:
            yield f"output {key} is {output.get(key)!r}, should be {value!r}"
    notified = _attempts(trail.order, "notify_customer")
    if notified and fate.is_bounced and notified[-1]["status"] != "COMPLETED_WITH_ERRORS":
        yield f"bounced letter left the task {notified[-1]['status']}"


def _about_undoing(trail: Trail) -> Iterator[str]:
    compensation = trail.compensation
    if compensation is None:
        yield "was not compensated"
        return
    if compensation["status"] != "COMPLETED":
        yield f"compensation {compensation['workflowId']} is {compensation['status']}"
    secured = sorted(
        task["referenceTaskName"]
        for task in trail.order["tasks"]
        if task["referenceTaskName"] in ("reserve_stock", "authorise_payment")
        and task["status"] == "COMPLETED"
    )
    if compensation.get("output", {}).get("undone") != " ".join(secured):
        yield f"compensation undid {compensation.get('output', {}).get('undone')!r}, should be {secured}"
    if compensation["input"].get("workflowId") != trail.order["workflowId"]:
        yield f"compensation undoes {compensation['input'].get('workflowId')}"
    if "capture" in trail.booked:
        yield "money was taken although the order failed"
    for done, undo in (("reserve", "release"), ("authorise", "refund")):
        given_back = trail.booked.get(undo)
        if given_back is None:
            yield f"books have no {undo}"
        elif given_back != trail.booked.get(done, 0):
            yield f"books say {done} {trail.booked.get(done, 0)} and {undo} {given_back}"


def _attempts(execution: Execution, ref: str) -> list[Task]:
    found = [task for task in execution["tasks"] if task["referenceTaskName"] == ref]
    return sorted(found, key=lambda task: int(task["retryCount"]))
