//! One line for the person who waits, rewritten in place; only where a person can see it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::load::ledger::Ledger;
use crate::waits::float;

#[cfg(test)]
mod tests;

/// How often the line is rewritten.
const PERIOD: Duration = Duration::from_millis(500);
/// To the start of the line, and what is right of it wiped out.
const REWRITE: &str = "\r\u{1b}[K";

/// The line, and what it said last.
pub struct Progress {
    out: Option<Box<dyn Write>>,
    begun: Instant,
    shown_at: Instant,
    finished: usize,
}

impl Progress {
    /// A line on standard error if that is a terminal, else none.
    pub fn on_terminal(now: Instant) -> Self {
        let stderr = std::io::stderr();
        Self::on(if stderr.is_terminal() { Some(Box::new(stderr)) } else { None }, now)
    }

    fn on(out: Option<Box<dyn Write>>, now: Instant) -> Self {
        Self { out, begun: now, shown_at: now, finished: 0 }
    }

    /// Rewrites the line if it is time to.
    pub fn advance(&mut self, now: Instant, ledger: &Ledger) {
        let passed = now.saturating_duration_since(self.shown_at);
        if self.out.is_none() || passed < PERIOD {
            return;
        }
        let done = ledger.finished();
        let rate = float(done.saturating_sub(self.finished) as u64) / passed.as_secs_f64();
        let line = format!(
            "{:.1} s: {done} finished, {rate:.0}/s, {} unfinished, {} refused",
            now.saturating_duration_since(self.begun).as_secs_f64(),
            ledger.unfinished(),
            ledger.refused_starts()
        );
        (self.shown_at, self.finished) = (now, done);
        self.write(&line);
    }

    /// Wipes the line out.
    pub fn close(mut self) {
        self.write("");
    }

    /// A terminal that has gone away is no reason to end a run.
    fn write(&mut self, line: &str) {
        if let Some(out) = &mut self.out
            && write!(out, "{REWRITE}{line}").and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }
}
