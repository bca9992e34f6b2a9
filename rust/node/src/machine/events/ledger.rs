//! What handlers did about messages: kept for a stated time, so that a message that comes twice is acted on once
//! (S-80.6, G13).
//!
//! A record is written together with what it is about, so neither is ever there alone. It says nothing any more once its
//! time is over; then it is deleted, some at a time.

use crate::machine::{Machine, records};
use fastcond_json::{ObjectWriter, Raw, as_i64, get};
use fastcond_model::def::ActionKind;
use fastcond_store::StoreFault;

/// How long records are kept unless it is set: seven days.
pub const KEPT_MS: i64 = 7 * 24 * 3_600_000;
/// How often records whose time is over are looked for.
const FORGET_EVERY_MS: i64 = 60_000;
/// The same while there are more of them than are deleted in one go.
pub const FORGET_MORE_MS: i64 = 1_000;
/// Records deleted in one go.
const FORGET_MAX: usize = 1_000;

/// What one action came to: an event execution of the contract.
pub struct Done<'a> {
    /// Name of the handler.
    pub handler: &'a str,
    /// The event.
    pub event: &'a str,
    /// The message.
    pub message: &'a str,
    /// Number of the action.
    pub number: usize,
    /// `COMPLETED`, `FAILED` or `SKIPPED`.
    pub status: &'static str,
    /// What was done; none when the condition decided.
    pub action: Option<ActionKind>,
    /// What came of it.
    pub output: Raw,
}

/// The key of a record. Lengths stand in front, so that no two names run into one another.
pub fn key(handler: &str, event: &str, message: &str, number: usize) -> String {
    format!("{} {}\0{handler}\0{event}\0{message}_{number}", handler.len(), event.len())
}

impl Done<'_> {
    fn written(&self, created_ms: i64) -> Vec<u8> {
        let mut out = String::new();
        let mut object = ObjectWriter::begin(&mut out);
        object.str("id", &format!("{}_{}", self.message, self.number));
        object.str("messageId", self.message);
        object.str("name", self.handler).str("event", self.event);
        object.i64("created", created_ms);
        object.str("status", self.status);
        object.str_if_some("action", self.action.map(ActionKind::text));
        object.raw("output", &self.output);
        object.end();
        out.into_bytes()
    }
}

/// A record that still counts.
pub struct Known {
    /// It is about an action, not about a condition that kept all of them from being done.
    pub is_action: bool,
}

impl Machine {
    /// What is remembered under a key.
    pub fn event_action(&mut self, key: &str) -> Result<Option<Known>, StoreFault> {
        let stored = match self.pending.event_actions.get(key) {
            Some(bytes) => Some(bytes.to_vec()),
            None => self.shelf.event_action(key)?,
        };
        let Some(text) = stored.and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(None) };
        let created_ms = get(&text, "created").and_then(as_i64).unwrap_or(i64::MIN);
        let counts = created_ms.saturating_add(self.options.events_kept_ms) > self.now_ms;
        Ok(counts.then(|| Known { is_action: get(&text, "action").is_some() }))
    }

    /// Remembers what was done.
    pub fn note_event_action(&mut self, done: &Done<'_>) {
        let key = key(done.handler, done.event, done.message, done.number);
        let value = done.written(self.now_ms);
        self.stats.event_actions.add(&[done.handler, done.action.map_or("", ActionKind::text), done.status]);
        self.put_thing(records::EVENT_ACTION, &key, Some(value.clone()));
        self.pending.event_actions.note(self.position, &key, value);
        self.put_thing(records::EVENT_TIME, &time_key(self.now_ms, &key), Some(vec![1]));
    }

    /// Deletes records whose time is over, when it is time to look.
    pub fn forget_event_actions(&mut self) {
        if self.now_ms < self.forget_events_ms {
            return;
        }
        self.forget_events_ms = self.now_ms + FORGET_EVERY_MS;
        let bound = time_key(self.now_ms.saturating_sub(self.options.events_kept_ms), "");
        // One that cannot be read now is read another time.
        let Ok(found) = self.shelf.event_times(&bound, FORGET_MAX) else { return };
        if found.len() == FORGET_MAX {
            self.forget_events_ms = self.now_ms + FORGET_MORE_MS;
        }
        for listed in found {
            if let Some((_, key)) = listed.split_once('\0') {
                self.forget_event_action(key);
            }
            self.put_thing(records::EVENT_TIME, &listed, None);
        }
    }

    fn forget_event_action(&mut self, key: &str) {
        // The message may have come again since, and been acted on again.
        if matches!(self.event_action(key), Ok(None)) {
            self.put_thing(records::EVENT_ACTION, key, None);
            self.pending.event_actions.note(self.position, key, Vec::new());
        }
    }
}

fn time_key(at_ms: i64, key: &str) -> String {
    format!("{:016}\0{key}", at_ms.max(0))
}
