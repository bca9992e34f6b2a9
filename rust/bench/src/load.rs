//! Drives a server in a closed loop and reports what came of it.

pub mod actor;
pub mod conservation;
pub mod driver;
pub mod ledger;
pub mod messages;
pub mod report;
pub mod setup;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::http::url::BaseUrl;
use crate::load::report::Report;
use crate::procfs::{self, Usage};
use crate::profile::Profile;

/// What answers at the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A Conductor-compatible server: starters start, workers poll and report.
    Conductor,
    /// The null durable server: each connection makes the three requests of one execution in turn.
    Null,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "conductor" => Ok(Self::Conductor),
            "null" => Ok(Self::Null),
            _ => Err("want conductor or null"),
        }
    }
}

/// One run.
#[derive(Debug)]
pub struct RunConfig {
    /// Shape of an execution.
    pub profile: Profile,
    /// What answers.
    pub target: Target,
    /// Base of the API.
    pub url: BaseUrl,
    /// Connections that start executions.
    pub starters: usize,
    /// Connections that poll and report.
    pub workers: usize,
    /// Executions unfinished at any time.
    pub inflight: usize,
    /// Tasks asked for in one poll; 1 is the single poll.
    pub batch: usize,
    /// How long a batch poll may wait for work; the reference waits that long for the batch to be full, and refuses
    /// more than 5,000.
    pub poll_timeout_ms: u32,
    /// Bytes of payload in each input and result.
    pub payload_bytes: usize,
    /// How long executions are started.
    pub start_window: Duration,
    /// How many executions are started at most.
    pub executions_max: Option<usize>,
    /// How long what was started may take to finish after the last start.
    pub drain_max: Duration,
    /// How long to wait, at most, until the server has done what it put off.
    pub settle_max: Duration,
    /// How many executions are asked for their outcome.
    pub sample_max: usize,
    /// Processes whose usage, with that of their children, is the server's.
    pub pids: Vec<u32>,
    /// Folder of the server's data, to count what reaches its disk.
    pub data_directory: Option<PathBuf>,
    /// Where to write the report.
    pub json: Option<PathBuf>,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            profile: Profile::Exec,
            target: Target::Conductor,
            url: BaseUrl { authority: "127.0.0.1:8080".to_owned(), prefix: "/api".to_owned() },
            starters: 32,
            workers: 64,
            inflight: 128,
            batch: 1,
            poll_timeout_ms: 100,
            payload_bytes: 1024,
            start_window: Duration::from_secs(10),
            executions_max: None,
            drain_max: Duration::from_secs(60),
            settle_max: Duration::from_secs(3),
            sample_max: 2_000,
            pids: Vec::new(),
            data_directory: None,
            json: None,
        }
    }
}

/// Makes one run, prints the report and writes it where it is wanted.
///
/// Broken promises of the server do not make this an error: they are in the report.
pub fn run(config: &RunConfig) -> Result<Report, Box<dyn Error>> {
    let name = unique_name(config.profile);
    if config.target == Target::Conductor {
        setup::register(config, &name)?;
    }
    let before = procfs::usage(&config.pids)?;
    let device_before = device_written(config)?;
    let client_before = procfs::own_cpu();
    let outcome = driver::drive(config, &name)?;
    let client_cpu = procfs::own_cpu().saturating_sub(client_before);
    let drained = procfs::usage(&config.pids)?;
    let settled = settle(config, drained)?;
    let device_written = device_written(config)?.zip(device_before).map(|(after, before)| after - before);
    let conservation = conservation::check(config, &outcome)?;
    let report = Report::new(
        config,
        &outcome,
        conservation,
        report::Used { before, drained, settled, device_written, client_cpu },
    );
    report.publish(config.json.as_deref())?;
    Ok(report)
}

fn device_written(config: &RunConfig) -> io::Result<Option<u64>> {
    config.data_directory.as_deref().map_or(Ok(None), procfs::device_written)
}

/// A name of its own for each run, so that what an earlier run left behind cannot be mistaken for this one's.
fn unique_name(profile: Profile) -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("bench_{}_{millis}_{}", profile.to_string().replace(':', "_"), std::process::id())
}

/// Waits until the server is as good as idle, so that work it put off past its answers is counted as well.
fn settle(config: &RunConfig, drained: Usage) -> Result<Usage, Box<dyn Error>> {
    /// How often to look.
    const GLANCE: Duration = Duration::from_millis(200);
    /// Busy for at most this share of a glance counts as idle.
    const IDLE_SHARE: u32 = 10;
    let mut last = drained;
    let mut waited = Duration::ZERO;
    while !config.pids.is_empty() && waited < config.settle_max {
        std::thread::sleep(GLANCE);
        waited += GLANCE;
        let now = procfs::usage(&config.pids)?;
        let busy = now.cpu.saturating_sub(last.cpu);
        last = now;
        if busy <= GLANCE / IDLE_SHARE {
            break;
        }
    }
    Ok(last)
}
