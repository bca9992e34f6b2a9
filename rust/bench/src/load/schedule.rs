//! When executions are due in an open loop: a fixed schedule and the line in front of the connections.
//!
//! The schedule knows nothing of the server. Whoever times a start from the moment given here blames the server for
//! the starts that had to wait behind a slow one, which a client that waits for answers never sends at all
//! (coordinated omission).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Starts that may wait for a connection at once; what falls due beyond is missed.
pub const LINE_MAX: usize = 65_536;

/// The starts of one run, in the order in which they fall due.
#[derive(Debug)]
pub struct Schedule {
    begun: Instant,
    per_s: f64,
    /// Starts there are in all.
    total: u64,
    /// Starts that have fallen due.
    offered: u64,
    /// Starts that found the line full.
    missed: u64,
    line: VecDeque<Instant>,
    line_max: usize,
}

impl Schedule {
    /// Plans `per_s` starts a second during `window`, at most `limit` of them; the first is due at `begun`.
    pub fn new(begun: Instant, per_s: f64, window: Duration, limit: Option<usize>, line_max: usize) -> Self {
        let in_window = whole((per_s * window.as_secs_f64()).ceil());
        let total = limit.map_or(in_window, |limit| in_window.min(limit as u64));
        Self { begun, per_s, total, offered: 0, missed: 0, line: VecDeque::new(), line_max }
    }

    /// Puts in line what has fallen due by `now`.
    pub fn advance(&mut self, now: Instant) {
        while self.offered < self.total {
            let due = self.begun + Duration::from_secs_f64(crate::waits::float(self.offered) / self.per_s);
            if due > now {
                return;
            }
            self.offered += 1;
            if self.line.len() < self.line_max {
                self.line.push_back(due);
            } else {
                self.missed += 1;
            }
        }
    }

    /// Takes the start that has waited longest; the moment is when it was due.
    pub fn take(&mut self) -> Option<Instant> {
        self.line.pop_front()
    }

    /// Counts everything still in line as missed: the run is over.
    pub fn give_up(&mut self) {
        self.missed += self.line.len() as u64;
        self.line.clear();
    }

    /// Whether a start is waiting or still to come.
    pub fn is_open(&self) -> bool {
        self.offered < self.total || !self.line.is_empty()
    }

    /// Starts that have fallen due.
    pub fn offered(&self) -> u64 {
        self.offered
    }

    /// Starts that were due and not sent.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// A count out of a float that is one: not negative, bounded by the arguments' checks.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates at the type's ends"
)]
fn whole(count: f64) -> u64 {
    count as u64
}
