//! Where an overloaded server turns starts away: on the event loop, before they cost the engine anything.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Starts that may be let in at once after a pause.
const BURST_MAX: i64 = 256;

/// Lets everybody in, or as many as the engine says.
#[derive(Debug, Default)]
pub(super) struct Door {
    is_guarded: AtomicBool,
    /// Starts that may be let in. Written by both sides: what both see at one moment is of no importance.
    credit: AtomicI64,
}

impl Door {
    /// The engine's side: whether starts are counted, and how many more may come in.
    pub(super) fn set(&self, is_guarded: bool, more: u64) {
        if is_guarded && more > 0 {
            let more = i64::try_from(more).unwrap_or(BURST_MAX);
            let credit = self.credit.load(Ordering::Relaxed);
            self.credit.fetch_add(more.min(BURST_MAX - credit), Ordering::Relaxed);
        }
        if self.is_guarded.load(Ordering::Relaxed) != is_guarded {
            self.credit.store(0, Ordering::Relaxed);
            self.is_guarded.store(is_guarded, Ordering::Relaxed);
        }
    }

    /// The event loop's side: whether so many starts may come in. One request may go into debt, so that a large one is
    /// not refused for ever.
    pub(super) fn lets_in(&self, starts: usize) -> bool {
        if !self.is_guarded.load(Ordering::Relaxed) {
            return true;
        }
        if self.credit.load(Ordering::Relaxed) <= 0 {
            return false;
        }
        self.credit.fetch_sub(i64::try_from(starts).unwrap_or(i64::MAX), Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{BURST_MAX, Door};

    fn let_in(door: &Door, starts: usize, tries: usize) -> usize {
        (0..tries).filter(|_| door.lets_in(starts)).count()
    }

    #[test]
    fn an_open_door_counts_nobody() {
        let door = Door::default();
        door.set(false, 0);
        assert_eq!(let_in(&door, 1, 1_000), 1_000);
    }

    #[test]
    fn a_guarded_door_lets_in_what_it_was_given() {
        let door = Door::default();
        door.set(true, 0);
        assert_eq!(let_in(&door, 1, 10), 0);
        door.set(true, 3);
        assert_eq!(let_in(&door, 1, 10), 3);
        (0..10).for_each(|_| door.set(true, 1_000));
        assert_eq!(let_in(&door, 1, 1_000), usize::try_from(BURST_MAX).expect("small"));
        door.set(false, 0);
        assert_eq!(let_in(&door, 1, 10), 10);
    }

    #[test]
    fn a_large_start_is_let_in_on_credit() {
        let door = Door::default();
        door.set(true, 0);
        door.set(true, 1);
        assert_eq!(let_in(&door, 1_000, 5), 1);
        door.set(true, 999);
        assert_eq!(let_in(&door, 1, 5), 0, "999 are owed");
    }
}
