//! The binary form of records: tagged fields, so that old data stays readable and unknown fields are skipped.
//!
//! A commit is a patch on one execution: the header when it changed, the payloads that changed, the task instances that
//! changed (small fields whole, payloads only when changed), what was deleted, and the outbox. A snapshot is the patch
//! from nothing. [`encode`] writes straight from the live record, [`apply`] folds a patch into one; what `apply` makes
//! of all commits in order is the state (G8).

mod fields;
mod header;
mod outbox;
mod patch;
mod payloads;
mod task;

pub use fields::{CodecError, Field, Reader, Writer};
pub use patch::{Change, TaskChange, apply, encode, encode_snapshot, peek};

#[cfg(test)]
mod tests;
