"""Medians of the rounds, and how many times the work of each peer fastcond does per server CPU second."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from benchmarks.peers.fastcond import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.peer import Peer
    from benchmarks.targets import Report

Row = dict[str, dict[str, Any]]
"""Figures of one shape by server."""


def summarise(reports: Mapping[str, Mapping[str, list[Report]]], peers: list[Peer]) -> dict[str, Row]:
    """Take medians per shape and server; of ratios too, each of which is taken within one round."""
    floors = {peer.name: peer.floor for peer in peers}
    table: dict[str, Row] = {}
    for name, by_shape in reports.items():
        for shape, runs in by_shape.items():
            figures = _medians(runs)
            ratios = _ratios(reports.get(NAME, {}).get(shape, []), runs)
            if name != NAME and ratios:
                figures["fastcond_ratio"] = round(statistics.median(ratios), 1)
                figures["fastcond_ratio_range"] = [round(min(ratios), 1), round(max(ratios), 1)]
                figures["floor"] = floors.get(name)
            table.setdefault(shape, {})[name] = figures
    return table


def broken_floors(summary: Mapping[str, Row]) -> list[str]:
    """Name the rows in which fastcond stays below its floor."""
    return [
        f"{shape}: {figures['fastcond_ratio']:,.1f} x {name}, floor {figures['floor']:,.0f} x"
        for shape, row in summary.items()
        for name, figures in row.items()
        if figures.get("floor") is not None and figures["fastcond_ratio"] < figures["floor"]
    ]


def _medians(runs: list[Report]) -> dict[str, Any]:
    figures = {
        "rounds": len(runs),
        "tasks_per_server_cpu_s": statistics.median(run["tasks"]["per_server_cpu_s"] for run in runs),
        "executions_per_server_cpu_s": statistics.median(
            run["executions"]["per_server_cpu_s"] for run in runs
        ),
        "tasks_per_s": statistics.median(run["tasks"]["per_s"] for run in runs),
        # A peer whose one request waits for the result has no acknowledgement of the start to be timed.
        "start_p50_us": _median_or_none([run["latency_us"].get("start", {}).get("p50") for run in runs]),
        "start_to_completed_p50_us": _median_or_none(
            [run["latency_us"].get("start_to_completed", {}).get("p50") for run in runs]
        ),
        "device_bytes_per_execution": _median_or_none(
            [run["server"]["device_bytes_per_execution"] for run in runs]
        ),
        # More than one: the client asks for so many tasks in one poll.
        "poll_batch": runs[0]["settings"].get("batch"),
        "resident_mib": statistics.median(run["server"]["resident_bytes"] for run in runs) / 2**20,
    }
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in figures.items()}


def _median_or_none(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _ratios(ours: list[Report], theirs: list[Report]) -> list[float]:
    by_round = {run["round"]: run for run in ours}
    return [
        by_round[run["round"]]["tasks"]["per_server_cpu_s"] / run["tasks"]["per_server_cpu_s"]
        for run in theirs
        if run["round"] in by_round
    ]
