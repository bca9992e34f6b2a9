"""P4 and P5: the ratios of the newest run against peers, which takes longer than all other targets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.floors.bound import Bound, Found, Row
from benchmarks.targets import ROOT

if TYPE_CHECKING:
    from benchmarks.floors.bench import Bench

CONDUCTOR_PROFILES = ("exec", "chain13", "fork10", "dyn50", "sub")
P4 = {
    profile: Bound("P4", f"{profile}: times the best Conductor OSS, per server CPU second", 40, 150)
    for profile in CONDUCTOR_PROFILES
}
# Names of servers begin with these words.
P5 = {
    "restate": Bound("P5", "times Restate, per server CPU second, worst of the shapes", 8, 20),
    "dbos": Bound("P5", "times DBOS on PostgreSQL, worst of the shapes", 10, 150),
    "temporal": Bound("P5", "times the Temporal dev server, worst of the shapes", 500, 1_500),
}


def ratios(bench: Bench) -> Found:
    """Read the newest record of ``benchmarks.peers.run``; nothing is measured here."""
    del bench
    records = sorted((ROOT / "bench_results").glob("peers-*.json"))
    if not records:
        note = "no bench_results/peers-DATE.json: make bench-peers"
        return Found([bound.found(None, note) for bound in (*P4.values(), *P5.values())])
    record = json.loads(records[-1].read_text())
    return Found(rows_of(record["summary"], records[-1].name), {"record": records[-1].name})


def rows_of(summary: dict[str, Any], name: str) -> list[Row]:
    """Find the worst ratio of each bound in a summary of that name: by profile, then by server."""
    rows = []
    for profile, bound in P4.items():
        found = _ratios(summary.get(profile, {}), "conductor")
        rows.append(bound.found(min(found, default=None), f"from {name}"))
    for peer, bound in P5.items():
        found = [ratio for row in summary.values() for ratio in _ratios(row, peer)]
        rows.append(bound.found(min(found, default=None), f"from {name}"))
    return rows


def _ratios(row: dict[str, dict[str, float]], peer: str) -> list[float]:
    return [
        figures["fastcond_ratio"]
        for server, figures in row.items()
        if server.startswith(peer) and "fastcond_ratio" in figures
    ]
