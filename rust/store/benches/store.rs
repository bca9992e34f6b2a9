//! What the store costs: groups appended and made durable, rows of finished executions written.
//!
//! On the disk of the temporary folder (`TMPDIR`): in memory a sync costs nothing.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastcond_store::disk::RealDisk;
use fastcond_store::{Archive, ArchiveOptions, Batch, Doc, Journal, JournalOptions, Row, frame};

const STORE: [u8; 16] = [7; 16];
const RECORD_BYTES: usize = 600;
const ROWS_PER_BATCH: u64 = 1_000;

fn framing(criterion: &mut Criterion) {
    let (record, mut frames) = ([b'x'; RECORD_BYTES], Vec::new());
    criterion.bench_function("frame/record of 600 bytes", |bencher| {
        bencher.iter(|| {
            frames.clear();
            frame(&mut frames, &record);
        });
    });
}

fn appending(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    for records in [1, 64] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut journal, _) =
            Journal::open(RealDisk, folder.path(), JournalOptions::new(STORE), 0).expect("an empty folder");
        let mut frames = Vec::new();
        for _ in 0..records {
            frame(&mut frames, &[b'x'; RECORD_BYTES]);
        }
        group.throughput(Throughput::Elements(records));
        group.bench_function(format!("group of {records}, synced"), |bencher| {
            bencher.iter(|| journal.append_group(&mut frames).expect("a sound disk"));
        });
    }
}

/// A finished execution with a scattered id, as a busy server makes them.
fn finished(number: u64) -> Row {
    let scattered = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(number);
    let id = scattered.to_be_bytes();
    let start_ms = 1_700_000_000_000 + i64::try_from(number / 10).expect("a small number");
    let doc = Doc {
        id,
        name: "order_fulfilment".to_owned(),
        version: 1,
        status: "COMPLETED".to_owned(),
        start_ms,
        end_ms: start_ms + 40,
        update_ms: start_ms + 40,
        ..Doc::default()
    };
    let record = vec![b'r'; RECORD_BYTES].into();
    Row { id, open: false, next_due: None, ready: Vec::new(), flags: 0, doc, record }
}

fn archiving(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("archive.sqlite");
    let mut archive = Archive::open(&path, STORE, ArchiveOptions::default()).expect("an empty folder");
    let mut group = criterion.benchmark_group("archive");
    group.throughput(Throughput::Elements(ROWS_PER_BATCH));
    let mut covered = 0;
    group.bench_function("batch of 1,000 finished rows", |bencher| {
        bencher.iter(|| {
            let upserts = (covered..covered + ROWS_PER_BATCH).map(finished).collect();
            covered += ROWS_PER_BATCH;
            archive.write_batch(&Batch { covered, upserts, ..Batch::default() }).expect("a sound disk");
        });
    });
    group.finish();
    let reader = archive.reader().expect("the archive is there");
    let mut number = 0;
    criterion.bench_function("archive/load one by its id", |bencher| {
        bencher.iter(|| {
            number = (number + 7_919) % covered;
            reader.load(&finished(number).id).expect("a sound disk").expect("every row is there")
        });
    });
}

criterion_group! {
    name = benches;
    // Every round writes to a disk: enough to see a change, not enough to fill it.
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(2));
    targets = framing, appending, archiving
}
criterion_main!(benches);
