//! Payloads of one record, each kept once: what equals one that was written before is written as its place.
//!
//! An execution says the same thing several times: a task's input is often the workflow's, the workflow's output is
//! its last task's. Only the newest few are compared, so that writing stays linear; places count all of them.

use super::fields::{CodecError, Field, Writer};
use fastcond_json::Raw;

/// Shorter ones cost less than looking for them.
const BYTES_MIN: usize = 32;

/// How many payloads back an equal one is looked for.
const LOOK_BACK: usize = 8;

/// Payloads written so far.
#[derive(Default)]
pub(super) struct Written<'a> {
    newest: [&'a str; LOOK_BACK],
    count: u64,
}

impl<'a> Written<'a> {
    /// Writes a payload under `tag`, as bytes or as the place of an equal one.
    pub(super) fn write(&mut self, w: &mut Writer<'_>, tag: u32, payload: &'a Raw) {
        let text: &'a str = payload;
        if text.len() < BYTES_MIN {
            return w.text(tag, Some(text));
        }
        let is_same = |known: &&str| std::ptr::eq(*known, text) || *known == text;
        if let Some(slot) = self.newest.iter().position(is_same) {
            return w.uint(tag, self.place(slot) + 1);
        }
        let slot = slot_of(self.count);
        self.newest[slot] = text;
        self.count += 1;
        w.text(tag, Some(text));
    }

    /// Which payload of all is in a slot: the newest that fell there.
    fn place(&self, slot: usize) -> u64 {
        let newest = self.count - 1;
        let back = (slot_of(newest) + LOOK_BACK - slot) % LOOK_BACK;
        newest - back as u64
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below LOOK_BACK")]
fn slot_of(count: u64) -> usize {
    (count % LOOK_BACK as u64) as usize
}

/// Payloads read so far; equal ones share their bytes in memory too.
#[derive(Default)]
pub(super) struct Read(Vec<Raw>);

impl Read {
    /// Reads what [`Written::write`] wrote.
    pub(super) fn read(&mut self, field: Field<'_>) -> Result<Raw, CodecError> {
        if let Field::Number(place) = field {
            let known = usize::try_from(place).ok().and_then(|place| self.0.get(place.checked_sub(1)?));
            return known.cloned().ok_or(CodecError { what: "place of a payload" });
        }
        let payload = field.json()?;
        if payload.len() >= BYTES_MIN {
            self.0.push(payload.clone());
        }
        Ok(payload)
    }
}
