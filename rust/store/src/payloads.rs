//! Payloads that clients keep outside of executions: one file each, in a folder of their own (S-91.3).
//!
//! A name is a file name and nothing else, so no name leads out of the folder. A file is whole or absent: it is written
//! under another name, synced, and renamed.

use crate::fault::StoreFault;
use std::fs::{File, rename};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Characters a name may have.
pub const NAME_CHARS_MAX: usize = 200;

/// What the names of files that are being written begin with; no payload's name does.
const PARTIAL: &str = ".partial-";

/// A folder of payloads, made with the first of them.
#[derive(Debug)]
pub struct PayloadFiles {
    dir: PathBuf,
    written: AtomicU64,
}

/// Whether a payload may have this name.
pub fn is_payload_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && !name.starts_with('.') && name.bytes().all(is_plain)
}

impl PayloadFiles {
    /// The payloads in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), written: AtomicU64::new(0) }
    }

    /// Stores a payload durably, replacing one of that name.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        let path = self.path_of(name);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let partial = self.dir.join(format!("{PARTIAL}{number}"));
        let write = || -> std::io::Result<()> {
            self.make_folder()?;
            let mut file = File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            rename(&partial, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| StoreFault::io("write", &path, error))
    }

    /// A payload of at most `bytes_max`; none when there is none of that name, or it is larger.
    pub fn get(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreFault> {
        if !is_payload_name(name) {
            return Ok(None);
        }
        let path = self.path_of(name);
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(&path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) if bytes.len() as u64 > bytes_max => Ok(None),
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreFault::io("read", &path, error)),
        }
    }

    /// The folder's own name must be as durable as the files in it.
    fn make_folder(&self) -> std::io::Result<()> {
        if self.dir.is_dir() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.dir)?;
        self.dir.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }

    fn path_of(&self, name: &str) -> PathBuf {
        assert!(is_payload_name(name), "a payload's name was checked at the door");
        self.dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_names_of_payloads() {
        for name in ["a", "task-output-1.json", "A_b.C-9", &"x".repeat(NAME_CHARS_MAX)] {
            assert!(is_payload_name(name), "{name}");
        }
        let too_long = "x".repeat(NAME_CHARS_MAX + 1);
        for name in ["", ".", "..", ".partial-1", "a/b", "../a", "a\\b", "a b", "a\0", "ä", "%2e", &too_long]
        {
            assert!(!is_payload_name(name), "{name}");
        }
    }
}
