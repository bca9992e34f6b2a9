"""Client of the three scripts: each execution is started, polled for and completed in three round trips.

``python -m benchmarks.peers.redis_lua.drive PORT WIDTH`` in an environment with ``redis``. With a WIDTH above
one, so many executions share each of the three round trips.
"""
# mypy: disable-error-code="import-not-found, import-untyped"
# The library is in the peer's own environment.

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

import uvloop
from benchmarks.peers.closed_loop import Times, obey
from redis.asyncio import Redis

CONNECTIONS_MAX = 1024
QUEUE, LEASES, PREFIX = "queue", "leases", "x:"
LEASE_MS = 60_000


class Scripts:
    """The three scripts on one server."""

    def __init__(self, redis: Redis, *, width: int) -> None:
        self._redis = redis
        self._width = width
        self._start = self._poll = self._update = ""

    async def load(self) -> None:
        """Hand the scripts to the server."""
        self._start, self._poll, self._update = [
            await self._redis.script_load(_source(name)) for name in ("start", "poll", "update")
        ]

    async def executions(self, steps: int, payload: str, times: Times) -> None:
        """Carry out ``width`` executions."""
        if steps != 1:
            raise ValueError("the scripts know executions of one task")
        begun, now = time.perf_counter(), int(time.time() * 1000)
        pipe = self._redis.pipeline(transaction=False)
        for own in (uuid.uuid4().hex for _ in range(self._width)):
            pipe.evalsha(self._start, 2, PREFIX + own, QUEUE, own, payload, now)
        await pipe.execute()
        times.start.append(time.perf_counter() - begun)
        # Whose task it is does not matter: each start puts one in, each poll takes one out.
        for _ in range(self._width):
            pipe.evalsha(self._poll, 2, QUEUE, LEASES, now + LEASE_MS, PREFIX)
        leased = await pipe.execute()
        for task in leased:
            if task is None or task[1].decode() != payload:
                raise RuntimeError("a poll gave no task, or one with another input")
            identity = task[0].decode()
            pipe.evalsha(self._update, 2, PREFIX + identity, LEASES, identity, payload, now)
        if await pipe.execute() != [1] * self._width:
            raise RuntimeError("a lease was gone before its result was reported")


def _source(name: str) -> str:
    return Path(__file__).with_name(f"{name}.lua").read_text(encoding="utf-8")


async def main(port: int, width: int) -> None:
    """Obey orders."""
    redis = Redis(host="127.0.0.1", port=port, max_connections=CONNECTIONS_MAX)
    scripts = Scripts(redis, width=width)
    try:
        await scripts.load()
        await obey(scripts.executions, per_call=width)
    finally:
        await redis.aclose()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
