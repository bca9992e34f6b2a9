//! What the archive has not got yet, and batches of it.

use super::commit::{is_queued, is_run_here};
use super::limits::holds_slot;
use super::{Entry, IdMap, Machine, records};
use fastcond_engine::Live;
use fastcond_model::codec::{Reader, Writer};
use fastcond_model::{Execution, WorkflowId, codec};
use fastcond_queue::{QueueKey, TaskKey};
use fastcond_store::{Batch, Doc, LogLine, Row, Thing};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

/// Executions looked at for leaving memory after one batch.
const EVICTIONS_MAX: usize = 20_000;

/// Executions looked at for leaving memory before another one is loaded.
const EVICTIONS_PER_LOAD: usize = 4;

/// Row flag: messages wait in the outbox.
pub const HAS_MAIL: u32 = 1;
/// Flag of an open row: the execution stands in the line of a limit key.
pub const HAS_LIMIT: u32 = 2;

/// Row flag: the definition masks no fields, so that a search may find what stands in payloads. Rows that were written
/// before there was such a search do not say so, and their payloads are not found.
pub const SHOWS_PAYLOADS: u32 = 4;

/// An execution that is over and left memory, until the archive holds it.
#[derive(Debug)]
struct Resting {
    record: Arc<Vec<u8>>,
    /// As in [`Entry`].
    row: Option<usize>,
    batched: u64,
}

/// Changes since the last batch, and what may leave memory once batches are written.
#[derive(Debug, Default)]
pub struct Pending {
    dirty: Vec<u128>,
    /// Entries of `dirty` whose execution has a row by now.
    overtaken: usize,
    /// Rows of executions that are over, made while their records were at hand.
    finished: Vec<Row>,
    finished_bytes: usize,
    resting: IdMap<u128, Resting>,
    /// Those of them that were batched, with the position each batch covers.
    rested: VecDeque<(u64, u128)>,
    /// Idempotency keys that the archive may not hold yet.
    pub keys: super::keys::PendingKeys,
    /// Records of what was done about events that the archive may not hold yet.
    pub event_actions: super::keys::PendingKeys,
    things: BTreeMap<(&'static str, String), Option<Vec<u8>>>,
    /// Snapshots in batches that may not be written yet, with the position each batch covers.
    given_snapshots: VecDeque<(u64, String, Vec<u8>)>,
    logs: Vec<(u64, LogLine)>,
    /// Deleted executions that the archive may still hold.
    pub removed: HashSet<u128>,
    removed_since: Vec<u128>,
    archived: VecDeque<u128>,
    written_removals: VecDeque<(u64, u128)>,
    /// Position the archive is known to hold.
    written: u64,
    logs_given: u64,
}

impl Pending {
    /// An execution changed. One that is over has its row made at once, which spreads that work evenly and finds the
    /// record in the processor's cache; any other is looked at when the batch is made.
    pub fn note_change(&mut self, entry: &mut Entry) {
        let execution = &entry.live.execution;
        if !execution.header.status.is_terminal() || !execution.outbox.is_empty() {
            if !std::mem::replace(&mut entry.is_dirty, true) {
                self.dirty.push(execution.id.0);
            }
            return;
        }
        let row = row(entry);
        if std::mem::take(&mut entry.is_dirty) {
            self.overtaken += 1;
        }
        // It must stay in memory until a batch with this row is written.
        entry.batched = u64::MAX;
        self.finished_bytes += row.record.len();
        if let Some(at) = entry.row {
            self.finished[at] = row;
        } else {
            entry.row = Some(self.finished.len());
            self.finished.push(row);
        }
    }

    /// Keeps of an execution only its record, when it is over and its row stands for it; the entry is then to be
    /// dropped. Its memory is warm now, and would be cold when the archive has it.
    pub fn rest(&mut self, entry: &Entry) -> bool {
        let Some(at) = entry.row.filter(|_| !entry.is_dirty) else { return false };
        let record = self.finished[at].record.clone();
        let resting = Resting { record, row: entry.row, batched: entry.batched };
        self.resting.insert(entry.live.execution.id.0, resting);
        true
    }

    /// The newest state of an execution goes into the batch that covers so much.
    fn give(&mut self, entry: &mut Entry, covered: u64) {
        entry.batched = covered;
        if !std::mem::replace(&mut entry.may_leave, true) {
            self.archived.push_back(entry.live.execution.id.0);
        }
    }

    /// The same of one that rests, if that row is its newest.
    fn give_resting(&mut self, id: u128, at: usize, covered: u64) -> bool {
        let Some(resting) = self.resting.get_mut(&id).filter(|resting| resting.row == Some(at)) else {
            return false;
        };
        (resting.row, resting.batched) = (None, covered);
        self.rested.push_back((covered, id));
        true
    }

    /// Whether only the record of an execution is kept.
    pub fn is_resting(&self, id: WorkflowId) -> bool {
        self.resting.contains_key(&id.0)
    }

    /// An execution was folded from the journal: the archive has an older state of it, or none.
    pub fn note_recovered(&mut self, id: u128) {
        self.dirty.push(id);
    }

    /// An execution was read from the archive, so it may leave memory again.
    pub fn note_loaded(&mut self, id: u128) {
        self.archived.push_back(id);
    }

    /// A keyed record changed.
    pub fn put_thing(&mut self, kind: &'static str, key: &str, value: Option<Vec<u8>>) {
        self.things.insert((kind, key.to_owned()), value);
    }

    /// A definition snapshot that the archive may not hold yet.
    pub fn snapshot(&self, key: &str) -> Option<String> {
        let waiting = self.things.get(&(records::SNAPSHOT, key.to_owned())).and_then(Option::as_ref);
        let given = || self.given_snapshots.iter().find(|(_, known, _)| known == key).map(|(.., text)| text);
        let text = waiting.or_else(given)?;
        Some(String::from_utf8(text.clone()).expect("a stored definition is text"))
    }

    /// A log line was written at that journal position.
    pub fn put_log(&mut self, line: LogLine) {
        self.logs.push((line.seq, line));
    }

    /// An execution was deleted.
    pub fn note_removed(&mut self, id: u128) {
        self.removed.insert(id);
        self.removed_since.push(id);
    }

    /// Log lines of a task that the archive may not hold yet.
    pub fn logs_of(&self, task: [u8; 16]) -> impl Iterator<Item = &LogLine> {
        self.logs.iter().map(|(_, line)| line).filter(move |line| line.task == task)
    }
}

impl Machine {
    /// Changes that a batch would carry.
    pub fn dirty_count(&self) -> usize {
        let pending = &self.pending;
        pending.dirty.len() - pending.overtaken
            + pending.finished.len()
            + pending.things.len()
            + pending.logs.len()
            + pending.removed_since.len()
    }

    /// Executions that are over, whose records are kept until the archive holds them.
    pub fn resting(&self) -> usize {
        self.pending.resting.len()
    }

    /// Bytes of records that wait for the next batch.
    pub fn row_bytes(&self) -> usize {
        self.pending.finished_bytes
    }

    /// Everything that changed since the last batch, as of the journal position it covers.
    pub fn make_batch(&mut self) -> Batch {
        let covered = self.position;
        let mut batch = Batch { covered, ..Batch::default() };
        let pending = &mut self.pending;
        (pending.overtaken, pending.finished_bytes) = (0, 0);
        for (at, row) in std::mem::take(&mut pending.finished).into_iter().enumerate() {
            let id = u128::from_be_bytes(row.id);
            let is_newest = match self.executions.get_mut(&id) {
                Some(entry) if entry.row == Some(at) => {
                    entry.row = None;
                    if !entry.is_dirty {
                        pending.give(entry, covered);
                    }
                    !entry.is_dirty
                }
                Some(_) => false,
                None => pending.give_resting(id, at, covered),
            };
            // The row of an execution that was removed, or went on, is of no use.
            if is_newest {
                batch.upserts.push(row);
            }
        }
        for id in std::mem::take(&mut pending.dirty) {
            let Some(entry) = self.executions.get_mut(&id) else { continue };
            if std::mem::take(&mut entry.is_dirty) {
                pending.give(entry, covered);
                batch.upserts.push(row(entry));
            }
        }
        for id in std::mem::take(&mut self.pending.removed_since) {
            batch.removes.push(id.to_be_bytes());
            self.pending.written_removals.push_back((covered, id));
        }
        for ((kind, key), value) in std::mem::take(&mut self.pending.things) {
            if let (records::SNAPSHOT, Some(text)) = (kind, &value) {
                self.pending.given_snapshots.push_back((covered, key.clone(), text.clone()));
            }
            batch.things.push(Thing { kind: kind.to_owned(), key, value });
        }
        let given = self.pending.logs_given;
        let fresh = self.pending.logs.iter().filter(|(seq, _)| *seq > given);
        batch.logs = fresh.map(|(_, line)| line.clone()).collect();
        self.pending.logs_given = covered;
        batch
    }

    /// The archive holds everything up to `covered`: finished executions leave memory, idle ones when there are many.
    pub fn note_archived(&mut self, covered: u64) {
        let given = self.pending.logs_given;
        if covered >= given {
            self.pending.logs.retain(|(seq, _)| *seq > covered);
        }
        self.pending.keys.note_archived(covered);
        self.pending.event_actions.note_archived(covered);
        while let Some((at, id)) = self.pending.written_removals.front().copied() {
            if at > covered {
                break;
            }
            self.pending.written_removals.pop_front();
            self.pending.removed.remove(&id);
        }
        while self.pending.given_snapshots.front().is_some_and(|(at, ..)| *at <= covered) {
            self.pending.given_snapshots.pop_front();
        }
        while let Some((at, id)) = self.pending.rested.front().copied().filter(|(at, _)| *at <= covered) {
            self.pending.rested.pop_front();
            if self.pending.resting.get(&id).is_some_and(|resting| resting.batched == at) {
                self.pending.resting.remove(&id);
                self.prefixes.remove(WorkflowId(id));
            }
        }
        self.pending.written = covered;
        self.evict(EVICTIONS_MAX, 0);
    }

    /// Takes an execution that rests back into memory; none when it does not, or its snapshot cannot be read.
    pub fn wake(&mut self, id: WorkflowId) -> Option<Entry> {
        let record = self.pending.resting.get(&id.0)?.record.clone();
        let live = self.revived(&record)?;
        let Resting { row, batched, .. } = self.pending.resting.remove(&id.0)?;
        Some(Entry { live, is_dirty: false, row, batched, may_leave: true })
    }

    /// Makes room for one more execution, so that reading alone cannot fill the memory.
    pub fn make_room(&mut self) {
        if self.executions.len() >= self.options.cached_max {
            self.evict(EVICTIONS_PER_LOAD, 1);
        }
    }

    /// Looks at the executions that have been in line longest and lets those leave memory that may; `coming` are about
    /// to enter it.
    fn evict(&mut self, most: usize, coming: usize) {
        for _ in 0..self.pending.archived.len().min(most) {
            let Some(id) = self.pending.archived.pop_front() else { break };
            let is_full = self.executions.len() + coming > self.options.cached_max;
            let Some(entry) = self.executions.get_mut(&id) else { continue };
            let is_over = entry.live.execution.header.status.is_terminal();
            if entry.is_dirty {
                // The next batch puts it back in line.
                entry.may_leave = false;
            } else if entry.batched <= self.pending.written && (is_over || is_full) {
                self.let_go(WorkflowId(id));
            } else {
                self.pending.archived.push_back(id);
            }
        }
    }
}

fn row(entry: &Entry) -> Row {
    let live = &entry.live;
    let execution = &live.execution;
    let mut record = Vec::with_capacity(record_bytes(execution));
    codec::encode_snapshot(&mut record, execution);
    let is_open = !execution.header.status.is_terminal();
    Row {
        id: execution.id.bytes(),
        open: is_open || !execution.outbox.is_empty(),
        next_due: live.next_due(),
        ready: if is_open { ready(live) } else { Vec::new() },
        flags: flags(live),
        doc: doc(execution, &live.graph.def.classifier()),
        record: Arc::new(record),
    }
}

fn flags(live: &Live) -> u32 {
    let execution = &live.execution;
    let mail = if execution.outbox.is_empty() { 0 } else { HAS_MAIL };
    let shows = if live.graph.def.masked_fields.is_empty() { SHOWS_PAYLOADS } else { 0 };
    mail | shows | if execution.header.limit_key.is_some() { HAS_LIMIT } else { 0 }
}

/// About how long a record gets: its payloads, those that are shared once, and what stands around them.
fn record_bytes(execution: &Execution) -> usize {
    /// How many payloads back a shared one is looked for.
    const LOOK_BACK: usize = 4;
    let workflow = [&execution.input, &execution.output, &execution.variables];
    let payloads = workflow.into_iter().chain(execution.tasks.iter().flat_map(|t| [&t.input, &t.output]));
    let mut newest = [""; LOOK_BACK];
    let mut bytes = 256 + 192 * execution.tasks.len();
    for (at, payload) in payloads.enumerate() {
        let text = payload.as_text();
        if !newest.iter().any(|known| std::ptr::eq(*known, text)) {
            newest[at % LOOK_BACK] = text;
            bytes += text.len();
        }
    }
    bytes
}

/// The columns a search can ask for.
pub fn doc(execution: &Execution, classifier: &str) -> Doc {
    let header = &execution.header;
    Doc {
        id: execution.id.bytes(),
        name: header.name.to_string(),
        version: header.version,
        status: header.status.text().to_owned(),
        correlation_id: header.correlation_id.as_deref().map(str::to_owned),
        start_ms: header.create_ms,
        end_ms: header.end_ms,
        update_ms: header.update_ms,
        priority: i32::from(header.priority),
        reason: header.reason.as_deref().map(str::to_owned),
        parent_id: header.parent.map(|p| p.workflow.bytes()),
        event: header.event.as_deref().map(str::to_owned),
        failed_refs: (!header.failed_refs.is_empty()).then(|| header.failed_refs.join(",")),
        classifier: (classifier != "workflow").then(|| classifier.to_owned()),
    }
}

/// What a restart needs to rebuild queues and slots without reading the record.
fn ready(live: &Live) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    for task in live.execution.tasks.iter() {
        if task.status.is_terminal() {
            continue;
        }
        if is_queued(live, task) || is_run_here(live, task) {
            w.record(1, |w| {
                w.uint(1, u64::from(task.no) + 1);
                w.text(2, Some(&task.task_type));
                w.text(3, task.domain.as_deref());
                w.int(6, task.ready_ms);
                w.uint(7, u64::from(live.execution.header.priority));
            });
        } else if holds_slot(live, task) {
            w.record(2, |w| {
                w.uint(1, u64::from(task.no) + 1);
                w.text(2, Some(&task.def_name));
            });
        }
    }
    out
}

/// An entry of a row's ready list.
#[derive(Debug)]
pub enum ReadyEntry {
    /// A task waits in a queue.
    Queued {
        /// The task.
        key: TaskKey,
        /// Its queue.
        queue: QueueKey,
        /// When it is due.
        due_ms: i64,
        /// Its priority.
        priority: u8,
    },
    /// A running task holds a slot.
    Holding {
        /// The task.
        key: TaskKey,
        /// The limited name.
        name: Arc<str>,
    },
}

/// Reads a row's ready list.
pub fn read_ready(workflow: u128, bytes: &[u8]) -> Result<Vec<ReadyEntry>, codec::CodecError> {
    let mut list = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some((kind, field)) = reader.next_field()? {
        let mut entry = field.record()?;
        let mut queue = QueueKey::worker("", None);
        let (mut task, mut due_ms, mut priority) = (0, 0, 0);
        while let Some((tag, field)) = entry.next_field()? {
            match (kind, tag) {
                (_, 1) => task = field.maybe()?.unwrap_or_default(),
                (_, 2) => queue.task_type = field.text()?,
                (1, 3) => queue.domain = Some(field.text()?),
                (1, 6) => due_ms = field.int()?,
                (1, 7) => priority = field.narrow()?,
                _ => {}
            }
        }
        let key = TaskKey { workflow, task };
        list.push(match kind {
            1 => ReadyEntry::Queued { key, queue, due_ms, priority },
            _ => ReadyEntry::Holding { key, name: queue.task_type },
        });
    }
    Ok(list)
}

impl Machine {
    /// Appends a line to a task's log (S-52.13); a secret that its worker wrote into it is not kept (quality G22).
    pub fn log(&mut self, task: u128, line: &[u8]) {
        let line = self.registry.secrets().redacted_bytes(line);
        let line = &*line;
        records::log(self.frames.buffer(), task, self.now_ms, line);
        self.position += 1;
        self.pending.put_log(LogLine {
            task: task.to_be_bytes(),
            seq: self.position,
            created_ms: self.now_ms,
            worker: String::new(),
            log: line.to_vec(),
        });
    }
}

/// Executions folded from journal records, at recovery.
pub type Folded = IdMap<u128, Option<Execution>>;
