//! Which segment files exist, which are spare, and how one becomes the other.
//!
//! The list is shared: the journal thread takes a new segment when one is full, the thread behind the archive gives
//! covered ones back and prepares spares. The lock is held for list changes and renames only, never during a sync.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::Seed;
use super::segment::{self, HEADER_BLOCK, SegmentHeader, SegmentName};
use super::{Current, JournalOptions};
use crate::disk::blocks::BLOCK_BYTES;
use crate::disk::{Disk, DiskFile};
use crate::fault::StoreFault;

/// How many bytes of zeros one write of a new spare carries.
const ZEROS_BYTES: usize = 1 << 20;

/// The files of a journal; clones share one list.
#[derive(Debug, Clone)]
pub struct Segments<D: Disk>(Arc<Shared<D>>);

#[derive(Debug)]
struct Shared<D: Disk> {
    disk: D,
    dir: PathBuf,
    options: JournalOptions,
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    /// Oldest first; the last one is being written.
    live: VecDeque<SegmentName>,
    spares: Vec<u64>,
    next_spare: u64,
}

impl<D: Disk> Segments<D> {
    pub(super) fn new(
        disk: D,
        dir: &Path,
        options: JournalOptions,
        live: impl IntoIterator<Item = SegmentName>,
    ) -> Self {
        let files = Files { live: live.into_iter().collect(), ..Files::default() };
        Self(Arc::new(Shared { disk, dir: dir.to_path_buf(), options, files: Mutex::new(files) }))
    }

    /// Gives back every segment whose records all lie at or below `position`.
    ///
    /// The archive must be durable at that position: these records are gone afterwards. Returns how many segments went.
    pub fn release_to(&self, position: u64) -> Result<usize, StoreFault> {
        let mut released = 0;
        while self.release_oldest(position)? {
            released += 1;
        }
        if released > 0 {
            self.sync_dir()?;
        }
        Ok(released)
    }

    /// Makes sure that a spare is ready, written full of zeros so that appending to it changes no file metadata.
    ///
    /// For a background thread: it writes a whole segment. The journal does without, only a little slower.
    /// Returns whether it had to make one.
    pub fn prepare_spare(&self) -> Result<bool, StoreFault> {
        if self.0.options.spares_max == 0 || !self.files().spares.is_empty() {
            return Ok(false);
        }
        let (number, path) = self.new_spare();
        let file = self.create(&path)?;
        let zeros = vec![0; ZEROS_BYTES.min(self.0.options.segment_bytes)];
        let mut offset = 0;
        while offset < self.0.options.segment_bytes {
            let count = zeros.len().min(self.0.options.segment_bytes - offset);
            file.append_at(offset as u64, &zeros[..count])
                .map_err(|cause| StoreFault::io("write", &path, cause))?;
            offset += count;
            // Piece by piece, or the journal's own sync would wait behind all of it.
            file.sync().map_err(|cause| StoreFault::io("sync", &path, cause))?;
        }
        self.sync_dir()?;
        self.files().spares.push(number);
        Ok(true)
    }

    /// The bytes reserved for segment files, spares included; larger or trimmed ones count as usual ones.
    pub fn disk_bytes(&self) -> u64 {
        let files = self.files();
        (files.live.len() + files.spares.len()) as u64 * self.0.options.segment_bytes as u64
    }

    /// Whether a segment still holds records that are needed.
    pub(super) fn is_live(&self, name: SegmentName) -> bool {
        self.files().live.contains(&name)
    }

    /// Starts the segment `name`, durable with its header and the frames that `contents` makes for it.
    ///
    /// The segment is large enough for `room` bytes of frames. The order is what recovery relies on: contents, sync,
    /// name, sync of the folder; only then may anything else be appended.
    pub(super) fn start(
        &self,
        name: SegmentName,
        room: usize,
        contents: impl FnOnce(Seed) -> Vec<u8>,
    ) -> Result<Current<D>, StoreFault> {
        let capacity = self.0.options.segment_bytes.max(HEADER_BLOCK + room);
        let (file, prepared) = self.take_spare(capacity)?;
        let seed = Seed::new(&self.0.options.store, name.number);
        let JournalOptions { store, sync, .. } = self.0.options;
        let header = SegmentHeader { store, name, sync, capacity: capacity as u64 }.encode();
        let frames = contents(seed);
        let path = self.0.dir.join(name.file_name());
        let mut current = Current {
            file,
            path: prepared.clone(),
            name,
            seed,
            offset: HEADER_BLOCK,
            capacity,
            sync_mode: sync,
        };
        assert!(current.offset + frames.len() <= capacity, "a segment holds what it was made for");
        current.write(0, &header)?;
        if !frames.is_empty() {
            current.write(current.offset, &frames)?;
            current.offset += frames.len();
        }
        current.sync()?;
        self.0.disk.rename(&prepared, &path).map_err(|cause| StoreFault::io("rename", &prepared, cause))?;
        self.sync_dir()?;
        current.path = path;
        self.files().live.push_back(name);
        Ok(current)
    }

    /// A file of at least `capacity` bytes: a spare when one fits, otherwise a new one with its blocks reserved.
    fn take_spare(&self, capacity: usize) -> Result<(D::File, PathBuf), StoreFault> {
        let spare = if capacity == self.0.options.segment_bytes { self.files().spares.pop() } else { None };
        if let Some(number) = spare {
            let path = self.0.dir.join(segment::spare_file_name(number));
            let file = self.0.disk.open(&path).map_err(|cause| StoreFault::io("open", &path, cause))?;
            return Ok((file, path));
        }
        let (_, path) = self.new_spare();
        let file = self.create(&path)?;
        file.allocate(capacity as u64).map_err(|cause| StoreFault::io("allocate", &path, cause))?;
        Ok((file, path))
    }

    fn new_spare(&self) -> (u64, PathBuf) {
        let mut files = self.files();
        let number = files.next_spare;
        files.next_spare += 1;
        (number, self.0.dir.join(segment::spare_file_name(number)))
    }

    fn create(&self, path: &Path) -> Result<D::File, StoreFault> {
        self.0.disk.create(path).map_err(|cause| StoreFault::io("create", path, cause))
    }

    /// Turns the oldest segment into a spare, or removes it, if it ends at or below `position` or holds nothing.
    fn release_oldest(&self, position: u64) -> Result<bool, StoreFault> {
        let mut files = self.files();
        let (Some(oldest), Some(next)) = (files.live.front().copied(), files.live.get(1)) else {
            return Ok(false);
        };
        if next.first > position + 1 && next.first > oldest.first {
            return Ok(false);
        }
        let path = self.0.dir.join(oldest.file_name());
        if files.spares.len() < self.0.options.spares_max && self.is_full_size(&path)? {
            let number = files.next_spare;
            let spare = self.0.dir.join(segment::spare_file_name(number));
            self.0.disk.rename(&path, &spare).map_err(|cause| StoreFault::io("rename", &path, cause))?;
            files.next_spare += 1;
            files.spares.push(number);
        } else {
            self.0.disk.remove(&path).map_err(|cause| StoreFault::io("remove", &path, cause))?;
        }
        files.live.pop_front();
        Ok(true)
    }

    fn is_full_size(&self, path: &Path) -> Result<bool, StoreFault> {
        let file = self.0.disk.open(path).map_err(|cause| StoreFault::io("open", path, cause))?;
        let len = file.len().map_err(|cause| StoreFault::io("measure", path, cause))?;
        // The last block of a segment of an odd size is written whole.
        let usual = self.0.options.segment_bytes as u64;
        Ok((usual..=usual.next_multiple_of(BLOCK_BYTES as u64)).contains(&len))
    }

    fn sync_dir(&self) -> Result<(), StoreFault> {
        self.0.disk.sync_dir(&self.0.dir).map_err(|cause| StoreFault::io("sync", &self.0.dir, cause))
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
