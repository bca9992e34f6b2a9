//! One folder: lock, identity, archive and journal, opened in the order that recovery needs.

use std::path::{Path, PathBuf};

use crate::archive::{Archive, ArchiveOptions, ArchiveReader, OpenRow};
use crate::disk::{Disk, DiskFile, RealDisk};
use crate::fault::{OpenError, StoreFault};
use crate::journal::{Journal, JournalOptions, Recovery, SyncMode};
use crate::search::{uuid_bytes, uuid_text};

/// The id of a store, made once for a folder.
pub type StoreId = [u8; 16];

/// The layout of a folder that this release writes and the newest it reads (G26).
pub const FORMAT_VERSION: u64 = 1;

const LOCK_FILE: &str = "lock";
const IDENTITY_FILE: &str = "store";
const IDENTITY_DRAFT: &str = "store.new";
const ARCHIVE_FILE: &str = "archive.sqlite";
const JOURNAL_FOLDER: &str = "journal";

/// How a store is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the store; made when missing.
    pub folder: PathBuf,
    /// When a commit is acknowledged.
    pub sync: SyncMode,
    /// The size of a journal segment.
    pub segment_bytes: usize,
    /// How many emptied segments are kept for reuse.
    pub spares_max: usize,
    /// How the archive is kept.
    pub archive: ArchiveOptions,
}

impl Settings {
    /// The usual settings for a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let JournalOptions { sync, segment_bytes, spares_max, .. } = JournalOptions::new([0; 16]);
        Self { folder: folder.into(), sync, segment_bytes, spares_max, archive: ArchiveOptions::default() }
    }
}

/// An open store. Its parts are driven by different threads; the lock holds until the store is dropped, so whoever takes
/// the parts out keeps `lock` for as long as any of them lives.
#[derive(Debug)]
pub struct Store<D: Disk = RealDisk> {
    /// The store's id.
    pub id: StoreId,
    /// The exclusive hold on the folder.
    pub lock: D::Lock,
    /// The writing end of the archive.
    pub archive: Archive,
    /// The writing end of the journal. Read [`Store::recovery`] first.
    pub journal: Journal<D>,
    /// What the journal held.
    pub recovery: Recovery<D>,
}

/// Takes what a store held when it was opened, in this order: position, open executions, keyed records, then the
/// journal's records after the position.
pub trait Recover {
    /// The archive contains everything up to here.
    fn covered(&mut self, position: u64);
    /// An open execution, as of the covered position.
    fn open_row(&mut self, row: OpenRow<'_>);
    /// The families of keyed records that it wants to have handed over, in this order.
    fn families(&self) -> &'static [&'static str];
    /// A keyed record, as of the covered position.
    fn thing(&mut self, kind: &str, key: &str, value: &[u8]);
    /// A journal record after the covered position; in order, without holes.
    fn record(&mut self, position: u64, payload: &[u8]);
}

impl Store<RealDisk> {
    /// Opens or makes a store.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        Self::open_on(RealDisk, settings)
    }
}

impl<D: Disk> Store<D> {
    /// Opens or makes a store whose journal, lock and identity lie on `disk`; the archive is always a real file.
    pub fn open_on(disk: D, settings: &Settings) -> Result<Self, OpenError> {
        let folder = &settings.folder;
        for dir in [folder.clone(), folder.join(JOURNAL_FOLDER)] {
            disk.create_dir(&dir).map_err(|cause| StoreFault::io("create", &dir, cause))?;
        }
        let lock = lock(&disk, folder)?;
        let id = identity(&disk, folder)?;
        let archive = Archive::open(&folder.join(ARCHIVE_FILE), id, settings.archive)?;
        // The name of a new archive must be as durable as the covered positions in it.
        disk.sync_dir(folder).map_err(|cause| StoreFault::io("sync", folder, cause))?;
        let options = JournalOptions {
            store: id,
            sync: settings.sync,
            segment_bytes: settings.segment_bytes,
            spares_max: settings.spares_max,
        };
        let covered = archive.written().covered;
        let (journal, recovery) = Journal::open(disk, &folder.join(JOURNAL_FOLDER), options, covered)?;
        journal.segments().release_to(archive.written().durable)?;
        Ok(Self { id, lock, archive, journal, recovery })
    }

    /// Hands over everything the store held. To be called once, before anything is written.
    pub fn recover(&self, into: &mut impl Recover) -> Result<(), OpenError> {
        let reader = self.reader()?;
        let covered = self.archive.written().covered;
        into.covered(covered);
        reader.scan_open(|row| into.open_row(row))?;
        for family in into.families() {
            reader.scan_things(family, |kind, key, value| into.thing(kind, key, value))?;
        }
        let mut records = self.recovery.records(covered + 1);
        while let Some((position, payload)) = records.read_next()? {
            into.record(position, payload);
        }
        Ok(())
    }

    /// A reader on the archive, usable from another thread.
    pub fn reader(&self) -> Result<ArchiveReader, StoreFault> {
        self.archive.reader()
    }
}

fn lock<D: Disk>(disk: &D, folder: &Path) -> Result<D::Lock, OpenError> {
    let path = folder.join(LOCK_FILE);
    let held = disk.lock(&path).map_err(|cause| StoreFault::io("lock", &path, cause))?;
    held.ok_or_else(|| {
        let holder = read_text(disk, &path).unwrap_or_default();
        let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() }.to_owned();
        OpenError::Locked { folder: folder.to_path_buf(), holder }
    })
}

/// Reads the identity file, or makes it in a folder that holds no store yet.
fn identity<D: Disk>(disk: &D, folder: &Path) -> Result<StoreId, OpenError> {
    let path = folder.join(IDENTITY_FILE);
    let names = disk.list(folder).map_err(|cause| StoreFault::io("list", folder, cause))?;
    if names.iter().any(|name| name == IDENTITY_FILE) {
        let text = read_text(disk, &path).map_err(|cause| StoreFault::io("read", &path, cause))?;
        return parse_identity(&text, &path);
    }
    if names.iter().any(|name| name == ARCHIVE_FILE) {
        let what = "the folder has an archive but no identity file".to_owned();
        return Err(OpenError::Foreign { file: path, what });
    }
    let mut id = StoreId::default();
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .map_err(|cause| StoreFault::io("draw an id for", &path, cause.into()))?;
    let draft = folder.join(IDENTITY_DRAFT);
    write_identity(disk, &draft, &names, id).map_err(|cause| StoreFault::io("write", &draft, cause))?;
    disk.rename(&draft, &path).map_err(|cause| StoreFault::io("rename", &draft, cause))?;
    disk.sync_dir(folder).map_err(|cause| StoreFault::io("sync", folder, cause))?;
    Ok(id)
}

fn write_identity<D: Disk>(disk: &D, draft: &Path, names: &[String], id: StoreId) -> std::io::Result<()> {
    if names.iter().any(|name| name == IDENTITY_DRAFT) {
        disk.remove(draft)?;
    }
    let file = disk.create(draft)?;
    let text = format!("fastcond store\nformat {FORMAT_VERSION}\nid {}\n", uuid_text(&id));
    file.write_at(0, text.as_bytes())?;
    file.sync()
}

fn parse_identity(text: &str, path: &Path) -> Result<StoreId, OpenError> {
    let foreign = || OpenError::Foreign {
        file: path.to_path_buf(),
        what: "the identity file is unreadable".to_owned(),
    };
    let mut lines = text.lines();
    if lines.next() != Some("fastcond store") {
        return Err(foreign());
    }
    let found: u64 = lines
        .next()
        .and_then(|line| line.strip_prefix("format "))
        .and_then(|n| n.parse().ok())
        .ok_or_else(foreign)?;
    if found > FORMAT_VERSION {
        return Err(OpenError::NewerFormat { file: path.to_path_buf(), found, ours: FORMAT_VERSION });
    }
    lines.next().and_then(|line| line.strip_prefix("id ")).and_then(uuid_bytes).ok_or_else(foreign)
}

fn read_text<D: Disk>(disk: &D, path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    crate::disk::read_whole(&disk.open(path)?, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
