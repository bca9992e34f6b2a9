//! A preallocated log that goes round: bytes in, durable when `commit` returns.
//!
//! The file is written full once, so that an append changes neither its size nor its extents and `fdatasync` has
//! only the data to bring to the disk. Reuse from the start when the end is reached keeps a long run within a fixed
//! size; nothing ever reads the log, which is what makes the server null.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes written at once while preallocating.
const FILL_BYTES: usize = 1024 * 1024;

/// The log file and the place of the next append.
#[derive(Debug)]
pub struct Log {
    file: File,
    path: PathBuf,
    capacity: u64,
    offset: u64,
    syncs: u64,
}

impl Log {
    /// Makes the file full of zeros and durable; the folder is made too if need be.
    pub fn create(directory: &Path, capacity: u64) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join("null.log");
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        let zeros = vec![0; FILL_BYTES];
        let mut offset = 0;
        while offset < capacity {
            let piece = usize::try_from(capacity - offset).unwrap_or(FILL_BYTES).min(FILL_BYTES);
            file.write_all_at(&zeros[..piece], offset)?;
            offset += piece as u64;
        }
        file.sync_all()?;
        Ok(Self { file, path, capacity, offset: 0, syncs: 0 })
    }

    /// Appends the bytes and makes them durable; they must fit the log.
    pub fn commit(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        assert!(length <= self.capacity, "a commit larger than the whole log");
        if self.offset + length > self.capacity {
            self.offset = 0;
        }
        self.file.write_all_at(bytes, self.offset)?;
        self.file.sync_data()?;
        self.offset += length;
        self.syncs += 1;
        Ok(())
    }

    /// How many commits were made.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// Closes the log and deletes its file.
    pub fn remove(self) -> io::Result<()> {
        drop(self.file);
        fs::remove_file(self.path)
    }
}
