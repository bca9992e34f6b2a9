//! Measures the store on this machine: appends per second by group size, and rows per second of the archive.
//!
//! `cargo run --release -p fastcond-store --example store_speed -- [folder]`; the folder should lie on the disk that
//! matters, the default is a temporary one.

#![expect(clippy::cast_precision_loss, reason = "rounded figures for people")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use fastcond_store::disk::RealDisk;
use fastcond_store::{
    Archive, ArchiveOptions, Batch, Doc, Journal, JournalOptions, Queue, QueueBounds, Row, SearchQuery,
    frame, run,
};

const STORE: [u8; 16] = [7; 16];
const RECORD_BYTES: usize = 600;

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).map_or_else(|| temporary.path().to_path_buf(), PathBuf::from);
    for (zeroed, label) in [(false, "fresh segments"), (true, "prepared segments")] {
        for group in [1, 4, 16, 64, 256, 1024] {
            journal_by_group(&folder.join(format!("journal-{zeroed}-{group}")), group, zeroed, label)?;
        }
    }
    for producers in [1, 8, 64] {
        group_commit(&folder.join(format!("queue-{producers}")), producers)?;
    }
    archive(&folder.join("archive.sqlite"), 400_000)?;
    Ok(())
}

fn options() -> JournalOptions {
    JournalOptions::new(STORE)
}

fn journal_by_group(folder: &Path, group: usize, zeroed: bool, label: &str) -> Result<(), Box<dyn Error>> {
    let (mut journal, _) = Journal::open(RealDisk, folder, options(), 0)?;
    if zeroed {
        journal.segments().prepare_spare()?;
        let mut fill = Vec::new();
        frame(&mut fill, &vec![1; (64 << 20) - 8192]);
        journal.append_group(&mut fill)?;
    }
    let mut frames = Vec::new();
    for _ in 0..group {
        frame(&mut frames, &[b'x'; RECORD_BYTES]);
    }
    let groups = 400.min(60_000_000 / frames.len());
    let started = Instant::now();
    for _ in 0..groups {
        journal.append_group(&mut frames)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let records = (groups * group) as f64;
    println!(
        "journal, {label}, groups of {group}: {:.0} records/s, {:.0} us a group",
        records / seconds,
        seconds * 1e6 / groups as f64
    );
    Ok(())
}

/// Closed-loop producers: each waits for its record to be durable before it pushes the next.
fn group_commit(folder: &Path, producers: usize) -> Result<(), Box<dyn Error>> {
    let (journal, _) = Journal::open(RealDisk, folder, options(), 0)?;
    let queue = Queue::new(QueueBounds::default());
    let each = 20_000 / producers;
    let groups = AtomicU64::new(0);
    let started = Instant::now();
    thread::scope(|scope| {
        let journal_thread = scope.spawn(|| {
            run(
                journal,
                &queue,
                |_, done: Vec<std::sync::mpsc::SyncSender<()>>| {
                    groups.fetch_add(1, Ordering::Relaxed);
                    for waiter in done {
                        waiter.send(()).expect("the producer waits");
                    }
                },
                |fault, _| panic!("{fault}"),
            );
        });
        let producers: Vec<_> = (0..producers)
            .map(|_| {
                scope.spawn(|| {
                    let (waker, waiter) = std::sync::mpsc::sync_channel(1);
                    let mut frames = Vec::new();
                    frame(&mut frames, &[b'x'; RECORD_BYTES]);
                    for _ in 0..each {
                        queue.push(&frames, waker.clone()).expect("not stopped");
                        waiter.recv().expect("the journal answers");
                    }
                })
            })
            .collect();
        for producer in producers {
            producer.join().expect("no panic");
        }
        queue.stop();
        journal_thread.join().expect("no panic");
    });
    let seconds = started.elapsed().as_secs_f64();
    let groups = groups.into_inner();
    println!(
        "group commit, {producers} waiting producers: {:.0} records/s in groups of {:.1}",
        (each * producers) as f64 / seconds,
        (each * producers) as f64 / groups as f64
    );
    Ok(())
}

/// A finished execution with a scattered id, as a busy server makes them.
fn finished(number: u64) -> Row {
    let scattered = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(number);
    let id = scattered.to_be_bytes();
    let start_ms = 1_700_000_000_000 + i64::try_from(number / 10).expect("small");
    let doc = Doc {
        id,
        name: "order_fulfilment".to_owned(),
        version: 1,
        status: if number.is_multiple_of(50) { "FAILED" } else { "COMPLETED" }.to_owned(),
        start_ms,
        end_ms: start_ms + 40,
        update_ms: start_ms + 40,
        ..Doc::default()
    };
    Row {
        id,
        open: false,
        next_due: None,
        ready: Vec::new(),
        flags: 0,
        doc,
        record: vec![b'r'; RECORD_BYTES].into(),
    }
}

fn archive(path: &Path, rows: u64) -> Result<(), Box<dyn Error>> {
    const BATCH: u64 = 2_000;
    let mut archive = Archive::open(path, STORE, ArchiveOptions::default())?;
    let mut writing = 0.0;
    for batch in 0..rows / BATCH {
        let upserts = (batch * BATCH..(batch + 1) * BATCH).map(finished).collect();
        let batch = Batch { covered: (batch + 1) * BATCH, upserts, ..Batch::default() };
        let started = Instant::now();
        archive.write_batch(&batch)?;
        writing += started.elapsed().as_secs_f64();
        if batch.covered.is_multiple_of(100_000) {
            let done = batch.covered as f64;
            println!(
                "archive, {done:.0} finished rows: {:.0} rows/s, {:.1} us a row",
                done / writing,
                writing * 1e6 / done
            );
        }
    }
    let started = Instant::now();
    archive.checkpoint()?;
    let checkpoint_ms = started.elapsed().as_secs_f64() * 1e3;
    let bytes = std::fs::metadata(path)?.len();
    println!(
        "archive: {:.0} bytes a row with its indexes, last checkpoint {checkpoint_ms:.0} ms",
        bytes as f64 / rows as f64
    );
    opened(&mut archive, rows)?;
    reading(&archive, rows)
}

/// Parked executions: written open, then scanned as a restart does.
fn opened(archive: &mut Archive, from: u64) -> Result<(), Box<dyn Error>> {
    const ROWS: u64 = 100_000;
    let mut writing = 0.0;
    for batch in 0..ROWS / 2_000 {
        let open = |number| Row {
            open: true,
            next_due: Some(1_800_000_000_000),
            ready: vec![1; 8],
            ..finished(number)
        };
        let upserts = (from + batch * 2_000..from + (batch + 1) * 2_000).map(open).collect();
        let started = Instant::now();
        archive.write_batch(&Batch { covered: from + (batch + 1) * 2_000, upserts, ..Batch::default() })?;
        writing += started.elapsed().as_secs_f64();
    }
    println!("archive, open rows: {:.1} us a row", writing * 1e6 / ROWS as f64);
    let started = Instant::now();
    let count = archive.reader()?.scan_open(|_| {})?;
    println!("archive, scan of {count} open rows: {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    let finish = (from..from + ROWS).map(finished).collect();
    let batch = Batch { covered: from + ROWS, upserts: finish, ..Batch::default() };
    let started = Instant::now();
    archive.write_batch(&batch)?;
    println!(
        "archive, open rows that finish: {:.1} us a row",
        started.elapsed().as_secs_f64() * 1e6 / ROWS as f64
    );
    Ok(())
}

fn reading(archive: &Archive, rows: u64) -> Result<(), Box<dyn Error>> {
    const LOADS: u64 = 20_000;
    let reader = archive.reader()?;
    let started = Instant::now();
    for number in 0..LOADS {
        assert!(
            reader.load(&finished(number.wrapping_mul(7_919) % rows).id)?.is_some(),
            "every row is there"
        );
    }
    println!("archive, load by id: {:.1} us", started.elapsed().as_secs_f64() * 1e6 / LOADS as f64);
    for query in ["", "status = 'FAILED'", "workflowType = 'order_fulfilment' AND startTime > 1700000030000"]
    {
        let search = SearchQuery::parse(query, "", "", 0, 20)?;
        let started = Instant::now();
        let (total, _) = reader.search(&search)?;
        println!(
            "archive, search [{query}]: {total} found in {:.1} ms",
            started.elapsed().as_secs_f64() * 1e3
        );
    }
    let started = Instant::now();
    reader.count_by_status()?;
    println!("archive, count by status: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
