//! What deciding costs, from a start to COMPLETED, without anything around it; and what compiling a definition costs.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastcond_engine::command::{Report, Start};
use fastcond_engine::graph::compile;
use fastcond_engine::{Command, Definitions, Given, Graph, Live, begin, decide};
use fastcond_expr::script::Scripts;
use fastcond_json::Raw;
use fastcond_model::{
    DefId, ResultStatus, TaskDef, TaskNo, TaskStatus, WorkflowDef, WorkflowId, WorkflowStatus,
};

/// A registry that knows nothing: every definition below stands for itself.
struct Nothing;

impl Definitions for Nothing {
    fn workflow(&self, _: &str, _: Option<i32>) -> Option<Arc<Graph>> {
        None
    }

    fn inline(&self, _: &WorkflowDef) -> Result<Arc<Graph>, String> {
        Err("no definitions inline".to_owned())
    }

    fn stored(&self, _: DefId) -> Option<Arc<Graph>> {
        None
    }

    fn task(&self, _: &str) -> Option<Arc<TaskDef>> {
        None
    }

    fn latest_version(&self, _: &str) -> Option<i32> {
        None
    }

    fn has_room(&self, _: &str, _: &str, _: usize) -> bool {
        true
    }

    fn is_polled(&self, _: &str, _: &str, _: i64) -> bool {
        true
    }

    fn is_heard(&self, _: &str) -> bool {
        false
    }

    fn with_secrets(&self, _: &str) -> Option<String> {
        None
    }

    fn environment(&self, _: &str) -> Option<String> {
        None
    }
}

fn simple(at: usize) -> String {
    format!(
        r#"{{"name":"t","taskReferenceName":"t{at}","type":"SIMPLE","inputParameters":{{"payload":"${{workflow.input.payload}}"}}}}"#
    )
}

fn chain(length: usize) -> WorkflowDef {
    let steps: Vec<String> = (1..=length).map(simple).collect();
    definition(&steps.join(","))
}

fn fork(width: usize) -> WorkflowDef {
    let branches: Vec<String> = (1..=width).map(|at| format!("[{}]", simple(at))).collect();
    let names: Vec<String> = (1..=width).map(|at| format!("\"t{at}\"")).collect();
    definition(&format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":[{}]}}"#,
        branches.join(","),
        names.join(",")
    ))
}

fn definition(steps: &str) -> WorkflowDef {
    let text = format!(r#"{{"name":"w","version":1,"schemaVersion":2,"tasks":[{steps}]}}"#);
    serde_json::from_str(&text).expect("a definition")
}

fn start(graph: &Arc<Graph>, input: &Raw) -> Start {
    Start {
        id: WorkflowId::from_seed(1_700_000_000_000, 7),
        graph: graph.clone(),
        input: input.clone(),
        correlation_id: None,
        priority: 0,
        task_to_domain: Raw::empty_object(),
        parent: None,
        event: None,
        created_by: None,
        input_path: None,
        idempotency_key: None,
    }
}

fn report(task: TaskNo, output: &Raw) -> Command {
    Command::Report(Box::new(Report {
        task,
        status: ResultStatus::Completed,
        output: output.clone(),
        is_merged: false,
        reason: None,
        worker: Some("worker-1".into()),
        keeps_worker: false,
        callback_after_s: 0,
        extends_lease: false,
        output_path: None,
        subworkflow: None,
    }))
}

fn scheduled(live: &Live) -> Vec<TaskNo> {
    let tasks = live.execution.tasks.iter();
    tasks.filter(|task| task.status == TaskStatus::Scheduled).map(|task| task.no).collect()
}

/// Starts, then hands out and completes whatever is scheduled until nothing is.
fn execute(graph: &Arc<Graph>, payload: &Raw, given: &mut Given<'_>) -> Live {
    let (mut live, _) = begin(start(graph, payload), given);
    loop {
        let open = scheduled(&live);
        if open.is_empty() {
            return live;
        }
        for task in open {
            let hand_out = Command::HandOut { task, worker: Some("worker-1".into()) };
            decide(&mut live, hand_out, given).expect("a scheduled task is handed out");
            decide(&mut live, report(task, payload), given).expect("a running task is completed");
        }
    }
}

fn executing(criterion: &mut Criterion) {
    let mut scripts = Scripts::new();
    let mut given = Given { now_ms: 1_700_000_000_000, seed: 7, defs: &Nothing, scripts: &mut scripts };
    let payload = Raw::of_checked(format!(r#"{{"payload":"{}"}}"#, "x".repeat(1_024)));
    let mut group = criterion.benchmark_group("decide");
    let shapes = [("exec", 1, chain(1)), ("chain of 13", 13, chain(13)), ("fork of 100", 100, fork(100))];
    for (name, tasks, definition) in shapes {
        let graph = Arc::new(compile(definition).expect("it compiles"));
        let ended = execute(&graph, &payload, &mut given).execution.header.status;
        assert_eq!(ended, WorkflowStatus::Completed, "{name} runs to its end");
        group.throughput(Throughput::Elements(tasks));
        group.bench_function(name, |bencher| {
            bencher.iter(|| execute(black_box(&graph), &payload, &mut given));
        });
    }
}

fn compiling(criterion: &mut Criterion) {
    for (name, definition) in [("chain of 13", chain(13)), ("fork of 100", fork(100))] {
        criterion.bench_function(&format!("compile/{name}"), |bencher| {
            bencher.iter(|| compile(black_box(definition.clone())).expect("it compiles"));
        });
    }
}

criterion_group!(benches, executing, compiling);
criterion_main!(benches);
