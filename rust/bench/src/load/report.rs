//! The figures of a run: for people on standard output, for programs as JSON.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::load::config::{RunConfig, Target};
use crate::load::conservation::Conservation;
use crate::load::outcome::{Outcome, Refusals};
use crate::load::series::Slice;
use crate::load::watch::Idle;
use crate::procfs::Usage;
use crate::waits::{Quantiles, float, rounded};

mod table;

#[cfg(test)]
mod tests;

/// What was used, read at the ends of the run.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// The server before the first request.
    pub before: Usage,
    /// The server when the last result was acknowledged.
    pub drained: Usage,
    /// The server when it had done what it put off.
    pub settled: Usage,
    /// What reached the server's disk between the two, by whoever; `None` when that is not known.
    pub device_written: Option<u64>,
    /// What the server's folder grew by; `None` when it is not known.
    pub stored: Option<u64>,
    /// The server while nothing was there to do, where the profile is about that.
    pub idle: Option<Idle>,
    /// The client, from the first request to the last.
    pub client_cpu: Duration,
}

/// One run, with its settings.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this program.
    pub version: &'static str,
    /// The settings that matter.
    pub settings: Settings,
    /// From the first start to the last acknowledgement, in seconds.
    pub wall_s: f64,
    /// Executions finished, and how many there might have been.
    pub executions: Executions,
    /// Tasks whose result was acknowledged.
    pub tasks: Rates,
    /// Starts the server turned away because it was full.
    pub refused: Refused,
    /// What the server used; `None` without `--pid`.
    pub server: Option<ServerUse>,
    /// What the client did.
    pub client: ClientUse,
    /// Latencies as the client saw them.
    pub latency_us: LatencyTable,
    /// The run in slices of time.
    pub series: Vec<Slice>,
    /// Whether anything was lost or doubled.
    pub conservation: Conservation,
}

/// The settings of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// Shape of an execution.
    pub profile: String,
    /// `conductor` or `null`.
    pub target: &'static str,
    /// Base of the API.
    pub url: String,
    /// Definitions and task types.
    pub types: usize,
    /// Connections that start.
    pub starters: usize,
    /// Connections that work.
    pub workers: usize,
    /// Executions started per second; `None` in a closed loop.
    pub rate: Option<f64>,
    /// Bound on unfinished executions in a closed loop.
    pub inflight: usize,
    /// Tasks asked for in one poll.
    pub batch: usize,
    /// How long a poll that has a limit may wait.
    pub poll_timeout_ms: u32,
    /// Bytes in each input and result.
    pub payload_bytes: usize,
    /// Time during which executions were started.
    pub seconds: f64,
    /// Length of an entry of the series.
    pub series_seconds: f64,
}

/// How many, and how many per second of two kinds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rates {
    /// How many.
    pub count: u64,
    /// Per second of wall clock.
    pub per_s: f64,
    /// Per second of server CPU; `None` without `--pid`.
    pub per_server_cpu_s: Option<f64>,
}

/// Executions of the run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Executions {
    /// Those that finished.
    #[serde(flatten)]
    pub finished: Rates,
    /// Starts that were due: sent, or missed.
    pub offered: u64,
    /// Starts that were due and never sent: no connection was free, and the line was full or the time over.
    pub missed: u64,
}

/// What was answered 429 or 503.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Refused {
    /// Starts.
    pub count: u64,
    /// Those of them that were told when to come again.
    pub with_retry_after: u64,
    /// How long those starts took to be refused, from the moment they were due.
    pub latency_us: Quantiles,
    /// Polls; each was made again.
    pub polls: u64,
    /// Results; each was sent again.
    pub updates: u64,
}

/// What the server used for the run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ServerUse {
    /// User and system time of all its processes, work put off past the last answer included.
    pub cpu_s: f64,
    /// The part of it up to the last answer.
    pub cpu_until_drained_s: f64,
    /// Server CPU for one task, in microseconds.
    pub cpu_us_per_task: f64,
    /// Bytes of file pages made dirty for one execution, large folios counted whole.
    pub dirtied_bytes_per_execution: f64,
    /// Bytes that reached the disk for one execution, those of other programs included; `None` without
    /// `--data-dir`.
    pub device_bytes_per_execution: Option<f64>,
    /// Bytes the server's folder grew by for one execution; `None` without `--data-dir`.
    pub stored_bytes_per_execution: Option<f64>,
    /// Memory resident before the first request.
    pub resident_bytes_before: u64,
    /// Memory resident at the end.
    pub resident_bytes: u64,
    /// What it grew by for one execution, finished ones included; zero when it shrank.
    pub resident_bytes_per_execution: f64,
    /// The part of one core that was busy while nothing was there to do; only of `parkedN` and `idlepollsN`.
    pub idle_cpu_share: Option<f64>,
}

/// What the client did.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ClientUse {
    /// Its user and system time.
    pub cpu_s: f64,
    /// Requests answered.
    pub requests: u64,
    /// Polls that found nothing.
    pub polls_empty: u64,
    /// Connections made again because the server had closed them.
    pub reconnects: u64,
}

/// One row for each kind of wait.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LatencyTable {
    /// Start call that was accepted, from the moment it was due.
    pub start: Quantiles,
    /// Poll that came back with work.
    pub poll: Quantiles,
    /// Report of a result.
    pub update: Quantiles,
    /// From the moment the start was due to the acknowledgement of the last result.
    pub start_to_completed: Quantiles,
    /// How much later than due the task behind a timer was handed out; only of `timersN`.
    pub late: Option<Quantiles>,
}

impl Report {
    /// Works the figures out.
    pub fn new(config: &RunConfig, outcome: &Outcome, conservation: Conservation, used: Used) -> Self {
        let wall_s = outcome.elapsed.as_secs_f64();
        let cpu_s = used.settled.cpu.saturating_sub(used.before.cpu).as_secs_f64();
        let is_known = !config.pids.is_empty();
        let rates = |count: u64| Rates {
            count,
            per_s: over(count, wall_s),
            per_server_cpu_s: is_known.then(|| over(count, cpu_s)),
        };
        let executions = outcome.ledger.finished() as u64;
        let tasks = outcome.ledger.results();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            settings: Settings::of(config),
            wall_s: rounded(wall_s, 3),
            executions: Executions {
                finished: rates(executions),
                offered: outcome.offered,
                missed: outcome.missed,
            },
            tasks: rates(tasks),
            refused: Refused::of(&outcome.refusals),
            server: is_known.then(|| ServerUse::of(&used, executions, tasks)),
            client: ClientUse {
                cpu_s: rounded(used.client_cpu.as_secs_f64(), 3),
                requests: outcome.requests,
                polls_empty: outcome.polls_empty,
                reconnects: outcome.reconnects,
            },
            latency_us: LatencyTable {
                start: outcome.latencies.start.quantiles(),
                poll: outcome.latencies.poll.quantiles(),
                update: outcome.latencies.update.quantiles(),
                start_to_completed: outcome.latencies.execution.quantiles(),
                late: config.profile.timer().map(|_| outcome.latencies.late.quantiles()),
            },
            series: outcome.series.clone(),
            conservation,
        }
    }

    /// Prints the report and writes it to `path`, if there is one.
    pub fn publish(&self, path: Option<&Path>) -> io::Result<()> {
        print!("{self}");
        match path {
            Some(path) => fs::write(path, serde_json::to_vec_pretty(self).map_err(io::Error::from)?),
            None => Ok(()),
        }
    }
}

impl Refused {
    fn of(refusals: &Refusals) -> Self {
        Self {
            count: refusals.starts.count(),
            with_retry_after: refusals.starts_with_retry_after,
            latency_us: refusals.starts.quantiles(),
            polls: refusals.polls,
            updates: refusals.updates,
        }
    }
}

impl ServerUse {
    fn of(used: &Used, executions: u64, tasks: u64) -> Self {
        let since = |usage: Usage| usage.cpu.saturating_sub(used.before.cpu).as_secs_f64();
        let cpu_s = since(used.settled);
        let grown = used.settled.resident_bytes.saturating_sub(used.before.resident_bytes);
        let dirtied = used.settled.dirtied_bytes.saturating_sub(used.before.dirtied_bytes);
        Self {
            cpu_s: rounded(cpu_s, 3),
            cpu_until_drained_s: rounded(since(used.drained), 3),
            cpu_us_per_task: if tasks == 0 { 0.0 } else { rounded(cpu_s * 1e6 / float(tasks), 2) },
            dirtied_bytes_per_execution: over(dirtied, float(executions)),
            device_bytes_per_execution: used.device_written.map(|bytes| over(bytes, float(executions))),
            stored_bytes_per_execution: used.stored.map(|bytes| over(bytes, float(executions))),
            resident_bytes_before: used.before.resident_bytes,
            resident_bytes: used.settled.resident_bytes,
            resident_bytes_per_execution: over(grown, float(executions)),
            idle_cpu_share: used.idle.map(|idle| rounded(idle.cpu_share(), 5)),
        }
    }
}

impl Settings {
    fn of(config: &RunConfig) -> Self {
        Self {
            profile: config.profile.to_string(),
            target: match config.target {
                Target::Conductor => "conductor",
                Target::Null => "null",
            },
            url: config.url.to_string(),
            types: config.types,
            starters: config.starters,
            workers: config.workers,
            rate: config.rate,
            inflight: config.inflight,
            batch: config.batch,
            poll_timeout_ms: config.poll_limit_ms(),
            payload_bytes: config.payload_bytes,
            seconds: config.start_window.as_secs_f64(),
            series_seconds: config.slice.as_secs_f64(),
        }
    }
}

/// A count over an amount, to a tenth; zero over nothing.
fn over(count: u64, amount: f64) -> f64 {
    if amount > 0.0 { rounded(float(count) / amount, 1) } else { 0.0 }
}
