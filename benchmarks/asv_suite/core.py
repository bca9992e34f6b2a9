"""The core through ``_core.Model``: deciding and committing, no thread and no file."""

from __future__ import annotations

import json
from typing import Any

from fastcond._core import Model

_TASK = {"name": "t", "retryCount": 0, "responseTimeoutSeconds": 3600, "ownerEmail": "t@example.com"}


def _simple(at: int) -> dict[str, Any]:
    return {"name": "t", "taskReferenceName": f"t{at}", "type": "SIMPLE", "inputParameters": {"at": at}}


def _steps(width: int) -> list[dict[str, Any]]:
    if width == 1:
        return [_simple(0)]
    steps = [_simple(at) for at in range(width)]
    names = [step["taskReferenceName"] for step in steps]
    return [
        {
            "name": "f",
            "taskReferenceName": "f",
            "type": "FORK_JOIN",
            "forkTasks": [[step] for step in steps],
        },
        {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names},
    ]


class Execution:
    """From start to COMPLETED: one task, and a fork of a hundred."""

    params = (1, 100)
    param_names = ("width",)

    def setup(self, width: int) -> None:
        """Make a core that knows the definition."""
        self.model = Model(7, 1_700_000_000_000)
        definition = {
            "name": "w",
            "version": 1,
            "schemaVersion": 2,
            "ownerEmail": "t@example.com",
            "tasks": _steps(width),
        }
        self._call("taskdefs.create", [_TASK])
        self._call("workflowdefs.create", definition)

    def time_to_completed(self, width: int) -> None:
        """Start, then poll and complete every task."""
        self._call("workflow.start", {"name": "w", "version": 1, "input": {"payload": "x" * 1024}})
        for _ in range(width):
            polled = json.loads(self._call("tasks.poll", None, tasktype="t", workerid="w"))
            result = {
                "workflowInstanceId": polled["workflowInstanceId"],
                "taskId": polled["taskId"],
                "status": "COMPLETED",
            }
            self._call("tasks.update", result)

    def _call(self, verb: str, body: object, **params: str) -> bytes:
        raw = b"" if body is None else json.dumps(body).encode()
        status, _, answer = self.model.call(verb, params, raw)
        if status >= 300:
            raise RuntimeError(f"{verb}: {status} {answer.decode()}")
        return answer
