//! G9: after the first failed write or sync nothing is acknowledged, and what was acknowledged stays.

mod common;

use std::sync::Mutex;
use std::thread;

use common::{framed, open, options, read_from};
use fastcond_store::disk::{Failure, FailurePlan, Keep, MemoryDisk};
use fastcond_store::{
    Depth, Journal, JournalOptions, Queue, QueueBounds, Refused, StoreFault, SyncMode, run,
};

const SEGMENT: usize = 4096 + 2000;
const FAILURES: [Failure; 3] = [Failure::Eio, Failure::Enospc, Failure::ShortWrite];

fn payload(position: u64) -> Vec<u8> {
    vec![
        u8::try_from(position % 251).expect("small");
        100 + usize::try_from(position % 7).expect("small") * 40
    ]
}

/// Appends until the disk fails; returns what was acknowledged and the fault.
fn append_until_it_fails(journal: &mut Journal<MemoryDisk>, count: u64) -> (u64, Option<StoreFault>) {
    let mut acked = journal.last();
    for position in journal.last() + 1..=count {
        match journal.append_group(&mut framed(&payload(position))) {
            Ok(last) => acked = last,
            Err(fault) => return (acked, Some(fault)),
        }
    }
    (acked, None)
}

fn check_acked(disk: &MemoryDisk, acked: u64, what: &str) {
    let (_, recovery) = open(disk, options(SEGMENT), 0).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(recovery.last >= acked, "{what}: {acked} acknowledged, {} left", recovery.last);
    for (position, found) in read_from(&recovery, 1).unwrap_or_else(|error| panic!("{what}: {error}")) {
        assert_eq!(found, payload(position), "{what}: position {position}");
    }
}

#[test]
fn failure_at_every_call_ends_all_acknowledgement() {
    let healthy = MemoryDisk::new();
    let (mut journal, _) = open(&healthy, options(SEGMENT), 0).expect("a healthy disk");
    assert!(append_until_it_fails(&mut journal, 60).1.is_none());
    let calls = healthy.calls();
    assert!(calls > 150, "{calls}");
    for first in 0..calls {
        for failure in FAILURES {
            for every_later in [false, true] {
                let what = format!("call {first} {failure:?} later {every_later}");
                fail_once(FailurePlan { first, failure, every_later }, &what);
            }
        }
    }
}

fn fail_once(plan: FailurePlan, what: &str) {
    let disk = MemoryDisk::new();
    disk.fail(plan);
    let Ok((mut journal, _)) = open(&disk, options(SEGMENT), 0) else {
        disk.heal();
        return check_acked(&disk, 0, what);
    };
    let (acked, fault) = append_until_it_fails(&mut journal, 60);
    let fault = fault.unwrap_or_else(|| panic!("{what}: the fault did not bite"));
    assert!(disk.faults_delivered() > 0, "{what}");
    assert_eq!(fault.is_full(), plan.failure != Failure::Eio, "{what}: {fault}");
    assert!(!fault.is_damage(), "{what}");
    disk.heal();
    // The handle is done for, even though the disk is well again.
    let calls = disk.calls();
    for _ in 0..3 {
        assert!(journal.append_group(&mut framed(b"late")).is_err(), "{what}");
        assert!(journal.sync().is_err() && journal.seal().is_err(), "{what}");
    }
    assert_eq!(disk.calls(), calls, "{what}: a poisoned journal touched the disk");
    assert_eq!(journal.fault().map(ToString::to_string), Some(fault.to_string()), "{what}");
    drop(journal);
    // Power loss right after the failure.
    for keep in [Keep::Synced, Keep::Subset, Keep::Torn] {
        check_acked(&disk.crash(disk.operations(), keep, plan.first), acked, what);
    }
    // A new process on the same machine sees pages that the failed sync may have lost for good: it must not trust them.
    let (mut journal, recovery) =
        open(&disk, options(SEGMENT), 0).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(recovery.last >= acked, "{what}");
    let (acked, fault) = append_until_it_fails(&mut journal, recovery.last + 5);
    assert!(fault.is_none(), "{what}");
    check_acked(&disk.crash(disk.operations(), Keep::Synced, 0), acked, what);
}

/// Positions with the completions that came back as durable at them.
type Groups = Vec<(u64, Vec<u64>)>;

/// Faults with the completions that came back with them.
type Faults = Vec<(StoreFault, Vec<u64>)>;

/// Runs the journal thread over a prepared queue; gives back what it said.
fn drive(journal: Journal<MemoryDisk>, queue: &Queue<u64>) -> (Groups, Faults) {
    let (mut durable, mut faults) = (Vec::new(), Vec::new());
    run(
        journal,
        queue,
        |group, done| durable.push((group.position, done)),
        |fault, done| faults.push((fault, done)),
    );
    (durable, faults)
}

#[test]
fn queued_completions_of_a_failed_journal_all_come_back_as_faults() {
    let disk = MemoryDisk::new();
    let (journal, _) = open(&disk, options(SEGMENT), 0).expect("a healthy disk");
    let queue = Queue::new(QueueBounds::default());
    for number in 1..=5 {
        queue.push(&framed(b"x"), number).expect("room");
    }
    disk.fail(FailurePlan { first: disk.calls() + 1, failure: Failure::Eio, every_later: false });
    let (durable, faults) = drive(journal, &queue);
    assert!(durable.is_empty(), "{durable:?}");
    let [(fault, done)] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!(done, &[1, 2, 3, 4, 5]);
    assert_eq!(fault.to_string().split(" failed").next(), Some("sync"));
    assert!(matches!(queue.push(&framed(b"y"), 6), Err(Refused::Faulted(_, 6))));
    assert!(matches!(queue.try_push(&framed(b"y"), 7), Err(Refused::Faulted(_, 7))));
    assert_eq!(queue.depth(), Depth::default());
}

#[test]
fn everything_queued_is_one_group_and_one_sync() {
    let disk = MemoryDisk::new();
    let (journal, _) = open(&disk, options(SEGMENT), 0).expect("a healthy disk");
    let queue = Queue::new(QueueBounds::default());
    for number in 1..=5 {
        queue.push(&framed(b"x"), number).expect("room");
    }
    queue.stop();
    let calls = disk.calls();
    let (durable, faults) = drive(journal, &queue);
    assert_eq!(durable, [(5, vec![1, 2, 3, 4, 5])]);
    assert!(faults.is_empty());
    // Write and sync of the group; seal and its sync of the clean end.
    assert_eq!(disk.calls() - calls, 4);
    assert!(matches!(queue.push(&[], 6), Err(Refused::Stopped(6))));
}

/// Reads that wait for earlier writes queue without frames: they cost no call on the disk.
#[test]
fn group_without_frames_touches_no_disk() {
    let disk = MemoryDisk::new();
    let (mut journal, _) = open(&disk, options(SEGMENT), 0).expect("a healthy disk");
    journal.append_group(&mut framed(b"x")).expect("a healthy disk");
    journal.seal().expect("a healthy disk");
    let queue = Queue::new(QueueBounds::default());
    queue.push(&[], 1).expect("room");
    queue.push(&[], 2).expect("room");
    queue.stop();
    let operations = disk.operations();
    let mut during = None;
    run(
        journal,
        &queue,
        |group, done| during = Some((group.position, group.records, done, disk.operations())),
        |fault, _: Vec<u64>| panic!("{fault}"),
    );
    assert_eq!(during, Some((1, 0, vec![1, 2], operations)));
}

#[test]
fn completions_come_back_in_order_from_many_producers() {
    let disk = MemoryDisk::new();
    let (journal, _) = open(&disk, options(64 << 10), 0).expect("a healthy disk");
    // A small bound, so that producers have to wait for room.
    let queue = Queue::new(QueueBounds { bytes_max: 2000, waiting_max: 8 });
    let acked = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let journal_thread = scope.spawn(|| {
            run(
                journal,
                &queue,
                |group, done: Vec<(u64, u64)>| {
                    assert!(done.len() <= 8 && group.synced == group.position);
                    acked.lock().expect("no panic").extend(done);
                },
                |fault, _| panic!("{fault}"),
            );
        });
        let producers: Vec<_> = (0..4_u64)
            .map(|producer| {
                let queue = &queue;
                scope.spawn(move || {
                    for number in 0..500_u64 {
                        let text = format!("{producer}:{number}");
                        queue.push(&framed(text.as_bytes()), (producer, number)).expect("not stopped");
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
    let acked = acked.into_inner().expect("no panic");
    assert_eq!(acked.len(), 2000);
    for producer in 0..4 {
        let numbers: Vec<_> = acked.iter().filter(|done| done.0 == producer).map(|done| done.1).collect();
        assert!(numbers.iter().copied().eq(0..500), "producer {producer}");
    }
    // Positions were given in the order of the acknowledgements.
    let (_, recovery) = open(&disk, options(64 << 10), 0).expect("intact");
    let records = read_from(&recovery, 1).expect("readable");
    let texts = acked.iter().map(|(producer, number)| format!("{producer}:{number}").into_bytes());
    assert!(records.into_iter().map(|(_, payload)| payload).eq(texts));
}

#[test]
fn full_queue_refuses_without_waiting_but_takes_one_large_push() {
    let queue = Queue::new(QueueBounds { bytes_max: 100, waiting_max: 2 });
    queue.try_push(&framed(&[0; 500]), 1).expect("an empty queue takes anything");
    assert!(matches!(queue.try_push(&framed(b"x"), 2), Err(Refused::Full(2))));
    let queue = Queue::new(QueueBounds { bytes_max: 1000, waiting_max: 2 });
    queue.try_push(&[], 1).expect("room");
    queue.try_push(&[], 2).expect("room");
    assert!(matches!(queue.try_push(&[], 3), Err(Refused::Full(3))));
    assert_eq!(queue.depth(), Depth { bytes: 0, waiting: 2 });
}

/// D2: acknowledged after the write; the clean stop syncs what is left.
#[test]
fn normal_mode_acknowledges_before_the_sync_and_syncs_at_the_end() {
    let disk = MemoryDisk::new();
    let options = JournalOptions { sync: SyncMode::Normal, ..options(64 << 10) };
    let (journal, _) = open(&disk, options.clone(), 0).expect("a healthy disk");
    let queue = Queue::new(QueueBounds::default());
    queue.push(&framed(b"x"), 1_u64).expect("room");
    queue.stop();
    let mut seen = Vec::new();
    run(journal, &queue, |group, _| seen.push((group.position, group.synced)), |fault, _| panic!("{fault}"));
    assert_eq!(seen, [(1, 0)]);
    let (_, recovery) = open(&disk.crash(disk.operations(), Keep::Synced, 0), options, 0).expect("intact");
    assert_eq!(recovery.last, 1);
}

/// The seal of a quiet journal closes the gap in which damage looks like a torn tail.
#[test]
fn quiet_journal_seals_itself() {
    let disk = MemoryDisk::new();
    let (journal, _) = open(&disk, options(SEGMENT), 0).expect("a healthy disk");
    let queue = Queue::new(QueueBounds::default());
    thread::scope(|scope| {
        scope.spawn(|| run(journal, &queue, |_, _| {}, |fault, _: Vec<()>| panic!("{fault}")));
        queue.push(&framed(b"x"), ()).expect("room");
        let segment = std::path::Path::new(common::DIR).join("0000000001-00000000000000000001.journal");
        // The seal is a header with the top bit of the length set, right behind the record.
        while disk.contents(&segment).expect("the segment")[4096 + 32 + 3] != 0x80 {
            thread::yield_now();
        }
        queue.stop();
    });
}
