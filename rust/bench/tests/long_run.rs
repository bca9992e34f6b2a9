//! The client's books over a run of millions: its memory must not grow with what is over.

use std::time::Instant;

use fastcond_bench::load::ledger::{Handed, Ledger};
use fastcond_bench::load::messages::Lease;
use fastcond_bench::procfs;

/// Starts and finishes executions of one task, a hundred of them open at any time.
fn work(ledger: &mut Ledger, executions: usize) {
    const OPEN: usize = 100;
    let now = Instant::now();
    let lease = |number: usize| Lease {
        task_id: format!("00000000-0000-4000-8000-{number:012}"),
        workflow_id: String::new(),
        execution: Some(number),
    };
    for _ in 0..executions {
        let number = ledger.begin(now, now);
        ledger.started(number, "00000000-0000-4000-8000-000000000000");
        assert_eq!(ledger.handed(&lease(number)), Handed::Work(number));
        if let Some(oldest) = number.checked_sub(OPEN) {
            assert!(ledger.reported(oldest, now).is_some());
        }
    }
    // The oldest that is open, and one that has just ended: either is known again.
    for number in [ledger.begun() - OPEN, ledger.begun() - OPEN - 1] {
        assert_eq!(ledger.handed(&lease(number)), Handed::Again);
    }
}

fn resident() -> u64 {
    procfs::usage(&[std::process::id()]).unwrap().resident_bytes
}

#[test]
fn memory_stands_still_once_the_window_of_what_is_over_is_full() {
    const MEGABYTE: u64 = 1 << 20;
    let empty = resident();
    let mut ledger = Ledger::new(1, 2_000);
    work(&mut ledger, 1_200_000);
    let full = resident();
    assert!(full - empty < 100 * MEGABYTE, "{empty} bytes grew to {full}");
    work(&mut ledger, 600_000);
    let after = resident();
    assert!(after.saturating_sub(full) < 16 * MEGABYTE, "{full} bytes grew to {after}");
    assert_eq!((ledger.duplicates(), ledger.strangers(), ledger.unfinished()), (4, 0, 100));
    assert_eq!(ledger.begun(), ledger.finished() + ledger.unfinished() + ledger.refused_starts());
}
