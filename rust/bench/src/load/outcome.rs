//! What a run did, before it is judged and reported.

use std::time::Duration;

use crate::load::ledger::Ledger;
use crate::load::series::Slice;
use crate::load::watch::Idle;
use crate::waits::Waits;

/// Latencies seen by the client.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Start call, from the moment the start was due.
    pub start: Waits,
    /// Poll that came back with work, the wait for it included.
    pub poll: Waits,
    /// Report of a result.
    pub update: Waits,
    /// From the moment the start was due to the acknowledgement of the last result.
    pub execution: Waits,
    /// How much later than due a task behind a timer was handed out, counted from when its start was sent.
    pub late: Waits,
}

/// Requests answered 429 or 503: the server says that it is full, which is no error of the run.
#[derive(Debug, Default)]
pub struct Refusals {
    /// How long a start that was refused took, from the moment it was due.
    pub starts: Waits,
    /// Starts refused with a Retry-After.
    pub starts_with_retry_after: u64,
    /// Polls refused; each was made again.
    pub polls: u64,
    /// Results refused; each was sent again.
    pub updates: u64,
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// The client's books.
    pub ledger: Ledger,
    /// What it waited.
    pub latencies: Latencies,
    /// What it was refused.
    pub refusals: Refusals,
    /// Starts that were due.
    pub offered: u64,
    /// Starts that were due and never sent, because no connection was free and the line was full or the time over.
    pub missed: u64,
    /// Tasks that were handed out before their timer was due.
    pub early: u64,
    /// The server while nothing was there to do, where the profile is about that.
    pub idle: Option<Idle>,
    /// The same in slices of time.
    pub series: Vec<Slice>,
    /// From the first start to the last acknowledgement.
    pub elapsed: Duration,
    /// Requests answered.
    pub requests: u64,
    /// Polls that came back with nothing.
    pub polls_empty: u64,
    /// Connections made again because the server had closed them.
    pub reconnects: u64,
}
