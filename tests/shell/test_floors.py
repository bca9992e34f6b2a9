"""The floors' arithmetic: verdicts, and what is read out of reports."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.floors import overload, parked, payload, peers
from benchmarks.floors.api import metric
from benchmarks.floors.bench import median_of_ratios
from benchmarks.floors.bound import Bound, Row, Verdict, table
from benchmarks.floors.usage import TICKS_PER_SECOND, Busy, machine_busy_s
from benchmarks.targets import BenchmarkError

SHARE = Bound("P1", "share", 0.4, 0.7)
WAIT = Bound("P6", "p99, ms", 20, 6, is_ceiling=True)


@pytest.mark.parametrize(
    ("bound", "measured", "verdict"),
    [
        (SHARE, 0.39, "BROKEN"),
        (SHARE, 0.4, "aim missed"),
        (SHARE, 0.7, "holds"),
        (WAIT, 20.1, "BROKEN"),
        (WAIT, 20.0, "aim missed"),
        (WAIT, 6.0, "holds"),
        (WAIT, None, "not measured"),
        (Bound("P10", "aim only", None, 1.0, is_ceiling=True), 9.0, "aim missed"),
    ],
)
def test_a_figure_at_its_bound_still_reaches_it(
    bound: Bound, measured: float | None, verdict: Verdict
) -> None:
    assert bound.judge(measured) == verdict


def test_the_table_shows_floor_aim_figure_and_verdict() -> None:
    lines = table([WAIT.found(18.2, "at half of peak")]).splitlines()
    assert lines[1].split() == ["P6", "p99,", "ms", "<=", "20", "<=", "6", "18.2", "aim", "missed"]
    assert lines[2].strip() == "at half of peak"


def test_a_ratio_is_taken_within_each_round() -> None:
    # The second round ran on a machine half as fast; its ratio is the same.
    assert median_of_ratios([(40, 100), (20, 50), (45, 100)]) == pytest.approx(0.4)


def test_the_best_conductor_is_the_one_that_counts() -> None:
    summary = {
        "exec": {
            "fastcond": {"fastcond_ratio": 1.0},
            "conductor-redis": {"fastcond_ratio": 119.4},
            "conductor-sqlite": {"fastcond_ratio": 900.0},
            "restate": {"fastcond_ratio": 7.0},
        },
        "chain9": {"restate": {"fastcond_ratio": 30.0}},
    }
    found = {row.bound: row for row in peers.rows_of(summary, "x.json")}
    assert found[peers.P4["exec"]].measured == 119.4
    assert found[peers.P4["dyn50"]].verdict == "not measured"
    restate = found[peers.P5["restate"]]
    assert (restate.measured, restate.verdict) == (7.0, "BROKEN")


def report(*, p99_us: float, **more: Any) -> dict[str, Any]:
    latency = {"start_to_completed": {"p99": p99_us}}
    return {"latency_us": latency, "conservation": {"violations": []}, **more}


def by_bound(rows: list[Row]) -> dict[str, Row]:
    return {row.bound.what: row for row in rows}


def test_what_finishes_after_the_overload_is_no_goodput() -> None:
    series = [{"finished": 900, "server_cpu_s": 1.0}] * 10 + [{"finished": 5_000, "server_cpu_s": 1.0}] * 3
    refused = {"count": 20_000, "with_retry_after": 20_000, "latency_us": {"p99": 12_000.0}}
    over = report(p99_us=30_000, series=series, refused=refused)
    rows = by_bound(overload.rows_of(1_000, report(p99_us=10_000), over, 10.0))
    assert rows[overload.GOODPUT.what].measured == pytest.approx(0.9)
    assert rows[overload.REFUSAL.what].measured == pytest.approx(12.0)
    assert rows[overload.ADVICE.what].verdict == "holds"
    assert rows[overload.ACCEPTED.what].measured == pytest.approx(3.0)


def test_an_overload_without_refusals_breaks_the_floor() -> None:
    refused = {"count": 0, "with_retry_after": 0, "latency_us": {"p99": 0.0}}
    over = report(p99_us=9e6, series=[{"finished": 1_000, "server_cpu_s": 1.0}] * 10, refused=refused)
    rows = by_bound(overload.rows_of(1_000, report(p99_us=10_000), over, 10.0))
    assert rows[overload.ADVICE.what].verdict == "BROKEN"
    assert rows[overload.REFUSAL.what].verdict == "not measured"


def test_memory_between_counts_is_a_slope() -> None:
    steps = [
        {"parked": 0, "resident_bytes": 50_000},
        {"parked": 100, "resident_bytes": 150_000},
        {"parked": 1_100, "resident_bytes": 650_000},
    ]
    assert parked.slopes(steps) == [(100, 1_000.0), (1_100, 500.0)]


@pytest.mark.parametrize(("size", "workers"), [(100, 64), (100_000, 64), (1_000_000, 16), (10_000_000, 8)])
def test_large_payloads_get_fewer_connections(size: int, workers: int) -> None:
    assert payload.load_of(size, 1.0).workers == workers


def test_a_metric_is_the_sum_of_its_samples() -> None:
    text = '# TYPE a_total counter\na_total{type="x"} 2\na_total{type="y"} 3\na_total_other 7\n'
    assert metric(text, "a_total") == 5
    with pytest.raises(BenchmarkError, match="b_total"):
        metric(text, "b_total")


def test_a_waiting_machine_is_not_busy_and_stolen_time_is() -> None:
    #             user nice system idle waiting irq softirq steal guest guest_nice
    stat = "cpu  300 20 100 90000 5000 1 2 40 7 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    assert machine_busy_s(stat) * TICKS_PER_SECOND == pytest.approx(463)


def test_what_others_used_is_what_is_left_of_the_machine() -> None:
    before, after = Busy(machine_s=100, ours_s=10), Busy(machine_s=120, ours_s=25)
    assert after.elsewhere_since(before) == 5
