"""Drive a peer through a client of its own, and report in the form of the compiled load generator.

The client is a process that reads orders, one JSON line each, and answers each with one JSON line: how many
executions it carried out, in what time, with what latencies. It lives through all runs on a server, so that
connecting and compiling are not in the figures. It is not counted unless the peer says it is the server.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.peers.peer import CHAINS, Drive, Plan
from benchmarks.peers.usage import device_written, settled, usage
from benchmarks.targets import STOP_SECONDS_MAX, BenchmarkError, Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


DRAIN_SECONDS_MAX = 120.0
"""Time to finish what was started when a run is over."""


@dataclass(frozen=True)
class Client:
    """A client process and the server that it drives."""

    process: subprocess.Popen[str]
    log: Path
    roots: tuple[int, ...]
    """Process trees whose CPU time is the server's."""
    folder: Path
    plan: Plan
    inflight: int

    def drive(self, shape: str, seconds: float) -> Report:
        """Make one run; a client that says no, or nothing, is a broken promise."""
        order = {
            "steps": CHAINS[shape],
            "seconds": seconds,
            "inflight": self.inflight,
            "payload_bytes": self.plan.payload_bytes,
        }
        written, before = device_written(self.folder), usage(self.roots)
        answer = self._ask(order)
        drained = usage(self.roots)
        after = settled(self.roots)
        count = int(answer["executions"])
        if count == 0:
            raise BenchmarkError(f"{shape}: no execution ended in {seconds} s")
        now_written = device_written(self.folder)
        reached = None if written is None or now_written is None else now_written - written
        cpu, wall, steps = after.cpu_s - before.cpu_s, float(answer["wall_s"]), CHAINS[shape]
        return {
            "settings": {"profile": shape, **order},
            "wall_s": wall,
            "executions": _rate(count, wall, cpu),
            "tasks": _rate(count * steps, wall, cpu),
            "server": {
                "cpu_s": round(cpu, 3),
                "cpu_until_drained_s": round(drained.cpu_s - before.cpu_s, 3),
                "cpu_us_per_task": round(1e6 * cpu / (count * steps), 2),
                "device_bytes_per_execution": None if reached is None else round(reached / count, 1),
                "resident_bytes": after.resident_bytes,
            },
            "latency_us": answer["latency_us"],
        }

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        # One that hangs is ended; then there is nothing more to read.
        watch = threading.Timer(order["seconds"] + DRAIN_SECONDS_MAX, self.process.kill)
        watch.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            said = self.log.read_text(errors="replace")[-1500:]
            raise BenchmarkError(f"{order}: the client ended, or did not answer in time: {said}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchmarkError(answer["error"])
        return answer


@contextlib.contextmanager
def client(
    command: list[str],
    *,
    folder: Path,
    plan: Plan,
    roots: tuple[int, ...],
    environment: Mapping[str, str] | None = None,
    is_server: bool = False,
    inflight: int | None = None,
) -> Iterator[Drive]:
    """Run a client inside the folder for the length of the block; with ``is_server`` its CPU time counts."""
    log = folder / "client.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as process,
    ):
        counted = (*roots, process.pid) if is_server else roots
        try:
            yield Client(process, log, counted, folder, plan, inflight or plan.inflight).drive
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _rate(count: int, wall_s: float, cpu_s: float) -> dict[str, float]:
    # Below one tick the kernel tells no time; such a run is too short to say anything.
    if cpu_s <= 0:
        raise BenchmarkError("the server used no CPU time that the kernel could tell: run longer")
    return {"count": count, "per_s": round(count / wall_s, 1), "per_server_cpu_s": round(count / cpu_s, 1)}
