//! A buffer of framed records that may lie in memory as it will lie in the file.
//!
//! Devices take memory past the page cache only when it begins on a block boundary just where the file does. A buffer
//! whose first byte stands as far behind such a boundary as its place in the file can be written as it is; any other has
//! to be copied to where it can. Nothing but that copy depends on it.

use std::ops::{Deref, DerefMut};

use crate::disk::blocks::BLOCK_BYTES;

/// Below this a copy costs less than the care.
const WORTH_PLACING_BYTES: usize = 16 << 10;

/// Whole frames, made by [`super::record::begin_record`] and [`super::record::end_record`].
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Where the first frame begins; what is before it only moves it to its place.
    start: usize,
}

impl Frames {
    /// Where records are framed into, behind those that are there.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Bytes it can hold without growing.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Empties it, for frames that will probably stand at this offset of a file.
    pub fn clear_for(&mut self, offset: u64) {
        self.buffer.clear();
        self.start = 0;
        if self.buffer.capacity() >= WORTH_PLACING_BYTES {
            let wanted = usize::try_from(offset % BLOCK_BYTES as u64).expect("below the size of a block");
            let placed = self.buffer.as_ptr().addr() % BLOCK_BYTES;
            self.start = (wanted + BLOCK_BYTES - placed) % BLOCK_BYTES;
            self.buffer.resize(self.start, 0);
        }
    }

    /// Moves all frames of another behind its own; while it has none, buffers change places and no byte moves.
    pub(crate) fn take_from(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            self.buffer.extend_from_slice(other);
        }
        other.clear();
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.start = 0;
    }
}

impl Deref for Frames {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

impl DerefMut for Frames {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::record;

    #[test]
    fn lies_in_memory_as_in_the_file() {
        let mut frames = Frames::default();
        record::frame(frames.buffer(), &vec![7; 100_000]);
        for offset in [0, 8, 4096, 5000, (1 << 40) + 4088] {
            frames.clear_for(offset);
            assert!(frames.is_empty());
            record::frame(frames.buffer(), b"one");
            record::frame(frames.buffer(), b"two");
            let distance = frames.as_ptr().addr() as u64 % 4096;
            assert_eq!(distance, offset % 4096, "at {offset}");
            assert_eq!(record::payloads(&frames).collect::<Vec<_>>(), [b"one", b"two"]);
        }
    }

    #[test]
    fn takes_all_of_another() {
        let (mut all, mut more) = (Frames::default(), Frames::default());
        for (round, offset) in [0, 16, 5000].into_iter().enumerate() {
            record::frame(more.buffer(), &vec![u8::try_from(round).expect("few"); 20_000]);
            all.take_from(&mut more);
            assert!(more.is_empty());
            more.clear_for(offset);
        }
        let firsts: Vec<u8> = record::payloads(&all).map(|payload| payload[19_999]).collect();
        assert_eq!(firsts, [0, 1, 2]);
    }
}
