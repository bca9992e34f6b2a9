"""Compares what the server holds with what the ledger knows, by asking for every execution."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.durability.rules import FINAL_WORKFLOW, Execution, Witness, complaints, missing, unsettled
from tests.durability.wire import Connection, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.durability.ledger import Ledger

READERS = 4
SETTLED_SAMPLE = 60
HEAL_S = 90.0
LOOK_S = 0.1


@dataclass
class Audit:
    """The auditor of one run; it keeps what it has seen so that later looks can be compared with it."""

    port: int
    ledger: Ledger
    seed: int
    witness: Witness = field(default_factory=Witness)
    found: list[str] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)
    found_doubtful: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._unfound: set[str] = set()
        self._definitions: dict[tuple[str, ...], Any] = {}

    async def look(self, *, everything: bool) -> dict[str, Execution]:
        """Reads executions, files complaints about them, and returns those read.

        Reads all of them, or all that were not seen whole and final yet plus a sample of the others.
        """
        if everything:
            self._unfound.clear()
        await self._adopt_doubtful()
        known = {start.workflow_id: start for start in self.ledger.acked_starts()}
        ids = {i for i in known if i} | {attempt.workflow_id for attempt in self.ledger.attempts.values()}
        if not everything:
            done = sorted(ids & self.settled)
            ids = (ids - self.settled) | set(self._random.sample(done, min(SETTLED_SAMPLE, len(done))))
        executions = await self._read_with_children(ids)
        for workflow_id in ids - executions.keys():
            start = known.get(workflow_id)
            self.found.append(
                missing(start) if start else f"lost: {workflow_id} handed out tasks and is gone (G1)"
            )
        self.settled |= {i for i, execution in executions.items() if execution["status"] in FINAL_WORKFLOW}
        return executions

    async def wait_settled(self) -> None:
        """Waits until everything has ended; what has not after `HEAL_S` is a complaint."""
        until = time.monotonic() + HEAL_S
        open_ones: list[Execution] = []
        while time.monotonic() < until:
            executions = await self.look(everything=False)
            open_ones = [e for e in executions.values() if e["status"] not in FINAL_WORKFLOW]
            if not open_ones:
                return
            await asyncio.sleep(LOOK_S)
        self.found += [unsettled(execution) for execution in open_ones]

    async def check_twins(self, executions: Iterable[Execution]) -> None:
        """G12: every attempt of a sub-workflow task has exactly one child, and there are no others."""
        for execution in executions:
            wanted = {
                task.get("subWorkflowId") for task in execution["tasks"] if task["taskType"] == "SUB_WORKFLOW"
            }
            if not wanted:
                continue
            token = execution["input"]["token"]
            children = await self._correlated("kt_child", token)
            if {child["workflowId"] for child in children} != wanted:
                ids = sorted(child["workflowId"] for child in children)
                self.found.append(
                    f"doubled: children of {execution['workflowId']} are {ids}, should be {wanted}"
                )
            for child in children:
                if child.get("parentWorkflowId") != execution["workflowId"]:
                    self.found.append(
                        f"wrong: parent of {child['workflowId']} is {child.get('parentWorkflowId')}"
                    )

    async def check_queues_empty(self, task_types: Iterable[str]) -> None:
        """G8: with everything ended, nothing is left in a ready queue."""
        connection = Connection(self.port, Traffic())
        try:
            sizes = (await connection.call("GET", "/api/tasks/queue/all")).json()
        finally:
            await connection.close()
        for task_type in task_types:
            if sizes.get(task_type, 0) != 0:
                self.found.append(
                    f"wrong: queue {task_type} holds {sizes[task_type]} although everything has ended"
                )

    async def _adopt_doubtful(self) -> None:
        """Looks for starts whose answer was lost; one that exists counts as acknowledged from then on."""
        for start in [s for s in self.ledger.doubtful_starts() if s.token not in self._unfound]:
            executions = await self._correlated(start.kind, start.token)
            if len(executions) > 1:
                self.found.append(f"doubled: start {start.token} gave {len(executions)} executions (G1)")
            if executions:
                start.workflow_id = executions[0]["workflowId"]
                self.found_doubtful += 1
            else:
                self._unfound.add(start.token)

    async def _read_with_children(self, ids: Iterable[str]) -> dict[str, Execution]:
        executions: dict[str, Execution] = {}
        todo = set(ids)
        while todo:
            for execution in await self._read(sorted(todo)):
                executions[execution["workflowId"]] = execution
            children = {t.get("subWorkflowId") for e in executions.values() for t in e["tasks"]}
            todo = {child for child in children if child} - executions.keys() - todo
        return executions

    async def _read(self, ids: list[str]) -> list[Execution]:
        shares = [ids[place::READERS] for place in range(READERS)]
        return [
            execution for part in await asyncio.gather(*map(self._read_share, shares)) for execution in part
        ]

    async def _read_share(self, ids: list[str]) -> list[Execution]:
        connection = Connection(self.port, Traffic())
        executions = []
        try:
            for workflow_id in ids:
                asked_at = time.monotonic()
                answer = await connection.call("GET", f"/api/workflow/{workflow_id}?includeTasks=true")
                if answer.status == 404:
                    continue
                if not answer.is_ok:
                    self.found.append(
                        f"wrong: reading {workflow_id} gave {answer.status} {answer.body[:200]!r}"
                    )
                    continue
                execution = answer.json()
                self.found += complaints(self.ledger, execution, asked_at=asked_at)
                self.found += self.witness.complaints(execution)
                executions.append(self._with_shared_definitions(execution))
        finally:
            await connection.close()
        return executions

    def _with_shared_definitions(self, execution: Execution) -> Execution:
        """Lets executions share the definitions they carry: thousands of copies would fill the memory."""
        name = execution["workflowName"]
        self._share(execution, "workflowDefinition", (name,))
        for task in execution["tasks"]:
            self._share(task, "workflowTask", (name, task["referenceTaskName"], "step"))
            self._share(task, "taskDefinition", (name, task["referenceTaskName"], "task"))
        return execution

    def _share(self, holder: dict[str, Any], field_name: str, key: tuple[str, ...]) -> None:
        if field_name in holder:
            known = self._definitions.setdefault(key, holder[field_name])
            if known == holder[field_name]:
                holder[field_name] = known

    async def _correlated(self, name: str, token: str) -> list[dict[str, Any]]:
        connection = Connection(self.port, Traffic())
        try:
            path = f"/api/workflow/{name}/correlated/{token}?includeClosed=true"
            answer = await connection.call("GET", path)
            if not answer.is_ok:
                self.found.append(f"wrong: GET {path} gave {answer.status} {answer.body[:200]!r}")
                return []
            executions: list[dict[str, Any]] = answer.json()
            return executions
        finally:
            await connection.close()
