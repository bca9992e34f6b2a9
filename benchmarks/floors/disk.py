"""P9: what a finished execution leaves on disk, and what a transition puts into the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.floors.api import api_of, metric
from benchmarks.floors.bound import Bound, Found
from benchmarks.floors.usage import folder_bytes, settle
from benchmarks.targets import Load, conductor_server, data_folder

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.floors.bench import Bench

DISK = Bound("P9", "disk per finished exec after compaction, no payload, bytes", 1_536, 400, is_ceiling=True)
JOURNAL = Bound("P9", "journal per transition, no payload, bytes", 600, 300, is_ceiling=True)

EMPTY_PAYLOAD_BYTES = 0


def bytes_per_execution(bench: Bench) -> Found:
    """Fill one folder twice and compare what lies in it each time the server has settled and stopped.

    The stop writes SQLite's log back into its file; the journal has been cut back by then to what the archive
    does not hold. The difference of the two leaves out what a folder takes however little is in it, as the
    preallocated segments.
    """
    fewer, more = bench.scale.disk_executions
    with data_folder() as data:
        first = _fill(bench, data, fewer)
        second = _fill(bench, data, more - fewer)
    executions = second["executions"]
    grown = {
        room: (_bytes_of(second["files"], room) - _bytes_of(first["files"], room)) / executions
        for room in ("archive", "journal")
    }
    disk = (sum(second["files"].values()) - sum(first["files"].values())) / executions
    parts = ", ".join(f"{room} {size:,.0f} B" for room, size in grown.items())
    note = f"growth from {fewer:,} to {more:,}: {parts}"
    journal = second["journal_bytes"] / second["commits"]
    per_execution = second["journal_bytes"] / executions
    return Found(
        [DISK.found(disk, note), JOURNAL.found(journal, f"{per_execution:,.0f} B per execution")],
        {"fills": [first, second], "growth_per_execution": grown},
    )


def _fill(bench: Bench, data: Path, executions: int) -> dict[str, Any]:
    load = Load(
        "exec", seconds=600, payload_bytes=EMPTY_PAYLOAD_BYTES, starters=32, workers=64, executions=executions
    )
    with conductor_server(bench.server_command, data=data) as target:
        report = bench.drive(target, load)
        settle(target.pid)
        with api_of(target.url) as api:
            metrics = api.metrics()
        running = folder_bytes(data)
    return {
        "executions": report["executions"]["count"],
        "journal_bytes": metric(metrics, "fastcond_journal_bytes_total"),
        "commits": metric(metrics, "fastcond_commits_total"),
        "files_while_running": running,
        "files": folder_bytes(data),
        "report": report,
    }


def _bytes_of(files: dict[str, int], room: str) -> int:
    return sum(size for name, size in files.items() if name.startswith(room))
