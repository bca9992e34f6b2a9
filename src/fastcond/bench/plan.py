"""From one run to what a day's load needs, with the formula beside each figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcond.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcond.bench.report import Report

DAY_S = 86_400
MILLION = 1_000_000
# Half of the processor stays free: load comes in waves, and a restart has to catch up.
LOAD_MAX = 0.5
# Executions per day that the table has a row for.
LOADS = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)


def plan(report: Report) -> Iterator[str]:
    """Yield the lines of a capacity table.

    Raises ConfigError when the run did not measure the server or finished nothing.
    """
    rate = report.executions_per_cpu_s
    if not rate:
        raise ConfigError(
            "the report has no executions per server CPU second: run it again with --pid and --data-dir"
        )
    tasks = report.tasks / report.executions if report.executions else 0
    yield f"{report.profile}, {report.payload_bytes} B payload, {tasks:.0f} tasks per execution:"
    yield f"  {rate:,.0f} executions per server CPU second; planned with {LOAD_MAX:.0%} of the processor"
    yield ""
    yield f"{'executions/day':>16}{'executions/s':>14}{'server cores':>14}{'disk/day':>12}"
    for load in LOADS:
        cores = math.ceil(10 * load / DAY_S / rate / LOAD_MAX) / 10
        disk = report.device_bytes_per_execution
        written = "-" if disk is None else f"{load * disk / 1e9:,.0f} GB"
        yield f"{load:>16,}{load / DAY_S:>14,.0f}{cores:>14,.1f}{written:>12}"
    yield f"cores = executions per day / {DAY_S:,} s / {rate:,.0f} per CPU second / {LOAD_MAX}"
    if report.device_bytes_per_execution is not None:
        written = f"{report.device_bytes_per_execution:,.0f} B"
        yield f"disk = executions per day x {written} written, journal and archive"
    yield ""
    yield from _per_million(report, rate)


def _per_million(report: Report, rate: float) -> Iterator[str]:
    """Yield what a million executions take, with the formula beside each figure."""
    yield f"{'per million executions':28}{'':>12}   formula"
    cpu_h = MILLION / rate / 3_600
    yield f"{'server CPU':28}{cpu_h:>10,.2f} h   1,000,000 / {rate:,.0f} per CPU second / 3,600 s"
    sizes = (
        ("disk written", report.device_bytes_per_execution, "reached the disk per execution"),
        ("disk kept", report.stored_bytes_per_execution, "the folder grew by per execution"),
        ("memory", report.resident_bytes_per_execution, "resident memory grew by per execution"),
    )
    for name, size, what in sizes:
        if size is not None:
            yield f"{name:28}{MILLION * size / 1e9:>9,.2f} GB   1,000,000 x {size:,.0f} B {what}"
    if report.resident_bytes_before is not None:
        yield f"{'memory besides':28}{report.resident_bytes_before / 1e9:>9,.2f} GB   resident before the run"
    yield "Growth over a short run is mostly caches and preallocated files: plan with a million or more."
