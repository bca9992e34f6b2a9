"""Fifty parcels through a server with the published `conductor-python` package; every result is checked.

    python parcels.py --url http://127.0.0.1:8080/api

Prints what was counted and ends with 0, or prints what is wrong and ends with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from importlib.metadata import version

import parcel_workers  # noqa: F401 - importing it registers the workers
from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, TaskResult, Workflow
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.orkes_clients import OrkesClients
from parcel_definitions import PACK, task_definitions, workflows

DOMAIN = "upstairs"
END_S_MAX = 60.0
OVER = {"COMPLETED", "FAILED", "TERMINATED", "TIMED_OUT"}


class Run:
    """One run against one server: what was started, what was found wrong."""

    def __init__(self, url: str) -> None:
        self.configuration = Configuration(server_api_url=url)
        self.clients = OrkesClients(self.configuration)
        self.workflows = self.clients.get_workflow_client()
        self.tasks = self.clients.get_task_client()
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note a difference; the run goes on, so that all of them are seen at once."""
        if found != wanted:
            self.complaints.append(f"{what}: found {found!r}, wanted {wanted!r}")

    def start(self, name: str, number: int, *, domain: str | None = None, **more: object) -> str:
        """Start a workflow and return its id; `domain` sends its packing to the workers upstairs."""
        request = StartWorkflowRequest(
            name=name,
            version=1,
            input={"n": number, **more},
            correlation_id=f"{name}-{number}",
            task_to_domain={PACK: domain} if domain else None,
        )
        self.counts["started"] += 1
        return str(self.workflows.start_workflow(request))

    def until(self, workflow_id: str, *statuses: str) -> Workflow:
        """Return the execution once it has one of these statuses; bounded."""
        deadline = time.monotonic() + END_S_MAX
        while time.monotonic() < deadline:
            if self.workflows.get_workflow_status(workflow_id).status in statuses:
                return self.workflows.get_workflow(workflow_id, include_tasks=True)
            time.sleep(0.05)
        raise SystemExit(f"{workflow_id} is not {' or '.join(statuses)} after {END_S_MAX} s")


def register(run: Run) -> None:
    """Register all definitions and read them back."""
    metadata = run.clients.get_metadata_client()
    for definition in task_definitions():
        metadata.register_task_def(definition)
        found = metadata.get_task_def(definition.name)
        run.expect(definition.name, (found.retry_count, found.retry_delay_seconds), (2, 0))
    for workflow in workflows(run.clients.get_workflow_executor()):
        metadata.register_workflow_def(workflow.to_workflow_def(), overwrite=True)
        stored = metadata.get_workflow_def(workflow.name, version=1)
        run.expect(workflow.name, (stored.name, stored.owner_email), (workflow.name, "parcels@example.com"))


def chains(run: Run) -> None:
    """Twelve chains: plain, stumbling, breaking and retried, and four packed by hand in a domain."""
    plain = [run.start("py_chain", n) for n in range(5)]
    stumbling = [run.start("py_chain", n, mood="stumble") for n in range(5, 7)]
    broken = run.start("py_chain", 7, mood="break")
    upstairs = [run.start("py_chain", n, domain=DOMAIN) for n in range(8, 12)]
    pack_by_hand(run, len(upstairs))
    failed = run.until(broken, *OVER)
    run.expect(
        "broken chain", (failed.status, failed.tasks[0].status), ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    )
    run.workflows.retry_workflow(broken)
    for number, workflow_id in enumerate([*plain, *stumbling, broken, *upstairs]):
        ended = run.until(workflow_id, "COMPLETED")
        run.expect(f"chain {number}", ended.output, {"shipped": number})
        attempts = [task.status for task in ended.tasks if task.task_def_name == PACK]
        run.expect(f"attempts of chain {number}", len(attempts), 2 if 5 <= number <= 7 else 1)
        run.counts["retried"] += len(attempts) - 1
    logs = run.tasks.get_task_logs(run.workflows.get_workflow(plain[0]).tasks[0].task_id)
    run.expect("logs", [line.log for line in logs], ["packing 0"])
    run.counts["log lines"] += len(logs)
    same = run.workflows.get_by_correlation_ids("py_chain", ["py_chain-3"], include_completed=True)
    run.expect("correlated", [each.workflow_id for each in same["py_chain-3"]], [plain[3]])


def pack_by_hand(run: Run, wanted: int) -> None:
    """Poll a domain in batches and report each task, its log line included."""
    packed = 0
    deadline = time.monotonic() + END_S_MAX
    while packed < wanted and time.monotonic() < deadline:
        batch = run.tasks.batch_poll_tasks(
            PACK, worker_id="by-hand", count=3, timeout_in_millisecond=1000, domain=DOMAIN
        )
        run.counts["batches"] += 1
        for task in batch:
            run.tasks.add_task_log(task.task_id, "packed upstairs")
            result = TaskResult(
                workflow_instance_id=task.workflow_instance_id,
                task_id=task.task_id,
                worker_id="by-hand",
                status=TaskResultStatus.COMPLETED,
                output_data={"packed": task.input_data["n"]},
            )
            run.expect("answer to a result", run.tasks.update_task(result), task.task_id)
            packed += 1
    run.expect("packed by hand", packed, wanted)


def forks(run: Run) -> None:
    """Eight forks, eight switches, eight sub-workflows, six dynamic forks."""
    started = [(n, run.start("py_fork", n)) for n in range(8)]
    switched = [(n, run.start("py_switch", n, kind="express" if n % 2 else "slow")) for n in range(8)]
    nested = [(n, run.start("py_sub", n)) for n in range(8)]
    tasks = [{"name": PACK, "taskReferenceName": f"part_{k}", "type": "SIMPLE"} for k in range(3)]
    inputs = {f"part_{k}": {"n": k} for k in range(3)}
    dynamic = [run.start("py_dynamic", n, tasks=tasks, inputs=inputs) for n in range(6)]
    for number, workflow_id in started:
        run.expect("fork", run.until(workflow_id, *OVER).output, {"packed": [number, number]})
    for number, workflow_id in switched:
        ended = run.until(workflow_id, *OVER)
        ran = {task.reference_task_name for task in ended.tasks}
        run.expect("switch", ran, {"route", "ship" if number % 2 else "pack"})
    for number, workflow_id in nested:
        run.expect("sub-workflow", run.until(workflow_id, *OVER).output, {"shipped": number})
    for workflow_id in dynamic:
        joined = run.until(workflow_id, *OVER).output["joined"]
        run.expect("dynamic fork", joined, {f"part_{k}": {"packed": k} for k in range(3)})


def signatures(run: Run) -> None:
    """Eight that wait for a signature: five get it, one is paused before, two are terminated."""
    waiting = [run.start("py_human", n) for n in range(8)]
    for workflow_id in waiting[:2]:
        run.workflows.terminate_workflow(workflow_id, reason="not wanted any more")
        ended = run.workflows.get_workflow(workflow_id)
        run.expect(
            "reason", (ended.status, ended.reason_for_incompletion), ("TERMINATED", "not wanted any more")
        )
        run.counts["terminated"] += 1
    run.workflows.pause_workflow(waiting[2])
    for number, workflow_id in enumerate(waiting[2:], start=2):
        sign = run.tasks.update_task_by_ref_name(workflow_id, "sign", "COMPLETED", f"clerk {number}")
        run.expect("signed", len(str(sign)) > 0, wanted=True)
    run.expect("paused", run.workflows.get_workflow(waiting[2]).status, "PAUSED")
    run.workflows.resume_workflow(waiting[2])
    for number, workflow_id in enumerate(waiting[2:], start=2):
        run.expect("human", run.until(workflow_id, *OVER).output, {"by": f"clerk {number}"})


def found(run: Run) -> None:
    """What search says must be what was done."""
    names = "py_chain,py_fork,py_switch,py_sub,py_dynamic,py_human"
    for status, wanted in (("COMPLETED", 48 + 8), ("TERMINATED", 2), ("RUNNING", 0)):
        # The eight sub-workflows began a chain each.
        # The package's search result has no total, so what is counted is the page.
        result = run.workflows.search(query=f"workflowType IN ({names}) AND status = '{status}'", size=100)
        run.expect(f"search {status}", len(result.results), wanted)
        run.counts[status.lower()] = len(result.results)


def main() -> int:
    """Run everything once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", default="http://127.0.0.1:8080/api")
    run = Run(parser.parse_args().url)
    register(run)
    with TaskHandler(configuration=run.configuration, scan_for_annotated_workers=True) as workers:
        workers.start_processes()
        chains(run)
        forks(run)
        signatures(run)
        found(run)
    summary = {"sdk": "conductor-python", "version": version("conductor-python"), **run.counts}
    print(json.dumps(summary), flush=True)
    for complaint in run.complaints:
        print(complaint, file=sys.stderr)
    return 1 if run.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
