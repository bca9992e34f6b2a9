//! The options of `run`: what was given, then what follows from the profile for the rest.

use std::path::PathBuf;

use super::{ArgsError, Command, at_least_one, connections, seconds, value};
use crate::http::url::BaseUrl;
use crate::load::config::{RunConfig, Target};
use crate::profile::Profile;

/// Starters of an open loop: a start must not wait for another one's answer, even when a refusal takes its time.
const STARTERS_OPEN: usize = 256;
/// Starts per second at most; far above what one client can send.
const RATE_MAX: f64 = 1e6;

/// Options whose default depends on others.
#[derive(Default)]
struct Given {
    profile: Option<Profile>,
    url: Option<BaseUrl>,
    starters: Option<usize>,
    inflight: Option<usize>,
    batch: Option<usize>,
}

/// Reads everything behind the word `run`.
pub fn parse(parser: &mut lexopt::Parser) -> Result<Command, ArgsError> {
    let mut config = RunConfig::default();
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        let lexopt::Arg::Long(name) = argument else { return Err(argument.unexpected().into()) };
        let name = name.to_owned();
        if !take_load(parser, &name, &mut config, &mut given)? && !take_frame(parser, &name, &mut config)? {
            return Err(ArgsError::Grammar(format!("invalid option '--{name}'")));
        }
    }
    complete(config, given).map(|config| Command::Run(Box::new(config)))
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
        "workers" => config.workers = connections(parser, "--workers")?,
        "inflight" => given.inflight = Some(at_least_one(parser, "--inflight")?),
        "batch" => given.batch = Some(at_least_one(parser, "--batch")?),
        "poll-timeout-ms" => config.poll_timeout_ms = Some(value(parser, "--poll-timeout-ms")?),
        "payload" => config.payload_bytes = value(parser, "--payload")?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes an option that says how long to go on and what to look at; `false` when it is none.
fn take_frame(parser: &mut lexopt::Parser, name: &str, config: &mut RunConfig) -> Result<bool, ArgsError> {
    match name {
        "seconds" => config.start_window = seconds(parser, "--seconds")?,
        "executions" => config.executions_max = Some(at_least_one(parser, "--executions")?),
        "drain-seconds" => config.drain_max = seconds(parser, "--drain-seconds")?,
        "settle-seconds" => config.settle_max = seconds(parser, "--settle-seconds")?,
        "sample" => config.sample_max = value(parser, "--sample")?,
        "pid" => config.pids.push(value(parser, "--pid")?),
        "data-dir" => config.data_directory = Some(PathBuf::from(parser.value()?)),
        "json" => config.json = Some(PathBuf::from(parser.value()?)),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Fills in what was not given, and refuses what does not go together.
fn complete(mut config: RunConfig, given: Given) -> Result<RunConfig, ArgsError> {
    config.profile = given.profile.ok_or(ArgsError::Missing("--profile"))?;
    config.url = given.url.ok_or(ArgsError::Missing("--url"))?;
    if config.target == Target::Null && config.profile != Profile::Exec {
        return Err(ArgsError::Value("--profile", "only exec can be sent to the null server".to_owned()));
    }
    if config.rate.is_some() && given.inflight.is_some() {
        let why = "has no meaning with --rate: an open loop does not wait for what is unfinished";
        return Err(ArgsError::Value("--inflight", why.to_owned()));
    }
    config.starters = given.starters.unwrap_or(match config.rate {
        Some(_) => STARTERS_OPEN,
        None => config.starters,
    });
    config.inflight = given.inflight.unwrap_or_else(|| config.profile.inflight_for(config.workers));
    config.batch = given.batch.unwrap_or_else(|| config.profile.batch());
    Ok(config)
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
