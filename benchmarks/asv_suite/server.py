"""One short run of a real server, and of the null durable server for scale."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastcond import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = "4"
_CACHE = Path(__file__).resolve().parents[2] / ".cache"
"""On the disk of the checkout: the system's temporary folder may be in memory, where a sync costs nothing."""

_NULL = "import sys; from fastcond._core import run_bench as run; sys.exit(run(sys.argv[1:]))"


class Served:
    """Executions of one task with payloads of 1 KB, 96 connections, closed loop."""

    timeout = 300
    version = "1"

    def setup_cache(self) -> dict[str, float]:
        """Drive both servers once, one after the other."""
        with _server("-m", "fastcond", "server", "start", "--port", "0", "--data-dir", "{dir}") as (url, pid):
            server = _drive("conductor", url, pid)
        with _server("-c", _NULL, "null", "--port", "0", "--dir", "{dir}") as (url, pid):
            null = _drive("null", url, pid)
        per_cpu = server["executions"]["per_server_cpu_s"]
        return {"cpu_us": 1e6 / per_cpu, "null_share": per_cpu / null["executions"]["per_server_cpu_s"]}

    def track_cpu_per_execution(self, found: dict[str, float]) -> float:
        """Server CPU of one execution."""
        return found["cpu_us"]

    def track_null_share(self, found: dict[str, float]) -> float:
        """Executions per server CPU second as a share of the null server's; more is better."""
        return found["null_share"]

    track_cpu_per_execution.unit = "us"  # type: ignore[attr-defined]
    track_null_share.unit = "share"  # type: ignore[attr-defined]


@contextlib.contextmanager
def _server(*words: str) -> Iterator[tuple[str, int]]:
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="asv-", dir=_CACHE) as folder:
        command = [sys.executable, *(word.replace("{dir}", folder) for word in words)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                banner = process.stdout.readline() if process.stdout else ""
                found = re.search(r"http://\S*:\d+", banner)
                if found is None:
                    raise RuntimeError(f"{words[:2]} did not start: {banner}")
                yield f"{found[0]}/api", process.pid
            finally:
                process.terminate()


def _drive(target: str, url: str, pid: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        options = {
            "--target": target,
            "--url": url,
            "--pid": str(pid),
            "--profile": "exec",
            "--seconds": _SECONDS,
            "--json": str(path),
        }
        code = _core.run_bench(["run", *(word for option in options.items() for word in option)])
        if code != 0:
            raise RuntimeError(f"the run against {target} ended with {code}")
        report: dict[str, Any] = json.loads(path.read_text())
        return report
