//! The archive: executions, keyed records and task logs in one SQLite file, written behind the journal; the records of
//! executions that are over, and large ones, lie in a log of their own beside it (`values`).
//!
//! # Why it may skip syncs
//!
//! A commit here is not synced (`synchronous=NORMAL` in WAL mode): after a power loss SQLite gives back an older but
//! consistent state, and because every transaction carries the journal position it covers, the journal after that
//! position brings it up to date. What must not happen is that the journal is gone by then. So a position counts as
//! *durable* only after [`Archive::checkpoint`]: it syncs the write-ahead log, copies all of it into the main file and
//! syncs that. [`Written::durable`] is the position up to which journal segments may be given back, and no other.
//!
//! # Checksums
//!
//! SQLite's main file carries no checksums of its own. Every row therefore has them: `head_check` for what a restart
//! reads, `doc_check` for what a search reads, `record_check` for the record; the same in the other tables and over the
//! covered position. A mismatch is a [`StoreFault::DamagedRow`] naming table and row. Damage to the tree around the rows
//! is found by [`Archive::verify`], which opening runs while the file is small.
//!
//! # Layout
//!
//! Executions are stored in the order they arrive (ids are scattered, so clustering by id would dirty a page per row);
//! the unique index finds them by id. Open executions have an index of their own that holds all a restart needs, so that
//! recovery never reads a record. Finished ones pay for name, status and start time, which all grow at their ends, and for
//! correlation and parent id only when set.

mod check;
mod compaction;
pub(crate) mod contents;
mod index;
mod reader;
mod schema;
mod value_files;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::fault::{OpenError, StoreFault};
use crate::values::{self, ValueLog, ValueReader};
use compaction::Emptying;
use value_files::Files;
use write::Placed;

pub use contents::{Contents, Describe, Kept, TaskDoc};
pub use reader::{ArchiveReader, TaskHit};

/// A record of an open execution stays in its row below this: it will soon be replaced.
const INLINE_BYTES: usize = 4 << 10;

/// The sixteen bytes of an execution or task id.
pub type Id = [u8; 16];

/// One execution, as the archive keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The execution's id.
    pub id: Id,
    /// Whether it can still change, so that a restart must know of it.
    pub open: bool,
    /// When its next timer is due, in epoch milliseconds.
    pub next_due: Option<i64>,
    /// What its owner needs to rebuild queues without the record; opaque, often empty.
    pub ready: Vec<u8>,
    /// Opaque to the store.
    pub flags: u32,
    /// What a search can ask for.
    pub doc: Doc,
    /// The execution itself, opaque to the store; shared with whoever answers for it until it is written.
    pub record: Arc<Vec<u8>>,
}

/// The columns a search can ask for. Times are epoch milliseconds, 0 when not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doc {
    /// The execution's id.
    pub id: Id,
    /// Name of its definition.
    pub name: String,
    /// Version of its definition.
    pub version: i32,
    /// Its status, as clients spell it.
    pub status: String,
    /// The caller's correlation id.
    pub correlation_id: Option<String>,
    /// When it started.
    pub start_ms: i64,
    /// When it ended; 0 while it has not (as in the index of rest-api 10.1).
    pub end_ms: i64,
    /// When it last changed.
    pub update_ms: i64,
    /// Its priority.
    pub priority: i32,
    /// Why it is incomplete.
    pub reason: Option<String>,
    /// The execution it is a part of.
    pub parent_id: Option<Id>,
    /// The event that started it.
    pub event: Option<String>,
    /// Reference names of its failed tasks, joined by commas.
    pub failed_refs: Option<String>,
    /// Its kind; none is the same as `workflow` to a search.
    pub classifier: Option<String>,
}

/// What a restart needs to know of an open execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRow<'a> {
    /// The execution's id.
    pub id: Id,
    /// When its next timer is due, in epoch milliseconds.
    pub next_due: Option<i64>,
    /// What its owner needs to rebuild queues.
    pub ready: &'a [u8],
    /// Opaque to the store.
    pub flags: u32,
}

/// A record with what stands beside it; from [`ArchiveReader::load_prefix`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// The execution's id.
    pub id: Id,
    /// Whether it can still change.
    pub open: bool,
    /// Opaque to the store.
    pub flags: u32,
    /// The execution itself.
    pub record: Vec<u8>,
}

/// A change of a keyed record: a definition, a registry entry, anything small with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// The family it belongs to.
    pub kind: String,
    /// Its key inside the family.
    pub key: String,
    /// Its new value; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// One line of a task's log (S-52.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The task.
    pub task: Id,
    /// Orders the lines of a task and makes writing one twice harmless; the caller derives it from the journal position.
    pub seq: u64,
    /// When the line was made, in epoch milliseconds.
    pub created_ms: i64,
    /// Who wrote it; may be empty.
    pub worker: String,
    /// The line.
    pub log: Vec<u8>,
}

/// What one transaction writes. An id stands at most once in `upserts` and `removes` together.
///
/// The larger the better: scattered ids dirty a page of the id index each, and rows of one batch share them. With ten
/// thousand rows a row costs about two thirds of what it costs with two thousand; ids that grow with time cost half.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Every journal record up to here is contained in the archive once this batch is.
    pub covered: u64,
    /// Executions as they are now.
    pub upserts: Vec<Row>,
    /// Executions that are gone.
    pub removes: Vec<Id>,
    /// Changed keyed records, in order.
    pub things: Vec<Thing>,
    /// New log lines.
    pub logs: Vec<LogLine>,
}

/// How far the archive is after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The position the archive covers.
    pub covered: u64,
    /// The position it covers even after a power loss: journal segments up to here may be given back.
    pub durable: u64,
}

/// Executions of one definition, narrowed down; `None` does not narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameQuery<'a> {
    /// Name of the definition.
    pub name: &'a str,
    /// Version of the definition.
    pub version: Option<i32>,
    /// The status, as clients spell it.
    pub status: Option<&'a str>,
    /// Start time in epoch milliseconds, both ends included.
    pub started: Option<(i64, i64)>,
}

/// How an archive is kept.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveOptions {
    /// The write-ahead log is copied into the main file when it has grown to this.
    pub checkpoint_bytes: u64,
    /// Memory for pages of the writing connection.
    pub cache_bytes: usize,
    /// Opening verifies everything when file and value log are no larger than this together.
    pub verify_bytes_max: u64,
    /// A file of the value log takes no further record once it is as long as this.
    pub value_file_bytes: u64,
    /// Whether there are the indexes that only searches need. Opening makes or drops them as this says.
    pub search_index: bool,
    /// What searches find inside records, if anything. Opening makes, fills or drops its tables as this says.
    pub contents: Option<Kept>,
}

impl Default for ArchiveOptions {
    /// 16 MiB of log, 32 MiB of cache, verification up to 16 MiB, indexes for searches.
    fn default() -> Self {
        Self {
            checkpoint_bytes: 16 << 20,
            cache_bytes: 32 << 20,
            verify_bytes_max: 16 << 20,
            value_file_bytes: values::FILE_BYTES,
            search_index: true,
            contents: None,
        }
    }
}

/// The writing end of the archive; exactly one exists per file.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    file: Arc<PathBuf>,
    options: ArchiveOptions,
    written: Written,
    page_bytes: u64,
    values: ValueLog,
    value_reader: ValueReader,
    /// The table of value files, as it was committed last.
    files: Files,
    /// The value file that is being emptied.
    emptying: Option<Emptying>,
    /// Value files that go with the next checkpoint.
    condemned: Vec<u32>,
    indexed: u64,
}

impl Archive {
    /// Opens or makes the archive at `path`, which belongs to the store `store`.
    pub fn open(path: &Path, store: Id, options: ArchiveOptions) -> Result<Self, OpenError> {
        let file = Arc::new(path.to_path_buf());
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(fault("open", &file))?;
        schema::configure(&connection, options).map_err(fault("configure", &file))?;
        schema::migrate(&mut connection, &file, store)?;
        let covered = reader::covered(&connection, &file, store)?;
        let indexed = index::settle(&connection, options.search_index).map_err(fault("index", &file))?;
        let page_bytes = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))
            .map_err(fault("read", &file))?;
        let mut written = Written { covered, durable: 0 };
        // Whatever an earlier process left in the log becomes durable now, and the journal before it can go. Only then may
        // value files go that no row names.
        let (log, copied) = log_pages(&connection, &file, "TRUNCATE")?;
        if log == copied {
            written.durable = covered;
        }
        let files = reader::value_files(&connection, &file)?;
        let known: Vec<_> = files.iter().map(|(file, used)| (*file, used.bytes)).collect();
        let values = ValueLog::open(values_of(path), store, options.value_file_bytes, &known)?;
        let value_reader = values.reader();
        let mut archive = Self {
            connection,
            file,
            options,
            written,
            page_bytes: page_bytes.into(),
            values,
            value_reader,
            files,
            emptying: None,
            condemned: Vec::new(),
            indexed,
        };
        archive.indexed = archive.indexed.max(archive.fill_contents()?);
        let len = path.metadata().map_err(|cause| StoreFault::io("measure", path, cause))?.len();
        if len + known.iter().map(|(_, bytes)| bytes).sum::<u64>() <= options.verify_bytes_max {
            archive.verify()?;
        }
        Ok(archive)
    }

    /// Writes a batch and its covered position in one transaction: all of it or nothing.
    ///
    /// Checkpoints by itself when the write-ahead log has grown to its bound, which takes as long as copying it.
    pub fn write_batch(&mut self, batch: &Batch) -> Result<Written, StoreFault> {
        assert!(batch.covered >= self.written.covered, "the covered position never goes back");
        let placed = self.place(&batch.upserts)?;
        let changed = write::batch(&mut self.connection, batch, &placed, &self.files, self.options.contents)
            .map_err(fault("write", &self.file))?;
        self.files.extend(changed);
        self.written.covered = batch.covered;
        self.compact()?;
        let (log, copied) = log_pages(&self.connection, &self.file, "NOOP")?;
        if log.saturating_sub(copied) * self.page_bytes >= self.options.checkpoint_bytes {
            self.checkpoint()?;
        }
        Ok(self.written)
    }

    /// Makes everything written durable in the main file, unless a reader holds an older state just now.
    ///
    /// It also empties the write-ahead log: frames that are already in the main file would turn a damaged log, which
    /// SQLite reads up to the damage, into a mixture of old and new pages.
    pub fn checkpoint(&mut self) -> Result<Written, StoreFault> {
        let (log, copied) = log_pages(&self.connection, &self.file, "TRUNCATE")?;
        if log == copied {
            self.written.durable = self.written.covered;
            self.remove_condemned()?;
        }
        Ok(self.written)
    }

    /// The position the archive covers, and the one it covers durably.
    pub fn written(&self) -> Written {
        self.written
    }

    /// Fills the tables of what records contain from all records; of how many. One that cannot be read is left to
    /// whoever asks for it.
    fn fill_contents(&mut self) -> Result<u64, StoreFault> {
        let Self { connection, file, value_reader, options, .. } = self;
        let fault =
            |cause| StoreFault::Sqlite { act: "index", file: file.to_path_buf(), cause: Arc::new(cause) };
        let read = |connection: &Connection, after| reader::stored_after(connection, value_reader, after);
        contents::fill(connection, options.contents, read).map_err(fault)
    }

    /// How many rows the indexes for searches were made for when the file was opened; 0 if they were there.
    pub fn indexed(&self) -> u64 {
        self.indexed
    }

    /// A reader on the same file, usable from another thread.
    pub fn reader(&self) -> Result<ArchiveReader, StoreFault> {
        ArchiveReader::open(&self.file, self.values.reader())
    }

    /// Checks every row, every index and the tree around them; takes as long as reading the file.
    pub fn verify(&self) -> Result<(), StoreFault> {
        schema::check_tree(&self.connection, &self.file)?;
        reader::check_rows(&self.connection, &self.file, &self.value_reader)
    }

    /// Puts large records, and those of executions that are over, into the value log, durably.
    fn place(&mut self, rows: &[Row]) -> Result<Vec<Placed>, StoreFault> {
        let mut placed = Vec::with_capacity(rows.len());
        for row in rows {
            let check = check::record(&row.id, &row.record);
            let is_inline = row.open && row.record.len() < INLINE_BYTES;
            let place =
                if is_inline { None } else { Some(self.values.append(&row.id, check, &row.record)?) };
            placed.push(Placed { check, place });
        }
        self.values.sync()?;
        Ok(placed)
    }
}

/// The folder of the value log, beside the archive.
fn values_of(path: &Path) -> PathBuf {
    path.with_file_name("values")
}

/// Pages in the write-ahead log, and how many of them are in the main file.
fn log_pages(connection: &Connection, file: &Arc<PathBuf>, mode: &str) -> Result<(u64, u64), StoreFault> {
    let mut statement = connection
        .prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))
        .map_err(fault("checkpoint", file))?;
    let (log, copied) = statement
        .query_row([], |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
        .map_err(fault("checkpoint", file))?;
    Ok((log.max(0).unsigned_abs(), copied.max(0).unsigned_abs()))
}

/// Wraps an error of SQLite with what was tried on which file.
fn fault(act: &'static str, file: &Arc<PathBuf>) -> impl FnOnce(rusqlite::Error) -> StoreFault {
    let file = Arc::clone(file);
    move |cause| StoreFault::Sqlite { act, file: file.to_path_buf(), cause: Arc::new(cause) }
}
