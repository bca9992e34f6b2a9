"""Runs a day of a small shop: 200 orders through real workers, and checks that every one ended as it should.

python demo.py                       starts a fastcond server of its own
python demo.py --keep                leaves that server running
python demo.py --url http://.../api  uses a server that runs already
python demo.py --crash-workers       the first workers die with tasks in their hands
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import report
from api import Api, UnwantedAnswerError
from ledger import Ledger
from orders import order_id_of, order_of
from rich.console import Console
from rich.live import Live
from server import NotReadyError, Server, Workers
from verdict import Execution, Trail, complaints

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOW = "order_fulfilment"
INTERRUPTED_EXIT = 130
FINAL = {"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"}
HUNG_MIN = 8
"""The workers are killed once they hold so many tasks that they will never answer."""

LOOKS_PER_TURN = 60
"""How many open executions are looked at before the screen is drawn again."""


@dataclass
class Day:
    """The orders under way: which executions are still open, and how the closed ones ended."""

    workflow_ids: dict[int, str] = field(default_factory=dict)
    compensation_ids: dict[int, str] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    compensated: int = 0
    began: float = field(default_factory=time.monotonic)
    moved: float = field(default_factory=time.monotonic)

    def note_end(self, status: str) -> None:
        """Counts an order that ended."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.moved = time.monotonic()


class StuckError(Exception):
    """Nothing ended for too long."""


def main() -> None:
    """Runs the demo and exits 0 only if every order ended exactly as it should."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(highlight=False, soft_wrap=True)
    home = Path(tempfile.mkdtemp(prefix="fastcond-order-"))
    try:
        problems = _run(arguments, home, console)
    except KeyboardInterrupt:
        console.print("Interrupted. What the demo had started is stopped.")
        shutil.rmtree(home, ignore_errors=True)
        sys.exit(INTERRUPTED_EXIT)
    except (NotReadyError, StuckError, UnwantedAnswerError) as failure:
        console.print(f"[bold red]{_title(failure)}[/]")
        console.print(str(failure), markup=False)
        console.print(f"Logs are in {home}")
        sys.exit(1)
    for problem in problems[:20]:
        console.print(problem, style="red", markup=False)
    if problems:
        console.print(f"[bold red]{len(problems)} complaints.[/] Logs are in {home}")
        sys.exit(1)
    if not arguments.keep:
        shutil.rmtree(home, ignore_errors=True)


def _title(failure: Exception) -> str:
    if isinstance(failure, NotReadyError):
        return "The server did not start."
    return "The demo is stuck." if isinstance(failure, StuckError) else "The server did not do as asked."


def _run(arguments: argparse.Namespace, home: Path, console: Console) -> list[str]:
    with _server(arguments, home, console) as api:
        ledger = Ledger(home / "ledger.db")
        workers = Workers(home, url=api.url, ledger=ledger.path)
        api.register_definitions()
        console.print(f"Definitions registered, {arguments.workers} worker processes start")
        hang_after = arguments.orders // 2 if arguments.crash_workers else None
        workers.start(arguments.workers, hang_after=hang_after)
        try:
            day = _sell(arguments, api, workers, ledger, console)
        finally:
            workers.stop()
        wall_s = time.monotonic() - day.began
        booked = ledger.entries()
        trails = [_trail(api, day, number, booked) for number in sorted(day.workflow_ids)]
        problems = [problem for trail in trails for problem in complaints(trail)]
        if arguments.crash_workers and not ledger.hung():
            problems.append("no task was in the hands of a worker that died: the crash did not bite")
        summary = report.summarise(trails, wall_s=wall_s, hung=len(ledger.hung()), repeated=ledger.repeated())
        console.print(report.table(summary))
        if not problems:
            console.print(f"[green]{report.verdict(summary)}[/]")
        shown = next((trail for trail in trails if trail.compensation), trails[0])
        console.print(f"One execution as JSON: {api.execution_url(shown.order['workflowId'])}")
        if arguments.json:
            arguments.json.write_text(json.dumps({**summary, "complaints": problems}, indent=2) + "\n")
        return problems


@contextmanager
def _server(arguments: argparse.Namespace, home: Path, console: Console) -> Iterator[Api]:
    """Gives the API of a server: the given one, or one of our own that is stopped at the end unless kept."""
    if arguments.url:
        yield Api(arguments.url)
        return
    server = Server(home, port=arguments.port)
    is_kept = False
    try:
        server.start()
        console.print(f"fastcond is ready at {server.url}, its data is in {server.home / 'store'}")
        yield Api(server.url)
        is_kept = arguments.keep
    finally:
        if not is_kept:
            server.stop()
    if is_kept:
        console.print(f"The server goes on running. Stop it with: kill {server.pid}")
    else:
        console.print("The server is stopped; with --keep (make demo KEEP=1) it would still answer there.")


def _sell(arguments: argparse.Namespace, api: Api, workers: Workers, ledger: Ledger, console: Console) -> Day:
    """Starts all orders and follows them until each, and the compensation of each failed one, has ended."""
    day = Day()
    waiting = list(range(1, arguments.orders + 1))
    crash_due = arguments.crash_workers
    until = day.began + arguments.timeout
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while waiting or day.open:
            for number in waiting[:10]:
                order_id = order_id_of(number)
                day.workflow_ids[number] = api.start(
                    WORKFLOW, {"order": order_of(number)}, correlation_id=order_id
                )
                day.open.append(number)
            del waiting[:10]
            for number in day.open[:LOOKS_PER_TURN]:
                day.open.remove(number)
                if not _has_ended(api, day, number):
                    day.open.append(number)
            live.update(
                report.progress(
                    day.statuses,
                    compensated=day.compensated,
                    started=len(day.workflow_ids),
                    orders=arguments.orders,
                    elapsed_s=time.monotonic() - day.began,
                )
            )
            if crash_due and not waiting and len(ledger.hung()) >= HUNG_MIN:
                workers.kill()
                workers.start(arguments.workers)
                crash_due = False
            if workers.died():
                raise StuckError("a worker process ended by itself, see workers.log")
            now = time.monotonic()
            if now > until or now - day.moved > arguments.patience:
                raise StuckError(_describe_stuck(api, day))
            if not waiting:
                time.sleep(0.1)
    return day


def _has_ended(api: Api, day: Day, number: int) -> bool:
    """Looks at one order once; an order that failed has ended when its compensation has."""
    if number in day.compensation_ids:
        if api.execution(day.compensation_ids[number], with_tasks=False)["status"] not in FINAL:
            return False
        day.compensated += 1
        day.note_end("FAILED")
        return True
    order = api.execution(day.workflow_ids[number], with_tasks=False)
    if order["status"] not in FINAL:
        return False
    compensation_id = _compensation_id(order)
    if order["status"] == "FAILED" and compensation_id is not None:
        day.compensation_ids[number] = compensation_id
        return False
    day.note_end(order["status"])
    return True


def _compensation_id(order: Execution) -> str | None:
    """Returns the id of the failure workflow, which the server leaves in the output of the failed one."""
    found = order.get("output", {}).get("conductor.failure_workflow")
    return found if isinstance(found, str) and " " not in found else None


def _trail(api: Api, day: Day, number: int, booked: dict[str, dict[str, int]]) -> Trail:
    order = api.execution(day.workflow_ids[number], with_tasks=True)
    children = [task.get("subWorkflowId") for task in order["tasks"] if task["taskType"] == "SUB_WORKFLOW"]
    compensation_id = _compensation_id(order)
    return Trail(
        number=number,
        order=order,
        shipping=tuple(api.execution(child, with_tasks=True) for child in children if child),
        compensation=api.execution(compensation_id, with_tasks=True) if compensation_id else None,
        booked=booked.get(order_id_of(number), {}),
    )


def _describe_stuck(api: Api, day: Day) -> str:
    """Says which executions are open and which of their tasks they wait for."""
    lines = [f"{len(day.open)} orders are still open after {time.monotonic() - day.began:.0f} s:"]
    for number in day.open[:15]:
        workflow_id = day.compensation_ids.get(number, day.workflow_ids[number])
        execution = api.execution(workflow_id, with_tasks=True)
        waits = [
            f"{task['referenceTaskName']} {task['status']} (attempt {task['retryCount'] + 1})"
            for task in execution["tasks"]
            if task["status"] in ("SCHEDULED", "IN_PROGRESS")
        ]
        where, status = api.execution_url(workflow_id), execution["status"]
        lines.append(f"  {where} is {status}, waits for {', '.join(waits) or 'nothing'}")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--orders", type=int, default=200, help="how many orders (default 200)")
    parser.add_argument("--url", help="API base of a running server; default: start fastcond")
    parser.add_argument("--port", type=int, default=0, help="port of the own server (default: a free one)")
    parser.add_argument("--keep", action="store_true", help="leave the server running")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--crash-workers", action="store_true", help="kill the workers in the middle")
    parser.add_argument("--timeout", type=float, default=300.0, help="give up after so many seconds")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="give up when nothing ends for so many seconds"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
