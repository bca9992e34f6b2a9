"""P6: start to COMPLETED in an open loop, at half of the peak and along the curve."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.floors.bench import per_second
from benchmarks.floors.bound import Bound, Found
from benchmarks.targets import Load, conductor_server

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Report

P50 = Bound("P6", "start to COMPLETED at half of peak, p50, ms", 5, 2, is_ceiling=True)
P99 = Bound("P6", "start to COMPLETED at half of peak, p99, ms", 20, 6, is_ceiling=True)

POLL_TIMEOUT_MS = 1_000
WARM_SECONDS = 3.0


def half_of_peak(bench: Bench) -> Found:
    """Find the peak, then offer shares of it; the half as often as there are rounds of shapes."""
    peak = peak_of(bench)
    halves = [offered(bench, peak / 2) for _ in range(bench.scale.shape_rounds)]
    curve = {share: offered(bench, share * peak) for share in bench.scale.curve_shares}
    curve[0.5] = halves[0]
    note = f"peak {peak:,.0f}/s; one long-polling worker for each of 64 connections"
    return Found(
        [
            P50.found(statistics.median(milliseconds(each, "p50") for each in halves), note),
            P99.found(statistics.median(milliseconds(each, "p99") for each in halves)),
        ],
        {
            "peak_per_s": peak,
            "curve": [_point(share, report) for share, report in sorted(curve.items())],
            "halves": halves,
        },
    )


def peak_of(bench: Bench) -> float:
    """Return the executions per second of a closed loop, the best of two runs."""
    return max(per_second(bench.fresh(bench.exec_load())) for _ in range(2))


def open_load(rate: float, seconds: float) -> Load:
    """Make an open loop whose workers wait in long polls."""
    return Load(
        profile="exec",
        seconds=seconds,
        payload_bytes=1_024,
        starters=256,
        workers=64,
        rate=round(rate, 1),
        poll_timeout_ms=POLL_TIMEOUT_MS,
    )


def offered(bench: Bench, rate: float) -> Report:
    """Offer a rate to a fresh server that has worked a little before: it has made its files then."""
    with conductor_server(bench.server_command) as target:
        bench.drive(target, bench.exec_load(seconds=WARM_SECONDS))
        return bench.drive(target, open_load(rate, bench.scale.seconds))


def milliseconds(report: Report, quantile: str) -> float:
    """Start to COMPLETED of a run, in milliseconds."""
    return float(report["latency_us"]["start_to_completed"][quantile]) / 1_000


def _point(share: float, report: Report) -> dict[str, float]:
    return {
        "share_of_peak": share,
        "offered_per_s": report["settings"]["rate"],
        "finished_per_s": per_second(report),
        "p50_ms": milliseconds(report, "p50"),
        "p99_ms": milliseconds(report, "p99"),
    }
