//! Journal records: one kind byte, then the content. Kinds are for ever: never reuse one.

use fastcond_model::codec::{CodecError, Field, Reader, Writer};
use fastcond_store::{begin_record, end_record};

/// Archive family of definition snapshots, keyed by content.
pub const SNAPSHOT: &str = "snapshot";
/// Archive family of registered workflow definitions, keyed by `name` NUL `version`.
pub const WORKFLOW_DEF: &str = "workflow";
/// Archive family of registered task definitions, keyed by name.
pub const TASK_DEF: &str = "task";
/// Archive family of event handlers, keyed by name.
pub const EVENT_HANDLER: &str = "event_handler";
/// Archive family of what handlers did about messages, one record per action (S-80.6).
pub const EVENT_ACTION: &str = "event_action";
/// Archive family that lists the records of [`EVENT_ACTION`] by time: sixteen digits of it, NUL, their key.
pub const EVENT_TIME: &str = "event_time";
/// Archive family of idempotency keys: `name` NUL `key`, with the ids of the executions started with it, oldest first.
pub const IDEMPOTENCY_KEY: &str = "start";

/// Every family.
pub const FAMILIES: [&str; 7] =
    [SNAPSHOT, WORKFLOW_DEF, TASK_DEF, EVENT_HANDLER, EVENT_ACTION, EVENT_TIME, IDEMPOTENCY_KEY];

const COMMIT: u8 = 1;
const THING: u8 = 2;
const REMOVE: u8 = 3;
const LOG: u8 = 4;
const TOGETHER: u8 = 5;

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
    /// Records that are true together or not at all.
    Together(Vec<&'a [u8]>),
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

/// Makes one record of those framed in `frames` from `start` on, and says how many they were. A single one stays as it
/// is.
pub fn join(frames: &mut Vec<u8>, start: usize) -> u64 {
    let parts = frames.split_off(start);
    let count = fastcond_store::payloads(&parts).count();
    if count < 2 {
        frames.extend_from_slice(&parts);
    } else {
        record(frames, TOGETHER, |w| {
            for part in fastcond_store::payloads(&parts) {
                w.bytes(1, part);
            }
        });
    }
    count as u64
}

/// Reads a record.
pub fn read(bytes: &[u8]) -> Result<Record<'_>, CodecError> {
    let (&kind, rest) = bytes.split_first().ok_or(CodecError { what: "empty journal record" })?;
    if kind == COMMIT {
        return Ok(Record::Commit(rest));
    }
    let mut reader = Reader::new(rest);
    if kind == TOGETHER {
        let mut parts = Vec::new();
        while let Some((_, field)) = reader.next_field()? {
            parts.push(field.bytes()?);
        }
        return Ok(Record::Together(parts));
    }
    let mut fields: [Option<Field<'_>>; 4] = [None; 4];
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
