//! The narrow layer under the journal: the only calls it makes on files.
//!
//! Two disks implement it: [`RealDisk`] and, behind the feature `faults`, `MemoryDisk`, which keeps a history of
//! operations from which it can make the image that a crash at any of them could have left.

pub(crate) mod blocks;
mod real;

#[cfg(any(test, feature = "faults"))]
mod memory;

use std::fmt::Debug;
use std::io;
use std::path::Path;

#[cfg(any(test, feature = "faults"))]
pub use memory::{Failure, FailurePlan, Keep, MemoryDisk, MemoryFile, MemoryLock};
pub use real::{RealDisk, RealFile, RealLock};

/// A place for files, as far as the journal needs one.
///
/// Names of files are durable only after [`Disk::sync_dir`] on their folder, contents only after
/// [`DiskFile::sync`]; nothing may be assumed about the order in which unsynced changes reach the disk.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// A held lock; dropping it (or the death of the process) releases it.
    type Lock: Debug + Send + 'static;

    /// Makes a folder and its parents; an existing folder is fine.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names of the files in a folder, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a new empty file for reading and writing; it is an error if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Self::File>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Self::File>;
    /// Gives a file another name, replacing what had that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the exclusive lock of a file, made when missing, or `None` when another holder has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::Lock>>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Send + 'static {
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// True when the file holds no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Reserves room up to `len` bytes and grows the file to it, so that a later write finds its blocks.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Cuts or grows the file to `len` bytes.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Writes all bytes at an offset.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Writes all bytes at an offset of a file that only grows at its end, past the page cache where that can be.
    ///
    /// What stands behind them, up to the end of their last block of 4,096 bytes, may become zeros. The offset must
    /// not lie behind the end of the file. A file is written either by this or by [`Self::write_at`].
    fn append_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Reads up to `buffer.len()` bytes at an offset; 0 means the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Makes contents and length durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// Reads a whole file into `buffer`, replacing what was in it.
pub(crate) fn read_whole(file: &impl DiskFile, buffer: &mut Vec<u8>) -> io::Result<()> {
    let len = usize::try_from(file.len()?).map_err(io::Error::other)?;
    buffer.clear();
    buffer.resize(len, 0);
    let mut filled = 0;
    while filled < len {
        let read = file.read_at(filled as u64, &mut buffer[filled..])?;
        if read == 0 {
            buffer.truncate(filled);
            break;
        }
        filled += read;
    }
    Ok(())
}
