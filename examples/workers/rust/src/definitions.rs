//! One workflow for each way to put steps together; each returns what was packed or shipped.

use conductor::models::{RetryLogic, TaskDef, TaskType, WorkflowDef, WorkflowTask};

pub const PACK: &str = "rs_pack";
pub const SHIP: &str = "rs_ship";

/// Two task types; a failed attempt is made again at once, twice at most.
pub fn tasks() -> Vec<TaskDef> {
    let one = |name: &str| {
        TaskDef::new(name)
            .with_retry(2, RetryLogic::Fixed, 0)
            .with_response_timeout(60)
            .with_owner("parcels@example.com")
    };
    vec![one(PACK), one(SHIP)]
}

pub fn workflows() -> Vec<WorkflowDef> {
    let named = |name: &str, key: &str, value: &str, steps: Vec<WorkflowTask>| {
        WorkflowDef::new(name)
            .with_version(1)
            .with_owner("parcels@example.com")
            .with_tasks(steps)
            .with_output_param(key, value)
    };
    let fork = vec![
        WorkflowTask::fork("both", vec![vec![pack("left")], vec![pack("right")]]),
        WorkflowTask::join("joined", vec!["left".into(), "right".into()]),
    ];
    let route = WorkflowTask::switch_value_param("route", "kind")
        .with_input_param("kind", "${workflow.input.kind}")
        .with_switch_case("express", vec![ship()])
        .with_default_case(vec![pack("pack")]);
    let child = WorkflowTask::sub_workflow("child", "rs_chain").with_input_param("n", "${workflow.input.n}");
    let dynamic = vec![many(), WorkflowTask::join("joined", vec![])];
    vec![
        named("rs_chain", "shipped", "${ship.output.shipped}", vec![pack("pack"), ship()]),
        named("rs_fork", "joined", "${joined.output}", fork),
        named("rs_switch", "case", "${route.output.selectedCase}", vec![route]),
        named("rs_sub", "shipped", "${child.output.shipped}", vec![child]),
        named("rs_dynamic", "joined", "${joined.output}", dynamic),
        named("rs_human", "by", "${sign.output.by}", vec![WorkflowTask::human("sign"), ship()]),
    ]
}

/// A step that may be told to stumble once, or to break until somebody retries the workflow.
fn pack(reference: &str) -> WorkflowTask {
    WorkflowTask::simple(PACK, reference)
        .with_input_param("n", "${workflow.input.n}")
        .with_input_param("mood", "${workflow.input.mood}")
}

fn ship() -> WorkflowTask {
    WorkflowTask::simple(SHIP, "ship").with_input_param("n", "${workflow.input.n}")
}

fn many() -> WorkflowTask {
    let mut many = WorkflowTask::simple("many", "many")
        .with_input_param("tasks", "${workflow.input.tasks}")
        .with_input_param("inputs", "${workflow.input.inputs}");
    many.task_type = TaskType::ForkJoinDynamic;
    many.dynamic_fork_tasks_param = Some("tasks".into());
    many.dynamic_fork_tasks_input_param_name = Some("inputs".into());
    many
}
