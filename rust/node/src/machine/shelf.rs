//! What lies in the archive: read one by one by the machine, or asked in bulk after everything before is written.

use crate::reply::{Reply, ReplyTo};
use fastcond_model::WorkflowId;
use fastcond_store::{ArchiveReader, LogLine};

/// Reads of the archive that the machine waits for.
pub trait Shelf: Send {
    /// The record of an execution.
    fn load(&self, id: WorkflowId) -> Option<Vec<u8>>;
    /// Executions whose id starts with these bytes.
    fn ids_with_prefix(&self, prefix: [u8; 6]) -> Vec<WorkflowId>;
    /// A definition snapshot.
    fn definition(&self, key: &str) -> Option<String>;
    /// Log lines of a task.
    fn logs(&self, task: [u8; 16]) -> Vec<LogLine>;
}

/// An empty archive, for machines that keep everything in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoShelf;

impl Shelf for NoShelf {
    fn load(&self, _: WorkflowId) -> Option<Vec<u8>> {
        None
    }

    fn ids_with_prefix(&self, _: [u8; 6]) -> Vec<WorkflowId> {
        Vec::new()
    }

    fn definition(&self, _: &str) -> Option<String> {
        None
    }

    fn logs(&self, _: [u8; 16]) -> Vec<LogLine> {
        Vec::new()
    }
}

impl Shelf for ArchiveReader {
    fn load(&self, id: WorkflowId) -> Option<Vec<u8>> {
        Self::load(self, &id.bytes()).expect("the archive can be read")
    }

    fn ids_with_prefix(&self, prefix: [u8; 6]) -> Vec<WorkflowId> {
        let rows = self.load_prefix(prefix).expect("the archive can be read");
        rows.iter()
            .filter_map(|row| fastcond_model::codec::peek(&row.record).ok())
            .map(|(id, _)| id)
            .collect()
    }

    fn definition(&self, key: &str) -> Option<String> {
        let bytes = self.thing(super::records::SNAPSHOT, key).expect("the archive can be read")?;
        Some(String::from_utf8(bytes).expect("a stored definition is text"))
    }

    fn logs(&self, task: [u8; 16]) -> Vec<LogLine> {
        Self::logs(self, &task).expect("the archive can be read")
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
