//! Which executions a client's idempotency key stands for: looked up and noted in the start itself (S-90.1, G2).

use super::{Machine, records};
use crate::reply::Failure;
use fastcond_model::{IdempotencyStrategy, WorkflowId};
use std::collections::BTreeMap;

/// Executions of one key that are remembered: the newest ones. Only `FAIL_ON_RUNNING` makes more than one.
const IDS_MAX: usize = 8;
/// Bytes of an id.
const ID: usize = size_of::<u128>();

/// Keyed records noted in the journal and not yet known to lie in the archive.
#[derive(Debug, Default)]
pub struct PendingKeys(BTreeMap<String, (u64, Vec<u8>)>);

impl PendingKeys {
    /// Notes what stands in the journal at that position; nothing when the key was given up.
    pub fn note(&mut self, position: u64, key: &str, ids: Vec<u8>) {
        self.0.insert(key.to_owned(), (position, ids));
    }

    /// What is noted under a key.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.get(key).map(|(_, value)| value.as_slice())
    }

    /// The archive holds everything up to `covered`.
    pub fn note_archived(&mut self, covered: u64) {
        self.0.retain(|_, (position, _)| *position > covered);
    }
}

/// A key of one workflow name, as the record is called.
fn record_key(name: &str, key: &str) -> String {
    format!("{name}\0{key}")
}

impl Machine {
    /// What a start with a key comes to: the id to answer with, or none when it may start.
    pub fn keyed_start(
        &mut self,
        name: &str,
        key: &str,
        strategy: IdempotencyStrategy,
    ) -> Result<Option<WorkflowId>, Failure> {
        let known = self.ids_of_key(&record_key(name, key))?;
        let mut newest = None;
        let mut running = None;
        for id in known.chunks_exact(ID).map(id_of).rev() {
            let Some(live) = self.find(id) else { continue };
            let is_running = !live.execution.header.status.is_terminal();
            newest = newest.or(Some(id));
            running = running.or(Some(id).filter(|_| is_running));
        }
        if let Some(fault) = self.take_read_fault() {
            return Err(Failure::unreadable(&fault));
        }
        let in_the_way = match strategy {
            IdempotencyStrategy::ReturnExisting => return Ok(newest),
            IdempotencyStrategy::Fail => newest,
            IdempotencyStrategy::FailOnRunning => running,
        };
        in_the_way.map_or(Ok(None), |id| {
            Err(Failure::conflict(format!(
                "Workflow {name} was started with idempotency key {key} already: {id}"
            )))
        })
    }

    /// Notes the execution that is about to start with a key; the start's own record follows in the same journal group.
    pub fn note_key(&mut self, name: &str, key: &str, id: WorkflowId) -> Result<(), Failure> {
        let record = record_key(name, key);
        let mut ids = self.ids_of_key(&record)?;
        ids.extend_from_slice(&id.bytes());
        let surplus = (ids.len() / ID).saturating_sub(IDS_MAX) * ID;
        ids.drain(..surplus);
        self.put_key(&record, ids);
        Ok(())
    }

    /// Gives up the key of an execution that is removed: a key lives as long as the record.
    pub fn drop_key(&mut self, name: &str, key: &str, id: WorkflowId) -> Result<(), Failure> {
        let record = record_key(name, key);
        let known = self.ids_of_key(&record)?;
        let others = known.chunks_exact(ID).filter(|other| *other != id.bytes());
        let ids: Vec<u8> = others.flatten().copied().collect();
        self.put_key(&record, ids);
        Ok(())
    }

    fn put_key(&mut self, record: &str, ids: Vec<u8>) {
        let value = Some(ids.clone()).filter(|ids| !ids.is_empty());
        self.put_thing(records::IDEMPOTENCY_KEY, record, value);
        self.pending.keys.note(self.position, record, ids);
    }

    fn ids_of_key(&mut self, record: &str) -> Result<Vec<u8>, Failure> {
        if let Some((_, ids)) = self.pending.keys.0.get(record) {
            return Ok(ids.clone());
        }
        let stored = self.shelf.idempotency_key(record).map_err(|fault| Failure::unreadable(&fault))?;
        Ok(stored.unwrap_or_default())
    }
}

fn id_of(bytes: &[u8]) -> WorkflowId {
    WorkflowId(u128::from_be_bytes(bytes.try_into().expect("a chunk is as long as an id")))
}
