//! Names and headers of segment files.

use super::SyncMode;
use crate::fault::{OpenError, StoreFault};
use std::path::Path;

/// The header has a block of its own, so that no later write ever touches it.
pub(crate) const HEADER_BLOCK: usize = 4096;

const MAGIC: [u8; 8] = *b"fcjournl";
const FORMAT: u32 = 1;
const CHECKSUM_AT: usize = 56;
const HEADER_END: usize = 60;
const FLAG_SYNC_NORMAL: u32 = 1;

/// A segment, as its file name says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentName {
    /// Counts up by one from segment to segment.
    pub number: u64,
    /// The position of its first record. Positions of the segment before end just below it.
    pub first: u64,
}

impl SegmentName {
    pub(crate) fn file_name(self) -> String {
        format!("{:010}-{:020}.journal", self.number, self.first)
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (number, first) = name.strip_suffix(".journal")?.split_once('-')?;
        let name = Self { number: number.parse().ok()?, first: first.parse().ok()? };
        (number.len() == 10 && first.len() == 20).then_some(name)
    }
}

/// The name of a prepared file that holds nothing of value.
pub(crate) fn spare_file_name(number: u64) -> String {
    format!("spare-{number:010}.journal")
}

pub(crate) fn is_spare(name: &str) -> bool {
    name.strip_prefix("spare-").is_some_and(|rest| rest.ends_with(".journal"))
}

/// What the header of a segment says beyond its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub store: [u8; 16],
    pub name: SegmentName,
    pub sync: SyncMode,
    /// The length of the file. It is durable before the segment is used, so a shorter one was cut off by somebody.
    pub capacity: u64,
}

impl SegmentHeader {
    pub(crate) fn encode(self) -> [u8; HEADER_BLOCK] {
        let mut block = [0; HEADER_BLOCK];
        block[..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        let flags = match self.sync {
            SyncMode::Full => 0,
            SyncMode::Normal => FLAG_SYNC_NORMAL,
        };
        block[12..16].copy_from_slice(&flags.to_le_bytes());
        block[16..32].copy_from_slice(&self.store);
        block[32..40].copy_from_slice(&self.name.number.to_le_bytes());
        block[40..48].copy_from_slice(&self.name.first.to_le_bytes());
        block[48..56].copy_from_slice(&self.capacity.to_le_bytes());
        let checksum = header_checksum(&block);
        block[CHECKSUM_AT..HEADER_END].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads and checks the header of the segment `name` in `file`.
    ///
    /// A header is durable before its file gets a segment's name, so a broken one is damage, never a torn write.
    pub(crate) fn decode(
        block: &[u8],
        file: &Path,
        store: &[u8; 16],
        name: SegmentName,
    ) -> Result<Self, OpenError> {
        let damage = |what: &str| OpenError::Fault(StoreFault::damage(file, 0, what));
        if block.len() < HEADER_BLOCK {
            return Err(damage("the segment header is cut off"));
        }
        if block[..8] != MAGIC {
            return Err(damage("the segment header has no journal mark"));
        }
        let stored = u32::from_le_bytes(block[CHECKSUM_AT..HEADER_END].try_into().expect("four bytes"));
        if stored != header_checksum(block) || block[HEADER_END..HEADER_BLOCK].iter().any(|byte| *byte != 0) {
            return Err(damage("the segment header does not match its checksum"));
        }
        let word = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().expect("eight bytes"));
        let format = u32::from_le_bytes(block[8..12].try_into().expect("four bytes"));
        if format > FORMAT {
            let (found, ours) = (u64::from(format), u64::from(FORMAT));
            return Err(OpenError::NewerFormat { file: file.to_path_buf(), found, ours });
        }
        if block[16..32] != *store {
            let what = "the segment carries another store id".to_owned();
            return Err(OpenError::Foreign { file: file.to_path_buf(), what });
        }
        if (word(32), word(40)) != (name.number, name.first) {
            return Err(damage("the segment header and the file name disagree"));
        }
        let sync = if block[12] & 1 == 1 { SyncMode::Normal } else { SyncMode::Full };
        Ok(Self { store: *store, name, sync, capacity: word(48) })
    }
}

fn header_checksum(block: &[u8]) -> u32 {
    crc32fast::hash(&block[..CHECKSUM_AT])
}
