//! The run in slices of time: what a total hides, a stall, a leak or a slow decay, shows here.

use std::io;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::load::ledger::Ledger;
use crate::procfs::{Processes, Usage};
use crate::waits::{Waits, rounded};

#[cfg(test)]
mod tests;

/// Slices of a run at most; a longer run wants longer ones.
pub const SLICES_MAX: usize = 100_000;

/// One slice.
#[derive(Debug, Clone, Serialize)]
pub struct Slice {
    /// When it ended, in seconds since the run began.
    pub at_s: f64,
    /// Executions finished in it.
    pub finished: usize,
    /// Starts refused in it.
    pub refused: usize,
    /// Median of the starts answered in it; zero when there were none, as all of these.
    pub start_p50_us: f64,
    /// Their 99th percentile.
    pub start_p99_us: f64,
    /// Median from the moment the start was due to completion, of the executions finished in it.
    pub start_to_completed_p50_us: f64,
    /// Their 99th percentile.
    pub start_to_completed_p99_us: f64,
    /// User and system time of the server; `None` without `--pid`.
    pub server_cpu_s: Option<f64>,
    /// Memory of the server at its end; `None` without `--pid`.
    pub resident_bytes: Option<u64>,
}

/// The slices so far and the one that is going on.
#[derive(Debug)]
pub struct Series {
    period: Duration,
    begun: Instant,
    ends: Instant,
    server: Processes,
    used: Usage,
    finished: usize,
    refused: usize,
    start: Waits,
    execution: Waits,
    slices: Vec<Slice>,
}

impl Series {
    /// Begins the first slice now; each lasts one `period`.
    pub fn begin(period: Duration, pids: &[u32], now: Instant) -> io::Result<Self> {
        let mut server = Processes::of(pids);
        Ok(Self {
            period,
            begun: now,
            ends: now + period,
            used: server.usage()?,
            server,
            finished: 0,
            refused: 0,
            start: Waits::new(),
            execution: Waits::new(),
            slices: Vec::new(),
        })
    }

    /// A start was answered.
    pub fn record_start(&mut self, waited: Duration) {
        self.start.record(waited);
    }

    /// An execution was finished.
    pub fn record_execution(&mut self, took: Duration) {
        self.execution.record(took);
    }

    /// Ends every slice whose time is over; the client may have been kept from looking for more than one.
    pub fn advance(&mut self, now: Instant, ledger: &Ledger) -> io::Result<()> {
        while now >= self.ends {
            self.end_slice(self.ends, ledger)?;
            self.ends += self.period;
        }
        Ok(())
    }

    /// Ends the last slice where the run ended and gives all of them.
    pub fn close(mut self, now: Instant, ledger: &Ledger) -> io::Result<Vec<Slice>> {
        self.advance(now, ledger)?;
        self.end_slice(now, ledger)?;
        Ok(self.slices)
    }

    fn end_slice(&mut self, at: Instant, ledger: &Ledger) -> io::Result<()> {
        let used = self.server.usage()?;
        let is_known = !self.server.is_empty();
        let cpu_s = used.cpu.saturating_sub(self.used.cpu).as_secs_f64();
        let (start, execution) = (self.start.quantiles(), self.execution.quantiles());
        if self.slices.len() < SLICES_MAX {
            self.slices.push(Slice {
                at_s: rounded(at.saturating_duration_since(self.begun).as_secs_f64(), 3),
                // An execution that was finished and then refused is taken off again.
                finished: ledger.finished().saturating_sub(self.finished),
                refused: ledger.refused_starts() - self.refused,
                start_p50_us: start.p50,
                start_p99_us: start.p99,
                start_to_completed_p50_us: execution.p50,
                start_to_completed_p99_us: execution.p99,
                server_cpu_s: is_known.then(|| rounded(cpu_s, 3)),
                resident_bytes: is_known.then_some(used.resident_bytes),
            });
        }
        self.used = used;
        (self.finished, self.refused) = (ledger.finished(), ledger.refused_starts());
        self.start.clear();
        self.execution.clear();
        Ok(())
    }
}
