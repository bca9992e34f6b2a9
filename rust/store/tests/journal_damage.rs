//! G10: cut files, flipped bits, missing and foreign files. Damage is named, a torn tail is cut, nothing is shortened.

mod common;

use std::path::{Path, PathBuf};

use common::{DIR, framed, open, options, read_from};
use fastcond_store::disk::{Disk, MemoryDisk};
use fastcond_store::{Journal, JournalOptions, OpenError, StoreFault};

const SEGMENT: usize = 16 << 10;
const HEADER: usize = 4096;

fn first_segment() -> PathBuf {
    Path::new(DIR).join("0000000001-00000000000000000001.journal")
}

/// A journal of one segment with `count` groups of one record, and the offsets at which its records end.
fn small_journal(count: u8, close: bool) -> (MemoryDisk, Vec<usize>) {
    let disk = MemoryDisk::new();
    let (mut journal, _) = open(&disk, options(SEGMENT), 0).expect("a healthy disk");
    let (mut end, mut ends) = (HEADER, Vec::new());
    for number in 1..=count {
        let mut group = framed(&vec![number; 3 * usize::from(number)]);
        end += group.len();
        ends.push(end);
        journal.append_group(&mut group).expect("a healthy disk");
    }
    if close {
        journal.close().expect("a healthy disk");
    }
    (disk, ends)
}

fn with_bytes(disk: &MemoryDisk, change: impl FnOnce(&mut Vec<u8>)) -> MemoryDisk {
    let disk = disk.crash(disk.operations(), fastcond_store::disk::Keep::All, 0);
    let mut bytes = disk.contents(&first_segment()).expect("the segment");
    change(&mut bytes);
    disk.corrupt(&first_segment(), bytes).expect("the segment");
    disk
}

/// Opens, and says how many records there are, or that damage was named.
fn outcome(disk: &MemoryDisk, covered: u64, what: &str) -> Result<u64, u64> {
    match open(disk, options(SEGMENT), covered) {
        Ok((_, recovery)) => {
            let records = read_from(&recovery, 1).unwrap_or_else(|error| panic!("{what}: {error}"));
            for (position, payload) in &records {
                assert!(payload.iter().all(|byte| u64::from(*byte) == *position), "{what}: wrong payload");
            }
            assert_eq!(records.len() as u64, recovery.last, "{what}");
            Ok(recovery.last)
        }
        Err(OpenError::Fault(StoreFault::Damage { file, offset, .. })) => {
            assert_eq!(file, first_segment(), "{what}");
            Err(offset)
        }
        Err(OpenError::NewerFormat { file, .. } | OpenError::Foreign { file, .. }) => {
            assert_eq!(file, first_segment(), "{what}");
            Err(0)
        }
        Err(other) => panic!("{what}: {other}"),
    }
}

/// A segment has its full length before its first record, so a shorter file is damage wherever it ends.
#[test]
fn journal_cut_at_every_byte_is_refused() {
    let (disk, _) = small_journal(9, false);
    for cut in 0..SEGMENT {
        let image = with_bytes(&disk, |bytes| bytes.truncate(cut));
        let expected = if cut < HEADER { 0 } else { cut as u64 };
        assert_eq!(outcome(&image, 0, &format!("cut at {cut}")), Err(expected), "cut at {cut}");
    }
}

/// A tail that turned into zeros looks like one that was never written: what is left is whole records only, and with
/// the archive as bound it is refused.
#[test]
fn journal_zeroed_from_every_byte_keeps_whole_records() {
    let (disk, ends) = small_journal(9, false);
    let before = disk.contents(&first_segment()).expect("the segment");
    for cut in HEADER..=ends[8] {
        let image = with_bytes(&disk, |bytes| bytes[cut..].fill(0));
        let after = image.contents(&first_segment()).expect("the segment");
        // The last bytes of a record may have been zeros before.
        let whole = ends.iter().filter(|end| after[..**end] == before[..**end]).count() as u64;
        let found = outcome(&image, 0, &format!("zero from {cut}"));
        assert_eq!(found, Ok(whole), "zero from {cut}");
    }
}

/// The position the archive covers is a bound of its own: a journal that ends below it is refused.
#[test]
fn journal_cut_below_the_archive_is_refused() {
    let (disk, ends) = small_journal(9, false);
    for (whole, end) in ends.iter().enumerate() {
        let image = with_bytes(&disk, |bytes| bytes[*end..].fill(0));
        let refused = open(&image, options(SEGMENT), 9);
        assert_eq!(refused.is_err(), whole + 1 < 9, "cut behind record {}", whole + 1);
    }
}

/// F4: every byte of a journal that was closed: each change is refused, or touches nothing that was written.
#[test]
fn every_flipped_byte_of_a_closed_journal_is_detected_or_harmless() {
    let (disk, ends) = small_journal(9, true);
    let (mut refused, mut harmless) = (0, 0);
    for at in 0..SEGMENT {
        for mask in [0x01, 0x80, 0xff] {
            let image = with_bytes(&disk, |bytes| bytes[at] ^= mask);
            match outcome(&image, 0, &format!("byte {at}")) {
                Ok(last) => {
                    assert_eq!(last, 9, "byte {at}: the journal was shortened");
                    assert!(at >= ends[8], "byte {at} of a header or record went unseen");
                    harmless += 1;
                }
                Err(offset) => {
                    let start = ends.iter().rev().find(|end| **end <= at).copied().unwrap_or(HEADER);
                    assert_eq!(
                        usize::try_from(offset).expect("small"),
                        if at < HEADER { 0 } else { start },
                        "byte {at}: wrong place named"
                    );
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, 3 * ends[8]);
    assert_eq!(harmless, 3 * (SEGMENT - ends[8]));
}

/// Without a seal the contents cannot tell damage to the last group from a torn tail; to everything else they can.
#[test]
fn flipped_byte_of_an_unsealed_journal_costs_at_most_the_last_group() {
    let (disk, ends) = small_journal(9, false);
    for at in HEADER..SEGMENT {
        let image = with_bytes(&disk, |bytes| bytes[at] ^= 0x40);
        match outcome(&image, 0, &format!("byte {at}")) {
            Ok(9) => assert!(at >= ends[8], "byte {at}"),
            Ok(8) => assert!((ends[7]..ends[8]).contains(&at), "byte {at}"),
            Ok(last) => panic!("byte {at}: only {last} records are left"),
            Err(_) => assert!(at < ends[7], "byte {at}"),
        }
    }
}

/// With the archive's position as bound even that group is covered.
#[test]
fn flipped_byte_below_the_archive_is_refused() {
    let (disk, ends) = small_journal(9, false);
    for at in HEADER..ends[8] {
        let image = with_bytes(&disk, |bytes| bytes[at] ^= 0x40);
        assert!(open(&image, options(SEGMENT), 9).is_err(), "byte {at}");
    }
}

/// Three segments; the middle one is damaged, missing, foreign or swapped.
fn three_segments() -> (MemoryDisk, Vec<PathBuf>) {
    let disk = MemoryDisk::new();
    let (mut journal, _) = open(&disk, options(HEADER + 1024), 0).expect("a healthy disk");
    for number in 1..=9_u8 {
        journal.append_group(&mut framed(&[number; 300])).expect("a healthy disk");
    }
    let mut names = disk.list(Path::new(DIR)).expect("a folder");
    names.sort();
    (disk, names.into_iter().map(|name| Path::new(DIR).join(name)).collect())
}

fn refusal(disk: &MemoryDisk, options: JournalOptions, covered: u64) -> OpenError {
    match Journal::open(disk.clone(), Path::new(DIR), options, covered) {
        Ok((_, recovery)) => panic!("it opened with {} records", recovery.last),
        Err(error) => error,
    }
}

#[test]
fn damage_in_an_older_segment_is_refused() {
    let (disk, paths) = three_segments();
    assert_eq!(paths.len(), 3, "{paths:?}");
    let mut bytes = disk.contents(&paths[1]).expect("the segment");
    bytes[HEADER + 400] ^= 1;
    disk.corrupt(&paths[1], bytes).expect("the segment");
    let error = refusal(&disk, options(HEADER + 1024), 0);
    let OpenError::Fault(StoreFault::Damage { file, offset, .. }) = &error else { panic!("{error}") };
    assert_eq!((file, *offset), (&paths[1], HEADER as u64 + 328));
    // What the archive covers is not needed and not read.
    let (_, recovery) = open(&disk, options(HEADER + 1024), 6).expect("covered");
    assert_eq!(read_from(&recovery, 7).expect("readable").len(), 3);
}

#[test]
fn missing_segment_is_refused() {
    let (disk, paths) = three_segments();
    disk.remove(&paths[1]).expect("the segment");
    let error = refusal(&disk, options(HEADER + 1024), 0);
    assert!(matches!(error, OpenError::Missing { position: 1, .. }), "{error}");
    let (disk, paths) = three_segments();
    disk.remove(&paths[0]).expect("the segment");
    let error = refusal(&disk, options(HEADER + 1024), 2);
    assert!(matches!(error, OpenError::Missing { position: 3, .. }), "{error}");
}

#[test]
fn missing_journal_is_refused_when_the_archive_remembers_one() {
    let error = refusal(&MemoryDisk::new(), options(SEGMENT), 5);
    assert!(matches!(error, OpenError::Missing { position: 6, .. }), "{error}");
}

#[test]
fn swapped_segments_are_refused() {
    let (disk, paths) = three_segments();
    let (one, two) =
        (disk.contents(&paths[0]).expect("a segment"), disk.contents(&paths[1]).expect("a segment"));
    disk.corrupt(&paths[0], two).expect("a segment");
    disk.corrupt(&paths[1], one).expect("a segment");
    let error = refusal(&disk, options(HEADER + 1024), 0);
    assert!(matches!(error, OpenError::Fault(StoreFault::Damage { offset: 0, .. })), "{error}");
}

#[test]
fn journal_of_another_store_is_refused() {
    let (disk, _) = small_journal(3, true);
    let error = refusal(&disk, JournalOptions { store: *b"some other store", ..options(SEGMENT) }, 0);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[test]
fn two_segments_of_one_number_are_refused() {
    let (disk, paths) = three_segments();
    let twin = Path::new(DIR).join("0000000003-00000000000000000001.journal");
    disk.create(&twin).expect("a free name");
    let error = refusal(&disk, options(HEADER + 1024), 0);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(paths.len(), 3);
}

/// Leftovers of an interrupted preparation hold nothing and hinder nothing.
#[test]
fn half_made_spares_are_ignored() {
    let (disk, _) = small_journal(3, true);
    disk.create(&Path::new(DIR).join("spare-0000000009.journal")).expect("a free name");
    let (_, recovery) = open(&disk, options(SEGMENT), 0).expect("intact");
    assert_eq!(recovery.last, 3);
}

/// The size of segments may change from run to run.
#[test]
fn segment_size_may_change_between_runs() {
    let (disk, _) = small_journal(9, false);
    for size in [HEADER + 64, 64 << 10, HEADER + 512] {
        let (mut journal, recovery) = open(&disk, options(size), 0).expect("intact");
        let next = u8::try_from(recovery.last + 1).expect("small");
        journal.append_group(&mut framed(&[next; 40])).expect("a healthy disk");
    }
    let (_, recovery) = open(&disk, options(SEGMENT), 0).expect("intact");
    let records = read_from(&recovery, 1).expect("readable");
    assert_eq!(records.len(), 12);
    assert!(
        records.iter().all(|(position, payload)| payload.iter().all(|byte| u64::from(*byte) == *position))
    );
}
