"""The workflows of the parcel example, built with the package's own builder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conductor.client.http.models import TaskDef
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.dynamic_fork_task import DynamicForkTask
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.join_task import JoinTask
from conductor.client.workflow.task.simple_task import SimpleTask
from conductor.client.workflow.task.sub_workflow_task import SubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask

if TYPE_CHECKING:
    from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

PACK = "py_pack"
SHIP = "py_ship"


def task_definitions() -> list[TaskDef]:
    """Two task types; a failed attempt is made again at once, twice at most."""
    return [
        TaskDef(name=name, retry_count=2, retry_delay_seconds=0, response_timeout_seconds=60)
        for name in (PACK, SHIP)
    ]


def workflows(executor: WorkflowExecutor) -> list[ConductorWorkflow]:
    """One workflow for each way to put steps together; each returns what was packed or shipped."""
    chain = _new(executor, "py_chain").add(_pack()).add(_ship()).output_parameter("shipped", _out("ship"))
    branches = ForkTask("both", [[_pack("left")], [_pack("right")]], join_on=["left", "right"])
    fork = _new(executor, "py_fork").add(branches)
    fork.output_parameter("packed", [_out("left", "packed"), _out("right", "packed")])
    route = SwitchTask(task_ref_name="route", case_expression="${workflow.input.kind}")
    route.switch_case("express", [_ship()]).default_case([_pack()])
    switch = _new(executor, "py_switch").add(route).output_parameter("case", "${route.output.selectedCase}")
    child = SubWorkflowTask(task_ref_name="child", workflow_name="py_chain", version=1)
    child.input_parameters.update({"n": "${workflow.input.n}"})
    sub = _new(executor, "py_sub").add(child).output_parameter("shipped", _out("child"))
    many = DynamicForkTask(task_ref_name="many", join_task=JoinTask(task_ref_name="joined"))
    many.input_parameters.update({"dynamicTasks": "${workflow.input.tasks}"})
    many.input_parameters.update({"dynamicTasksInputs": "${workflow.input.inputs}"})
    dynamic = _new(executor, "py_dynamic").add(many).output_parameter("joined", "${joined.output}")
    human = _new(executor, "py_human").add(HumanTask(task_ref_name="sign")).add(_ship())
    # The package puts what is reported by reference name under this key.
    human.output_parameter("by", _out("sign", "result"))
    return [chain, fork, switch, sub, dynamic, human]


def _new(executor: WorkflowExecutor, name: str) -> ConductorWorkflow:
    workflow = ConductorWorkflow(executor=executor, name=name, version=1, description="parcels")
    return workflow.owner_email("parcels@example.com")


def _pack(reference: str = "pack") -> SimpleTask:
    """A step that may be told to stumble once, or to break until somebody retries the workflow."""
    task = SimpleTask(task_def_name=PACK, task_reference_name=reference)
    inputs: dict[str, Any] = {key: f"${{workflow.input.{key}}}" for key in ("n", "mood")}
    task.input_parameters.update(inputs)
    return task


def _ship() -> SimpleTask:
    task = SimpleTask(task_def_name=SHIP, task_reference_name="ship")
    task.input_parameters.update({"n": "${workflow.input.n}"})
    return task


def _out(reference: str, key: str = "shipped") -> str:
    return f"${{{reference}.output.{key}}}"
