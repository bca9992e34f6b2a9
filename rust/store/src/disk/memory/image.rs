//! What a crash leaves: a prefix of the operations, and a choice among the unsynced ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{Base, MemoryDisk, Operation, State};

/// The unit in which a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Which unsynced changes survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them: the process died, the machine did not.
    All,
    /// None of them.
    Synced,
    /// A random subset, so that later writes may survive earlier ones.
    Subset,
    /// A random subset of 512-byte pieces of them.
    Torn,
    /// A random subset of them, but no file has grown.
    LostGrowth,
}

impl MemoryDisk {
    /// The disk after a crash just before operation `at`, with unsynced changes kept by `keep` and `seed`.
    #[must_use]
    pub fn crash(&self, at: usize, keep: Keep, seed: u64) -> MemoryDisk {
        let state = self.state();
        let mut dice = Chance(seed);
        let mut plate = Plate::new(&state.base);
        for operation in &state.history[..at] {
            plate.apply(operation);
        }
        let base = plate.settle(keep, &mut dice);
        MemoryDisk(Arc::new(Mutex::new(State {
            names: base.names.clone(),
            inodes: base.inodes.clone(),
            base,
            ..State::default()
        })))
    }
}

/// Grows with zeros or cuts.
pub(super) fn set_len(contents: &mut Vec<u8>, len: u64) {
    contents.resize(usize::try_from(len).expect("files in memory fit in memory"), 0);
}

/// Writes at an offset, growing with zeros where needed.
pub(super) fn write(contents: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).expect("files in memory fit in memory");
    if contents.len() < start + bytes.len() {
        contents.resize(start + bytes.len(), 0);
    }
    contents[start..start + bytes.len()].copy_from_slice(bytes);
}

/// Durable contents, and what is still on its way.
struct Plate {
    names: BTreeMap<PathBuf, usize>,
    inodes: Vec<Vec<u8>>,
    name_changes: Vec<Operation>,
    changes: BTreeMap<usize, Vec<Operation>>,
}

impl Plate {
    fn new(base: &Base) -> Self {
        let (names, inodes) = (base.names.clone(), base.inodes.clone());
        Self { names, inodes, name_changes: Vec::new(), changes: BTreeMap::new() }
    }

    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { inode, .. } => {
                assert_eq!(*inode, self.inodes.len(), "inodes are numbered in the order of their making");
                self.inodes.push(Vec::new());
                self.name_changes.push(operation.clone());
            }
            Operation::Rename { .. } | Operation::Remove { .. } => self.name_changes.push(operation.clone()),
            Operation::SyncDir { dir } => {
                let (synced, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.name_changes)
                    .into_iter()
                    .partition(|change| folder_of(change) == Some(dir.as_path()));
                self.name_changes = waiting;
                for change in synced {
                    self.rename(&change);
                }
            }
            Operation::Write { inode, .. } | Operation::SetLen { inode, .. } => {
                self.changes.entry(*inode).or_default().push(operation.clone());
            }
            Operation::Sync { inode } => {
                for change in self.changes.remove(inode).unwrap_or_default() {
                    self.change(*inode, &change);
                }
            }
            Operation::SyncFailed { inode } => {
                self.changes.remove(inode);
            }
        }
    }

    fn rename(&mut self, change: &Operation) {
        match change {
            Operation::Create { path, inode } => {
                self.names.insert(path.clone(), *inode);
            }
            Operation::Rename { from, to } => {
                if let Some(inode) = self.names.remove(from) {
                    self.names.insert(to.clone(), inode);
                }
            }
            Operation::Remove { path } => {
                self.names.remove(path);
            }
            _ => unreachable!("only changes of names wait for their folder"),
        }
    }

    fn change(&mut self, inode: usize, change: &Operation) {
        match change {
            Operation::Write { offset, bytes, .. } => write(&mut self.inodes[inode], *offset, bytes),
            Operation::SetLen { len, .. } => set_len(&mut self.inodes[inode], *len),
            _ => unreachable!("only changes of contents wait for their file"),
        }
    }

    /// Decides what becomes of the unsynced changes. Names change in order, as journalling file systems keep them.
    fn settle(mut self, keep: Keep, dice: &mut Chance) -> Base {
        let names = std::mem::take(&mut self.name_changes);
        let kept = match keep {
            Keep::All => names.len(),
            Keep::Synced => 0,
            Keep::Subset | Keep::Torn | Keep::LostGrowth => dice.below(names.len() + 1),
        };
        for change in &names[..kept] {
            self.rename(change);
        }
        for (inode, changes) in std::mem::take(&mut self.changes) {
            let synced_len = self.inodes[inode].len();
            for change in changes {
                self.settle_change(inode, &change, keep, dice);
            }
            if keep == Keep::LostGrowth {
                self.inodes[inode].truncate(synced_len);
            }
        }
        Base { names: self.names, inodes: self.inodes }
    }

    fn settle_change(&mut self, inode: usize, change: &Operation, keep: Keep, dice: &mut Chance) {
        match (keep, change) {
            (Keep::Synced, _) => {}
            (Keep::All, _) => self.change(inode, change),
            (Keep::Torn, Operation::Write { offset, bytes, .. }) => {
                let mut start = 0;
                while start < bytes.len() {
                    let at = usize::try_from(*offset).expect("files in memory fit in memory") + start;
                    let end = bytes.len().min(start + SECTOR_BYTES - at % SECTOR_BYTES);
                    if dice.coin() {
                        write(&mut self.inodes[inode], at as u64, &bytes[start..end]);
                    }
                    start = end;
                }
            }
            (Keep::Subset | Keep::Torn | Keep::LostGrowth, _) => {
                if dice.coin() {
                    self.change(inode, change);
                }
            }
        }
    }
}

fn folder_of(change: &Operation) -> Option<&Path> {
    match change {
        Operation::Create { path, .. } | Operation::Remove { path } => path.parent(),
        Operation::Rename { to, .. } => to.parent(),
        _ => None,
    }
}

/// A seeded sequence of choices (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("smaller than a usize")
    }
}
