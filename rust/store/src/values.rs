//! The value log: records of executions that are over, and large ones, appended to files beside the archive.
//!
//! SQLite would write each record twice, into its write-ahead log and into the main file, with a checksum over both. A
//! record that will hardly change again, or is large, is written once instead, and its row says where it lies. Order makes that safe:
//! appended, [synced](ValueLog::sync), and only then named by a row; so no row names bytes that a power loss could
//! undo. Bytes that no row names (an append before a crash) are cut off at the next opening.
//!
//! # Files
//!
//! `values/0000000001.val` and so on: a head (magic, format, store id, number of the file, checksum), then entries of
//! length, checksum, execution id and record. The checksum is the row's own `record_check`, over id and record, so that
//! neither a damaged entry nor one of another execution passes. Which files exist and how much of each no row names any
//! more is kept in the archive's table `value_files`.

mod reader;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::archive::Id;
use crate::disk::blocks::BlockWriter;
use crate::fault::{OpenError, StoreFault};

pub(crate) use reader::{Entry, ValueReader};

/// A file takes no further entry once it is as long as this.
pub(crate) const FILE_BYTES: u64 = 256 << 20;

/// What stands at the beginning of each file.
const HEAD_LEN: usize = 40;
/// The same as an offset.
pub(crate) const HEAD_BYTES: u64 = HEAD_LEN as u64;
/// What stands before each record: its length, its checksum, its execution.
pub(crate) const ENTRY_HEAD_BYTES: usize = 24;

const MAGIC: [u8; 8] = *b"fcvalues";
const FORMAT: u32 = 1;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the file.
    pub(crate) file: u32,
    /// Where its entry begins.
    pub(crate) at: u64,
    /// Bytes of the record.
    pub(crate) len: u32,
}

impl Place {
    /// Bytes of the whole entry.
    pub(crate) fn entry_bytes(self) -> u64 {
        ENTRY_HEAD_BYTES as u64 + u64::from(self.len)
    }
}

/// The writing end.
#[derive(Debug)]
pub(crate) struct ValueLog {
    folder: PathBuf,
    store: Id,
    file_bytes: u64,
    /// The file that is appended to; none before the first entry.
    tail: Option<Tail>,
    /// Number of the newest file ever made.
    newest: u32,
}

#[derive(Debug)]
struct Tail {
    file: BlockWriter,
    path: PathBuf,
    len: u64,
    /// How much of it is durable.
    synced: u64,
}

impl ValueLog {
    /// Opens the log as the archive knows it: `files` are the numbers and lengths of its files, in order.
    ///
    /// Removes files that it does not know and cuts what follows the last known entry.
    pub(crate) fn open(
        folder: PathBuf,
        store: Id,
        file_bytes: u64,
        files: &[(u32, u64)],
    ) -> Result<Self, OpenError> {
        fs::create_dir_all(&folder).map_err(|cause| StoreFault::io("create", &folder, cause))?;
        remove_unknown(&folder, files)?;
        for (number, len) in files {
            check_file(&folder, store, *number, *len)?;
        }
        let mut log = Self { folder, store, file_bytes, tail: None, newest: 0 };
        if let Some((number, len)) = files.last() {
            log.newest = *number;
            log.tail = Some(log.reopen(*number, *len)?);
        }
        Ok(log)
    }

    /// Appends a record and says where; it may be named by a row once [`Self::sync`] has returned.
    pub(crate) fn append(&mut self, id: &Id, check: u32, record: &[u8]) -> Result<Place, StoreFault> {
        if self.tail.as_ref().is_none_or(|tail| tail.len >= self.file_bytes) {
            self.begin_file()?;
        }
        let tail = self.tail.as_mut().expect("a file was just begun");
        let len = u32::try_from(record.len()).expect("a record is bounded far below 4 GiB");
        let place = Place { file: self.newest, at: tail.len, len };
        let mut head = [0; ENTRY_HEAD_BYTES];
        head[..4].copy_from_slice(&len.to_le_bytes());
        head[4..8].copy_from_slice(&check.to_le_bytes());
        head[8..].copy_from_slice(id);
        // The place is told anew, for an append that failed may have left a part of itself behind.
        tail.file
            .seek(tail.len)
            .and_then(|()| tail.file.push(&head))
            .and_then(|()| tail.file.push(record))
            .map_err(|cause| StoreFault::io("append to", &tail.path, cause))?;
        tail.len += place.entry_bytes();
        Ok(place)
    }

    /// Makes everything appended durable.
    pub(crate) fn sync(&mut self) -> Result<(), StoreFault> {
        let Some(tail) = &mut self.tail else { return Ok(()) };
        if tail.synced < tail.len {
            tail.file
                .flush()
                .and_then(|()| tail.file.file().sync_data())
                .map_err(|cause| StoreFault::io("sync", &tail.path, cause))?;
            tail.synced = tail.len;
        }
        Ok(())
    }

    /// Number of the file that is appended to; 0 before there is one.
    pub(crate) fn newest(&self) -> u32 {
        self.newest
    }

    /// A reader on the same files.
    pub(crate) fn reader(&self) -> ValueReader {
        ValueReader::new(self.folder.clone())
    }

    /// Removes a file that no row names, durably or not.
    pub(crate) fn remove(&self, number: u32) -> Result<(), StoreFault> {
        let path = path_of(&self.folder, number);
        fs::remove_file(&path).map_err(|cause| StoreFault::io("remove", &path, cause))
    }

    /// What stands in a full file is durable before the next one is begun.
    fn begin_file(&mut self) -> Result<(), StoreFault> {
        self.sync()?;
        let number = self.newest + 1;
        let path = path_of(&self.folder, number);
        let create = || -> io::Result<BlockWriter> {
            OpenOptions::new().write(true).create_new(true).open(&path)?;
            let mut file = BlockWriter::open(&path)?;
            file.push(&head(self.store, number))?;
            file.flush()?;
            file.file().sync_all()?;
            File::open(&self.folder)?.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(|cause| StoreFault::io("create", &path, cause))?;
        self.newest = number;
        self.tail = Some(Tail { file, path, len: HEAD_BYTES, synced: HEAD_BYTES });
        Ok(())
    }

    fn reopen(&self, number: u32, len: u64) -> Result<Tail, StoreFault> {
        let path = path_of(&self.folder, number);
        let open = || -> io::Result<BlockWriter> {
            let file = BlockWriter::open(&path)?;
            file.file().set_len(len)?;
            file.file().sync_all()?;
            Ok(file)
        };
        let file = open().map_err(|cause| StoreFault::io("open", &path, cause))?;
        Ok(Tail { file, path, len, synced: len })
    }
}

fn path_of(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:010}.val"))
}

fn head(store: Id, number: u32) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    head[12..16].copy_from_slice(&number.to_le_bytes());
    head[16..32].copy_from_slice(&store);
    let check = crc32fast::hash(&head[..32]);
    head[32..36].copy_from_slice(&check.to_le_bytes());
    head
}

/// Files that no table names were begun or emptied by a transaction that a crash undid or that has long been durable.
fn remove_unknown(folder: &Path, files: &[(u32, u64)]) -> Result<(), StoreFault> {
    let listing = fs::read_dir(folder).map_err(|cause| StoreFault::io("list", folder, cause))?;
    for entry in listing {
        let path = entry.map_err(|cause| StoreFault::io("list", folder, cause))?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        let is_value_file = path.extension().is_some_and(|extension| extension == "val");
        if let Some(number) = number.filter(|_| is_value_file)
            && files.iter().all(|(known, _)| *known != number)
        {
            fs::remove_file(&path).map_err(|cause| StoreFault::io("remove", &path, cause))?;
        }
    }
    Ok(())
}

/// A file must be ours and hold at least what rows may name.
fn check_file(folder: &Path, store: Id, number: u32, len: u64) -> Result<(), OpenError> {
    let path = path_of(folder, number);
    let file = File::open(&path).map_err(|cause| StoreFault::io("open", &path, cause))?;
    let found = file.metadata().map_err(|cause| StoreFault::io("measure", &path, cause))?.len();
    if found < len {
        return Err(StoreFault::damage(&path, found, format!("the file ends before {len}")).into());
    }
    let mut bytes = [0; HEAD_LEN];
    file.read_exact_at(&mut bytes, 0).map_err(|cause| StoreFault::io("read", &path, cause))?;
    if bytes != head(store, number) {
        return Err(StoreFault::damage(&path, 0, "the head is not that of this file".to_owned()).into());
    }
    Ok(())
}
