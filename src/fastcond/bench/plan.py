"""From one run to what a day's load needs, with the formula beside each figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastcond.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastcond.bench.report import Report

DAY_S = 86_400
# Half of the processor stays free: load comes in waves, and a restart has to catch up.
LOAD_MAX = 0.5
# Executions per day that the table has a row for.
LOADS = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)


def plan(report: Report) -> Iterator[str]:
    """Yield the lines of a capacity table; raises ConfigError when the run did not measure the server."""
    rate = report.executions_per_cpu_s
    if not rate:
        raise ConfigError("the report has no server figures: run it again with --pid and --data-dir")
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
    yield ""
    yield f"cores = executions per day / {DAY_S:,} / {rate:,.0f} / {LOAD_MAX}"
    if report.device_bytes_per_execution is not None:
        size = f"{report.device_bytes_per_execution:,.0f} bytes"
        yield f"disk written = executions x {size}, journal and archive"
    if report.resident_bytes is not None:
        yield f"memory of the run: {report.resident_bytes / 2**20:,.0f} MiB"
