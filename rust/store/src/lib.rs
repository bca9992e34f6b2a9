//! The embedded store: a journal on the acknowledge path, SQLite off it.
//!
//! Two durable things live in one folder, and they never disagree for long:
//!
//! * the **journal** ([`Journal`]): every committed record, in order, in preallocated segments. A record is
//!   acknowledged after the `fdatasync` that covers it, and one sync covers whatever arrived during the last one;
//! * the **archive** ([`Archive`]): one SQLite file with executions, keyed records and task logs, written behind the
//!   journal in large transactions. Each transaction carries the journal position it covers. Records of executions that
//!   are over lie beside it in a log of their own.
//!
//! Recovery ([`Store::open`], [`Store::recover`]) is: read the archive up to its covered position, then replay the
//! journal after it. A segment of the journal is given back only when the archive is *durably* past it.
//!
//! The store knows records and revisions, not workflows: records and keyed values are opaque bytes, and nothing here
//! compares a status or names a task type. The columns a search can ask for arrive beside the record in a [`Doc`].
//!
//! Everything is synchronous and is driven by threads of the caller. All file access of the journal goes through the
//! narrow [`disk::Disk`] trait, so that crash images and failing disks are ordinary inputs of a test.

pub mod archive;
pub mod disk;
pub mod fault;
pub mod journal;
pub mod payloads;
pub mod search;
mod store;
mod values;

pub use archive::{
    Archive, ArchiveOptions, ArchiveReader, Batch, Contents, Describe, Doc, Id, Kept, LogLine, NameQuery,
    OpenRow, Row, StoredRow, TaskDoc, TaskHit, Thing, Written,
};
pub use fault::{OpenError, StoreFault};
pub use journal::frames::Frames;
pub use journal::group::{Depth, Durable, Queue, QueueBounds, Refused, run};
pub use journal::record::{begin_record, end_record, frame, payloads};
pub use journal::{Cut, Journal, JournalOptions, Records, Recovery, Segments, SyncMode};
pub use payloads::PayloadFiles;
pub use search::{SearchQuery, parse::QueryError};
pub use store::{FORMAT_VERSION, Recover, Settings, Store, StoreId};
