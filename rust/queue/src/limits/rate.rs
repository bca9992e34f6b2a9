//! How many hand-outs of a task name the last seconds saw: an exact sliding window per name (S-53.2).

use std::collections::{BTreeMap, VecDeque};

/// How many different milliseconds one window remembers.
///
/// Up to that many the window is exact. Beyond it neighbouring milliseconds are counted as the later one,
/// which can delay a hand-out by a small part of the window and never allows one too many.
pub const RATE_RUNS_MAX: usize = 16_384;

/// Sliding windows of hand-outs, by task name.
#[derive(Debug, Clone, Default)]
pub struct RateLimit {
    windows: BTreeMap<Box<str>, Window>,
}

/// Hand-outs of one name, oldest first, counted per millisecond.
#[derive(Debug, Clone, Default)]
struct Window {
    runs: VecDeque<Run>,
    total: u64,
    length_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    at_ms: i64,
    count: u32,
}

impl RateLimit {
    /// Makes a table without any hand-outs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts a hand-out at `now_ms` if fewer than `n_per` lie in the window before it, else says when to ask
    /// again.
    ///
    /// A hand-out counts for `window_ms` and not a millisecond longer. At the time given back the same
    /// question gets a yes, provided nothing else was handed out. A limit or window of zero means no limit.
    /// If the clock was set back, what seems to lie in the future counts as having happened now.
    pub fn allow(&mut self, name: &str, now_ms: i64, n_per: u32, window_ms: i64) -> Result<(), i64> {
        if n_per == 0 || window_ms <= 0 {
            return Ok(());
        }
        if !self.windows.contains_key(name) {
            self.windows.insert(name.into(), Window::default());
        }
        let window = self.windows.get_mut(name).expect("it was just made sure of");
        window.length_ms = window_ms;
        window.settle(now_ms);
        if window.total >= u64::from(n_per) {
            return Err(window.room_at(u64::from(n_per)));
        }
        window.count(now_ms);
        Ok(())
    }

    /// Takes back the latest hand-out of a name, which did not happen after all.
    pub fn undo(&mut self, name: &str) {
        if let Some(window) = self.windows.get_mut(name) {
            window.undo();
        }
    }

    /// Forgets the names whose windows have run empty.
    pub fn trim(&mut self, now_ms: i64) {
        self.windows.retain(|_, window| {
            window.settle(now_ms);
            window.total > 0
        });
    }

    /// Counts the names with a window.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Says whether no name has a window.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
}

impl Window {
    /// Drops what has left the window and pulls what lies in the future back to now.
    fn settle(&mut self, now_ms: i64) {
        while let Some(run) = self.runs.front() {
            if run.at_ms.saturating_add(self.length_ms) > now_ms {
                break;
            }
            self.total -= u64::from(run.count);
            self.runs.pop_front();
        }
        let mut ahead = 0;
        while let Some(run) = self.runs.back().filter(|run| run.at_ms > now_ms) {
            ahead += run.count;
            self.runs.pop_back();
        }
        if ahead > 0 {
            self.add(now_ms, ahead);
        }
    }

    /// The moment at which fewer than `n_per` are left.
    fn room_at(&self, n_per: u64) -> i64 {
        let mut left = self.total;
        for run in &self.runs {
            left -= u64::from(run.count);
            if left < n_per {
                return run.at_ms.saturating_add(self.length_ms);
            }
        }
        unreachable!("an empty window has room")
    }

    fn count(&mut self, now_ms: i64) {
        self.total += 1;
        self.add(now_ms, 1);
        if self.runs.len() > RATE_RUNS_MAX {
            self.coarsen();
        }
    }

    fn add(&mut self, at_ms: i64, count: u32) {
        match self.runs.back_mut() {
            Some(run) if run.at_ms == at_ms => run.count += count,
            _ => self.runs.push_back(Run { at_ms, count }),
        }
    }

    fn undo(&mut self) {
        if let Some(run) = self.runs.back_mut() {
            self.total -= 1;
            run.count -= 1;
            if run.count == 0 {
                self.runs.pop_back();
            }
        }
    }

    /// Joins every two neighbours under the later time.
    fn coarsen(&mut self) {
        let runs = self.runs.make_contiguous();
        let joined = runs.chunks(2).map(|pair| Run {
            at_ms: pair[pair.len() - 1].at_ms,
            count: pair.iter().map(|run| run.count).sum(),
        });
        self.runs = joined.collect();
    }
}
