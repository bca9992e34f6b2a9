//! Journal records: one kind byte, then the content. Kinds are for ever: never reuse one.

use fastcond_model::codec::{CodecError, Field, Reader, Writer};
use fastcond_store::{begin_record, end_record};

/// Archive family of definition snapshots, keyed by content.
pub const SNAPSHOT: &str = "snapshot";
/// Archive family of registered workflow definitions, keyed by `name` NUL `version`.
pub const WORKFLOW_DEF: &str = "workflow";
/// Archive family of registered task definitions, keyed by name.
pub const TASK_DEF: &str = "task";
/// Archive family of idempotency keys: `name` NUL `key`, with the ids of the executions started with it, oldest first.
pub const IDEMPOTENCY_KEY: &str = "start";

const COMMIT: u8 = 1;
const THING: u8 = 2;
const REMOVE: u8 = 3;
const LOG: u8 = 4;

/// A journal record as read.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A commit on one execution.
    Commit(&'a [u8]),
    /// A keyed record was stored or, without value, deleted.
    Thing {
        /// Family.
        kind: &'a str,
        /// Key.
        key: &'a str,
        /// Value.
        value: Option<&'a [u8]>,
    },
    /// An execution was deleted.
    Remove(u128),
    /// A line of a task's log.
    Log {
        /// Task id.
        task: u128,
        /// When.
        created_ms: i64,
        /// The line.
        line: &'a [u8],
    },
}

/// Appends a commit record; `write` fills in the commit.
pub fn commit(frames: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mark = begin_record(frames);
    frames.push(COMMIT);
    write(frames);
    end_record(frames, mark);
}

fn record(frames: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Writer<'_>)) {
    let mark = begin_record(frames);
    frames.push(kind);
    write(&mut Writer::new(frames));
    end_record(frames, mark);
}

/// Appends a keyed record.
pub fn thing(frames: &mut Vec<u8>, kind: &str, key: &str, value: Option<&[u8]>) {
    record(frames, THING, |w| {
        w.text(1, Some(kind));
        w.text(2, Some(key));
        if let Some(value) = value {
            w.bytes(3, value);
        }
    });
}

/// Appends the deletion of an execution.
pub fn remove(frames: &mut Vec<u8>, id: u128) {
    record(frames, REMOVE, |w| w.id(1, id));
}

/// Appends a log line.
pub fn log(frames: &mut Vec<u8>, task: u128, created_ms: i64, line: &[u8]) {
    record(frames, LOG, |w| {
        w.id(1, task);
        w.int(2, created_ms);
        w.bytes(3, line);
    });
}

/// Reads a record.
pub fn read(bytes: &[u8]) -> Result<Record<'_>, CodecError> {
    let (&kind, rest) = bytes.split_first().ok_or(CodecError { what: "empty journal record" })?;
    if kind == COMMIT {
        return Ok(Record::Commit(rest));
    }
    let mut fields: [Option<Field<'_>>; 4] = [None; 4];
    let mut reader = Reader::new(rest);
    while let Some((tag, field)) = reader.next_field()? {
        if let Some(slot) = fields.get_mut(tag as usize) {
            *slot = Some(field);
        }
    }
    let need = |at: usize| fields[at].ok_or(CodecError { what: "journal record field" });
    match kind {
        THING => Ok(Record::Thing {
            kind: need(1)?.str()?,
            key: need(2)?.str()?,
            value: fields[3].map(Field::bytes).transpose()?,
        }),
        REMOVE => Ok(Record::Remove(need(1)?.id()?)),
        LOG => Ok(Record::Log {
            task: need(1)?.id()?,
            created_ms: fields[2].map_or(Ok(0), Field::int)?,
            line: need(3)?.bytes()?,
        }),
        _ => Err(CodecError { what: "journal record kind" }),
    }
}
