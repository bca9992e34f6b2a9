//! An archive in memory: what batches bring it keeps, and reads fail when it is told so.

use fastcond_model::{WorkflowId, codec};
use fastcond_node::machine::records;
use fastcond_node::machine::shelf::Shelf;
use fastcond_store::{Batch, LogLine, StoreFault};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// The archive; clones are the same one.
#[derive(Clone, Default)]
pub struct MemoryArchive(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    records: BTreeMap<[u8; 16], Vec<u8>>,
    snapshots: BTreeMap<String, Vec<u8>>,
    keys: BTreeMap<String, Vec<u8>>,
    event_actions: BTreeMap<String, Vec<u8>>,
    event_times: BTreeSet<String>,
    logs: Vec<LogLine>,
    fails: bool,
    failures: usize,
}

impl MemoryArchive {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nobody panics here")
    }

    /// Writes a batch.
    pub fn write(&self, batch: Batch) {
        let mut kept = self.kept();
        for id in batch.removes {
            kept.records.remove(&id);
        }
        kept.records.extend(batch.upserts.into_iter().map(|row| (row.id, row.record.to_vec())));
        for thing in batch.things {
            match (&*thing.kind, thing.value) {
                (records::SNAPSHOT, value) => {
                    kept.snapshots.insert(thing.key, value.expect("snapshots are not deleted"));
                }
                (records::IDEMPOTENCY_KEY, Some(ids)) => {
                    kept.keys.insert(thing.key, ids);
                }
                (records::IDEMPOTENCY_KEY, None) => {
                    kept.keys.remove(&thing.key);
                }
                (records::EVENT_ACTION, Some(value)) => {
                    kept.event_actions.insert(thing.key, value);
                }
                (records::EVENT_ACTION, None) => {
                    kept.event_actions.remove(&thing.key);
                }
                (records::EVENT_TIME, Some(_)) => {
                    kept.event_times.insert(thing.key);
                }
                (records::EVENT_TIME, None) => {
                    kept.event_times.remove(&thing.key);
                }
                _ => {}
            }
        }
        kept.logs.extend(batch.logs);
    }

    /// How many records about events it keeps, and how many of the list by time.
    pub fn event_records(&self) -> (usize, usize) {
        let kept = self.kept();
        (kept.event_actions.len(), kept.event_times.len())
    }

    /// Lets reads fail, or work again.
    pub fn set_failing(&self, fails: bool) {
        self.kept().fails = fails;
    }

    /// Reads that failed.
    pub fn failures(&self) -> usize {
        self.kept().failures
    }

    fn read<T>(&self, read: impl FnOnce(&Kept) -> T) -> Result<T, StoreFault> {
        let mut kept = self.kept();
        if !kept.fails {
            return Ok(read(&kept));
        }
        kept.failures += 1;
        let cause = Arc::new(io::Error::from(io::ErrorKind::Other));
        Err(StoreFault::Io { act: "read", file: "archive".into(), cause })
    }
}

impl Shelf for MemoryArchive {
    fn load(&self, id: WorkflowId) -> Result<Option<Vec<u8>>, StoreFault> {
        self.read(|kept| kept.records.get(&id.bytes()).cloned())
    }

    fn ids_with_prefix(&self, prefix: [u8; 6]) -> Result<Vec<WorkflowId>, StoreFault> {
        self.read(|kept| {
            let found = kept.records.iter().filter(|(id, _)| id.starts_with(&prefix));
            found.map(|(_, record)| codec::peek(record).expect("an archived record is readable").0).collect()
        })
    }

    fn definition(&self, key: &str) -> Result<Option<String>, StoreFault> {
        let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).expect("a definition is text");
        self.read(|kept| kept.snapshots.get(key).map(text))
    }

    fn idempotency_key(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        self.read(|kept| kept.keys.get(key).cloned())
    }

    fn event_action(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        self.read(|kept| kept.event_actions.get(key).cloned())
    }

    fn event_times(&self, bound: &str, most: usize) -> Result<Vec<String>, StoreFault> {
        self.read(|kept| kept.event_times.range(..bound.to_owned()).take(most).cloned().collect())
    }

    fn logs(&self, task: [u8; 16]) -> Result<Vec<LogLine>, StoreFault> {
        self.read(|kept| kept.logs.iter().filter(|line| line.task == task).cloned().collect())
    }
}
