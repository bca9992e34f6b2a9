//! Records of executions that are over: where they lie, what a crash leaves, what damage is seen, how space comes back.

use std::ops::Range;
use std::path::{Path, PathBuf};

use fastcond_store::{Archive, ArchiveOptions, Batch, Doc, Id, OpenError, Row, StoreFault};

const STORE: Id = *b"a store for test";

/// Small enough that a test fills several.
const FILE_BYTES: u64 = 20_000;

fn id(number: u32) -> Id {
    let mut id = Id::default();
    id[..4].copy_from_slice(&number.to_be_bytes());
    id
}

fn record(number: u32, version: u8) -> Vec<u8> {
    vec![version; 500 + number as usize % 500]
}

fn row(number: u32, version: u8, open: bool) -> Row {
    let doc =
        Doc { id: id(number), name: "order".to_owned(), status: "COMPLETED".to_owned(), ..Doc::default() };
    let record = record(number, version).into();
    Row { id: id(number), open, next_due: None, ready: Vec::new(), flags: 0, doc, record }
}

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("archive.sqlite")
    }

    fn open(&self) -> Result<Archive, OpenError> {
        let options = ArchiveOptions { value_file_bytes: FILE_BYTES, ..ArchiveOptions::default() };
        Archive::open(&self.path(), STORE, options)
    }

    fn archive(&self) -> Archive {
        self.open().expect("a sound archive")
    }

    /// Names and lengths of the value files.
    fn files(&self) -> Vec<(String, u64)> {
        let listing = std::fs::read_dir(self.0.path().join("values")).expect("a folder");
        let mut files: Vec<_> = listing
            .map(|entry| {
                let entry = entry.expect("an entry");
                let name = entry.file_name().into_string().expect("text");
                (name, entry.metadata().expect("metadata").len())
            })
            .collect();
        files.sort();
        files
    }

    fn file(&self, number: u32) -> PathBuf {
        self.0.path().join(format!("values/{number:010}.val"))
    }
}

fn write(archive: &mut Archive, covered: u64, upserts: Vec<Row>) {
    archive.write_batch(&Batch { covered, upserts, ..Batch::default() }).expect("written");
}

fn assert_holds(archive: &Archive, number: u32, version: u8) {
    let found = archive.reader().expect("a reader").load(&id(number)).expect("sound");
    assert_eq!(found, Some(record(number, version)), "execution {number}");
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn records_of_finished_executions_lie_in_files_of_bounded_length() {
    let home = Home::new();
    let mut archive = home.archive();
    assert_eq!(home.files(), [], "no file before the first record");
    write(&mut archive, 1, (0..100).map(|number| row(number, 1, number % 2 == 0)).collect());
    let files = home.files();
    assert!((2..=4).contains(&files.len()), "{files:?}");
    for (name, bytes) in &files {
        assert!(*bytes < FILE_BYTES + 2_000, "{name} has {bytes} bytes");
    }
    for _ in 0..2 {
        (0..100).for_each(|number| assert_holds(&archive, number, 1));
        archive.verify().expect("sound");
        drop(archive);
        archive = home.archive();
    }
}

#[test]
fn what_follows_the_last_named_record_is_cut_off() {
    let home = Home::new();
    let mut archive = home.archive();
    write(&mut archive, 1, vec![row(1, 1, false)]);
    drop(archive);
    let mut bytes = std::fs::read(home.file(1)).expect("a file");
    let known = vec![("0000000001.val".to_owned(), end_of_entries(&bytes) as u64)];
    assert!(bytes[end_of_entries(&bytes)..].iter().all(|byte| *byte == 0), "the last block is filled up");
    bytes.extend_from_slice(b"an append that a crash cut short");
    std::fs::write(home.file(1), bytes).expect("written");
    std::fs::write(home.file(2), b"a file begun before the crash").expect("written");
    let mut archive = home.archive();
    assert_eq!(home.files(), known);
    write(&mut archive, 2, vec![row(2, 1, false)]);
    assert_holds(&archive, 1, 1);
    assert_holds(&archive, 2, 1);
    archive.verify().expect("sound");
}

/// F1, F3: a power loss may give back an older archive; the value log beside it is at least as new.
#[test]
fn older_archive_beside_a_newer_log_reads_as_it_was() {
    let home = Home::new();
    let mut archive = home.archive();
    write(&mut archive, 1, (0..60).map(|number| row(number, 1, false)).collect());
    archive.checkpoint().expect("copied");
    let older = std::fs::read(home.path()).expect("the file");
    for version in 2..=5 {
        write(&mut archive, version.into(), (0..60).map(|number| row(number, version, false)).collect());
    }
    let lost = Home::new();
    copy_tree(&home.0.path().join("values"), &lost.0.path().join("values"));
    std::fs::write(lost.path(), older).expect("a copy");
    let archive = lost.archive();
    assert_eq!(archive.written().covered, 1);
    (0..60).for_each(|number| assert_holds(&archive, number, 1));
    archive.verify().expect("sound");
}

#[test]
fn files_that_nothing_names_go_with_the_next_checkpoint() {
    let home = Home::new();
    let mut archive = home.archive();
    for version in 1..=20 {
        write(&mut archive, version.into(), (0..60).map(|number| row(number, version, false)).collect());
    }
    let before = home.files().len();
    archive.checkpoint().expect("copied");
    let after = home.files();
    assert!(after.len() < before && after.len() <= 8, "{before} files, then {after:?}");
    (0..60).for_each(|number| assert_holds(&archive, number, 20));
    let reader = archive.reader().expect("a reader");
    write(&mut archive, 21, vec![row(999, 1, false)]);
    (0..60).for_each(|number| assert_eq!(reader.load(&id(number)).expect("sound"), Some(record(number, 20))));
    archive.verify().expect("sound");
    drop(archive);
    home.archive().verify().expect("sound");
}

#[test]
fn living_records_of_sparse_files_move() {
    let home = Home::new();
    let mut archive = home.archive();
    write(&mut archive, 1, (0..200).map(|number| row(number, 1, false)).collect());
    let full = home.files().len();
    // Of every four executions three are removed.
    let removes = (0..200).filter(|number| number % 4 != 0).map(id).collect();
    archive.write_batch(&Batch { covered: 2, removes, ..Batch::default() }).expect("written");
    for covered in 3..60 {
        write(&mut archive, covered, Vec::new());
    }
    archive.checkpoint().expect("copied");
    let files = home.files();
    assert!(files.len() * 2 <= full, "{full} files, then {files:?}");
    assert!(files.iter().all(|(name, _)| name != "0000000001.val"), "{files:?}");
    for number in 0..200 {
        let found = archive.reader().expect("a reader").load(&id(number)).expect("sound");
        assert_eq!(found, (number % 4 == 0).then(|| record(number, 1)), "execution {number}");
    }
    archive.verify().expect("sound");
    drop(archive);
    home.archive().verify().expect("sound");
}

/// An execution that goes on again takes its record back into its row.
#[test]
fn reopened_execution_leaves_the_log() {
    let home = Home::new();
    let mut archive = home.archive();
    write(&mut archive, 1, vec![row(1, 1, false)]);
    write(&mut archive, 2, vec![row(1, 2, true)]);
    assert_holds(&archive, 1, 2);
    drop(archive);
    std::fs::write(home.file(1), b"").expect("emptied");
    assert!(home.open().is_err(), "a file that lost its bytes is damage, whoever named them");
}

/// F4: every byte of a small value file.
#[test]
fn flipped_bytes_of_a_value_file_are_detected() {
    let home = Home::new();
    let mut archive = home.archive();
    write(&mut archive, 1, (0..5).map(|number| row(number, 1, false)).collect());
    drop(archive);
    let bytes = std::fs::read(home.file(1)).expect("a file");
    // The last four bytes of the head are padding, and so is what fills the last block.
    let end = end_of_entries(&bytes);
    for at in (0..36).chain(40..end).step_by(3) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(home.file(1), changed).expect("written");
        let is_length_or_check = (40..end).contains(&at) && is_beside_the_record(&bytes, at);
        match home.open() {
            // Only moving a record reads what stands before it; the row knows as much.
            Ok(archive) => {
                assert!(is_length_or_check, "byte {at}");
                (0..5).for_each(|number| assert_holds(&archive, number, 1));
            }
            Err(OpenError::Fault(StoreFault::DamagedRow { .. } | StoreFault::Damage { .. })) => {}
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

/// Whether a byte belongs to the length or checksum of an entry.
fn is_beside_the_record(bytes: &[u8], at: usize) -> bool {
    entries(bytes).any(|entry| entry.contains(&at) && at < entry.start + 8)
}

/// Where the last entry ends; what follows fills its block.
fn end_of_entries(bytes: &[u8]) -> usize {
    entries(bytes).last().map_or(40, |entry| entry.end)
}

/// The entries of a value file; no record of these tests is empty.
fn entries(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut begin = 40;
    std::iter::from_fn(move || {
        let head = bytes.get(begin..begin + 4)?;
        let len = u32::from_le_bytes(head.try_into().expect("four bytes")) as usize;
        let entry = begin..begin + 24 + len;
        begin = entry.end;
        (len > 0).then_some(entry)
    })
}
