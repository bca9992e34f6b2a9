//! What a payload costs on its way through: checked once, read lazily, written.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastcond_json::{Limits, ObjectWriter, Value, check, get, get_path, push_string};

/// An order as applications send them: nested objects, a list, numbers, escapes.
fn order(items: usize) -> String {
    let items: Vec<String> = (0..items)
        .map(|at| format!(r#"{{"sku":"A-{at:05}","count":{at},"price":{at}.95,"note":"say \"{at}\""}}"#))
        .collect();
    format!(
        r#"{{"id":"order-1","customer":{{"name":"N","city":"C"}},"items":[{}],"total":99.5,"last":true}}"#,
        items.join(",")
    )
}

fn checking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    let texts = [
        ("1 KB string", format!(r#"{{"payload":"{}"}}"#, "x".repeat(1_024))),
        ("order of 10", order(10)),
        ("order of 1,000", order(1_000)),
    ];
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| check(black_box(text.as_bytes()), &Limits::default()));
        });
    }
}

fn reading(criterion: &mut Criterion) {
    let text = order(100);
    criterion.bench_function("read/last of five fields, past 100 items", |bencher| {
        bencher.iter(|| get(black_box(&text), "last"));
    });
    criterion.bench_function("read/nested field", |bencher| {
        bencher.iter(|| get_path(black_box(&text), &["customer", "city"]));
    });
    criterion.bench_function("read/whole tree of 100 items", |bencher| {
        bencher.iter(|| Value::of_checked(black_box(&text)));
    });
}

fn writing(criterion: &mut Criterion) {
    let (plain, quoted, mut out) = ("x".repeat(1_024), "say \"x\"\n".repeat(128), String::new());
    criterion.bench_function("write/string of 1 KB", |bencher| {
        bencher.iter(|| {
            out.clear();
            push_string(&mut out, black_box(&plain));
        });
    });
    criterion.bench_function("write/string of 1 KB, escapes", |bencher| {
        bencher.iter(|| {
            out.clear();
            push_string(&mut out, black_box(&quoted));
        });
    });
    let payload = order(10);
    criterion.bench_function("write/object of six fields", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut object = ObjectWriter::begin(&mut out);
            object.str("taskId", "00000000-0000-4000-8000-000000000000").str("status", "SCHEDULED");
            object.i64("retryCount", 0).bool("retried", false).raw("inputData", black_box(&payload));
            object.end();
        });
    });
}

criterion_group!(benches, checking, reading, writing);
criterion_main!(benches);
