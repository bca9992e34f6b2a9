//! The table of the value log's files: how long each is, and how much of it no row names any more.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Transaction, params};

use super::{Id, check};
use crate::values::{HEAD_BYTES, Place};

const PLACE_OF: &str = "SELECT value_file, value_at, value_len FROM executions WHERE id = ?1";
const PUT: &str = "
INSERT INTO value_files (file, bytes, dead, row_check) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (file) DO UPDATE SET bytes = ?2, dead = ?3, row_check = ?4";
const MOVE: &str = "
UPDATE executions SET value_file = ?5, value_at = ?6
WHERE id = ?1 AND value_file = ?2 AND value_at = ?3 AND value_len = ?4";
const DROP: &str = "DELETE FROM value_files WHERE file = ?1";

/// A file's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FileUse {
    /// Bytes up to the end of its last entry.
    pub(super) bytes: u64,
    /// Bytes of entries that no row names any more.
    pub(super) dead: u64,
}

impl FileUse {
    /// Whether nothing in it is named any more.
    pub(super) fn is_dead(self) -> bool {
        self.dead + HEAD_BYTES >= self.bytes
    }

    /// Whether moving the rest gives back at least as much as it writes.
    pub(super) fn is_sparse(self) -> bool {
        self.dead * 2 >= self.bytes.saturating_sub(HEAD_BYTES)
    }

    pub(super) fn check(self, file: u32) -> u32 {
        check::value_file(file, self.bytes, self.dead)
    }
}

/// The rows, by number of the file.
pub(super) type Files = BTreeMap<u32, FileUse>;

/// What a transaction changes in the table.
#[derive(Debug)]
pub(super) struct FileChanges<'a> {
    before: &'a Files,
    changed: Files,
}

impl<'a> FileChanges<'a> {
    /// Nothing changed yet.
    pub(super) fn new(before: &'a Files) -> Self {
        Self { before, changed: Files::new() }
    }

    /// A row names this place now.
    pub(super) fn note_live(&mut self, place: Option<Place>) {
        if let Some(place) = place {
            let file = self.file(place.file);
            file.bytes = file.bytes.max(place.at + place.entry_bytes());
        }
    }

    /// No row names this place any more.
    pub(super) fn note_dead(&mut self, place: Option<Place>) {
        if let Some(place) = place {
            self.file(place.file).dead += place.entry_bytes();
        }
    }

    fn file(&mut self, number: u32) -> &mut FileUse {
        let before = self.before.get(&number).copied().unwrap_or_default();
        self.changed.entry(number).or_insert(before)
    }

    /// Writes the changes; they are to be taken over once the transaction has been committed.
    pub(super) fn write(self, transaction: &Transaction<'_>) -> rusqlite::Result<Files> {
        let mut put = transaction.prepare_cached(PUT)?;
        for (file, now) in &self.changed {
            put.execute(params![file, now.bytes.cast_signed(), now.dead.cast_signed(), now.check(*file)])?;
        }
        Ok(self.changed)
    }
}

/// Where the record of an execution lies in the value log; `None` when it does not, or there is no such execution.
pub(super) fn place_of(connection: &Connection, id: &Id) -> rusqlite::Result<Option<Place>> {
    let mut statement = connection.prepare_cached(PLACE_OF)?;
    Ok(statement.query_row([id], |row| read_place(row, 0)).optional()?.flatten())
}

/// Reads a place from three columns beginning with this one.
pub(super) fn read_place(row: &SqlRow<'_>, first: usize) -> rusqlite::Result<Option<Place>> {
    let Some(file) = row.get(first)? else { return Ok(None) };
    Ok(Some(Place { file, at: row.get::<_, i64>(first + 1)?.cast_unsigned(), len: row.get(first + 2)? }))
}

/// Lets the row of an execution name another place, if it still names the old one.
pub(super) fn move_row(
    transaction: &Transaction<'_>,
    id: &Id,
    from: Place,
    to: Place,
) -> rusqlite::Result<bool> {
    let (at, new_at) = (from.at.cast_signed(), to.at.cast_signed());
    let moved =
        transaction.prepare_cached(MOVE)?.execute(params![id, from.file, at, from.len, to.file, new_at])?;
    Ok(moved == 1)
}

/// Forgets a file that no row names any more.
pub(super) fn forget(connection: &Connection, file: u32) -> rusqlite::Result<()> {
    connection.prepare_cached(DROP)?.execute([file]).map(drop)
}
