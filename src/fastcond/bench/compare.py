"""Two reports side by side, as ratios: times of one machine say little on another, ratios of one day do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcond.bench.report import Report

# Field and what it is called; all are figures of a report.
ROWS = (
    ("executions_per_s", "executions/s"),
    ("executions_per_cpu_s", "executions per server CPU second"),
    ("tasks_per_cpu_s", "tasks per server CPU second"),
    ("device_bytes_per_execution", "bytes to disk per execution"),
    ("stored_bytes_per_execution", "bytes kept on disk per execution"),
    ("resident_bytes", "resident bytes"),
    ("resident_bytes_per_execution", "resident bytes per execution"),
    ("idle_cpu_percent", "idle CPU, percent of a core"),
    ("missed", "starts missed"),
    ("refused", "starts refused"),
    ("refused_p99_us", "start to refused p99, us"),
    ("start_p50_us", "start p50, us"),
    ("start_p99_us", "start p99, us"),
    ("completed_p50_us", "start to completed p50, us"),
    ("completed_p99_us", "start to completed p99, us"),
    ("late_p99_us", "later than due p99, us"),
)


def compare(first: Report, second: Report) -> Iterator[str]:
    """Yield the lines of a table; figures that one of them lacks, or that are zero in both, are left out."""
    yield f"{'':36}{'A':>14}{'B':>14}{'B/A':>9}"
    for field, name in ROWS:
        a, b = getattr(first, field), getattr(second, field)
        if a is None or b is None or (not a and not b):
            continue
        ratio = f"{b / a:.2f}" if a else "-"
        yield f"{name:36}{a:>14,.1f}{b:>14,.1f}{ratio:>9}"
    loads = [_load(each) for each in (first, second)]
    if loads[0] != loads[1]:
        yield f"not the same load: {', '.join(loads)}"
    yield from (f"{name} broke a promise" for name, each in (("A", first), ("B", second)) if not each.holds)


def _load(report: Report) -> str:
    pace = "" if report.rate is None else f" at {report.rate:g}/s"
    return f"{report.profile} with {report.payload_bytes} B{pace}"
