//! The pure parts: framing, checksums, names, headers, walks and proofs.

use std::path::Path;

use super::record::{self, HEADER_BYTES, Seed};
use super::scan::{self, Beyond};
use super::segment::{HEADER_BLOCK, SegmentHeader, SegmentName};
use super::{SyncMode, record::frame};
use crate::fault::OpenError;

const STORE: [u8; 16] = *b"the store's  id.";

fn frames(payloads: &[&[u8]]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for payload in payloads {
        frame(&mut buffer, payload);
    }
    buffer
}

/// A segment's bytes: header block, stamped groups (durable mark, payloads), room behind.
fn segment(seed: Seed, groups: &[(u64, &[&[u8]])], room: usize) -> Vec<u8> {
    let (mut bytes, mut last) = (vec![0; HEADER_BLOCK], 0);
    for (durable, payloads) in groups {
        let mut group = frames(payloads);
        last = record::stamp(&mut group, seed, last, *durable);
        bytes.extend_from_slice(&group);
    }
    bytes.resize(bytes.len() + room, 0);
    bytes
}

#[test]
fn stamped_record_reads_back() {
    let seed = Seed::new(&STORE, 7);
    let mut buffer = frames(&[b"", b"seven b", b"exactly8"]);
    assert_eq!(record::count_frames(&buffer), 3);
    assert_eq!(record::stamp(&mut buffer, seed, 41, 40), 44);
    let mut at = 0;
    for (position, length) in [(42, 0), (43, 7), (44, 8)] {
        let parsed = record::parse(&buffer[at..], seed).expect("valid");
        assert_eq!(
            (parsed.position, parsed.durable, parsed.length, parsed.seal),
            (position, 40, length, false)
        );
        at += parsed.bytes;
    }
    assert_eq!(at, buffer.len());
}

#[test]
fn every_changed_bit_of_a_record_is_seen() {
    let seed = Seed::new(&STORE, 1);
    let mut buffer = frames(&[b"thirteen byte"]);
    record::stamp(&mut buffer, seed, 0, 0);
    for bit in 0..buffer.len() * 8 {
        let mut changed = buffer.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(record::parse(&changed, seed), None, "bit {bit}");
    }
}

#[test]
fn record_of_another_store_or_segment_is_not_read() {
    let mut buffer = frames(&[b"payload"]);
    record::stamp(&mut buffer, Seed::new(&STORE, 1), 0, 0);
    assert!(record::parse(&buffer, Seed::new(&STORE, 1)).is_some());
    assert!(record::parse(&buffer, Seed::new(&STORE, 2)).is_none());
    assert!(record::parse(&buffer, Seed::new(b"some other store", 1)).is_none());
}

#[test]
fn segment_names_sort_as_their_numbers() {
    let name = SegmentName { number: 12, first: 3456 };
    assert_eq!(SegmentName::parse(&name.file_name()), Some(name));
    assert!(
        SegmentName { number: 9, first: 1 }.file_name() < SegmentName { number: 10, first: 1 }.file_name()
    );
    for foreign in ["12-3456.journal", "spare-0000000001.journal", "lock", "0000000012-00000000000000003456"]
    {
        assert_eq!(SegmentName::parse(foreign), None, "{foreign}");
    }
}

#[test]
fn every_changed_byte_of_a_header_is_seen() {
    let name = SegmentName { number: 3, first: 99 };
    let header = SegmentHeader { store: STORE, name, sync: SyncMode::Normal, capacity: 5000 };
    let block = header.encode();
    assert_eq!(SegmentHeader::decode(&block, Path::new("s"), &STORE, name).expect("valid"), header);
    for at in 0..block.len() {
        let mut changed = block;
        changed[at] ^= 0x10;
        assert!(SegmentHeader::decode(&changed, Path::new("s"), &STORE, name).is_err(), "byte {at}");
    }
}

/// G26: a newer format is refused as such, not as damage.
#[test]
fn newer_segment_format_is_refused_by_name() {
    let name = SegmentName { number: 1, first: 1 };
    let mut block = SegmentHeader { store: STORE, name, sync: SyncMode::Full, capacity: 5000 }.encode();
    block[8] = 2;
    let checksum = crc32fast::hash(&block[..56]);
    block[56..60].copy_from_slice(&checksum.to_le_bytes());
    let refusal = SegmentHeader::decode(&block, Path::new("s"), &STORE, name).expect_err("newer");
    assert!(matches!(refusal, OpenError::NewerFormat { found: 2, ours: 1, .. }), "{refusal}");
}

#[test]
fn walk_ends_at_the_first_bad_record() {
    let seed = Seed::new(&STORE, 1);
    let mut bytes = segment(seed, &[(0, &[b"a", b"b"]), (2, &[b"c"])], 64);
    let whole = scan::walk(&bytes, seed, 1, u64::MAX);
    assert_eq!((whole.last, whole.proof), (3, 2));
    bytes[HEADER_BLOCK + 32 + HEADER_BYTES] ^= 1;
    let walk = scan::walk(&bytes, seed, 1, u64::MAX);
    assert_eq!((walk.last, walk.end, walk.proof), (1, HEADER_BLOCK + 32, 0));
    assert_eq!(scan::beyond(&bytes, seed, walk), Beyond { proof: 2, records: 1 });
}

#[test]
fn records_of_the_same_group_prove_nothing() {
    let seed = Seed::new(&STORE, 1);
    let mut bytes = segment(seed, &[(0, &[b"a", b"b", b"c"])], 0);
    bytes[HEADER_BLOCK] ^= 1;
    let walk = scan::walk(&bytes, seed, 1, u64::MAX);
    assert_eq!(walk.last, 0);
    assert_eq!(scan::beyond(&bytes, seed, walk), Beyond { proof: 0, records: 2 });
}

#[test]
fn seal_proves_the_last_group() {
    let seed = Seed::new(&STORE, 1);
    let mut bytes = segment(seed, &[(0, &[b"a", b"b"])], 0);
    bytes.extend_from_slice(&record::seal(seed, 2, 2));
    let whole = scan::walk(&bytes, seed, 1, u64::MAX);
    assert_eq!(whole.last, 2);
    assert_eq!(scan::beyond(&bytes, seed, whole).proof, 2);
    bytes[HEADER_BLOCK + 40] ^= 1;
    let walk = scan::walk(&bytes, seed, 1, u64::MAX);
    assert_eq!(walk.last, 1);
    assert_eq!(scan::beyond(&bytes, seed, walk).proof, 2);
}

#[test]
fn bytes_of_an_earlier_life_are_neither_records_nor_proof() {
    let old = Seed::new(&STORE, 1);
    let new = Seed::new(&STORE, 5);
    let mut bytes = segment(old, &[(0, &[b"a", b"b"]), (2, &[b"c"]), (3, &[b"d"])], 32);
    let mut group = frames(&[b"x"]);
    record::stamp(&mut group, new, 0, 0);
    bytes[HEADER_BLOCK..HEADER_BLOCK + group.len()].copy_from_slice(&group);
    let walk = scan::walk(&bytes, new, 1, u64::MAX);
    assert_eq!(walk.last, 1);
    assert_eq!(scan::beyond(&bytes, new, walk), Beyond { proof: 0, records: 0 });
}

#[test]
#[should_panic(expected = "a record begins where the last one ended")]
fn record_cannot_begin_inside_another() {
    let mut buffer = Vec::new();
    let mark = record::begin_record(&mut buffer);
    buffer.push(1);
    drop(mark);
    let _ = record::begin_record(&mut buffer);
}
