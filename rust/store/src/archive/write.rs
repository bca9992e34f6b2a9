//! Writing one batch.

use rusqlite::{Connection, Statement, Transaction, TransactionBehavior, params};

use super::contents::{self, Kept};
use super::value_files::{self, FileChanges, Files};
use super::{Batch, Row, check};
use crate::values::Place;

/// What a row says of its record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// The record's checksum.
    pub(super) check: u32,
    /// Where the record lies; in the row if nowhere.
    pub(super) place: Option<Place>,
}

const INSERT: &str = "
INSERT INTO executions (id, open, next_due, flags, head_check, doc_check, record_check, version, priority, start_ms,
    end_ms, update_ms, name, status, correlation_id, parent_id, reason, event, failed_refs, classifier, ready, record,
    value_file, value_at, value_len)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    ?25)
ON CONFLICT (id) DO NOTHING";
const UPDATE: &str = "
UPDATE executions SET open = ?2, next_due = ?3, flags = ?4, head_check = ?5, doc_check = ?6,
    record_check = ?7, version = ?8, priority = ?9, start_ms = ?10, end_ms = ?11, update_ms = ?12, name = ?13,
    status = ?14, correlation_id = ?15, parent_id = ?16, reason = ?17, event = ?18, failed_refs = ?19,
    classifier = ?20, ready = ?21, record = ?22, value_file = ?23, value_at = ?24, value_len = ?25
WHERE id = ?1";
const REMOVE: &str = "DELETE FROM executions WHERE id = ?1";
const PUT_THING: &str = "
INSERT INTO things (kind, key, row_check, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (kind, key) DO UPDATE SET row_check = ?3, value = ?4";
const REMOVE_THING: &str = "DELETE FROM things WHERE kind = ?1 AND key = ?2";
const PUT_LOG: &str = "
INSERT OR REPLACE INTO task_logs (task, seq, created_ms, row_check, worker, log) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const COVER: &str = "UPDATE store SET covered = ?1, row_check = ?2";

/// Writes the batch and its covered position in one transaction; `placed` is one checksum and place for each row of
/// `upserts`. Returns what has changed of the table of value files.
pub(super) fn batch(
    connection: &mut Connection,
    batch: &Batch,
    placed: &[Placed],
    files: &Files,
    kept: Option<Kept>,
) -> rusqlite::Result<Files> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = FileChanges::new(files);
    executions(&transaction, batch, placed, &mut changes, kept)?;
    let now = changes.write(&transaction)?;
    things(&transaction, batch)?;
    logs(&transaction, batch)?;
    let store = transaction.prepare_cached("SELECT store_id FROM store")?.query_row([], |row| row.get(0))?;
    let covered = batch.covered.cast_signed();
    transaction.prepare_cached(COVER)?.execute(params![covered, check::meta(&store, batch.covered)])?;
    transaction.commit()?;
    Ok(now)
}

fn executions(
    transaction: &Transaction<'_>,
    batch: &Batch,
    placed: &[Placed],
    files: &mut FileChanges<'_>,
    kept: Option<Kept>,
) -> rusqlite::Result<()> {
    let mut contents = contents::Writer::new(transaction, kept)?;
    let mut remove = transaction.prepare_cached(REMOVE)?;
    for id in &batch.removes {
        files.note_dead(value_files::place_of(transaction, id)?);
        if let Some(contents) = &mut contents {
            contents.remove(id)?;
        }
        remove.execute([id])?;
    }
    let mut insert = transaction.prepare_cached(INSERT)?;
    let mut update = transaction.prepare_cached(UPDATE)?;
    for (row, placed) in batch.upserts.iter().zip(placed) {
        files.note_live(placed.place);
        if put(&mut insert, row, placed)? > 0 {
            let execution = transaction.last_insert_rowid();
            if let Some(contents) = &mut contents {
                contents.put_new(execution, &row.record, row.flags)?;
            }
            continue;
        }
        files.note_dead(value_files::place_of(transaction, &row.id)?);
        let before = contents.as_mut().map(|contents| contents.before(&row.id)).transpose()?.flatten();
        put(&mut update, row, placed)?;
        if let (Some(contents), Some(before)) = (&mut contents, before) {
            contents.put(before, row)?;
        }
    }
    Ok(())
}

/// Writes a row; returns how many rows that changed.
fn put(statement: &mut Statement<'_>, row: &Row, placed: &Placed) -> rusqlite::Result<usize> {
    let Row { id, open, next_due, ready, flags, doc, record } = row;
    assert_eq!(*id, doc.id, "a row and its document are of one execution");
    let place = placed.place;
    let inline: &[u8] = if place.is_some() { &[] } else { record };
    statement.execute(params![
        id,
        open,
        next_due,
        flags,
        check::head(id, *open, *next_due, ready, *flags),
        check::doc(doc),
        placed.check,
        doc.version,
        doc.priority,
        doc.start_ms,
        doc.end_ms,
        doc.update_ms,
        doc.name,
        doc.status,
        check::stored(doc.correlation_id.as_ref()),
        doc.parent_id,
        check::stored(doc.reason.as_ref()),
        check::stored(doc.event.as_ref()),
        check::stored(doc.failed_refs.as_ref()),
        check::stored(doc.classifier.as_ref()),
        (!ready.is_empty()).then_some(ready),
        inline,
        place.map(|place| place.file),
        place.map(|place| place.at.cast_signed()),
        place.map(|place| place.len),
    ])
}

fn things(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(PUT_THING)?;
    let mut remove = transaction.prepare_cached(REMOVE_THING)?;
    for thing in &batch.things {
        match &thing.value {
            Some(value) => put.execute(params![
                thing.kind,
                thing.key,
                check::thing(&thing.kind, &thing.key, value),
                value
            ])?,
            None => remove.execute(params![thing.kind, thing.key])?,
        };
    }
    Ok(())
}

fn logs(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(PUT_LOG)?;
    for line in &batch.logs {
        let row_check = check::log(&line.task, line.seq, line.created_ms, &line.worker, &line.log);
        put.execute(params![
            line.task,
            line.seq.cast_signed(),
            line.created_ms,
            row_check,
            line.worker,
            line.log
        ])?;
    }
    Ok(())
}
