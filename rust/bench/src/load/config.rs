//! One run as it was asked for.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::http::url::BaseUrl;
use crate::profile::Profile;

/// How long a batch poll waits for work unless told otherwise, as the contract's single poll does.
const POLL_TIMEOUT_MS_DEFAULT: u32 = 100;

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
    /// Definitions and task types that starts and polls are spread over in turn.
    pub types: usize,
    /// Executions started per second, on a fixed schedule, however the server keeps up; `None` closes the loop.
    pub rate: Option<f64>,
    /// Executions unfinished at any time; without meaning in an open loop.
    pub inflight: usize,
    /// Tasks asked for in one poll; 1 is the single poll.
    pub batch: usize,
    /// How long a poll may wait for work; the reference waits that long for a batch to be full, and refuses more than
    /// 5,000. Given or not, a batch has a limit; a single task is asked for in a batch of one when there is one.
    pub poll_timeout_ms: Option<u32>,
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
    /// How long the server is watched while it has nothing to do, where the profile is about that.
    pub idle_window: Duration,
    /// How long each entry of the report's time series is.
    pub slice: Duration,
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
            types: 1,
            rate: None,
            inflight: 128,
            batch: 1,
            poll_timeout_ms: None,
            payload_bytes: 1024,
            start_window: Duration::from_secs(10),
            executions_max: None,
            drain_max: Duration::from_secs(60),
            settle_max: Duration::from_secs(3),
            idle_window: Duration::from_secs(10),
            slice: Duration::from_secs(1),
            sample_max: 2_000,
            pids: Vec::new(),
            data_directory: None,
            json: None,
        }
    }
}

impl RunConfig {
    /// The time limit of a poll that has one, in milliseconds.
    pub fn poll_limit_ms(&self) -> u32 {
        self.poll_timeout_ms.unwrap_or(POLL_TIMEOUT_MS_DEFAULT)
    }

    /// The name of the definition and task type of this number, of a run of this name.
    pub fn type_name(&self, name: &str, number: usize) -> String {
        if self.types == 1 { name.to_owned() } else { format!("{name}_{number}") }
    }
}
