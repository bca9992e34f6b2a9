"""P8: many parked workflows with a timer each: memory, idle CPU, and the time from a kill to ready."""

from __future__ import annotations

import itertools
import os
import signal
import time
from typing import TYPE_CHECKING, Any

from benchmarks.floors.api import api_of, workflow
from benchmarks.floors.bound import Bound, Found
from benchmarks.floors.usage import folder_bytes, idle_share, settle
from benchmarks.targets import Load, conductor_server, data_folder

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.floors.bench import Bench
    from benchmarks.targets import Target

MEMORY = Bound("P8", "resident bytes per parked workflow, all of the growth", 2_048, 600, is_ceiling=True)
IDLE = Bound("P8", "idle CPU with all of them parked, share of a core", 0.02, 0.002, is_ceiling=True)
READY = Bound("P8", "kill to ready, a start acknowledged, s", 60, 10, is_ceiling=True)

AFTER = "started_after_the_kill"


def memory_and_restart(bench: Bench) -> Found:
    """Park more and more in one server, watch it idle, kill it, and start again on its folder."""
    with data_folder() as data:
        with conductor_server(bench.server_command, data=data) as target:
            with api_of(target.url) as api:
                wait = {"name": "w", "taskReferenceName": "w", "type": "WAIT"}
                api.call("POST", "/metadata/workflow", workflow(AFTER, [wait]))
            steps, reports = _park(bench, target)
            idle = idle_share(target.pid, bench.scale.idle_seconds)
            on_disk = folder_bytes(data)
            began = time.monotonic()
            # The script process of the server ends with its parent.
            os.kill(target.pid, signal.SIGKILL)
        ready = _restart(bench, data, began)
    empty, fullest = steps[0], steps[-1]
    memory = (fullest["resident_bytes"] - empty["resident_bytes"]) / fullest["parked"]
    note = f"{fullest['parked']:,} parked; between counts: " + ", ".join(
        f"{slope:,.0f} B to {count:,}" for count, slope in slopes(steps)
    )
    return Found(
        [MEMORY.found(memory, note), IDLE.found(idle), READY.found(ready["start_acknowledged_s"])],
        {"steps": steps, "idle_share": idle, "restart": ready, "disk": on_disk, "reports": reports},
    )


def _park(bench: Bench, target: Target) -> tuple[list[dict[str, Any]], list[Any]]:
    steps = [{"parked": 0, "resident_bytes": settle(target.pid).resident_bytes}]
    reports = []
    for count in bench.scale.parked:
        more = count - int(steps[-1]["parked"])
        load = Load(f"parked{more}", seconds=3_600, payload_bytes=0, starters=64, workers=1, idle_seconds=1.0)
        reports.append(bench.drive(target, load))
        steps.append({"parked": count, "resident_bytes": settle(target.pid).resident_bytes})
    return steps, reports


def _restart(bench: Bench, data: Path, began: float) -> dict[str, float]:
    """Start again on the folder; seconds count from the kill."""
    with conductor_server(bench.server_command, data=data) as target:
        healthy = time.monotonic() - began
        with api_of(target.url) as api:
            api.call("POST", f"/workflow/{AFTER}", {})
        acknowledged = time.monotonic() - began
        resident = settle(target.pid).resident_bytes
    return {"healthy_s": healthy, "start_acknowledged_s": acknowledged, "resident_bytes": resident}


def slopes(steps: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Bytes per workflow between each count and the one before it."""
    return [
        (
            after["parked"],
            (after["resident_bytes"] - before["resident_bytes"]) / (after["parked"] - before["parked"]),
        )
        for before, after in itertools.pairwise(steps)
    ]
