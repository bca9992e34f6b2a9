//! Opening a journal: find what is durable, refuse damage, cut a torn tail, go on in a fresh segment.

use std::path::{Path, PathBuf};

use super::record::{self, Seed};
use super::scan::{self, Walk};
use super::segment::{self, HEADER_BLOCK, SegmentHeader, SegmentName};
use super::segments::Segments;
use super::{Journal, JournalOptions, SyncMode};
use crate::disk::{self, Disk, DiskFile};
use crate::fault::{OpenError, StoreFault};

/// A torn tail that opening has cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment file.
    pub file: PathBuf,
    /// Where the first bad record starts.
    pub offset: u64,
    /// The first position that is gone.
    pub position: u64,
    /// How many readable records stood behind the bad one; none of them was acknowledged.
    pub records_beyond: u64,
}

/// What a journal held when it was opened.
#[derive(Debug)]
pub struct Recovery<D: Disk> {
    /// The first position that can be read.
    pub first: u64,
    /// The last position; one below [`Recovery::first`] when there are no records.
    pub last: u64,
    /// The torn tail, if there was one.
    pub cut: Option<Cut>,
    disk: D,
    dir: PathBuf,
    store: [u8; 16],
    segments: Vec<SegmentName>,
}

impl<D: Disk> Recovery<D> {
    /// Reads the records from position `from` up to the last.
    ///
    /// To be read before segments are given back; `from` must not lie below [`Recovery::first`].
    pub fn records(&self, from: u64) -> Records<'_, D> {
        assert!(from >= self.first, "position {from} is below the first one, {}", self.first);
        Records {
            recovery: self,
            wanted: from,
            segment: Vec::new(),
            at: 0,
            seed: None,
            until: 0,
            file: PathBuf::new(),
        }
    }
}

/// The records of a journal in order; made by [`Recovery::records`].
#[derive(Debug)]
pub struct Records<'a, D: Disk> {
    recovery: &'a Recovery<D>,
    wanted: u64,
    segment: Vec<u8>,
    at: usize,
    seed: Option<(Seed, u64)>,
    until: u64,
    file: PathBuf,
}

impl<D: Disk> Records<'_, D> {
    /// The next record with its position, or `None` after the last.
    pub fn read_next(&mut self) -> Result<Option<(u64, &[u8])>, OpenError> {
        loop {
            if self.wanted > self.recovery.last {
                return Ok(None);
            }
            let Some((seed, position)) = self.seed.filter(|(_, position)| *position < self.until) else {
                self.load_segment()?;
                continue;
            };
            let parsed = record::parse(&self.segment[self.at..], seed)
                .filter(|parsed| !parsed.seal && parsed.position == position)
                .ok_or_else(|| damaged(&self.file, self.at, position))?;
            let start = self.at + record::HEADER_BYTES;
            self.at += parsed.bytes;
            self.seed = Some((seed, position + 1));
            if position >= self.wanted {
                self.wanted = position + 1;
                return Ok(Some((position, &self.segment[start..start + parsed.length])));
            }
        }
    }

    /// Loads the segment that holds the wanted position.
    fn load_segment(&mut self) -> Result<(), OpenError> {
        let recovery = self.recovery;
        let index = recovery.segments.partition_point(|name| name.first <= self.wanted) - 1;
        let name = recovery.segments[index];
        self.until = recovery.segments.get(index + 1).map_or(recovery.last + 1, |next| next.first);
        self.file = recovery.dir.join(name.file_name());
        load(&recovery.disk, &self.file, &mut self.segment)?;
        SegmentHeader::decode(&self.segment, &self.file, &recovery.store, name)?;
        self.seed = Some((Seed::new(&recovery.store, name.number), name.first));
        self.at = HEADER_BLOCK;
        Ok(())
    }
}

impl<D: Disk> Journal<D> {
    /// Opens or makes the journal in `dir`, whose owner already holds the folder's lock.
    ///
    /// `covered` is the position the archive covers, durably or not: records up to it are not read, all after it must be
    /// there. The caller replays [`Recovery::records`] from `covered + 1` before it appends. Nothing but empty segments
    /// is given back here, because only the archive knows how far it is durable.
    pub fn open(
        disk: D,
        dir: &Path,
        options: JournalOptions,
        covered: u64,
    ) -> Result<(Self, Recovery<D>), OpenError> {
        assert!(
            options.segment_bytes > HEADER_BLOCK + record::HEADER_BYTES,
            "a segment holds at least one record"
        );
        disk.create_dir(dir).map_err(|cause| StoreFault::io("create", dir, cause))?;
        let listed = Listed::read(&disk, dir)?;
        let mut names = listed.needed(dir, covered)?.to_vec();
        let mut tail = Tail::read(&disk, dir, &options, &names, covered)?;

        let number = listed.segments.last().map_or(1, |newest| newest.number + 1);
        let segments = Segments::new(disk.clone(), dir, options.clone(), listed.segments);
        let name = SegmentName { number, first: tail.proof + 1 };
        let mut frames = std::mem::take(&mut tail.frames);
        let current = segments.start(name, frames.len(), |seed| {
            let last = record::stamp(&mut frames, seed, tail.proof, tail.proof);
            assert_eq!(last, tail.last, "every record above the proof is carried over");
            frames
        })?;
        segments.release_to(0)?;
        tail.trim(&disk, &segments)?;
        names.push(name);
        let first = names.first().map_or(1, |oldest| oldest.first).min(tail.last + 1);
        let (last, store) = (tail.last, options.store);
        let recovery =
            Recovery { first, last, cut: tail.cut, disk, dir: dir.to_path_buf(), store, segments: names };
        let journal = Self { segments, options, current, last, synced: last, sealed: false, poisoned: None };
        Ok((journal, recovery))
    }
}

/// The files found in the folder.
struct Listed {
    /// By number.
    segments: Vec<SegmentName>,
}

impl Listed {
    /// Reads the folder and removes the spares of an earlier process: nothing of value is in them, and after a sync that
    /// failed they may be less on the disk than they seem.
    fn read<D: Disk>(disk: &D, dir: &Path) -> Result<Self, OpenError> {
        let names = disk.list(dir).map_err(|cause| StoreFault::io("list", dir, cause))?;
        let mut segments: Vec<_> = names.iter().filter_map(|name| SegmentName::parse(name)).collect();
        segments.sort_unstable();
        if let Some(twins) = segments.windows(2).find(|pair| pair[0].number == pair[1].number) {
            let file = dir.join(twins[1].file_name());
            return Err(OpenError::Foreign { file, what: "two segments have the same number".to_owned() });
        }
        for name in names.iter().filter(|name| segment::is_spare(name)) {
            let path = dir.join(name);
            disk.remove(&path).map_err(|cause| StoreFault::io("remove", &path, cause))?;
        }
        Ok(Self { segments })
    }

    /// The newest segments without a gap, back to the one that holds `covered + 1`.
    ///
    /// Older ones may be there still, or half recycled; they are never read.
    fn needed(&self, dir: &Path, covered: u64) -> Result<&[SegmentName], OpenError> {
        let missing =
            |position: u64, what: String| OpenError::Missing { folder: dir.to_path_buf(), position, what };
        let Some(mut start) = self.segments.len().checked_sub(1) else {
            return match covered {
                0 => Ok(&[]),
                _ => {
                    Err(missing(covered + 1, format!("it has no segments, but the archive covers {covered}")))
                }
            };
        };
        while self.segments[start].first > covered + 1 {
            let here = self.segments[start];
            let before = start.checked_sub(1).map(|index| self.segments[index]);
            if !before.is_some_and(|before| before.number + 1 == here.number && before.first <= here.first) {
                let what = format!(
                    "the archive covers {covered}, the segment {} comes next and the one before it is missing",
                    here.file_name()
                );
                return Err(missing(covered + 1, what));
            }
            start -= 1;
        }
        Ok(&self.segments[start..])
    }
}

/// What the newest segment says: where the journal ends and how much of that is proven durable.
struct Tail {
    last: u64,
    /// Everything up to here is durable; the new segment starts behind it.
    proof: u64,
    /// The frames above the proof, to be carried over.
    frames: Vec<u8>,
    cut: Option<Cut>,
    /// The newest segment and the end of its records.
    newest: Option<(SegmentName, PathBuf, u64)>,
}

impl Tail {
    /// Checks every needed segment and finds the end.
    fn read<D: Disk>(
        disk: &D,
        dir: &Path,
        options: &JournalOptions,
        needed: &[SegmentName],
        covered: u64,
    ) -> Result<Self, OpenError> {
        let Some((newest, older)) = needed.split_last() else {
            return Ok(Self { last: 0, proof: 0, frames: Vec::new(), cut: None, newest: None });
        };
        let mut bytes = Vec::new();
        for (name, next) in older.iter().zip(&needed[1..]) {
            let file = dir.join(name.file_name());
            load(disk, &file, &mut bytes)?;
            SegmentHeader::decode(&bytes, &file, &options.store, *name)?;
            let walk = scan::walk(&bytes, Seed::new(&options.store, name.number), name.first, next.first);
            if walk.last + 1 < next.first {
                return Err(damaged(&file, walk.end, walk.last + 1));
            }
        }
        let file = dir.join(newest.file_name());
        sync(disk, &file)?;
        load(disk, &file, &mut bytes)?;
        let header = SegmentHeader::decode(&bytes, &file, &options.store, *newest)?;
        Self::judge(&bytes, file, header, covered)
    }

    /// Tells a torn tail from damage in the newest segment.
    fn judge(bytes: &[u8], file: PathBuf, header: SegmentHeader, covered: u64) -> Result<Self, OpenError> {
        let name = header.name;
        if (bytes.len() as u64) < header.capacity {
            let what = format!("the file is cut off, it was {} bytes long", header.capacity);
            return Err(OpenError::Fault(StoreFault::damage(&file, bytes.len() as u64, what)));
        }
        let seed = Seed::new(&header.store, name.number);
        let walk = scan::walk(bytes, seed, name.first, u64::MAX);
        let beyond = scan::beyond(bytes, seed, walk);
        let proof = walk.proof.max(beyond.proof);
        // Without a sync per group the archive may lawfully be ahead of what a power loss left of the journal.
        let behind_archive = walk.last < covered && header.sync == SyncMode::Full;
        if walk.last < proof || behind_archive {
            return Err(damaged(&file, walk.end, walk.last + 1));
        }
        let (last, proof) = (walk.last.max(covered), proof.max(covered));
        let torn = beyond.records > 0 || has_remains(bytes, walk);
        let cut = torn.then(|| Cut {
            file: file.clone(),
            offset: walk.end as u64,
            position: walk.last + 1,
            records_beyond: beyond.records,
        });
        let carried = scan::walk(bytes, seed, name.first, proof + 1).end;
        let frames = bytes[carried..walk.end].to_vec();
        Ok(Self { last, proof, frames, cut, newest: Some((name, file, walk.end as u64)) })
    }

    /// Gives the dead rest of the segment that was newest back to the file system.
    ///
    /// Only saves room: the header of the new segment already says where this one ends.
    fn trim<D: Disk>(&self, disk: &D, segments: &Segments<D>) -> Result<(), StoreFault> {
        let Some((_, path, end)) = self.newest.as_ref().filter(|(name, ..)| segments.is_live(*name)) else {
            return Ok(());
        };
        let file = disk.open(path).map_err(|cause| StoreFault::io("open", path, cause))?;
        file.set_len(*end).map_err(|cause| StoreFault::io("cut", path, cause))
    }
}

/// Whether something that is neither zeros, nor the past of a recycled file, stands behind the last record.
///
/// Only a header with the next position counts; it is for the report, the cut does not depend on it.
fn has_remains(bytes: &[u8], walk: Walk) -> bool {
    record::claim(&bytes[walk.end..]).is_some_and(|claim| claim.position == walk.last + 1)
}

fn load<D: Disk>(disk: &D, path: &Path, bytes: &mut Vec<u8>) -> Result<(), StoreFault> {
    let file = disk.open(path).map_err(|cause| StoreFault::io("open", path, cause))?;
    disk::read_whole(&file, bytes).map_err(|cause| StoreFault::io("read", path, cause))
}

/// What a dead process wrote and did not sync is in the page cache only; from here on we build on it.
fn sync<D: Disk>(disk: &D, path: &Path) -> Result<(), StoreFault> {
    let file = disk.open(path).map_err(|cause| StoreFault::io("open", path, cause))?;
    file.sync().map_err(|cause| StoreFault::io("sync", path, cause))
}

fn damaged(file: &Path, offset: usize, position: u64) -> OpenError {
    let what = format!("the record of position {position}, which was durable, is missing or broken");
    OpenError::Fault(StoreFault::damage(file, offset as u64, what))
}
