"""What the demo shows: a line while it runs, a table at the end."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from verdict import SUCCESSFUL, Trail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType


def progress(
    statuses: dict[str, int], *, compensated: int, started: int, orders: int, elapsed_s: float
) -> RenderableType:
    """Returns the two lines shown while orders run."""
    ended = sum(statuses.values())
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=orders, completed=ended, width=40), f"{ended}/{orders} orders", f"{elapsed_s:.0f} s"
    )
    counts = Text.assemble(
        (f"completed {statuses.get('COMPLETED', 0)}", "green"),
        "  ",
        (f"failed {ended - statuses.get('COMPLETED', 0)}", "yellow"),
        f"  compensated {compensated}  under way {started - ended}",
    )
    return Group(bar, counts)


def summarise(trails: Sequence[Trail], *, wall_s: float, hung: int, repeated: int) -> dict[str, Any]:
    """Returns the figures of a run.

    Times come from the server's own records, so that looking does not distort them.
    """
    tasks = [task for trail in trails for execution in trail.executions for task in execution["tasks"]]
    times = sorted(trail.order["endTime"] - trail.order["startTime"] for trail in trails)
    compensations = [trail.compensation for trail in trails if trail.compensation]
    return {
        "orders": len(trails),
        "statuses": dict(Counter(trail.order["status"] for trail in trails)),
        "tasks_done": sum(task["status"] in SUCCESSFUL for task in tasks),
        "retries": sum(task["retryCount"] > 0 for task in tasks),
        "attempts_timed_out": sum(task["status"] == "TIMED_OUT" for task in tasks),
        "compensations": sum(execution["status"] == "COMPLETED" for execution in compensations),
        "tasks_lost_by_workers": hung,
        "work_repeated": repeated,
        "p50_ms": _percentile(times, 0.50),
        "p99_ms": _percentile(times, 0.99),
        "wall_s": round(wall_s, 2),
        "orders_per_s": round(len(trails) / wall_s, 1),
    }


def table(summary: dict[str, Any]) -> Table:
    """Returns the table shown at the end."""
    rows = Table(title="Order fulfilment", show_header=False)
    rows.add_column(style="bold")
    rows.add_column(justify="right")
    for status, count in sorted(summary["statuses"].items()):
        rows.add_row(f"orders {status}", str(count))
    rows.add_section()
    rows.add_row("tasks done", str(summary["tasks_done"]))
    rows.add_row("retries", str(summary["retries"]))
    rows.add_row("compensations", str(summary["compensations"]))
    if summary["tasks_lost_by_workers"]:
        rows.add_row("tasks in the hands of dead workers", str(summary["tasks_lost_by_workers"]))
        rows.add_row("attempts timed out", str(summary["attempts_timed_out"]))
    rows.add_section()
    rows.add_row("end to end p50", f"{summary['p50_ms'] / 1000:.2f} s")
    rows.add_row("end to end p99", f"{summary['p99_ms'] / 1000:.2f} s")
    rows.add_row("orders per second", f"{summary['orders_per_s']:.1f}")
    return rows


def verdict(summary: dict[str, Any]) -> str:
    """Returns the sentence that ends a run without complaints."""
    delivered, failed = summary["statuses"].get("COMPLETED", 0), summary["statuses"].get("FAILED", 0)
    return (
        f"All {summary['orders']} orders ended exactly as they should: {delivered} delivered, {failed} failed"
        " on purpose and were compensated. Stock and payments balance."
    )


def _percentile(ordered: Sequence[int], share: float) -> int:
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
