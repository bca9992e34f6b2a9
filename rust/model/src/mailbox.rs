//! Messages from outside that wait in one execution for a task that pulls them (S-42, S-82).

use fastcond_json::Raw;
use std::collections::VecDeque;

/// Messages that may wait at one time (rest-api 14).
pub const MESSAGES_MAX: usize = 1_000;
/// Bytes that they may have together: as many as one payload.
pub const BYTES_MAX: usize = fastcond_json::BYTES_MAX;
/// How long they are kept after the newest came.
pub const KEPT_MS: i64 = 86_400_000;

/// Waiting messages, oldest first, each in the shape in which a task shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mailbox {
    waiting: VecDeque<Raw>,
    bytes: usize,
    /// When the newest came; 0 without any.
    newest_ms: i64,
}

impl Mailbox {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Every message, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Raw> {
        self.waiting.iter()
    }

    /// When the newest came.
    pub fn newest_ms(&self) -> i64 {
        self.newest_ms
    }

    /// Whether one more of `bytes` is too many.
    pub fn is_full_for(&self, bytes: usize) -> bool {
        self.waiting.len() >= MESSAGES_MAX || self.bytes.saturating_add(bytes) > BYTES_MAX
    }

    /// Whether what waits has waited too long.
    pub fn is_stale(&self, now_ms: i64) -> bool {
        !self.is_empty() && self.newest_ms.saturating_add(KEPT_MS) < now_ms
    }

    /// Takes a message in, behind the others.
    pub fn push(&mut self, message: Raw, now_ms: i64) {
        self.bytes += message.len();
        self.newest_ms = now_ms;
        self.waiting.push_back(message);
    }

    /// Takes the oldest out, at most `most`.
    pub fn take(&mut self, most: usize) -> Vec<Raw> {
        let taken: Vec<Raw> = self.waiting.drain(..most.min(self.waiting.len())).collect();
        self.bytes -= taken.iter().map(|message| message.len()).sum::<usize>();
        if self.is_empty() {
            *self = Self::default();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, KEPT_MS, MESSAGES_MAX, Mailbox};
    use fastcond_json::Raw;

    #[test]
    fn the_oldest_leave_first_and_an_emptied_box_is_like_a_new_one() {
        let mut mailbox = Mailbox::default();
        for n in 0..3 {
            mailbox.push(Raw::from(n), 5 + n);
        }
        assert_eq!(mailbox.take(2), [Raw::from(0), Raw::from(1)]);
        assert_eq!((mailbox.len(), mailbox.newest_ms()), (1, 7));
        assert_eq!(mailbox.take(9), [Raw::from(2)]);
        assert_eq!(mailbox, Mailbox::default());
    }

    #[test]
    fn it_is_full_by_number_and_by_bytes_and_stale_after_a_day_s_82_1() {
        let mut mailbox = Mailbox::default();
        for _ in 0..MESSAGES_MAX {
            assert!(!mailbox.is_full_for(1));
            mailbox.push(Raw::from(1), 10);
        }
        assert!(mailbox.is_full_for(1));
        assert!(!mailbox.is_stale(10 + KEPT_MS) && mailbox.is_stale(11 + KEPT_MS));
        let mut large = Mailbox::default();
        assert!(!large.is_full_for(BYTES_MAX) && large.is_full_for(BYTES_MAX + 1));
        large.push(Raw::from(12), 10);
        assert!(large.is_full_for(BYTES_MAX - 1) && !large.is_full_for(BYTES_MAX - 2));
    }
}
