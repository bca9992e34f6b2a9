"""Shares of a limit are taken within a round."""

from __future__ import annotations

from typing import Any

from benchmarks.limits.__main__ import summarise


def report(per_cpu: float, per_s: float = 1.0) -> dict[str, Any]:
    return {"executions": {"per_server_cpu_s": per_cpu, "per_s": per_s}}


def test_a_share_is_one_of_the_same_round() -> None:
    rounds = [
        {"null": report(100.0), "fastcond": report(50.0)},
        {"null": report(10.0), "fastcond": report(4.0)},
        {"null": report(200.0), "fastcond": report(60.0)},
    ]
    summary = summarise(rounds)
    # The share of the medians would be 50 of 100.
    assert summary["fastcond"]["null_share_per_cpu"] == 0.4
    assert summary["fastcond"]["executions_per_cpu_s"] == 50.0
    assert summary["null"]["null_share_per_cpu"] == 1.0
