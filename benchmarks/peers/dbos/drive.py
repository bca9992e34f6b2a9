"""An application with DBOS in it: a workflow of some steps, and the load upon itself.

``python -m benchmarks.peers.dbos.drive PORT`` in an environment with ``dbos``; PORT is that of PostgreSQL.
"""
# mypy: disable-error-code="import-not-found, untyped-decorator"
# The library is in the peer's own environment.

from __future__ import annotations

import asyncio
import sys
import time

from benchmarks.peers.closed_loop import Times, obey
from benchmarks.peers.postgres import DATABASE, USER
from dbos import DBOS

POOL_SIZE = 20
"""Connections to PostgreSQL; the library's own default."""


@DBOS.step()
async def echo(payload: str) -> str:
    """Do nothing, and return as much as was given."""
    return payload


@DBOS.workflow()
async def chain(steps: int, payload: str) -> str:
    """Some steps, each fed with the result of the last."""
    for _ in range(steps):
        payload = await echo(payload)
    return payload


async def execution(steps: int, payload: str, times: Times) -> None:
    """Start a workflow in this process, which is the cheapest way: no queue has to be polled."""
    begun = time.perf_counter()
    handle = await DBOS.start_workflow_async(chain, steps, payload)
    times.start.append(time.perf_counter() - begun)
    if await handle.get_result() != payload:
        raise RuntimeError(f"workflow {handle.workflow_id} ended with another result")


def main(port: str) -> None:
    """Run the application until standard input ends."""
    url = f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}"
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "sys_db_pool_size": POOL_SIZE,
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    try:
        asyncio.run(obey(execution))
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    main(sys.argv[1])
