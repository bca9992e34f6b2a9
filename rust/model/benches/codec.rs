//! What a commit costs as bytes: written from the live record, folded back into one.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fastcond_json::Raw;
use fastcond_model::{
    Change, DefId, Execution, Header, NodeRef, Task, TaskChange, TaskNo, TaskStatus, WorkflowId, codec,
};

/// An execution that runs, with this many tasks, each with an output of its own of 1 KB.
fn running(tasks: TaskNo) -> Execution {
    let id = WorkflowId::from_seed(1_700_000_000_000, 7);
    let mut execution = Execution::new(id, Header::new(DefId(7), "order".into(), 3));
    execution.revision = 1;
    execution.input = Raw::of_checked(format!(r#"{{"payload":"{}"}}"#, "i".repeat(1_024)));
    for no in 0..tasks {
        execution.tasks.put(Box::new(completed(no)));
    }
    execution
}

fn completed(no: TaskNo) -> Task {
    Task {
        no,
        node: NodeRef::Static(no),
        reference: Arc::from(format!("t{no}")),
        task_type: "charge".into(),
        def_name: "charge".into(),
        status: TaskStatus::Completed,
        seq: no + 1,
        retry_count: 0,
        retried_of: None,
        is_executed: true,
        is_retried: false,
        has_children: false,
        iteration: 0,
        in_loop: None,
        at_iteration: 0,
        scheduled_ms: 1_700_000_000_000,
        start_ms: 1_700_000_000_005,
        update_ms: 1_700_000_000_009,
        end_ms: 1_700_000_000_009,
        first_scheduled_ms: 1_700_000_000_000,
        ready_ms: 0,
        wait_until_ms: 0,
        start_delay_s: 0,
        callback_after_s: 0,
        poll_count: 1,
        worker: Some("worker-1".into()),
        domain: None,
        reason: None,
        subworkflow: None,
        input: Raw::of_checked(r#"{"order":"order-1"}"#),
        output: Raw::of_checked(format!(r#"{{"n":{no},"payload":"{}"}}"#, "o".repeat(1_024))),
        output_path: None,
        items: None,
        chosen: None,
    }
}

fn encoding(criterion: &mut Criterion) {
    let (execution, mut out) = (running(13), Vec::new());
    let output = TaskChange { output: true, ..TaskChange::default() };
    let changes = [
        (
            "encode/one task handed out",
            Change { tasks: vec![(5, TaskChange::default())], ..Change::default() },
        ),
        ("encode/one task completed, 1 KB", Change { tasks: vec![(5, output)], ..Change::default() }),
    ];
    for (name, change) in &changes {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                codec::encode(&mut out, black_box(&execution), change);
            });
        });
    }
    for tasks in [1, 13, 1_000] {
        let execution = running(tasks);
        criterion.bench_function(&format!("encode/whole record of {tasks}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                codec::encode_snapshot(&mut out, black_box(&execution));
            });
        });
    }
}

fn applying(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    for tasks in [1, 13, 1_000] {
        let mut bytes = Vec::new();
        codec::encode_snapshot(&mut bytes, &running(tasks));
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("whole record of {tasks}"), |bencher| {
            bencher.iter(|| codec::apply(None, black_box(&bytes)).expect("a whole record"));
        });
    }
    group.finish();
    let (mut later, mut bytes) = (running(13), Vec::new());
    later.revision += 1;
    let output = TaskChange { output: true, ..TaskChange::default() };
    codec::encode(&mut bytes, &later, &Change { tasks: vec![(5, output)], ..Change::default() });
    criterion.bench_function("apply/one task completed, 1 KB", |bencher| {
        bencher.iter_batched(
            || Some(running(13)),
            |execution| codec::apply(execution, black_box(&bytes)).expect("the next commit"),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, encoding, applying);
criterion_main!(benches);
