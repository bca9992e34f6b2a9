//! Coming back: open rows give queues and timers, journal records after them are folded into executions (G8).

use super::commit::is_run_here;
use super::records::{self, Record};
use super::rows::{self, Folded, ReadyEntry};
use super::{Entry, Machine};
use fastcond_engine::Live;
use fastcond_model::codec::CodecError;
use fastcond_model::def::EventHandler;
use fastcond_model::{TaskDef, WorkflowDef, WorkflowId, codec};
use fastcond_queue::TaskKey;
use fastcond_store::{LogLine, OpenRow, Recover};

/// Rebuilds a machine from a store.
#[derive(Debug)]
pub struct Recovering<'a> {
    machine: &'a mut Machine,
    folded: Folded,
    with_mail: Vec<u128>,
    with_limit: Vec<u128>,
    /// What could not be read; the store must not be opened then.
    pub error: Option<String>,
}

impl<'a> Recovering<'a> {
    /// Starts with an empty machine.
    pub fn new(machine: &'a mut Machine) -> Self {
        Self {
            machine,
            folded: Folded::default(),
            with_mail: Vec::new(),
            with_limit: Vec::new(),
            error: None,
        }
    }

    fn note(&mut self, what: &str, error: CodecError) {
        self.error.get_or_insert_with(|| format!("{what}: {error}"));
    }

    fn put_thing(&mut self, kind: &str, key: &str, value: Option<&[u8]>) -> Result<(), String> {
        let registry = &mut self.machine.registry;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string());
        match (kind, value) {
            (records::SNAPSHOT, Some(bytes)) => {
                registry.adopt_snapshot(&text(bytes)?, true);
            }
            (records::WORKFLOW_DEF, Some(bytes)) => {
                let def: WorkflowDef = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
                registry.put_workflow(def);
            }
            (records::TASK_DEF, Some(bytes)) => {
                let def: TaskDef = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
                registry.put_task(def);
            }
            (records::EVENT_HANDLER, Some(bytes)) => {
                let handler: EventHandler = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
                registry.put_event_handler(handler);
            }
            (records::EVENT_HANDLER, None) => {
                registry.events.delete(key);
            }
            (records::WORKFLOW_DEF, None) => {
                if let Some((name, version)) = key.split_once('\0') {
                    registry.delete_workflow(name, version.parse().unwrap_or(0));
                }
            }
            (records::TASK_DEF, None) => {
                registry.delete_task(key);
            }
            _ => {}
        }
        Ok(())
    }

    fn fold(&mut self, bytes: &[u8]) -> Result<(), CodecError> {
        let (id, _) = codec::peek(bytes)?;
        let before = match self.folded.remove(&id.0) {
            Some(known) => known,
            None => match self.machine.shelf.load(id) {
                Ok(Some(record)) => Some(codec::apply(None, &record)?),
                Ok(None) => None,
                Err(fault) => {
                    self.error.get_or_insert_with(|| fault.to_string());
                    return Ok(());
                }
            },
        };
        let after = codec::apply(before, bytes)?;
        self.folded.insert(id.0, Some(after));
        Ok(())
    }

    /// Takes in one record; those that are true together have the same position.
    fn take(&mut self, position: u64, record: &Record<'_>) -> Result<(), CodecError> {
        match *record {
            Record::Commit(bytes) => return self.fold(bytes),
            Record::Thing { kind, key, value } => self.take_thing(position, (kind, key), value),
            Record::Remove(id) => {
                self.folded.insert(id, None);
                self.machine.pending.note_removed(id);
            }
            Record::Log { task, created_ms, line } => {
                self.machine.pending.put_log(LogLine {
                    task: task.to_be_bytes(),
                    seq: position,
                    created_ms,
                    worker: String::new(),
                    log: line.to_vec(),
                });
            }
            Record::Together(_) => return Err(CodecError { what: "records within records" }),
        }
        Ok(())
    }

    fn take_thing(&mut self, position: u64, (kind, key): (&str, &str), value: Option<&[u8]>) {
        if let Err(error) = self.put_thing(kind, key, value) {
            self.error.get_or_insert_with(|| format!("{kind} {key}: {error}"));
        }
        let pending = &mut self.machine.pending;
        match kind {
            records::IDEMPOTENCY_KEY => pending.keys.note(position, key, value.unwrap_or_default().to_vec()),
            records::EVENT_ACTION => {
                pending.event_actions.note(position, key, value.unwrap_or_default().to_vec());
            }
            _ => {}
        }
        if let Some(kind) = records::FAMILIES.into_iter().find(|family| *family == kind) {
            pending.put_thing(kind, key, value.map(<[u8]>::to_vec));
        }
    }

    /// Ends recovery: what the journal changed replaces what the rows said, and unconfirmed messages are sent again.
    pub fn finish(self) -> Result<(), String> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let machine = self.machine;
        let mut ids: Vec<u128> = self.folded.keys().copied().collect();
        ids.sort_unstable();
        let mut folded = self.folded;
        for id in ids {
            machine.forget_rows_of(id);
            let Some(execution) = folded.remove(&id).flatten() else { continue };
            let Some(graph) = machine.snapshot_of(&execution.header.def) else { break };
            let mut live = Live::new(execution, graph);
            live.resume_work();
            machine.adopt(live);
        }
        for id in self.with_limit {
            machine.resume_limit(WorkflowId(id));
        }
        machine.admissions.look_at_all();
        for id in self.with_mail {
            machine.resend(WorkflowId(id));
        }
        match machine.take_read_fault() {
            Some(fault) => Err(fault.to_string()),
            None => Ok(()),
        }
    }
}

impl Machine {
    /// Drops queue entries, slots and timer of an execution that the journal knows better.
    fn forget_rows_of(&mut self, id: u128) {
        self.arm(id, None);
        let keys = self.recovered_keys.remove(&id).unwrap_or_default();
        for key in keys {
            self.release_slot(key);
            self.queues.remove(key);
        }
    }

    /// Takes over an execution as recovered: queues, slots, timer and messages follow from it.
    fn adopt(&mut self, live: Live) {
        let id = live.execution.id;
        for task in live.execution.tasks.iter() {
            self.follow_task(&live, task);
            if is_run_here(&live, task) {
                self.enqueue(&live, task);
            } else {
                self.resume_slot_of(&live, task);
            }
        }
        self.follow_limit(&live);
        self.arm(id.0, live.next_due());
        self.keep(id, Entry { live, is_dirty: true, row: None, batched: 0, may_leave: false });
        self.pending.note_recovered(id.0);
        self.resend(id);
    }

    /// An execution that stands in the line of a limit key, as the archive knows it.
    fn resume_limit(&mut self, id: WorkflowId) {
        if self.load(id) {
            let entry = self.executions.remove(&id.0).expect("the execution was just loaded");
            self.follow_limit(&entry.live);
            self.executions.insert(id.0, entry);
        }
    }

    fn resume_slot_of(&mut self, live: &Live, task: &fastcond_model::Task) {
        if super::limits::holds_slot(live, task) {
            let key = TaskKey { workflow: live.execution.id.0, task: task.no };
            self.resume_slot(key, &task.def_name);
        }
    }
}

impl Recover for Recovering<'_> {
    fn covered(&mut self, position: u64) {
        self.machine.position = position;
    }

    fn open_row(&mut self, row: OpenRow<'_>) {
        let id = u128::from_be_bytes(row.id);
        self.machine.arm(id, row.next_due);
        if row.flags & rows::HAS_MAIL != 0 {
            self.with_mail.push(id);
        }
        if row.flags & rows::HAS_LIMIT != 0 {
            self.with_limit.push(id);
        }
        let list = match rows::read_ready(id, row.ready) {
            Ok(list) => list,
            Err(error) => return self.note("an open row", error),
        };
        let mut keys = Vec::with_capacity(list.len());
        for entry in list {
            match entry {
                ReadyEntry::Queued { key, queue, due_ms, priority } => {
                    let queue = self.machine.queues.intern(&queue);
                    self.machine.queues.push(queue, key, due_ms, priority);
                    self.machine.note_waiting_work(queue, due_ms);
                    keys.push(key);
                }
                ReadyEntry::Holding { key, name } => {
                    self.machine.resume_slot(key, &name);
                    keys.push(key);
                }
            }
        }
        if !keys.is_empty() {
            self.machine.recovered_keys.insert(id, keys);
        }
    }

    fn families(&self) -> &'static [&'static str] {
        // Idempotency keys stay where they are, for there may be as many as executions; so does what was done about events.
        &[records::SNAPSHOT, records::TASK_DEF, records::WORKFLOW_DEF, records::EVENT_HANDLER]
    }

    fn thing(&mut self, kind: &str, key: &str, value: &[u8]) {
        if let Err(error) = self.put_thing(kind, key, Some(value)) {
            self.error.get_or_insert_with(|| format!("{kind} {key}: {error}"));
        }
    }

    fn record(&mut self, position: u64, payload: &[u8]) {
        self.machine.position = position;
        let result = match records::read(payload) {
            Ok(Record::Together(parts)) => parts
                .into_iter()
                .try_for_each(|part| records::read(part).and_then(|record| self.take(position, &record))),
            Ok(record) => self.take(position, &record),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.note(&format!("journal record {position}"), error);
        }
    }
}
