//! The checksums of rows.

use super::{Doc, Id};

/// A checksum over fields, each with its presence and length, so that no two rows read the same.
pub(super) struct Check(crc32fast::Hasher);

impl Check {
    pub(super) fn new(id: &[u8]) -> Self {
        Self(crc32fast::Hasher::new()).bytes(id)
    }

    pub(super) fn bytes(mut self, field: &[u8]) -> Self {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
        self
    }

    pub(super) fn number(mut self, field: i64) -> Self {
        self.0.update(&field.to_le_bytes());
        self
    }

    pub(super) fn maybe(mut self, field: Option<&[u8]>) -> Self {
        self.0.update(&[u8::from(field.is_some())]);
        self.bytes(field.unwrap_or_default())
    }

    pub(super) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

/// Over what a restart reads.
pub(super) fn head(id: &Id, open: bool, next_due: Option<i64>, ready: &[u8], flags: u32) -> u32 {
    let check = Check::new(id).number(open.into()).number(i64::from(next_due.is_some()));
    check.number(next_due.unwrap_or_default()).bytes(ready).number(flags.into()).finish()
}

/// Over the record.
pub(super) fn record(id: &Id, record: &[u8]) -> u32 {
    Check::new(id).bytes(record).finish()
}

/// An optional text as it is stored: an empty one is the same as none.
pub(super) fn stored(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|text| !text.is_empty())
}

/// Over what a search reads.
pub(super) fn doc(doc: &Doc) -> u32 {
    fn text(field: Option<&String>) -> Option<&[u8]> {
        stored(field).map(str::as_bytes)
    }
    Check::new(&doc.id)
        .bytes(doc.name.as_bytes())
        .number(doc.version.into())
        .bytes(doc.status.as_bytes())
        .maybe(text(doc.correlation_id.as_ref()))
        .number(doc.start_ms)
        .number(doc.end_ms)
        .number(doc.update_ms)
        .number(doc.priority.into())
        .maybe(text(doc.reason.as_ref()))
        .maybe(doc.parent_id.as_ref().map(<[u8; 16]>::as_slice))
        .maybe(text(doc.event.as_ref()))
        .maybe(text(doc.failed_refs.as_ref()))
        .maybe(text(doc.classifier.as_ref()))
        .finish()
}

/// Over a keyed record.
pub(super) fn thing(kind: &str, key: &str, value: &[u8]) -> u32 {
    Check::new(kind.as_bytes()).bytes(key.as_bytes()).bytes(value).finish()
}

/// Over a log line.
pub(super) fn log(task: &Id, seq: u64, created_ms: i64, worker: &str, log: &[u8]) -> u32 {
    Check::new(task).bytes(&seq.to_le_bytes()).number(created_ms).bytes(worker.as_bytes()).bytes(log).finish()
}

/// Over the store id and the covered position.
pub(super) fn meta(store: &Id, covered: u64) -> u32 {
    Check::new(store).bytes(&covered.to_le_bytes()).finish()
}

/// Over a row of the table of value files.
pub(super) fn value_file(file: u32, bytes: u64, dead: u64) -> u32 {
    Check::new(&file.to_le_bytes()).bytes(&bytes.to_le_bytes()).bytes(&dead.to_le_bytes()).finish()
}
