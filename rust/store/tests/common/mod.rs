//! A small world for journal tests: a disk in memory, payloads that say who wrote them, and what was acknowledged.

#![allow(dead_code, reason = "each test file uses its part of this module")]

use std::path::Path;

use fastcond_store::disk::{Disk, MemoryDisk};
use fastcond_store::{Journal, JournalOptions, OpenError, Recovery, frame};

/// The folder of every journal in memory.
pub const DIR: &str = "/store/journal";

/// The store id of every journal in these tests.
pub const STORE: [u8; 16] = *b"a store for test";

/// Small segments, so that a short test crosses many borders.
pub fn options(segment_bytes: usize) -> JournalOptions {
    JournalOptions { segment_bytes, ..JournalOptions::new(STORE) }
}

/// Opens the journal of a disk.
pub fn open(
    disk: &MemoryDisk,
    options: JournalOptions,
    covered: u64,
) -> Result<(Journal<MemoryDisk>, Recovery<MemoryDisk>), OpenError> {
    Journal::open(disk.clone(), Path::new(DIR), options, covered)
}

/// All records from a position on.
pub fn read_from<D: Disk>(recovery: &Recovery<D>, from: u64) -> Result<Vec<(u64, Vec<u8>)>, OpenError> {
    let mut records = recovery.records(from);
    let mut found = Vec::new();
    while let Some((position, payload)) = records.read_next()? {
        found.push((position, payload.to_vec()));
    }
    Ok(found)
}

/// A payload that no other life of the journal writes at that position; its length varies with both.
pub fn payload(life: u64, position: u64) -> Vec<u8> {
    let mut dice = Dice(life << 32 | position);
    let length = match dice.below(20) {
        0 => 0,
        1 => 2000 + dice.below(4000),
        _ => 8 + dice.below(300),
    };
    let stamp = format!("{life}:{position}:");
    stamp
        .bytes()
        .chain(std::iter::from_fn(|| Some(dice.byte())))
        .take(usize::try_from(length).unwrap())
        .collect()
}

/// One framed payload.
pub fn framed(payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::new();
    frame(&mut buffer, payload);
    buffer
}

/// Seeded choices (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
