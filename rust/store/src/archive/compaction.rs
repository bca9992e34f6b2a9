//! Giving back the space of records that were replaced or removed: the living of a sparse file move to the newest one.
//!
//! A little at a time, after batches, so that neither writing nor questions wait long. A row is pointed at the copy only
//! after the copy is durable, and the old file goes only after a checkpoint: until then a power loss may bring the old row
//! back.

use rusqlite::TransactionBehavior;

use super::value_files::{self, FileChanges, FileUse, Files};
use super::{Archive, fault};
use crate::fault::StoreFault;
use crate::values::{Entry, Place};

/// Bytes looked at after one batch.
const STEP_BYTES: u64 = 4 << 20;

/// How far the file being emptied has been looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emptying {
    file: u32,
    at: u64,
    end: u64,
}

impl Archive {
    /// Goes on with emptying a sparse file of the value log, or looks for one.
    pub(super) fn compact(&mut self) -> Result<(), StoreFault> {
        let Some(emptying) = self.emptying.take() else {
            return self.choose();
        };
        let next = self.step(emptying)?;
        if next.at < next.end {
            self.emptying = Some(next);
            return Ok(());
        }
        self.condemn(next.file)
    }

    /// Gives up the files that nothing is in, and begins with the oldest of the sparse ones.
    fn choose(&mut self) -> Result<(), StoreFault> {
        let tail = self.values.newest();
        let dead = |(file, used): (&u32, &FileUse)| (*file != tail && used.is_dead()).then_some(*file);
        for file in self.files.iter().filter_map(dead).collect::<Vec<_>>() {
            self.condemn(file)?;
        }
        let sparse = self.files.iter().find(|(file, used)| **file != tail && used.is_sparse());
        self.emptying = sparse.map(|(file, used)| Emptying { file: *file, at: 0, end: used.bytes });
        Ok(())
    }

    /// Moves what lives in the next stretch of the file.
    fn step(&mut self, mut emptying: Emptying) -> Result<Emptying, StoreFault> {
        let until = emptying.end.min(emptying.at + STEP_BYTES);
        let mut living: Vec<Entry> = Vec::new();
        while emptying.at < until {
            let entry = self.value_reader.entry(emptying.file, emptying.at, emptying.end)?;
            let Some(entry) = entry else { break };
            emptying.at = entry.place.at + entry.place.entry_bytes();
            let named =
                value_files::place_of(&self.connection, &entry.id).map_err(fault("read", &self.file))?;
            if named == Some(entry.place) {
                living.push(entry);
            }
        }
        self.relocate(&living)?;
        Ok(emptying)
    }

    fn relocate(&mut self, living: &[Entry]) -> Result<(), StoreFault> {
        if living.is_empty() {
            return Ok(());
        }
        let places = living
            .iter()
            .map(|entry| self.values.append(&entry.id, entry.check, &entry.record))
            .collect::<Result<Vec<_>, _>>()?;
        self.values.sync()?;
        let changed = self.point_at(living, &places).map_err(fault("write", &self.file))?;
        self.files.extend(changed);
        Ok(())
    }

    fn point_at(&mut self, living: &[Entry], places: &[Place]) -> rusqlite::Result<Files> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut changes = FileChanges::new(&self.files);
        for (entry, place) in living.iter().zip(places) {
            changes.note_live(Some(*place));
            let moved = value_files::move_row(&transaction, &entry.id, entry.place, *place)?;
            changes.note_dead(Some(if moved { entry.place } else { *place }));
        }
        let now = changes.write(&transaction)?;
        transaction.commit()?;
        Ok(now)
    }

    /// No row names the file any more: it goes with the next checkpoint.
    fn condemn(&mut self, file: u32) -> Result<(), StoreFault> {
        value_files::forget(&self.connection, file).map_err(fault("write", &self.file))?;
        self.files.remove(&file);
        self.condemned.push(file);
        Ok(())
    }

    /// After a checkpoint nothing can bring rows back that name these files.
    pub(super) fn remove_condemned(&mut self) -> Result<(), StoreFault> {
        for file in std::mem::take(&mut self.condemned) {
            self.values.remove(file)?;
        }
        Ok(())
    }
}
