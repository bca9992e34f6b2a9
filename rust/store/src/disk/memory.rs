//! A disk in memory that remembers what was done to it, so that a crash at any moment can be tried.
//!
//! Running code sees the *live* view, as a process sees the page cache. Beside it the disk keeps every operation in
//! order. [`MemoryDisk::crash`] plays a prefix of them back and decides, by a rule and a seed, which of the unsynced
//! ones reached the plate. A sync that was told to fail loses what it should have made durable for good while the live
//! view still shows it, which is what Linux file systems do.

mod image;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blocks::BLOCK_BYTES;
use super::{Disk, DiskFile};

pub use image::Keep;

/// The disk; clones share the same contents.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

/// An open file of a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
}

/// A held lock of a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The device reports an error and nothing is written; a failed sync loses what it should have made durable.
    Eio,
    /// The disk is full and nothing is written.
    Enospc,
    /// Half of a write arrives, then the disk is full; other calls fail as full.
    ShortWrite,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
pub struct FailurePlan {
    /// The number of the first changing call that fails, counted from 0 since the disk was made.
    pub first: u64,
    /// How it fails.
    pub failure: Failure,
    /// Whether all later changing calls fail too, or only this one.
    pub every_later: bool,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, usize>,
    inodes: Vec<Vec<u8>>,
    /// What the disk held durably before the first operation, for images made from images.
    base: Base,
    history: Vec<Operation>,
    locks: BTreeSet<PathBuf>,
    calls: u64,
    plan: Option<FailurePlan>,
    delivered: u64,
}

#[derive(Debug, Clone, Default)]
struct Base {
    names: BTreeMap<PathBuf, usize>,
    inodes: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
enum Operation {
    Create { path: PathBuf, inode: usize },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    SyncDir { dir: PathBuf },
    Write { inode: usize, offset: u64, bytes: Vec<u8> },
    SetLen { inode: usize, len: u64 },
    Sync { inode: usize },
    SyncFailed { inode: usize },
}

impl MemoryDisk {
    /// Makes an empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes later calls fail; replaces an earlier plan.
    pub fn fail(&self, plan: FailurePlan) {
        self.state().plan = Some(plan);
    }

    /// Ends all planned failures: the disk is well again.
    pub fn heal(&self) {
        self.state().plan = None;
    }

    /// How many calls failed as planned. A test that injects faults asserts that they bit.
    pub fn faults_delivered(&self) -> u64 {
        self.state().delivered
    }

    /// How many changing calls were made.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// How many operations the history holds: [`MemoryDisk::crash`] accepts 0 up to this number.
    pub fn operations(&self) -> usize {
        self.state().history.len()
    }

    /// The whole contents of a file as the running process sees it.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(state.inodes[inode].clone())
    }

    /// Replaces the contents of a file behind everybody's back, durably: bit rot, cut tails, stale backups.
    pub fn corrupt(&self, path: &Path, bytes: Vec<u8>) -> io::Result<()> {
        let mut state = self.state();
        let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let len = bytes.len() as u64;
        state.history.push(Operation::SetLen { inode, len });
        state.history.push(Operation::Write { inode, offset: 0, bytes: bytes.clone() });
        state.history.push(Operation::Sync { inode });
        state.inodes[inode] = bytes;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a changing call and says whether it fails.
    fn failure(&mut self) -> Option<Failure> {
        let call = self.calls;
        self.calls += 1;
        let plan = self.plan?;
        let due = call == plan.first || (plan.every_later && call > plan.first);
        self.delivered += u64::from(due);
        due.then_some(plan.failure)
    }

    /// Counts a changing call other than a write or a sync, which fails whole.
    fn gate(&mut self) -> io::Result<()> {
        self.failure().map_or(Ok(()), |failure| Err(failure.into()))
    }

    fn inode_of(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        let number = match failure {
            Failure::Eio => rustix::io::Errno::IO,
            Failure::Enospc | Failure::ShortWrite => rustix::io::Errno::NOSPC,
        };
        number.into()
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;
    type Lock = MemoryLock;

    /// Folders always exist here and are never lost: the journal's folder is durable before its first file.
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside
            .filter_map(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect())
    }

    fn create(&self, path: &Path) -> io::Result<MemoryFile> {
        let mut state = self.state();
        state.gate()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Vec::new());
        state.names.insert(path.to_path_buf(), inode);
        state.history.push(Operation::Create { path: path.to_path_buf(), inode });
        Ok(MemoryFile { disk: self.clone(), inode })
    }

    fn open(&self, path: &Path) -> io::Result<MemoryFile> {
        let inode = self.state().inode_of(path)?;
        Ok(MemoryFile { disk: self.clone(), inode })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.gate()?;
        let inode = state.inode_of(from)?;
        state.names.remove(from);
        state.names.insert(to.to_path_buf(), inode);
        state.history.push(Operation::Rename { from: from.to_path_buf(), to: to.to_path_buf() });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.gate()?;
        state.inode_of(path)?;
        state.names.remove(path);
        state.history.push(Operation::Remove { path: path.to_path_buf() });
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.gate()?;
        state.history.push(Operation::SyncDir { dir: dir.to_path_buf() });
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<MemoryLock>> {
        let free = self.state().locks.insert(path.to_path_buf());
        Ok(free.then(|| MemoryLock { disk: self.clone(), path: path.to_path_buf() }))
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().inodes[self.inode].len() as u64)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        if len > self.len()? { self.set_len(len) } else { Ok(()) }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.gate()?;
        image::set_len(&mut state.inodes[self.inode], len);
        state.history.push(Operation::SetLen { inode: self.inode, len });
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let failure = state.failure();
        let arriving = match failure {
            None => bytes,
            Some(Failure::ShortWrite) => &bytes[..bytes.len() / 2],
            Some(Failure::Eio | Failure::Enospc) => &[],
        };
        if !arriving.is_empty() {
            image::write(&mut state.inodes[self.inode], offset, arriving);
            state.history.push(Operation::Write { inode: self.inode, offset, bytes: arriving.to_vec() });
        }
        failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    fn append_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let behind = offset % BLOCK_BYTES as u64;
        let mut blocks = vec![0; usize::try_from(behind).map_err(io::Error::other)?];
        let read = self.read_at(offset - behind, &mut blocks)?;
        assert_eq!(read, blocks.len(), "an append begins inside the file");
        blocks.extend_from_slice(bytes);
        blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
        self.write_at(offset - behind, &blocks)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.state();
        let contents = &state.inodes[self.inode];
        let start = usize::try_from(offset).map_err(io::Error::other)?.min(contents.len());
        let count = buffer.len().min(contents.len() - start);
        buffer[..count].copy_from_slice(&contents[start..start + count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        match state.failure() {
            None => {
                state.history.push(Operation::Sync { inode: self.inode });
                Ok(())
            }
            Some(failure) => {
                state.history.push(Operation::SyncFailed { inode: self.inode });
                Err(failure.into())
            }
        }
    }
}
