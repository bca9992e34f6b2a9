"""Client and worker of Temporal in one process: a workflow of some activities, one after the other.

``python -m benchmarks.peers.temporal.drive HOST:PORT`` in an environment with ``temporalio``.
"""
# mypy: disable-error-code="import-not-found, untyped-decorator"
# The SDK is in the peer's own environment.

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from datetime import timedelta

from benchmarks.peers.closed_loop import Times, obey
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "bench"


@activity.defn
async def echo(payload: str) -> str:
    """Do nothing, and return as much as was given."""
    return payload


@workflow.defn
class Chain:
    """Some activities, each fed with the result of the last."""

    @workflow.run
    async def run(self, steps: int, payload: str) -> str:
        """Run the chain."""
        for _ in range(steps):
            payload = await workflow.execute_activity(
                echo, payload, start_to_close_timeout=timedelta(seconds=60)
            )
        return payload


async def main(address: str) -> None:
    """Work for the queue, and obey orders."""
    client = await Client.connect(address)

    async def execution(steps: int, payload: str, times: Times) -> None:
        begun = time.perf_counter()
        handle = await client.start_workflow(
            Chain.run, args=[steps, payload], id=uuid.uuid4().hex, task_queue=QUEUE
        )
        times.start.append(time.perf_counter() - begun)
        if await handle.result() != payload:
            raise RuntimeError(f"workflow {handle.id} ended with another result")

    # Without the sandbox the worker, which is not counted, leaves more of the machine to the server.
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Chain],
        activities=[echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await obey(execution)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
