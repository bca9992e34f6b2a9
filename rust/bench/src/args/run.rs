//! The options of `run`: what was given, then what follows from the profile for the rest.

use std::path::PathBuf;
use std::time::Duration;

use super::{ArgsError, Command, at_least_one, connections, seconds, value};
use crate::http::url::BaseUrl;
use crate::load::config::{RunConfig, Target};
use crate::load::series::SLICES_MAX;
use crate::profile::Profile;
use crate::waits::float;

/// Starters of an open loop: a start must not wait for another one's answer, even when a refusal takes its time.
const STARTERS_OPEN: usize = 256;
/// Time limit of an idle poll; the reference takes no longer one.
const IDLE_POLL_MS: u32 = 5_000;
/// Parking ends by its count; this only keeps a run from going on for ever.
const PARKED_WINDOW: Duration = Duration::from_secs(3_600);
/// What a million parked executions leave to be put off takes a while.
const PARKED_SETTLE: Duration = Duration::from_secs(60);
/// Starts per second at most; far above what one client can send.
const RATE_MAX: f64 = 1e6;

/// Options whose default depends on others.
#[derive(Default)]
struct Given {
    profile: Option<Profile>,
    url: Option<BaseUrl>,
    payload_bytes: Option<usize>,
    types: Option<usize>,
    starters: Option<usize>,
    workers: Option<usize>,
    inflight: Option<usize>,
    batch: Option<usize>,
    start_window: Option<Duration>,
    drain_max: Option<Duration>,
    settle_max: Option<Duration>,
}

/// Reads everything behind the word `run`.
pub fn parse(parser: &mut lexopt::Parser) -> Result<Command, ArgsError> {
    let mut config = RunConfig::default();
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        let lexopt::Arg::Long(name) = argument else { return Err(argument.unexpected().into()) };
        let name = name.to_owned();
        if !take_load(parser, &name, &mut config, &mut given)?
            && !take_frame(parser, &name, &mut config, &mut given)?
        {
            return Err(ArgsError::Grammar(format!("invalid option '--{name}'")));
        }
    }
    complete(config, &given).map(|config| Command::Run(Box::new(config)))
}

/// Takes an option that says what load to make; `false` when it is none.
fn take_load(
    parser: &mut lexopt::Parser,
    name: &str,
    config: &mut RunConfig,
    given: &mut Given,
) -> Result<bool, ArgsError> {
    match name {
        "profile" => given.profile = Some(value(parser, "--profile")?),
        "url" => given.url = Some(value(parser, "--url")?),
        "target" => config.target = value(parser, "--target")?,
        "rate" => config.rate = Some(rate(parser)?),
        "starters" => given.starters = Some(connections(parser, "--starters")?),
        "workers" => given.workers = Some(connections(parser, "--workers")?),
        "types" => given.types = Some(connections(parser, "--types")?),
        "inflight" => given.inflight = Some(at_least_one(parser, "--inflight")?),
        "batch" => given.batch = Some(at_least_one(parser, "--batch")?),
        "poll-timeout-ms" => config.poll_timeout_ms = Some(value(parser, "--poll-timeout-ms")?),
        "payload" => given.payload_bytes = Some(value(parser, "--payload")?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes an option that says how long to go on and what to look at; `false` when it is none.
fn take_frame(
    parser: &mut lexopt::Parser,
    name: &str,
    config: &mut RunConfig,
    given: &mut Given,
) -> Result<bool, ArgsError> {
    match name {
        "seconds" => given.start_window = Some(seconds(parser, "--seconds")?),
        "executions" => config.executions_max = Some(at_least_one(parser, "--executions")?),
        "drain-seconds" => given.drain_max = Some(seconds(parser, "--drain-seconds")?),
        "settle-seconds" => given.settle_max = Some(seconds(parser, "--settle-seconds")?),
        "idle-seconds" => config.idle_window = seconds(parser, "--idle-seconds")?,
        "series-seconds" => config.slice = seconds(parser, "--series-seconds")?,
        "sample" => config.sample_max = value(parser, "--sample")?,
        "pid" => config.pids.push(value(parser, "--pid")?),
        "data-dir" => config.data_directory = Some(PathBuf::from(parser.value()?)),
        "json" => config.json = Some(PathBuf::from(parser.value()?)),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Fills in what was not given, and refuses what does not go together.
fn complete(mut config: RunConfig, given: &Given) -> Result<RunConfig, ArgsError> {
    config.profile = given.profile.ok_or(ArgsError::Missing("--profile"))?;
    config.url = given.url.clone().ok_or(ArgsError::Missing("--url"))?;
    refuse_contradictions(&config, given)?;
    shape(&mut config, given);
    frame(&mut config, given);
    let slices = (config.start_window + config.drain_max).as_secs_f64() / config.slice.as_secs_f64();
    if slices > float(SLICES_MAX as u64) {
        let why = format!("want longer ones: the run may last for {slices:.0}, {SLICES_MAX} are kept");
        return Err(ArgsError::Value("--series-seconds", why));
    }
    Ok(config)
}

fn refuse_contradictions(config: &RunConfig, given: &Given) -> Result<(), ArgsError> {
    let profile = config.profile;
    let is_idle = matches!(profile, Profile::IdlePolls(_));
    let contradictions = [
        (
            config.target == Target::Null && (!profile.is_one_task() || given.types.is_some()),
            "--profile",
            "only exec, overload and payloadN of one type can be sent to the null server",
        ),
        (
            config.rate.is_some() && given.inflight.is_some(),
            "--inflight",
            "has no meaning with --rate: an open loop does not wait for what is unfinished",
        ),
        (profile == Profile::Overload && config.rate.is_none(), "--profile", "overload wants a --rate"),
        (is_idle && config.rate.is_some(), "--rate", "idlepolls starts nothing"),
        (
            matches!(profile, Profile::Payload(_)) && given.payload_bytes.is_some(),
            "--payload",
            "the profile says it already",
        ),
        (
            given.types.is_some() && given.batch.is_some_and(|batch| batch > 1),
            "--batch",
            "is one with --types: a worker asks for what was started",
        ),
        (
            given.types.is_some() && !is_idle && !profile.is_one_task(),
            "--types",
            "only exec, overload, payloadN and idlepollsN are spread over types",
        ),
    ];
    match contradictions.into_iter().find(|(applies, ..)| *applies) {
        Some((_, option, why)) => Err(ArgsError::Value(option, why.to_owned())),
        None => Ok(()),
    }
}

/// What is sent, and on how many connections.
fn shape(config: &mut RunConfig, given: &Given) {
    config.types = given.types.unwrap_or(config.types);
    // A worker for every type, as a fleet of real workers has it.
    config.workers = given.workers.unwrap_or(config.workers.max(config.types));
    config.starters = given.starters.unwrap_or(match config.rate {
        Some(_) => STARTERS_OPEN,
        None => config.starters,
    });
    config.payload_bytes = given.payload_bytes.unwrap_or(config.payload_bytes);
    match config.profile {
        Profile::Payload(bytes) => config.payload_bytes = bytes,
        Profile::Parked(executions) => {
            (config.workers, config.payload_bytes) = (0, 0);
            config.executions_max = Some(executions);
        }
        Profile::IdlePolls(polls) => {
            (config.starters, config.workers, config.payload_bytes) = (0, polls, 0);
            config.types = given.types.unwrap_or(polls);
            config.poll_timeout_ms.get_or_insert(IDLE_POLL_MS);
        }
        _ => {}
    }
    config.inflight = given.inflight.unwrap_or_else(|| config.profile.inflight_for(config.workers));
    config.batch = given.batch.unwrap_or_else(|| config.profile.batch());
}

/// How long to go on.
fn frame(config: &mut RunConfig, given: &Given) {
    let is_parked = matches!(config.profile, Profile::Parked(_));
    config.start_window =
        given.start_window.unwrap_or(if is_parked { PARKED_WINDOW } else { config.start_window });
    let timer = config.profile.timer().unwrap_or_default();
    config.drain_max = given.drain_max.unwrap_or(config.drain_max + timer);
    config.settle_max = given.settle_max.unwrap_or(if is_parked { PARKED_SETTLE } else { config.settle_max });
}

fn rate(parser: &mut lexopt::Parser) -> Result<f64, ArgsError> {
    /// Slower, and the first start would be the only one of any run.
    const RATE_MIN: f64 = 1e-3;
    let per_s: f64 = value(parser, "--rate")?;
    if (RATE_MIN..=RATE_MAX).contains(&per_s) {
        Ok(per_s)
    } else {
        Err(ArgsError::Value("--rate", format!("want {RATE_MIN} to {RATE_MAX} starts per second")))
    }
}
