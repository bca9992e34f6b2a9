//! Tables, settings of the connections, and the forward-only migrations.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::{ArchiveOptions, Id, check, fault};
use crate::fault::{OpenError, StoreFault};

/// Marks the file as ours to `file(1)` and to us: "fcar".
const APPLICATION_ID: i32 = 0x6663_6172;

/// How many prepared statements a connection keeps.
const STATEMENTS_KEPT: usize = 64;

/// Page size of a new file. Records of a few kilobytes fill pages of this size well, where smaller ones leave half empty;
/// larger ones make the scattered updates of long-lived executions dear.
const PAGE_BYTES: u32 = 16_384;

/// One step per entry; a step that has landed never changes. The number of steps is the schema version.
///
/// The record comes after what is read without it, so that reading those columns never follows its overflow pages. Where
/// `value_file` is set the record is empty and lies in the value log.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    store_id BLOB NOT NULL,
    covered INTEGER NOT NULL,
    row_check INTEGER NOT NULL
) STRICT;
CREATE TABLE executions (
    row INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    open INTEGER NOT NULL,
    next_due INTEGER,
    flags INTEGER NOT NULL,
    head_check INTEGER NOT NULL,
    doc_check INTEGER NOT NULL,
    record_check INTEGER NOT NULL,
    version INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    end_ms INTEGER NOT NULL,
    update_ms INTEGER NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    correlation_id TEXT,
    parent_id BLOB,
    reason TEXT,
    event TEXT,
    failed_refs TEXT,
    classifier TEXT,
    ready BLOB,
    record BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX executions_id ON executions (id);
CREATE INDEX executions_open ON executions (id, next_due, flags, head_check, ready) WHERE open = 1;
CREATE INDEX executions_start ON executions (start_ms);
CREATE INDEX executions_name ON executions (name, start_ms);
CREATE INDEX executions_status ON executions (status, start_ms);
CREATE INDEX executions_correlation ON executions (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX executions_parent ON executions (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE things (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    row_check INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE task_logs (
    task BLOB NOT NULL,
    seq INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    row_check INTEGER NOT NULL,
    worker TEXT NOT NULL,
    log BLOB NOT NULL,
    PRIMARY KEY (task, seq)
) STRICT, WITHOUT ROWID;
",
    "
ALTER TABLE executions ADD COLUMN value_file INTEGER;
ALTER TABLE executions ADD COLUMN value_at INTEGER;
ALTER TABLE executions ADD COLUMN value_len INTEGER;
CREATE TABLE value_files (
    file INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    row_check INTEGER NOT NULL
) STRICT;
",
];

/// Settings of the writing connection. The page size holds for a new file only.
pub(super) fn configure(connection: &Connection, options: ArchiveOptions) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // There is no second writer, and a checkpoint does not wait for readers: it comes back another time.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        // Without a write-ahead log nothing that is said about durability here would hold.
        return Err(rusqlite::Error::InvalidPath(format!("journal mode {mode} instead of WAL").into()));
    }
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    configure_any(connection, options.cache_bytes)
}

/// Settings of every connection.
pub(super) fn configure_any(connection: &Connection, cache_bytes: usize) -> rusqlite::Result<()> {
    let kibibytes = i64::try_from(cache_bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")
}

/// Brings the file to the newest schema, step by step, each in its own transaction.
pub(super) fn migrate(connection: &mut Connection, file: &Arc<PathBuf>, store: Id) -> Result<(), OpenError> {
    let ours = MIGRATIONS.len();
    let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let found = read("user_version").map_err(fault("read", file))?;
    let application = read("application_id").map_err(fault("read", file))?;
    if found != 0 && application != i64::from(APPLICATION_ID) {
        let what = "it is some other program's database".to_owned();
        return Err(OpenError::Foreign { file: file.to_path_buf(), what });
    }
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    if found > ours as u64 {
        return Err(OpenError::NewerFormat { file: file.to_path_buf(), found, ours: ours as u64 });
    }
    for version in usize::try_from(found).unwrap_or(ours)..ours {
        step(connection, version, store).map_err(fault("migrate", file))?;
    }
    Ok(())
}

fn step(connection: &mut Connection, version: usize, store: Id) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(MIGRATIONS[version])?;
    if version == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute(
            "INSERT INTO store (one, store_id, covered, row_check) VALUES (1, ?1, 0, ?2)",
            params![store, check::meta(&store, 0)],
        )?;
    }
    let done = i64::try_from(version + 1).expect("a handful of migrations");
    transaction.pragma_update(None, "user_version", done)?;
    transaction.commit()
}

/// Asks SQLite to check its trees, and that indexes and tables agree.
pub(super) fn check_tree(connection: &Connection, file: &Arc<PathBuf>) -> Result<(), StoreFault> {
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(fault("verify", file))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreFault::damage(file, 0, verdict)) }
}
