"""P11: three times the peak offered for minutes: what still gets done, and how the rest is turned away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks.floors.bench import per_second
from benchmarks.floors.bound import Bound, Found, Row
from benchmarks.floors.latency import milliseconds, open_load

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Load, Report

GOODPUT = Bound("P11", "finished per second with 3x offered, share of what an open loop can get", 0.80, 0.95)
LOST = Bound("P11", "promises broken with 3x offered", 0, 0, is_ceiling=True)
ADVICE = Bound("P11", "refusals that say when to come back, share", 1.0, 1.0)
REFUSAL = Bound("P11", "time to refuse, p99, ms", 50, 50, is_ceiling=True)
ACCEPTED = Bound("P11", "p99 of the accepted over that at half of peak", None, 2.0, is_ceiling=True)

OFFERED_OVER_PEAK = 3.0
WORKERS = 256


def three_times_the_peak(bench: Bench) -> Found:
    """Find the most that an open loop gets done, run at half of it, then offer three times as much."""
    # The peak of a closed loop is not the measure: its client sends nothing that it does not get done, and
    # here the client of three times as much works on the same cores.
    seconds = bench.scale.seconds
    closed = replace(_load(0, seconds), rate=None, starters=32)
    offers = [share * max(per_second(bench.fresh(closed)) for _ in range(2)) for share in (0.7, 0.85, 1.0)]
    tried = [bench.fresh(replace(_load(rate, seconds), series_seconds=1.0)) for rate in offers]
    peak = max(finished_within(each["series"], seconds) / int(seconds) for each in tried)
    half = bench.fresh(_load(peak / 2, seconds))
    load = replace(
        _load(OFFERED_OVER_PEAK * peak, bench.scale.overload_seconds),
        series_seconds=1.0,
        drain_seconds=600.0,
    )
    over = bench.fresh(load)
    return Found(
        rows_of(peak, half, over, bench.scale.overload_seconds),
        {"peak_per_s": peak, "tried": tried, "half": half, "overload": over},
    )


def _load(rate: float, seconds: float) -> Load:
    """Make an open loop with workers enough that their waiting for answers is not what limits it."""
    return replace(open_load(rate, seconds), workers=WORKERS)


def rows_of(peak: float, half: Report, over: Report, seconds: float) -> list[Row]:
    """Judge an overload of that many seconds against the peak and the run at half of it."""
    refused = over["refused"]
    goodput = finished_within(over["series"], seconds) / seconds
    within = over["series"][: int(seconds)]
    per_cpu = finished_within(within, seconds) / sum(each["server_cpu_s"] for each in within)
    note = (
        f"peak {peak:,.0f}/s, finished {goodput:,.0f}/s while offered "
        f"({per_cpu:,.0f} per server CPU second), refused {refused['count']:,}"
    )
    ratio = milliseconds(over, "p99") / milliseconds(half, "p99")
    rows = [
        GOODPUT.found(goodput / peak, note),
        LOST.found(len(over["conservation"]["violations"]), "what was started = finished + failed + running"),
    ]
    if refused["count"] == 0:
        # Taking in three times what can be done and refusing nothing only moves the surplus into a queue.
        rows += [ADVICE.found(0.0, "nothing was refused"), REFUSAL.found(None, "nothing was refused")]
    else:
        rows += [
            ADVICE.found(refused["with_retry_after"] / refused["count"]),
            REFUSAL.found(refused["latency_us"]["p99"] / 1_000),
        ]
    return [*rows, ACCEPTED.found(ratio, f"{milliseconds(over, 'p99'):,.1f} ms under overload")]


def finished_within(series: list[dict[str, Any]], seconds: float) -> int:
    """Count what had finished by then; ``series`` has one entry per second."""
    return sum(int(entry["finished"]) for entry in series[: int(seconds)])
