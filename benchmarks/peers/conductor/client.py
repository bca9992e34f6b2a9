"""The compiled client of the Conductor API, the same for fastcond and Conductor."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.targets import BenchmarkError, Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.peers.peer import Connections, Drive, Plan

DRAIN_SECONDS_MAX = 300.0

EXIT_VIOLATED = 1
"""The run came to its end and has a report, but work was lost or handed out twice."""


def drive_of(plan: Plan, connections: Connections, *, port: int, roots: Iterable[int], folder: Path) -> Drive:
    """Give what drives the server on this port, whose processes and data these are."""

    def drive(shape: str, seconds: float) -> Report:
        # Outside of the folder whose disk is measured.
        with tempfile.TemporaryDirectory(prefix="fastcond-bench-") as reports:
            path = Path(reports, "report.json")
            options: dict[str, object] = {
                "--target": "conductor",
                "--url": f"http://127.0.0.1:{port}/api",
                "--data-dir": folder,
                "--profile": shape,
                "--seconds": seconds,
                "--payload": plan.payload_bytes,
                "--starters": connections.starters,
                "--workers": connections.workers,
                "--inflight": plan.inflight,
                "--drain-seconds": DRAIN_SECONDS_MAX,
                "--json": path,
            }
            words = [str(word) for option in options.items() for word in option]
            words += [word for pid in roots for word in ("--pid", str(pid))]
            run = subprocess.run(
                [plan.load_generator, "run", *words], capture_output=True, text=True, check=False
            )
            if run.returncode not in (0, EXIT_VIOLATED) or not path.exists():
                raise BenchmarkError(f"{shape}: {run.stdout}{run.stderr}")
            report: Report = json.loads(path.read_text())
            return report

    return drive
