"""Which domain a worker task is queued under (S-50.5 to S-50.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.oracle.model import Task, Workflow
    from tests.oracle.world import World

ACTIVE_MS = 10_000


def choose(world: World, workflow: Workflow, *, task: Task) -> str | None:
    """The domain for a task that is about to be queued."""
    listed = workflow.task_to_domain.get(task.type) or workflow.task_to_domain.get("*")
    entries = [e.strip() for e in (listed or "").split(",") if e.strip()]
    if not entries:
        return None
    for entry in entries:
        polled = world.polled.get((task.type, entry))
        if entry.upper() != "NO_DOMAIN" and polled is not None and world.now - polled <= ACTIVE_MS:
            return entry
    return None if entries[-1].upper() == "NO_DOMAIN" else entries[-1]
