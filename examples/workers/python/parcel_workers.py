"""The workers of the parcel example: one plain function, one coroutine.

The package runs the first in a thread pool and the second on an event loop, each type in a process of its
own. It reads the annotations of these functions, so this file must not postpone their evaluation.
"""

# mypy: disallow-untyped-decorators=False
# The package does not say that it is typed, so its decorator counts as untyped.

import asyncio
from typing import Any

from conductor.client.context.task_context import get_task_context
from conductor.client.http.models.task import Task
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_task import worker_task
from parcel_definitions import PACK, SHIP


@worker_task(task_definition_name=PACK, thread_count=5)
def pack(task: Task) -> dict[str, Any]:
    """Pack a parcel; in a bad mood the first attempt fails, for now (stumble) or for good (break)."""
    number, mood = task.input_data["n"], task.input_data.get("mood")
    get_task_context().add_log(f"packing {number}")
    if mood == "break" and task.retry_count == 0:
        raise NonRetryableException(f"parcel {number} broke")
    if mood == "stumble" and task.retry_count == 0:
        raise RuntimeError(f"parcel {number} slipped")
    return {"packed": number}


@worker_task(task_definition_name=SHIP, thread_count=5)
async def ship(n: int) -> dict[str, Any]:
    """Ship a parcel."""
    await asyncio.sleep(0)
    return {"shipped": n}
