//! What lies in the archive: read one by one by the machine, or asked in bulk after everything before is written.

use crate::reply::{Reply, ReplyTo};
use fastcond_model::WorkflowId;
use fastcond_store::{ArchiveReader, LogLine, StoreFault};

/// Reads of the archive that the machine waits for.
pub trait Shelf: Send {
    /// The record of an execution.
    fn load(&self, id: WorkflowId) -> Result<Option<Vec<u8>>, StoreFault>;
    /// Executions whose id starts with these bytes.
    fn ids_with_prefix(&self, prefix: [u8; 6]) -> Result<Vec<WorkflowId>, StoreFault>;
    /// A definition snapshot.
    fn definition(&self, key: &str) -> Result<Option<String>, StoreFault>;
    /// The executions noted under an idempotency key.
    fn idempotency_key(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault>;
    /// What a handler did about a message.
    fn event_action(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault>;
    /// Keys of the family by time that come before `bound`, the earliest first, at most `most`.
    fn event_times(&self, bound: &str, most: usize) -> Result<Vec<String>, StoreFault>;
    /// Log lines of a task.
    fn logs(&self, task: [u8; 16]) -> Result<Vec<LogLine>, StoreFault>;
}

/// An empty archive, for machines that keep everything in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShelf;

impl Shelf for NoShelf {
    fn load(&self, _: WorkflowId) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(None)
    }

    fn ids_with_prefix(&self, _: [u8; 6]) -> Result<Vec<WorkflowId>, StoreFault> {
        Ok(Vec::new())
    }

    fn definition(&self, _: &str) -> Result<Option<String>, StoreFault> {
        Ok(None)
    }

    fn idempotency_key(&self, _: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(None)
    }

    fn event_action(&self, _: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        Ok(None)
    }

    fn event_times(&self, _: &str, _: usize) -> Result<Vec<String>, StoreFault> {
        Ok(Vec::new())
    }

    fn logs(&self, _: [u8; 16]) -> Result<Vec<LogLine>, StoreFault> {
        Ok(Vec::new())
    }
}

impl Shelf for ArchiveReader {
    fn load(&self, id: WorkflowId) -> Result<Option<Vec<u8>>, StoreFault> {
        Self::load(self, &id.bytes())
    }

    fn ids_with_prefix(&self, prefix: [u8; 6]) -> Result<Vec<WorkflowId>, StoreFault> {
        let rows = self.load_prefix(prefix)?;
        let ids =
            rows.iter().filter_map(|row| fastcond_model::codec::peek(&row.record).ok()).map(|(id, _)| id);
        Ok(ids.collect())
    }

    fn definition(&self, key: &str) -> Result<Option<String>, StoreFault> {
        let bytes = self.thing(super::records::SNAPSHOT, key)?;
        Ok(bytes.map(|bytes| String::from_utf8(bytes).expect("a stored definition is text")))
    }

    fn idempotency_key(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        self.thing(super::records::IDEMPOTENCY_KEY, key)
    }

    fn event_action(&self, key: &str) -> Result<Option<Vec<u8>>, StoreFault> {
        self.thing(super::records::EVENT_ACTION, key)
    }

    fn event_times(&self, bound: &str, most: usize) -> Result<Vec<String>, StoreFault> {
        self.first_keys(super::records::EVENT_TIME, bound, most)
    }

    fn logs(&self, task: [u8; 16]) -> Result<Vec<LogLine>, StoreFault> {
        Self::logs(self, &task)
    }
}

/// A question to the archive as a function on its reader.
pub type Question = Box<dyn FnOnce(&ArchiveReader) -> Reply + Send>;

/// A question that is answered once the archive holds everything up to now.
pub struct Ask {
    /// Who asked.
    pub to: ReplyTo,
    /// What.
    pub question: Question,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("to", &self.to).finish_non_exhaustive()
    }
}
