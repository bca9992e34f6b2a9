"""The closed loop of a peer's own client in Python: so many executions unfinished at any time.

It runs in the environment of the peer and so uses the standard library alone. Orders come as JSON lines on
standard input, answers go to standard output (see ``driver.py``).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


@dataclass
class Times:
    """Latencies of one run, in seconds."""

    start: list[float] = field(default_factory=list)
    """Until the start of an execution was acknowledged, where the peer says so apart from the result."""
    start_to_completed: list[float] = field(default_factory=list)

    def as_report(self) -> dict[str, Any]:
        """Give quantiles in microseconds, as the load generator does."""
        named = {"start": self.start, "start_to_completed": self.start_to_completed}
        return {name: _quantiles(sorted(values)) for name, values in named.items() if values}


Execution = Callable[[int, str, Times], Awaitable[None]]
"""Carries out executions of so many steps with this payload; raises when a result is not what it must be."""


async def obey(execution: Execution, *, per_call: int = 1) -> None:
    """Carry out orders until standard input ends; a call of ``execution`` makes ``per_call`` of them."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await _run(execution, json.loads(line), per_call)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def _run(execution: Execution, order: dict[str, Any], per_call: int) -> dict[str, Any]:
    payload = "x" * order["payload_bytes"]
    times = Times()
    started_at = time.perf_counter()
    until = started_at + order["seconds"]

    async def lane() -> None:
        while (begun := time.perf_counter()) < until:
            await execution(order["steps"], payload, times)
            times.start_to_completed.append(time.perf_counter() - begun)

    await asyncio.gather(*(lane() for _ in range(order["inflight"] // per_call)))
    wall_s = time.perf_counter() - started_at
    return {
        "executions": len(times.start_to_completed) * per_call,
        "wall_s": round(wall_s, 3),
        "latency_us": times.as_report(),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    last = len(values) - 1
    quantiles = {name: round(1e6 * values[int(last * share)], 1) for name, share in QUANTILES.items()}
    return {"count": len(values), **quantiles}
