//! Reading the value log, from any thread and beside its writer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{ENTRY_HEAD_BYTES, HEAD_BYTES, Place, path_of};
use crate::archive::Id;
use crate::fault::StoreFault;

/// Files kept open by one reader.
const OPEN_FILES_MAX: usize = 16;

/// One entry of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The execution.
    pub(crate) id: Id,
    /// Where it lies.
    pub(crate) place: Place,
    /// The checksum beside it.
    pub(crate) check: u32,
    /// The record.
    pub(crate) record: Vec<u8>,
}

/// The reading end.
#[derive(Debug)]
pub(crate) struct ValueReader {
    folder: PathBuf,
    /// The files read last, newest at the end.
    open: RefCell<VecDeque<(u32, File)>>,
}

impl ValueReader {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, open: RefCell::new(VecDeque::new()) }
    }

    /// The record of an execution at a place; `None` when its file has gone, which happens when the record was moved
    /// after its row was read. Whether the record is the row's, its checksum tells the caller.
    pub(crate) fn read(&self, id: &Id, place: Place) -> Result<Option<Vec<u8>>, StoreFault> {
        let read = self.with_file(place.file, |file| {
            // A place past the end is damage, of the row or of the file: no record matches.
            if place.at.saturating_add(place.entry_bytes()) > file.metadata()?.len() {
                return Ok(Vec::new());
            }
            let mut bytes = vec![0; ENTRY_HEAD_BYTES + place.len as usize];
            file.read_exact_at(&mut bytes, place.at)?;
            Ok(bytes)
        })?;
        Ok(read.map(|mut bytes| {
            if bytes.get(8..ENTRY_HEAD_BYTES) == Some(id.as_slice()) {
                bytes.drain(..ENTRY_HEAD_BYTES);
            } else {
                bytes.clear();
            }
            bytes
        }))
    }

    /// The entry that begins at a place of a file, `None` at `end`; a cut or impossible one is damage.
    pub(crate) fn entry(&self, file: u32, at: u64, end: u64) -> Result<Option<Entry>, StoreFault> {
        let at = at.max(HEAD_BYTES);
        if at >= end {
            return Ok(None);
        }
        let damaged = || StoreFault::damage(&path_of(&self.folder, file), at, "not an entry".to_owned());
        let found = self.with_file(file, |file| {
            let mut head = [0; ENTRY_HEAD_BYTES];
            file.read_exact_at(&mut head, at)?;
            let number = |from: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| head[from + byte]));
            let (len, check) = (number(0), number(4));
            let mut id = Id::default();
            id.copy_from_slice(&head[8..]);
            if u64::from(len) > end - at {
                return Ok(None);
            }
            let mut record = vec![0; len as usize];
            file.read_exact_at(&mut record, at + ENTRY_HEAD_BYTES as u64)?;
            Ok(Some((id, len, check, record)))
        })?;
        let (id, len, check, record) = found.flatten().ok_or_else(damaged)?;
        Ok(Some(Entry { id, place: Place { file, at, len }, check, record }))
    }

    /// Does something with an open file; `None` when there is no such file.
    fn with_file<T>(
        &self,
        number: u32,
        act: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<Option<T>, StoreFault> {
        let path = || path_of(&self.folder, number);
        let mut open = self.open.borrow_mut();
        let file = match open.iter().position(|(known, _)| *known == number) {
            Some(at) => open.remove(at).expect("it was just found").1,
            None => match File::open(path()) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(cause) => return Err(StoreFault::io("open", &path(), cause)),
            },
        };
        let done = act(&file).map_err(|cause| StoreFault::io("read", &path(), cause))?;
        open.push_back((number, file));
        if open.len() > OPEN_FILES_MAX {
            open.pop_front();
        }
        Ok(Some(done))
    }
}
