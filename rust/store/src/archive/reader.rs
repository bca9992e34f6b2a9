//! Reading the archive, beside the writer and from any thread.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row as SqlRow, params, params_from_iter};

use super::contents::{self, FILLED_AT_ONCE, Stored, Table};
use super::value_files::{FileUse, Files};
use super::{Doc, Id, LogLine, NameQuery, OpenRow, StoredRow, check, fault, schema, value_files};
use crate::fault::{OpenError, StoreFault};
use crate::search::{SearchQuery, sql, uuid_text};
use crate::values::{Place, ValueReader};

/// Memory for pages of a reading connection.
const CACHE_BYTES: usize = 8 << 20;

/// A read-only connection to the archive.
///
/// It sees whole batches only. It may be moved to another thread, and several can read beside the writer.
#[derive(Debug)]
pub struct ArchiveReader {
    connection: Connection,
    file: Arc<PathBuf>,
    values: ValueReader,
    has_words: bool,
    has_tasks: bool,
}

/// A task that a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskHit {
    /// The execution it is of.
    pub execution: Id,
    /// Its number within it.
    pub no: u32,
}

/// A record as its row has it, or the place where it lies.
struct Found {
    id: Id,
    check: u32,
    inline: Vec<u8>,
    place: Option<Place>,
}

impl ArchiveReader {
    /// Opens a reader on an archive that an [`super::Archive`] has open.
    pub(super) fn open(path: &Path, values: ValueReader) -> Result<Self, StoreFault> {
        let file = Arc::new(path.to_path_buf());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fault("open", &file))?;
        schema::configure_any(&connection, CACHE_BYTES).map_err(fault("configure", &file))?;
        let has = |table: Table| table.exists(&connection).map_err(fault("read", &file));
        let (has_words, has_tasks) = (has(Table::Words)?, has(Table::Tasks)?);
        Ok(Self { connection, file, values, has_words, has_tasks })
    }

    /// The record of an execution, checked, or `None` when there is none of that id.
    pub fn load(&self, id: &Id) -> Result<Option<Vec<u8>>, StoreFault> {
        self.settled(|| {
            let mut found = None;
            let sql =
                "SELECT record_check, record, value_file, value_at, value_len FROM executions WHERE id = ?1";
            self.each(sql, [Value::from(id.to_vec())], |row| {
                let place = value_files::read_place(row, 2)?;
                found = Some(Found { id: *id, check: row.get(0)?, inline: row.get(1)?, place });
                Ok(Ok(()))
            })?;
            found.map_or(Ok(Some(None)), |found| Ok(self.record(found)?.map(Some)))
        })
    }

    /// The executions whose ids start with six given bytes, checked; normally none or one.
    pub fn load_prefix(&self, prefix: [u8; 6]) -> Result<Vec<StoredRow>, StoreFault> {
        let bound = |fill: u8| {
            let mut id = [fill; 16];
            id[..6].copy_from_slice(&prefix);
            Value::from(id.to_vec())
        };
        let sql =
            "SELECT id, open, next_due, flags, head_check, ready, record_check, record, value_file, value_at,
            value_len FROM executions WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
        self.settled(|| {
            let mut found = Vec::new();
            self.each(sql, [bound(0), bound(0xff)], |row| {
                let (id, open, flags): (Id, bool, u32) = (row.get(0)?, row.get(1)?, row.get(3)?);
                let ready = row.get_ref(5)?.as_blob_or_null()?.unwrap_or_default();
                let head = check::head(&id, open, row.get(2)?, ready, flags);
                let place = value_files::read_place(row, 8)?;
                found.push((open, flags, Found { id, check: row.get(6)?, inline: row.get(7)?, place }));
                Ok(verdict(head == row.get::<_, u32>(4)?, || uuid_text(&id)))
            })?;
            let mut rows = Vec::with_capacity(found.len());
            for (open, flags, found) in found {
                let id = found.id;
                let Some(record) = self.record(found)? else { return Ok(None) };
                rows.push(StoredRow { id, open, flags, record });
            }
            Ok(Some(rows))
        })
    }

    /// Reads until a record has not been moved between its row and itself; a second time is enough but for damage.
    fn settled<T>(&self, mut read: impl FnMut() -> Result<Option<T>, StoreFault>) -> Result<T, StoreFault> {
        if let Some(found) = read()? {
            return Ok(found);
        }
        read()?.ok_or_else(|| {
            let (file, what) = (self.file.to_path_buf(), "its file of the value log does not exist");
            StoreFault::DamagedRow { file, table: "executions", key: "a record".to_owned(), what }
        })
    }

    /// The record itself, checked; `None` when its file has gone.
    fn record(&self, found: Found) -> Result<Option<Vec<u8>>, StoreFault> {
        let record = match found.place {
            None => found.inline,
            Some(place) => match self.values.read(&found.id, place)? {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        if check::record(&found.id, &record) != found.check {
            return Err(damaged_row(&self.file, "executions", uuid_text(&found.id)));
        }
        Ok(Some(record))
    }

    /// Hands over every open execution, without its record, in no useful order; returns how many there are.
    pub fn scan_open(&self, mut each: impl FnMut(OpenRow<'_>)) -> Result<u64, StoreFault> {
        let mut count = 0;
        let sql = "SELECT id, next_due, flags, head_check, ready FROM executions INDEXED BY executions_open
            WHERE open = 1";
        self.each(sql, [], |row| {
            let (id, next_due, flags): (Id, Option<i64>, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let ready = row.get_ref(4)?.as_blob_or_null()?.unwrap_or_default();
            if check::head(&id, true, next_due, ready, flags) != row.get::<_, u32>(3)? {
                return Ok(Err(uuid_text(&id)));
            }
            count += 1;
            each(OpenRow { id, next_due, ready, flags });
            Ok(Ok(()))
        })?;
        Ok(count)
    }

    /// One keyed record.
    pub fn thing(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        let mut found = None;
        let sql = "SELECT kind, key, row_check, value FROM things WHERE kind = ?1 AND key = ?2";
        self.each_thing(sql, [Value::from(kind.to_owned()), Value::from(key.to_owned())], |_, _, value| {
            found = Some(value.to_vec());
        })?;
        Ok(found)
    }

    /// The first keys of a family that sort before `bound`, at most `most`.
    pub fn first_keys(&self, kind: &str, bound: &str, most: usize) -> Result<Vec<String>, StoreFault> {
        let mut found = Vec::new();
        let sql = "SELECT kind, key, row_check, value FROM things WHERE kind = ?1 AND key < ?2 ORDER BY key LIMIT ?3";
        let most = Value::from(i64::try_from(most).unwrap_or(i64::MAX));
        let values = [Value::from(kind.to_owned()), Value::from(bound.to_owned()), most];
        self.each_thing(sql, values, |_, key, _| found.push(key.to_owned()))?;
        Ok(found)
    }

    /// The keyed records of a family, by key.
    pub fn things(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreFault> {
        let mut found = Vec::new();
        let sql = "SELECT kind, key, row_check, value FROM things WHERE kind = ?1 ORDER BY key";
        self.each_thing(sql, [Value::from(kind.to_owned())], |_, key, value| {
            found.push((key.to_owned(), value.to_vec()));
        })?;
        Ok(found)
    }

    /// Hands over every keyed record of a family as (kind, key, value), by key.
    pub fn scan_things(&self, kind: &str, each: impl FnMut(&str, &str, &[u8])) -> Result<(), StoreFault> {
        let sql = "SELECT kind, key, row_check, value FROM things WHERE kind = ?1 ORDER BY key";
        self.each_thing(sql, [Value::from(kind.to_owned())], each)
    }

    /// The log of a task, by time (S-52.13).
    pub fn logs(&self, task: &Id) -> Result<Vec<LogLine>, StoreFault> {
        let mut lines = Vec::new();
        let sql = "SELECT task, seq, created_ms, row_check, worker, log FROM task_logs WHERE task = ?1
            ORDER BY created_ms, seq";
        self.each_in("task_logs", sql, [Value::from(task.to_vec())], |row| {
            let line = log_line(row)?;
            let sound = log_check(&line) == row.get::<_, u32>(3)?;
            let key = verdict(sound, || format!("{} {}", uuid_text(task), line.seq));
            lines.push(line);
            Ok(key)
        })?;
        Ok(lines)
    }

    /// The executions a query asks for: how many there are in all, and the documents of the page.
    pub fn search(&self, query: &SearchQuery) -> Result<(u64, Vec<Doc>), StoreFault> {
        let statement = sql::compile(query, self.has_words);
        let total = self.total(&statement)?;
        let mut docs = Vec::new();
        if u64::from(query.start) < total && query.size > 0 {
            self.each(&statement.page(query, DOC_COLUMNS), statement.values.clone(), |row| {
                let doc = read_doc(row, 0)?;
                let sound = check::doc(&doc) == row.get::<_, u32>("doc_check")?;
                let key = verdict(sound, || uuid_text(&doc.id));
                docs.push(doc);
                Ok(key)
            })?;
        }
        Ok((total, docs))
    }

    /// The tasks a query asks for: how many there are in all, and where those of the page are. None if tasks have no
    /// rows here.
    pub fn search_tasks(&self, query: &SearchQuery) -> Result<(u64, Vec<TaskHit>), StoreFault> {
        if !self.has_tasks {
            return Ok((0, Vec::new()));
        }
        let statement = sql::compile(query, self.has_words);
        let total = self.total(&statement)?;
        let mut hits = Vec::new();
        if u64::from(query.start) < total && query.size > 0 {
            self.each_in("tasks", &statement.page(query, "ex.id, t.no"), statement.values.clone(), |row| {
                hits.push(TaskHit { execution: row.get(0)?, no: row.get(1)? });
                Ok(Ok(()))
            })?;
        }
        Ok((total, hits))
    }

    fn total(&self, statement: &sql::Statement) -> Result<u64, StoreFault> {
        let mut total = 0;
        self.each(&statement.count(), statement.values.clone(), |row| {
            total = row.get::<_, i64>(0)?.unsigned_abs();
            Ok(Ok(()))
        })?;
        Ok(total)
    }

    /// How many executions there are of each status. Reads an index from end to end: not for a hot path.
    pub fn count_by_status(&self) -> Result<Vec<(String, u64)>, StoreFault> {
        let mut counts = Vec::new();
        self.each("SELECT status, count(*) FROM executions GROUP BY status ORDER BY status", [], |row| {
            counts.push((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()));
            Ok(Ok(()))
        })?;
        Ok(counts)
    }

    /// The ids of a definition's executions, oldest start first.
    pub fn ids_by_name(&self, query: NameQuery<'_>) -> Result<Vec<Id>, StoreFault> {
        let mut sql = String::from("SELECT id FROM executions WHERE name = ?1");
        let mut values = vec![Value::from(query.name.to_owned())];
        let mut narrow = |condition: &str, value: Value| {
            values.push(value);
            write!(sql, " AND {condition} ?{}", values.len()).expect("a string takes everything");
        };
        if let Some(version) = query.version {
            narrow("version =", Value::from(i64::from(version)));
        }
        if let Some(status) = query.status {
            narrow("status =", Value::from(status.to_owned()));
        }
        if let Some((from, to)) = query.started {
            narrow("start_ms >=", Value::from(from));
            narrow("start_ms <=", Value::from(to));
        }
        sql.push_str(" ORDER BY start_ms, row");
        self.ids(&sql, values)
    }

    /// The ids of a definition's executions with a correlation id, oldest start first; of any status if none is given.
    pub fn ids_by_correlation(
        &self,
        name: &str,
        correlation_id: &str,
        status: Option<&str>,
    ) -> Result<Vec<Id>, StoreFault> {
        let sql = "SELECT id FROM executions WHERE correlation_id = ?1 AND name = ?2 AND (?3 IS NULL OR status = ?3)
            ORDER BY start_ms, row";
        let status = status.map_or(Value::Null, |status| Value::from(status.to_owned()));
        self.ids(sql, vec![Value::from(correlation_id.to_owned()), Value::from(name.to_owned()), status])
    }

    /// The ids of the executions that are part of another one, oldest start first.
    pub fn ids_by_parent(&self, parent: &Id) -> Result<Vec<Id>, StoreFault> {
        let sql = "SELECT id FROM executions WHERE parent_id = ?1 ORDER BY start_ms, row";
        self.ids(sql, vec![Value::from(parent.to_vec())])
    }

    fn ids(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Id>, StoreFault> {
        let mut ids = Vec::new();
        self.each(sql, values, |row| {
            ids.push(row.get(0)?);
            Ok(Ok(()))
        })?;
        Ok(ids)
    }

    fn each_thing(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        mut each: impl FnMut(&str, &str, &[u8]),
    ) -> Result<(), StoreFault> {
        self.each_in("things", sql, values, |row| {
            let (kind, key) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
            let value = row.get_ref(3)?.as_blob()?;
            if check::thing(kind, key, value) != row.get::<_, u32>(2)? {
                return Ok(Err(format!("{kind} {key}")));
            }
            each(kind, key, value);
            Ok(Ok(()))
        })
    }

    fn each(
        &self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        each: impl FnMut(&SqlRow<'_>) -> rusqlite::Result<Result<(), String>>,
    ) -> Result<(), StoreFault> {
        self.each_in("executions", sql, values, each)
    }

    fn each_in(
        &self,
        table: &'static str,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
        each: impl FnMut(&SqlRow<'_>) -> rusqlite::Result<Result<(), String>>,
    ) -> Result<(), StoreFault> {
        each_row(&self.connection, &self.file, table, sql, values, each)
    }
}

/// Runs a query and hands over its rows; a row that answers with its key is damaged.
fn each_row(
    connection: &Connection,
    file: &Arc<PathBuf>,
    table: &'static str,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    mut each: impl FnMut(&SqlRow<'_>) -> rusqlite::Result<Result<(), String>>,
) -> Result<(), StoreFault> {
    let walk = || -> rusqlite::Result<Result<(), String>> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if let Err(key) = each(row)? {
                return Ok(Err(key));
            }
        }
        Ok(Ok(()))
    };
    walk().map_err(fault("read", file))?.map_err(|key| damaged_row(file, table, key))
}

fn damaged_row(file: &Arc<PathBuf>, table: &'static str, key: String) -> StoreFault {
    let (file, what) = (file.to_path_buf(), "the row does not match its checksum");
    StoreFault::DamagedRow { file, table, key, what }
}

fn verdict(sound: bool, key: impl FnOnce() -> String) -> Result<(), String> {
    if sound { Ok(()) } else { Err(key()) }
}

/// The columns [`read_doc`] reads, from any first one on, in its order, and then their checksum.
const DOC_COLUMNS: &str =
    "id, name, version, status, correlation_id, start_ms, end_ms, update_ms, priority, reason,
    parent_id, event, failed_refs, classifier, doc_check";

fn read_doc(row: &SqlRow<'_>, first: usize) -> rusqlite::Result<Doc> {
    Ok(Doc {
        id: row.get(first)?,
        name: row.get(first + 1)?,
        version: row.get(first + 2)?,
        status: row.get(first + 3)?,
        correlation_id: row.get(first + 4)?,
        start_ms: row.get(first + 5)?,
        end_ms: row.get(first + 6)?,
        update_ms: row.get(first + 7)?,
        priority: row.get(first + 8)?,
        reason: row.get(first + 9)?,
        parent_id: row.get(first + 10)?,
        event: row.get(first + 11)?,
        failed_refs: row.get(first + 12)?,
        classifier: row.get(first + 13)?,
    })
}

fn log_line(row: &SqlRow<'_>) -> rusqlite::Result<LogLine> {
    Ok(LogLine {
        task: row.get(0)?,
        seq: row.get::<_, i64>(1)?.cast_unsigned(),
        created_ms: row.get(2)?,
        worker: row.get(4)?,
        log: row.get(5)?,
    })
}

fn log_check(line: &LogLine) -> u32 {
    check::log(&line.task, line.seq, line.created_ms, &line.worker, &line.log)
}

/// The covered position, after making sure that the archive belongs to the store.
pub(super) fn covered(connection: &Connection, file: &Arc<PathBuf>, store: Id) -> Result<u64, OpenError> {
    let (found, covered, row_check) = connection
        .query_row("SELECT store_id, covered, row_check FROM store", params![], |row| {
            Ok((row.get::<_, Id>(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, u32>(2)?))
        })
        .map_err(fault("read", file))?;
    if check::meta(&found, covered) != row_check {
        let (file, key, what) =
            (file.to_path_buf(), "the only row".to_owned(), "it does not match its checksum");
        return Err(OpenError::Fault(StoreFault::DamagedRow { file, table: "store", key, what }));
    }
    if found != store {
        let what = "the archive carries another store id".to_owned();
        return Err(OpenError::Foreign { file: file.to_path_buf(), what });
    }
    Ok(covered)
}

/// The table of value files, checked.
pub(super) fn value_files(connection: &Connection, file: &Arc<PathBuf>) -> Result<Files, StoreFault> {
    let mut files = Files::new();
    let sql = "SELECT file, bytes, dead, row_check FROM value_files";
    each_row(connection, file, "value_files", sql, [], |row| {
        let number: u32 = row.get(0)?;
        let [bytes, dead] = [row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned()];
        let found = FileUse { bytes, dead };
        files.insert(number, found);
        Ok(verdict(found.check(number) == row.get::<_, u32>(3)?, || number.to_string()))
    })?;
    Ok(files)
}

/// Some executions with their records, those first whose row number is the next after the given one. A record that
/// cannot be read counts as empty.
pub(super) fn stored_after(
    connection: &Connection,
    values: &ValueReader,
    after: i64,
) -> rusqlite::Result<Vec<Stored>> {
    let sql = "SELECT row, id, flags, record_check, record, value_file, value_at, value_len FROM executions
        WHERE row > ?1 ORDER BY row LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |row: &SqlRow<'_>| {
        let id: Id = row.get(1)?;
        let record = match value_files::read_place(row, 5)? {
            None => row.get(4)?,
            Some(place) => values.read(&id, place).ok().flatten().unwrap_or_default(),
        };
        let is_sound = check::record(&id, &record) == row.get::<_, u32>(3)?;
        let record = if is_sound { record } else { Vec::new() };
        Ok(Stored { execution: row.get(0)?, flags: row.get(2)?, record })
    };
    statement.query_map(params![after, i64::try_from(FILLED_AT_ONCE).unwrap_or(i64::MAX)], read)?.collect()
}

/// Checks the checksums of every row, records in the value log included.
pub(super) fn check_rows(
    connection: &Connection,
    file: &Arc<PathBuf>,
    values: &ValueReader,
) -> Result<(), StoreFault> {
    let sql = format!(
        "SELECT value_file, value_at, value_len, {DOC_COLUMNS}, open, next_due, flags, head_check, ready, record_check,
            record FROM executions"
    );
    let mut unreadable = None;
    each_row(connection, file, "executions", &sql, [], |row| {
        let doc = read_doc(row, 3)?;
        let ready = row.get_ref("ready")?.as_blob_or_null()?.unwrap_or_default();
        let head = check::head(&doc.id, row.get("open")?, row.get("next_due")?, ready, row.get("flags")?);
        let record = match value_files::read_place(row, 0)?.map(|place| values.read(&doc.id, place)) {
            None => check::record(&doc.id, row.get_ref("record")?.as_blob()?),
            Some(Ok(record)) => check::record(&doc.id, &record.unwrap_or_default()),
            Some(Err(fault)) => {
                unreadable = Some(fault);
                return Ok(Err(uuid_text(&doc.id)));
            }
        };
        let sound = head == row.get::<_, u32>("head_check")?
            && record == row.get::<_, u32>("record_check")?
            && check::doc(&doc) == row.get::<_, u32>("doc_check")?;
        Ok(verdict(sound, || uuid_text(&doc.id)))
    })
    .map_err(|damage| unreadable.unwrap_or(damage))?;
    each_row(connection, file, "things", "SELECT kind, key, row_check, value FROM things", [], |row| {
        let (kind, key) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        let sound = check::thing(kind, key, row.get_ref(3)?.as_blob()?) == row.get::<_, u32>(2)?;
        Ok(verdict(sound, || format!("{kind} {key}")))
    })?;
    if let Some(key) = contents::damaged_task(connection).map_err(fault("read", file))? {
        return Err(damaged_row(file, "tasks", key));
    }
    let sql = "SELECT task, seq, created_ms, row_check, worker, log FROM task_logs";
    each_row(connection, file, "task_logs", sql, [], |row| {
        let line = log_line(row)?;
        let sound = log_check(&line) == row.get::<_, u32>(3)?;
        Ok(verdict(sound, || format!("{} {}", uuid_text(&line.task), line.seq)))
    })
}
