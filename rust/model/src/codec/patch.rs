//! A commit on one execution as bytes, and back.

use super::fields::{CodecError, Field, Reader, Writer};
use super::payloads::{Read, Written};
use super::{header, outbox, task};
use crate::exec::Execution;
use crate::ids::{TaskNo, WorkflowId};
use fastcond_json::Raw;

/// Which parts of a task instance a commit carries besides its small fields.
#[expect(clippy::struct_excessive_bools, reason = "each says of one part of the record whether it changed")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskChange {
    /// Its input changed.
    pub input: bool,
    /// Its output changed.
    pub output: bool,
    /// It is new and made from data, or its loop items were frozen.
    pub spec: bool,
    /// Its loop items, frozen before, were forgotten.
    pub thawed: bool,
}

impl TaskChange {
    /// Everything, for a new instance or a snapshot.
    pub const ALL: Self = Self { input: true, output: true, spec: true, thawed: false };

    /// Both changes in one.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            input: self.input || other.input,
            output: self.output || other.output,
            spec: self.spec || other.spec,
            thawed: self.thawed || other.thawed,
        }
    }
}

/// What a commit changes; the values themselves are read from the live execution.
#[expect(clippy::struct_excessive_bools, reason = "each says of one part of the record whether it changed")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The header's small fields changed.
    pub header: bool,
    /// The workflow input changed.
    pub input: bool,
    /// The workflow output changed.
    pub output: bool,
    /// The workflow variables changed.
    pub variables: bool,
    /// All task instances were deleted before the ones below were stored.
    pub cleared: bool,
    /// Task instances that were stored.
    pub tasks: Vec<(TaskNo, TaskChange)>,
    /// Task instances that were deleted.
    pub dropped: Vec<TaskNo>,
    /// Messages that were added to the outbox.
    pub sent: Vec<u32>,
    /// Messages that are known to have arrived.
    pub arrived: Vec<u32>,
    /// Messages from outside that came.
    pub posted: Vec<Raw>,
    /// How many of them left, the oldest first: tasks pulled them, they had waited too long, or the execution ended.
    pub taken: usize,
}

impl Change {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

const ID: u32 = 1;
const REVISION: u32 = 2;
const UPDATED: u32 = 3;
const HEADER: u32 = 4;
const INPUT: u32 = 5;
const OUTPUT: u32 = 6;
const VARIABLES: u32 = 7;
const CLEARED: u32 = 8;
const TASK: u32 = 9;
const DROPPED: u32 = 10;
const SENT: u32 = 11;
const ARRIVED: u32 = 12;
const POSTED: u32 = 13;
const TAKEN: u32 = 14;

// Fields of a posted message.
const POSTED_AT: u32 = 1;
const POSTED_TEXT: u32 = 2;

/// Appends the commit that made `change` true; `execution` is the state after it.
pub fn encode(out: &mut Vec<u8>, execution: &Execution, change: &Change) {
    let mut w = Writer::new(out);
    w.id(ID, execution.id.0);
    w.uint(REVISION, execution.revision);
    w.int(UPDATED, execution.header.update_ms);
    if change.header {
        w.record(HEADER, |w| header::write(w, &execution.header));
    }
    let mut payloads = Written::default();
    if change.input {
        payloads.write(&mut w, INPUT, &execution.input);
    }
    if change.output {
        payloads.write(&mut w, OUTPUT, &execution.output);
    }
    if change.variables {
        payloads.write(&mut w, VARIABLES, &execution.variables);
    }
    w.flag(CLEARED, change.cleared);
    for &(no, parts) in &change.tasks {
        if let Some(t) = execution.tasks.get(no) {
            w.record(TASK, |w| task::write(w, t, parts, &mut payloads));
        }
    }
    for &no in &change.dropped {
        w.uint(DROPPED, u64::from(no) + 1);
    }
    for &number in &change.sent {
        if let Some(message) = execution.outbox.get(number) {
            w.record(SENT, |w| outbox::write(w, message));
        }
    }
    for &number in &change.arrived {
        w.uint(ARRIVED, u64::from(number) + 1);
    }
    // All that a commit posts came at the same moment. Before what was taken: it may be among that.
    let posted_ms =
        if change.taken == 0 { execution.mailbox.newest_ms() } else { execution.header.update_ms };
    for message in &change.posted {
        w.record(POSTED, |w| {
            w.int(POSTED_AT, posted_ms);
            w.text(POSTED_TEXT, Some(message));
        });
    }
    w.uint(TAKEN, change.taken as u64);
}

/// Appends the whole state as one patch from nothing.
pub fn encode_snapshot(out: &mut Vec<u8>, execution: &Execution) {
    let change = Change {
        header: true,
        input: &*execution.input != "{}",
        output: &*execution.output != "{}",
        variables: &*execution.variables != "{}",
        cleared: false,
        tasks: execution.tasks.iter().map(|t| (t.no, whole(t))).collect(),
        dropped: Vec::new(),
        sent: execution.outbox.iter().map(|m| m.number).collect(),
        arrived: Vec::new(),
        posted: execution.mailbox.iter().cloned().collect(),
        taken: 0,
    };
    encode(out, execution, &change);
}

fn whole(t: &crate::exec::Task) -> TaskChange {
    TaskChange { input: &*t.input != "{}", output: &*t.output != "{}", spec: true, thawed: false }
}

/// The execution and revision a commit is about, without reading the rest.
pub fn peek(bytes: &[u8]) -> Result<(WorkflowId, u64), CodecError> {
    let mut r = Reader::new(bytes);
    let id = expect(&mut r, ID)?.id()?;
    let revision = expect(&mut r, REVISION)?.uint()?;
    Ok((WorkflowId(id), revision))
}

fn expect<'a>(r: &mut Reader<'a>, wanted: u32) -> Result<Field<'a>, CodecError> {
    match r.next_field()? {
        Some((tag, field)) if tag == wanted => Ok(field),
        _ => Err(CodecError { what: "commit" }),
    }
}

/// Folds a commit into `execution`; none means that it is the first one.
///
/// The revision must follow: a gap is an error, a commit that is already in is skipped (recovery may read it twice).
pub fn apply(execution: Option<Execution>, bytes: &[u8]) -> Result<Execution, CodecError> {
    let (id, revision) = peek(bytes)?;
    let mut r = Reader::new(bytes);
    let mut e = match execution {
        Some(e) if e.id != id => return Err(CodecError { what: "commit of another execution" }),
        Some(e) if e.revision >= revision => return Ok(e),
        Some(e) if e.revision + 1 != revision => return Err(CodecError { what: "commit out of order" }),
        Some(e) => e,
        None => Execution::new(id, crate::exec::Header::new(crate::ids::DefId::default(), "".into(), 0)),
    };
    let (mut updated_ms, mut payloads) = (0, Read::default());
    while let Some((tag, field)) = r.next_field()? {
        match tag {
            UPDATED => updated_ms = field.int()?,
            HEADER => e.header = header::read(field.record()?)?,
            INPUT => e.input = payloads.read(field)?,
            OUTPUT => e.output = payloads.read(field)?,
            VARIABLES => e.variables = payloads.read(field)?,
            CLEARED => e.tasks.clear(),
            TASK => {
                let record = field.record()?;
                let old = e.tasks.get(task::number(record)?);
                let new = task::read(record, old, &mut payloads)?;
                e.tasks.put(new);
            }
            DROPPED => {
                let no = field.maybe()?.unwrap_or_default();
                e.tasks.remove(no);
            }
            SENT => e.outbox.insert(outbox::read(field.record()?)?),
            ARRIVED => {
                let number = field.maybe()?.unwrap_or_default();
                e.outbox.remove(number);
            }
            POSTED => {
                let (message, posted_ms) = read_posted(field.record()?)?;
                e.mailbox.push(message, posted_ms);
            }
            TAKEN => {
                e.mailbox.take(field.narrow()?);
            }
            _ => {}
        }
    }
    e.revision = revision;
    e.header.update_ms = updated_ms;
    Ok(e)
}

fn read_posted(mut r: Reader<'_>) -> Result<(Raw, i64), CodecError> {
    let (mut message, mut posted_ms) = (None, 0);
    while let Some((tag, field)) = r.next_field()? {
        match tag {
            POSTED_AT => posted_ms = field.int()?,
            POSTED_TEXT => message = Some(field.json()?),
            _ => {}
        }
    }
    Ok((message.ok_or(CodecError { what: "posted message" })?, posted_ms))
}
