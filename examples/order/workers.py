"""The workers of the order example: the published `conductor-python` package, used as documented.

Run one or more of these processes against any Conductor compatible server:

    python workers.py --url http://127.0.0.1:8080/api --ledger ledger.db

Each worker is a plain function. Returning completes the task, an ordinary exception fails the attempt so that
the server retries it as the task definition says, and `NonRetryableException` fails it for good.

The package reads the annotations of these functions, so this file must not postpone their evaluation.
"""

# mypy: disallow-untyped-decorators=False
# The package does not say that it is typed, so its decorator counts as untyped.

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import get_task_context
from conductor.client.http.models.task import Task
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_task import worker_task
from ledger import Ledger, RefusedError
from orders import DECLINED_CARD, NO_SERVICE, failures_before_booking

THREADS = 8
"""Tasks one process works on at the same time, per task type."""


class Shift:
    """What the workers of this process share: the books, and when they stop answering.

    `hang_after` makes the process behave like one that dies: after so many tasks it takes every further task
    and never answers. That is how the tests are sure that tasks were in its hands when they kill it.
    """

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._work_ms = 0
        self._hang_after: int | None = None
        self._taken = 0
        self._lock = threading.Lock()

    def open(self, ledger: Ledger, *, work_ms: int, hang_after: int | None) -> None:
        """Must be called before the first task is taken."""
        self._ledger, self._work_ms, self._hang_after = ledger, work_ms, hang_after

    def begin(self) -> Ledger:
        """Every worker's first line: takes the time of real work, or for ever, and gives the books."""
        assert self._ledger is not None, "opened before the first task"
        with self._lock:
            self._taken += 1
            hangs = self._hang_after is not None and self._taken > self._hang_after
        if hangs:
            self._ledger.note_hung(get_task_context().get_task_id())
            threading.Event().wait()
        time.sleep(self._work_ms / 1000)
        return self._ledger


SHIFT = Shift()


@worker_task(task_definition_name="reserve_stock", thread_count=THREADS)
def reserve_stock(task: Task) -> dict[str, Any]:
    """Takes the items out of the sellable stock."""
    order_id = task.input_data["order_id"]
    quantity = sum(int(item["quantity"]) for item in task.input_data["items"])
    try:
        booked = SHIFT.begin().book(order_id, "reserve", amount=quantity)
    except RefusedError as refused:
        raise NonRetryableException(str(refused)) from refused
    return {"reservation": f"stock-{order_id}", "quantity": booked}


@worker_task(task_definition_name="authorise_payment", thread_count=THREADS)
def authorise_payment(order_id: str, card: str, amount: int) -> dict[str, Any]:
    """Blocks the total on the card; a declined card is final."""
    books = SHIFT.begin()
    if card == DECLINED_CARD:
        raise NonRetryableException(f"card of {order_id} declined")
    try:
        booked = books.book(order_id, "authorise", amount=amount)
    except RefusedError as refused:
        raise NonRetryableException(str(refused)) from refused
    return {"authorisation": f"auth-{order_id}", "amount": booked}


@worker_task(task_definition_name="review_order", thread_count=THREADS)
def review_order(order_id: str, score: int) -> dict[str, Any]:
    """Lets a clerk look at a suspicious order."""
    SHIFT.begin().book(order_id, "review", amount=score)
    return {"approved": True}


@worker_task(task_definition_name="book_carrier", thread_count=THREADS)
def book_carrier(task: Task) -> dict[str, Any]:
    """Asks a carrier to collect the parcel; flaky carriers answer after some attempts."""
    books = SHIFT.begin()
    order_id, carrier = task.input_data["order_id"], task.input_data["carrier"]
    if carrier == NO_SERVICE:
        raise RuntimeError(f"no carrier collects {order_id}")
    if task.retry_count < failures_before_booking(carrier):
        raise RuntimeError(f"carrier {carrier} did not answer (attempt {task.retry_count + 1})")
    books.book(order_id, "booking", amount=1)
    return {"tracking": f"parcel-{order_id}"}


@worker_task(task_definition_name="print_label", thread_count=THREADS)
def print_label(order_id: str, tracking: str) -> dict[str, Any]:
    """Prints the shipping label."""
    SHIFT.begin().book(order_id, "label", amount=1)
    return {"label": f"label-{tracking}"}


@worker_task(task_definition_name="capture_payment", thread_count=THREADS)
def capture_payment(order_id: str, authorisation: str, amount: int) -> dict[str, Any]:
    """Takes the blocked amount from the card."""
    return {
        "captured": SHIFT.begin().book(order_id, "capture", amount=amount),
        "authorisation": authorisation,
    }


@worker_task(task_definition_name="notify_customer", thread_count=THREADS)
def notify_customer(order_id: str, email: str, message: str) -> dict[str, Any]:
    """Writes to the customer."""
    books = SHIFT.begin()
    if email.startswith("bounce@"):
        raise NonRetryableException(f"no mailbox for {email}")
    books.book(order_id, "letter", amount=len(message))
    return {"sent": True}


@worker_task(task_definition_name="release_stock", thread_count=THREADS)
def release_stock(order_id: str) -> dict[str, Any]:
    """Puts reserved items back."""
    return {"released": SHIFT.begin().undo(order_id, "reserve")}


@worker_task(task_definition_name="refund_payment", thread_count=THREADS)
def refund_payment(order_id: str) -> dict[str, Any]:
    """Gives blocked money back."""
    return {"refunded": SHIFT.begin().undo(order_id, "authorise")}


def main() -> None:
    """Polls until SIGTERM or SIGINT."""
    arguments = _arguments()
    # One process with threads starts in a second and dies as a whole when it is killed. The default, one
    # process per worker function, suits workers that need a core each.
    os.environ.setdefault("CONDUCTOR_WORKER_ISOLATION", "thread")
    SHIFT.open(Ledger(arguments.ledger), work_ms=arguments.work_ms, hang_after=arguments.hang_after)
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    handler = TaskHandler(
        configuration=Configuration(server_api_url=arguments.url), scan_for_annotated_workers=True
    )
    handler.start_processes()
    stop.wait()
    # The runners have no work to save that the server would not hand out again.
    sys.stdout.flush()
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8080/api", help="API base of the server")
    parser.add_argument("--ledger", type=Path, required=True, help="SQLite file with the books of the shop")
    parser.add_argument("--work-ms", type=int, default=5, help="time each task takes")
    parser.add_argument(
        "--hang-after", type=int, default=None, help="take this many tasks, then never answer again"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
