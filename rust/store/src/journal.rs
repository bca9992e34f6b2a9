//! The journal: every committed record in order, durable before it is acknowledged.
//!
//! # Files
//!
//! A journal is a folder of preallocated segments. The name of a segment carries its number and the position of its
//! first record; its header repeats both under a checksum, with the store id. Positions start at 1 and have no holes.
//! The records of segment *n* end just below the first position of segment *n + 1*; whatever stands behind them in
//! the file is dead. A segment gets its name only after its header is durable.
//!
//! # What a crash can leave, and what opening does
//!
//! Each record carries the highest position known durable before it was written, and an idle journal writes a *seal*
//! with the same mark behind its last record. From these, the first position of the newest segment and the position
//! that the archive covers, opening knows a lower bound of what was durable:
//!
//! * a bad record **above** that bound is a torn tail: nobody was told about it or anything after it. The tail is cut.
//!   Records below the cut but above the bound are copied to a fresh segment and synced there before anybody sees them,
//!   so that a record which survived only in the page cache cannot vanish later, and the dead tail cannot come back;
//! * a bad record **at or below** it is damage. Opening refuses and names file and offset. Nothing is shortened.
//!
//! # What is detected, exactly
//!
//! Detected: any changed byte of a header or a record below the bound; a newest segment that was cut off; missing,
//! foreign or swapped segments below the newest; a journal that ends below the archive. Not detected, because the contents cannot tell it from a crash:
//! damage to records of the very last group when no later record and no seal survived, and the loss of whole newest
//! segments that the archive does not cover (an old copy of the folder). In [`SyncMode::Normal`] the last second counts
//! as the last group. Bytes that hold no record (unused room, dead tails, covered segments) may change unnoticed and
//! without effect.
//!
//! # Failure
//!
//! After the first failed write or sync a journal is poisoned: it never writes again and every later append gives the
//! same fault. What was acknowledged stays; a new [`Journal::open`] recovers (G9).

pub mod frames;
pub mod group;
pub mod record;
mod recovery;
mod scan;
mod segment;
mod segments;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::disk::{Disk, DiskFile};
use crate::fault::StoreFault;
use record::Seed;
use segment::SegmentName;

pub use recovery::{Cut, Records, Recovery};
pub use segments::Segments;

/// When a group is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// After its `fdatasync`: survives power loss (class D3).
    #[default]
    Full,
    /// After its write; a sync follows about once a second: power loss may take the last second (class D2).
    Normal,
}

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// The id of the store; records of another store are never read.
    pub store: [u8; 16],
    /// When a group is acknowledged.
    pub sync: SyncMode,
    /// The size of a segment file. A record that does not fit gets a larger segment of its own.
    pub segment_bytes: usize,
    /// How many emptied segments are kept for reuse instead of being removed.
    pub spares_max: usize,
}

impl JournalOptions {
    /// The usual sizes: 64 MiB segments, two spares, full sync.
    pub fn new(store: [u8; 16]) -> Self {
        Self { store, sync: SyncMode::Full, segment_bytes: 64 << 20, spares_max: 2 }
    }
}

/// The writing end of the journal; exactly one exists per folder.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    segments: Segments<D>,
    options: JournalOptions,
    current: Current<D>,
    last: u64,
    synced: u64,
    sealed: bool,
    poisoned: Option<StoreFault>,
}

/// The segment being written.
#[derive(Debug)]
struct Current<D: Disk> {
    file: D::File,
    path: PathBuf,
    name: SegmentName,
    seed: Seed,
    offset: usize,
    capacity: usize,
    sync_mode: SyncMode,
}

impl<D: Disk> Journal<D> {
    /// Appends whole frames, made by [`record::begin_record`] and [`record::end_record`], as one group.
    ///
    /// Stamps them in place, writes them, and in [`SyncMode::Full`] syncs. Returns the position of the last record; with
    /// no frames it does nothing. After an error the journal is poisoned: it is unknown which of the records are
    /// durable, so none may be acknowledged.
    pub fn append_group(&mut self, frames: &mut [u8]) -> Result<u64, StoreFault> {
        self.guarded(|journal| {
            let mut rest = frames;
            while !rest.is_empty() {
                let fitting = journal.current.fitting(rest);
                if fitting == 0 {
                    let first_frame = record::frame_bytes(rest);
                    journal.start_segment(first_frame)?;
                    continue;
                }
                let (now, later) = rest.split_at_mut(fitting);
                journal.write(now)?;
                rest = later;
            }
            if journal.options.sync == SyncMode::Full { journal.sync_current() } else { Ok(()) }
        })?;
        Ok(self.last)
    }

    /// Makes everything appended durable; returns the last position.
    pub fn sync(&mut self) -> Result<u64, StoreFault> {
        self.guarded(Self::sync_current)?;
        Ok(self.last)
    }

    /// Writes down, behind the last record, what is durable by now, so that damage to the last group can be told from
    /// a torn tail. It is not synced and costs one small write; [`group::run`] does it when nothing is queued.
    pub fn seal(&mut self) -> Result<(), StoreFault> {
        self.guarded(|journal| {
            let current = &journal.current;
            let fits = current.offset + record::HEADER_BYTES <= current.capacity;
            if journal.sealed || !fits || journal.synced < current.name.first {
                return Ok(());
            }
            let seal = record::seal(current.seed, journal.last, journal.synced);
            current.write(current.offset, &seal)?;
            journal.sealed = true;
            Ok(())
        })
    }

    /// Syncs, seals and syncs again: the clean end of a journal.
    pub fn close(mut self) -> Result<u64, StoreFault> {
        self.sync()?;
        self.seal()?;
        self.guarded(|journal| journal.current.sync())?;
        Ok(self.last)
    }

    /// Where in its segment the next group will stand, if it fits.
    pub fn offset(&self) -> u64 {
        self.current.offset as u64
    }

    /// The position of the last record, 0 when there is none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The highest position that is durable.
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// The fault that poisoned this journal, if any.
    pub fn fault(&self) -> Option<&StoreFault> {
        self.poisoned.as_ref()
    }

    /// A handle for giving segments back and preparing new ones, usable from another thread.
    pub fn segments(&self) -> Segments<D> {
        self.segments.clone()
    }

    /// How this journal acknowledges.
    pub fn sync_mode(&self) -> SyncMode {
        self.options.sync
    }

    /// Runs an operation unless the journal is poisoned, and poisons it when the operation fails.
    fn guarded(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        if let Some(fault) = &self.poisoned {
            return Err(fault.clone());
        }
        let outcome = operation(self);
        if let Err(fault) = &outcome {
            self.poisoned = Some(fault.clone());
        }
        outcome
    }

    fn write(&mut self, frames: &mut [u8]) -> Result<(), StoreFault> {
        let last = record::stamp(frames, self.current.seed, self.last, self.synced);
        self.current.write(self.current.offset, frames)?;
        self.current.offset += frames.len();
        self.last = last;
        self.sealed = false;
        Ok(())
    }

    fn sync_current(&mut self) -> Result<(), StoreFault> {
        if self.synced < self.last {
            self.current.sync()?;
            self.synced = self.last;
            self.sealed = false;
        }
        Ok(())
    }

    /// Goes on in a new segment. The old one is durable first: its end is what the new header vouches for.
    fn start_segment(&mut self, frame_bytes: usize) -> Result<(), StoreFault> {
        self.sync_current()?;
        let name = SegmentName { number: self.current.name.number + 1, first: self.last + 1 };
        self.current = self.segments.start(name, frame_bytes, |_| Vec::new())?;
        self.sealed = false;
        Ok(())
    }
}

impl<D: Disk> Current<D> {
    /// How many bytes of whole frames fit into what is left of the segment.
    fn fitting(&self, frames: &[u8]) -> usize {
        let room = self.capacity - self.offset;
        if frames.len() <= room {
            return frames.len();
        }
        let mut end = 0;
        loop {
            let next = end + record::frame_bytes(&frames[end..]);
            if next > room {
                return end;
            }
            end = next;
        }
    }

    /// A group that is synced at once goes past the page cache; one that is synced later is best gathered there.
    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), StoreFault> {
        let offset = offset as u64;
        match self.sync_mode {
            SyncMode::Full => self.file.append_at(offset, bytes),
            SyncMode::Normal => self.file.write_at(offset, bytes),
        }
        .map_err(|cause| StoreFault::io("write", &self.path, cause))
    }

    fn sync(&self) -> Result<(), StoreFault> {
        self.file.sync().map_err(|cause| StoreFault::io("sync", &self.path, cause))
    }
}
