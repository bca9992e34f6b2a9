//! What one operation costs, and how much memory a million queued tasks and timers take.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fastcond_queue::{QueueId, QueueKey, QueueRef, ReadyQueues, TaskKey, TimingWheel};

const TASKS: u32 = 1_000_000;

fn task(number: u32) -> TaskKey {
    let workflow = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    TaskKey { workflow, task: number % 7 }
}

fn filled(types: u32) -> (ReadyQueues, Vec<QueueId>) {
    let mut queues = ReadyQueues::new();
    queues.observe(i64::from(TASKS));
    let names = (0..types).map(|number| QueueKey::worker(&format!("type-{number}"), None));
    let ids: Vec<_> = names.map(|key| queues.intern(&key)).collect();
    for number in 0..TASKS {
        queues.push(ids[(number % types) as usize], task(number), i64::from(number), 0);
    }
    (queues, ids)
}

/// Resident bytes of this process, where the system tells.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4_096)
}

fn footprint(_: &mut Criterion) {
    let empty = resident_bytes();
    let (queues, _) = filled(1_000);
    println!("ready: {} bytes per queued task", (resident_bytes() - empty) / u64::from(TASKS));
    let empty = resident_bytes();
    let mut wheel = TimingWheel::new(0);
    for number in 0..TASKS {
        wheel.insert(i64::from(number) * 1_000, task(number).workflow);
    }
    println!("wheel: {} bytes per timer", (resident_bytes() - empty) / u64::from(TASKS));
    black_box((&queues, &wheel));
}

fn ready(criterion: &mut Criterion) {
    for types in [1, 1_000] {
        let (mut queues, ids) = filled(types);
        let (mut next, mut out) = (TASKS, Vec::new());
        criterion.bench_function(&format!("ready/push+pop, 1 M queued in {types} types"), |bencher| {
            bencher.iter(|| {
                let id = ids[(next % types) as usize];
                queues.push(id, task(next), i64::from(next), 0);
                out.clear();
                queues.pop_due(id, i64::from(next), 1, &mut out);
                next += 1;
            });
        });
        criterion.bench_function(&format!("ready/find by name among {types}"), |bencher| {
            bencher.iter(|| queues.find(black_box(&QueueRef::worker("type-0", None))));
        });
    }
}

fn wheel(criterion: &mut Criterion) {
    let mut wheel = TimingWheel::new(0);
    for number in 0..TASKS {
        wheel.insert(i64::from(number) * 1_000, u128::from(number));
    }
    criterion.bench_function("wheel/insert+cancel, 1 M held", |bencher| {
        bencher.iter(|| {
            let handle = wheel.insert(black_box(60_000), 1);
            wheel.cancel(handle)
        });
    });
    criterion.bench_function("wheel/fire 10,000", |bencher| {
        let fill = || {
            let mut wheel = TimingWheel::new(0);
            for number in 0..10_000i64 {
                wheel.insert(number * 37 % 60_000 + 1, 1u128);
            }
            (wheel, Vec::with_capacity(10_000))
        };
        bencher.iter_batched_ref(fill, |(wheel, fired)| wheel.advance(60_001, fired), BatchSize::SmallInput);
    });
}

criterion_group!(benches, footprint, ready, wheel);
criterion_main!(benches);
