//! Writing a file that grows at its end, in whole blocks and past the page cache.
//!
//! What is appended is not read again soon, so a copy in the page cache is only work: for the kernel, which has to find
//! a page for it, copy into it and write it back later, all at once, in front of the next sync. `O_DIRECT` hands our own
//! buffer to the device instead. It wants whole blocks, so the last, unfinished block stays here, is written padded with
//! zeros, and written again when it has grown. A file system that cannot do it gets the same writes through its cache.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::pwritev;

/// The unit of writes: no device or file system in use asks for a larger one.
pub(crate) const BLOCK_BYTES: usize = 4096;

/// Bytes from which on it pays to write them from where they are.
const IN_PLACE_BYTES_MIN: usize = 16 << 10;

/// Bytes that one write carries at most.
const STAGE_BYTES: usize = 1 << 20;

/// The writing end of a file.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    file: File,
    stage: Stage,
    /// Where in the file the stage begins: a whole number of blocks.
    base: u64,
    /// Bytes of the stage that count.
    filled: usize,
}

impl BlockWriter {
    /// Opens an existing file for writing at its beginning.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let direct = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
        let file = match options.clone().custom_flags(direct).open(path) {
            Err(error) if is_unsupported(&error) => options.open(path)?,
            opened => opened?,
        };
        Ok(Self { file, stage: Stage::new(), base: 0, filled: 0 })
    }

    /// Goes to an offset: what is pushed next stands there. Bytes behind it, up to the end of its block, are forgotten.
    pub(crate) fn seek(&mut self, offset: u64) -> io::Result<()> {
        let staged = offset.checked_sub(self.base).and_then(|at| usize::try_from(at).ok());
        if let Some(at) = staged.filter(|at| *at <= self.filled) {
            self.filled = at;
            return Ok(());
        }
        let behind = usize::try_from(offset % BLOCK_BYTES as u64).map_err(io::Error::other)?;
        self.base = offset - behind as u64;
        self.filled = 0;
        while self.filled < behind {
            let read = self
                .file
                .read_at(&mut self.stage.bytes()[self.filled..BLOCK_BYTES], self.base + self.filled as u64)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.filled += read;
        }
        self.filled = behind;
        Ok(())
    }

    /// Puts bytes behind what is there; they are in the file after [`Self::flush`].
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let count = bytes.len().min(STAGE_BYTES - self.filled);
            self.stage.bytes()[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
            self.filled += count;
            bytes = &bytes[count..];
            if bytes.is_empty() {
                return Ok(());
            }
            self.flush()?;
        }
    }

    /// Puts bytes behind what is there and writes them without a copy, as one that comes after [`Self::flush`] can when
    /// they lie in memory as they will in the file; only the blocks at both ends, which they share with others, go
    /// through the stage. False, and nothing has changed, when it cannot be done so.
    pub(crate) fn write_in_place(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let filled = self.filled;
        let lies_alike = bytes.as_ptr().addr() % BLOCK_BYTES == filled % BLOCK_BYTES;
        if bytes.len() < IN_PLACE_BYTES_MIN || !lies_alike || filled >= BLOCK_BYTES {
            return Ok(false);
        }
        let (head, rest) = bytes.split_at((BLOCK_BYTES - filled) % BLOCK_BYTES);
        let (middle, tail) = rest.split_at(rest.len() - rest.len() % BLOCK_BYTES);
        let (first, last) = self.stage.bytes()[..2 * BLOCK_BYTES].split_at_mut(BLOCK_BYTES);
        first[filled..filled + head.len()].copy_from_slice(head);
        last[..tail.len()].copy_from_slice(tail);
        last[tail.len()..].fill(0);
        let first = if head.is_empty() { &[][..] } else { first };
        let last = if tail.is_empty() { &[][..] } else { last };
        let whole = first.len() + middle.len();
        let parts = [IoSlice::new(first), IoSlice::new(middle), IoSlice::new(last)];
        match pwritev(&self.file, &parts, self.base).map_err(io::Error::from) {
            Ok(written) if written == whole + last.len() => {}
            // Written in part only, or not at all: all of it once more, from the stage.
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_unsupported(&error) => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        let behind = tail.len();
        self.stage.bytes().copy_within(BLOCK_BYTES..BLOCK_BYTES + behind, 0);
        self.base += whole as u64;
        self.filled = behind;
        Ok(true)
    }

    /// Writes what was pushed, and zeros up to the end of the last block.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let end = self.filled.next_multiple_of(BLOCK_BYTES);
        let whole = self.filled - self.filled % BLOCK_BYTES;
        let (base, filled) = (self.base, self.filled);
        let stage = self.stage.bytes();
        stage[filled..end].fill(0);
        match self.file.write_all_at(&stage[..end], base) {
            Err(error) if is_unsupported(&error) => {
                let flags = fcntl_getfl(&self.file)?;
                if !flags.contains(OFlags::DIRECT) {
                    return Err(error);
                }
                fcntl_setfl(&self.file, flags - OFlags::DIRECT)?;
                self.file.write_all_at(&stage[..end], base)?;
            }
            outcome => outcome?,
        }
        stage.copy_within(whole..filled, 0);
        self.base += whole as u64;
        self.filled -= whole;
        Ok(())
    }

    /// The file itself, to sync it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// A file system, or an odd device, that does not write past its cache says so with one of these.
fn is_unsupported(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(number, Some(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP))
}

/// Memory that begins on a block boundary, as devices want it.
#[derive(Debug)]
struct Stage {
    memory: Vec<u8>,
    start: usize,
}

impl Stage {
    fn new() -> Self {
        let memory = vec![0; STAGE_BYTES + BLOCK_BYTES];
        let start = memory.as_ptr().align_offset(BLOCK_BYTES);
        Self { memory, start }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + STAGE_BYTES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model: the file as a plain vector, with zeros up to the end of the last block after each flush.
    #[test]
    fn appends_and_goes_back_as_a_plain_file_does() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        File::create(&path).expect("a file");
        let mut writer = BlockWriter::open(&path).expect("opens");
        let mut model = Vec::new();
        let lengths: [usize; 10] = [1, 4095, 4096, 10, 3 << 20, 5000, 0, 4096 * 3, (1 << 20) - 7, 77];
        for (round, length) in lengths.into_iter().enumerate() {
            if round % 3 == 2 {
                let back = model.len().saturating_sub(5000 * round);
                writer.seek(back as u64).expect("a place inside the file");
                model.truncate(back);
            }
            let bytes: Vec<u8> = (0..=250).cycle().skip(round).take(length).collect();
            writer.push(&bytes).expect("room");
            writer.flush().expect("room");
            model.extend_from_slice(&bytes);
            let found = std::fs::read(&path).expect("readable");
            assert_eq!(found[..model.len()], model, "round {round}");
            let end = model.len().next_multiple_of(BLOCK_BYTES);
            assert!(found[model.len()..end].iter().all(|byte| *byte == 0), "round {round}");
        }
    }

    /// A writer that may write in place leaves the same file as one that never does.
    #[test]
    fn writes_in_place_what_it_would_have_copied() {
        let dir = tempfile::tempdir().expect("a folder");
        let [placed, copied] = ["placed", "copied"].map(|name| dir.path().join(name));
        let mut writers = [&placed, &copied].map(|path| {
            File::create(path).expect("a file");
            BlockWriter::open(path).expect("opens")
        });
        let (mut offset, mut in_place) = (0, 0);
        for (round, length) in
            [20_000, 7, 4096 * 5 - 7, 4096 * 8, 16_384, 2 << 20, 90_001].into_iter().enumerate()
        {
            // A buffer that lies as the file does, but in one round a byte beside it.
            let mut memory = vec![0; length + 2 * BLOCK_BYTES];
            let wanted = (offset + usize::from(round == 4)) % BLOCK_BYTES;
            let start = (wanted + BLOCK_BYTES - memory.as_ptr().addr() % BLOCK_BYTES) % BLOCK_BYTES;
            let bytes = &mut memory[start..start + length];
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::try_from((at + round) % 251 + 1).expect("a byte");
            }
            let done = writers[0].write_in_place(bytes).expect("room");
            assert_eq!(done, length > 7 && round != 4, "round {round}");
            in_place += usize::from(done);
            for writer in &mut writers[usize::from(done)..] {
                writer.push(bytes).and_then(|()| writer.flush()).expect("room");
            }
            offset += length;
            let found = [&placed, &copied].map(|path| std::fs::read(path).expect("readable"));
            assert!(found[0] == found[1], "round {round}");
            assert_eq!(found[0].len(), offset.next_multiple_of(BLOCK_BYTES), "round {round}");
        }
        assert_eq!(in_place, 5);
    }

    #[test]
    fn goes_on_in_a_file_of_another_writer() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        std::fs::write(&path, [7; 5000]).expect("a file");
        let mut writer = BlockWriter::open(&path).expect("opens");
        writer.seek(4999).expect("inside");
        writer.push(b"end").and_then(|()| writer.flush()).expect("room");
        let found = std::fs::read(&path).expect("readable");
        assert_eq!(
            (found.len(), &found[4990..5003]),
            (8192, &b"\x07\x07\x07\x07\x07\x07\x07\x07\x07end\0"[..])
        );
        assert!(writer.seek(20_000).is_err(), "behind the end nothing can be known");
    }
}
