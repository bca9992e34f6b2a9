"""The published Python client, unmodified, against the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductor.client.configuration.configuration import Configuration
from conductor.client.http.models import StartWorkflowRequest, TaskDef, TaskResult, WorkflowDef, WorkflowTask
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.orkes_clients import OrkesClients
from tests.http.calls import ended

if TYPE_CHECKING:
    from tests.conftest import Server


def test_define_start_poll_update_and_read(server: Server) -> None:
    clients = OrkesClients(Configuration(server_api_url=server.api))
    metadata, workflows, tasks = (
        clients.get_metadata_client(),
        clients.get_workflow_client(),
        clients.get_task_client(),
    )
    metadata.register_task_def(TaskDef(name="client_task", retry_count=0))
    steps = [WorkflowTask(name="client_task", task_reference_name="step", type="SIMPLE")]
    metadata.register_workflow_def(WorkflowDef(name="client", version=1, tasks=steps), overwrite=True)
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name="client", version=1, input={"a": 1}))
    polled = tasks.batch_poll_tasks("client_task", worker_id="w", count=1, timeout_in_millisecond=1000)
    assert [task.workflow_instance_id for task in polled] == [workflow_id]
    result = TaskResult(
        workflow_instance_id=workflow_id, task_id=polled[0].task_id, status=TaskResultStatus.COMPLETED
    )
    result.output_data = {"done": True}
    assert tasks.update_task(result) == polled[0].task_id
    assert ended(server, workflow_id)["status"] == "COMPLETED"
    found = workflows.get_workflow(workflow_id, include_tasks=True)
    assert (found.status, found.tasks[0].output_data) == ("COMPLETED", {"done": True})
