//! Command line to configuration; nothing is measured or opened here.

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::fsync::FsyncConfig;
use crate::http::url::BaseUrl;
use crate::load::{RunConfig, Target};
use crate::null::NullConfig;
use crate::profile::Profile;

#[cfg(test)]
mod tests;

/// What the program tells about itself.
pub const USAGE: &str = "\
fastcond-bench run --profile P --url http://HOST:PORT/api [options]   drive a server in a closed loop
fastcond-bench null --port P --dir D [--log-bytes N]                  serve as the null durable server
fastcond-bench fsync --dir D [--seconds T] [--bytes N] [--json FILE]  time grouped appends to this disk

profiles: exec, chainN, forkN, dynN, loopN; N as 13 or as 10k

options of run
  --target conductor|null  what answers at the URL (conductor); null: the same three requests, no queue behind
  --starters S             connections that start executions (32)
  --workers W              connections that poll and report (64)
  --inflight I             executions unfinished at any time (2 W, by the width of a fork)
  --batch B                tasks asked for in one poll (exec 1, others 10)
  --poll-timeout-ms MS     how long a batch poll may wait for work (100, as a single poll)
  --payload BYTES          in the input of each execution and of each task, and in each result (1024)
  --seconds T              time during which executions are started (10)
  --executions E           stop starting after this many
  --drain-seconds T        time given to finish what was started (60)
  --settle-seconds T       at most this long for work the server put off; its CPU counts (3)
  --sample N               executions whose outcome is asked for at the end (2000)
  --pid PID                server process, children included; again for more of them
  --data-dir DIR           the server's folder: what reaches its disk counts, whoever writes it
  --json FILE              write the report there";

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
    /// Serve as the null durable server.
    Null(NullConfig),
    /// Time appends with `fdatasync`.
    Fsync(FsyncConfig),
    /// Drive a server.
    Run(Box<RunConfig>),
}

/// Why the command line cannot be followed.
#[derive(Debug, PartialEq, Eq)]
pub enum ArgsError {
    /// The line breaks the grammar: an unknown option, an option without its value.
    Grammar(String),
    /// A value cannot be read; says of which option and what is wanted.
    Value(&'static str, String),
    /// An option that has no default is missing.
    Missing(&'static str),
}

impl std::fmt::Display for ArgsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Grammar(text) => f.write_str(text),
            Self::Value(option, text) => write!(f, "{option}: {text}"),
            Self::Missing(option) => write!(f, "{option} is missing"),
        }
    }
}

impl std::error::Error for ArgsError {}

impl From<lexopt::Error> for ArgsError {
    fn from(error: lexopt::Error) -> Self {
        Self::Grammar(error.to_string())
    }
}

/// Reads a command line whose first word is the program's name.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, ArgsError> {
    let mut parser = lexopt::Parser::from_iter(line);
    match parser.next()? {
        Some(lexopt::Arg::Value(word)) => match word.to_str() {
            Some("run") => parse_run(&mut parser),
            Some("null") => parse_null(&mut parser),
            Some("fsync") => parse_fsync(&mut parser),
            Some("help") => Ok(Command::Help),
            _ => Err(ArgsError::Grammar(format!("no subcommand {}", word.display()))),
        },
        Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => Ok(Command::Help),
        Some(lexopt::Arg::Long("version") | lexopt::Arg::Short('V')) => Ok(Command::Version),
        Some(other) => Err(other.unexpected().into()),
        None => Err(ArgsError::Missing("a subcommand")),
    }
}

fn parse_null(parser: &mut lexopt::Parser) -> Result<Command, ArgsError> {
    let (mut port, mut directory, mut log_bytes) = (None, None, crate::null::LOG_BYTES_DEFAULT);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("port") => port = Some(value(parser, "--port")?),
            lexopt::Arg::Long("dir") => directory = Some(PathBuf::from(parser.value()?)),
            lexopt::Arg::Long("log-bytes") => log_bytes = value(parser, "--log-bytes")?,
            other => return Err(other.unexpected().into()),
        }
    }
    let port = port.ok_or(ArgsError::Missing("--port"))?;
    let directory = directory.ok_or(ArgsError::Missing("--dir"))?;
    if log_bytes < crate::null::LOG_BYTES_MIN {
        return Err(ArgsError::Value("--log-bytes", format!("want at least {}", crate::null::LOG_BYTES_MIN)));
    }
    Ok(Command::Null(NullConfig { port, directory, log_bytes }))
}

fn parse_fsync(parser: &mut lexopt::Parser) -> Result<Command, ArgsError> {
    let mut directory = None;
    let mut duration = Duration::from_secs(3);
    let (mut append_bytes, mut json) = (4096, None);
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("dir") => directory = Some(PathBuf::from(parser.value()?)),
            lexopt::Arg::Long("seconds") => duration = seconds(parser, "--seconds")?,
            lexopt::Arg::Long("bytes") => append_bytes = at_least_one(parser, "--bytes")?,
            lexopt::Arg::Long("json") => json = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let directory = directory.ok_or(ArgsError::Missing("--dir"))?;
    Ok(Command::Fsync(FsyncConfig { directory, duration, append_bytes, json }))
}

fn parse_run(parser: &mut lexopt::Parser) -> Result<Command, ArgsError> {
    let (mut profile, mut url, mut inflight, mut batch) = (None, None, None, None);
    let mut config = RunConfig::default();
    while let Some(argument) = parser.next()? {
        match argument {
            lexopt::Arg::Long("profile") => profile = Some(value::<Profile>(parser, "--profile")?),
            lexopt::Arg::Long("url") => url = Some(value::<BaseUrl>(parser, "--url")?),
            lexopt::Arg::Long("target") => config.target = value::<Target>(parser, "--target")?,
            lexopt::Arg::Long("starters") => config.starters = connections(parser, "--starters")?,
            lexopt::Arg::Long("workers") => config.workers = connections(parser, "--workers")?,
            lexopt::Arg::Long("inflight") => inflight = Some(at_least_one(parser, "--inflight")?),
            lexopt::Arg::Long("batch") => batch = Some(at_least_one(parser, "--batch")?),
            lexopt::Arg::Long("poll-timeout-ms") => {
                config.poll_timeout_ms = value(parser, "--poll-timeout-ms")?;
            }
            lexopt::Arg::Long("payload") => config.payload_bytes = value(parser, "--payload")?,
            lexopt::Arg::Long("seconds") => config.start_window = seconds(parser, "--seconds")?,
            lexopt::Arg::Long("executions") => {
                config.executions_max = Some(at_least_one(parser, "--executions")?);
            }
            lexopt::Arg::Long("drain-seconds") => config.drain_max = seconds(parser, "--drain-seconds")?,
            lexopt::Arg::Long("settle-seconds") => config.settle_max = seconds(parser, "--settle-seconds")?,
            lexopt::Arg::Long("sample") => config.sample_max = value(parser, "--sample")?,
            lexopt::Arg::Long("pid") => config.pids.push(value(parser, "--pid")?),
            lexopt::Arg::Long("data-dir") => config.data_directory = Some(PathBuf::from(parser.value()?)),
            lexopt::Arg::Long("json") => config.json = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    config.profile = profile.ok_or(ArgsError::Missing("--profile"))?;
    config.url = url.ok_or(ArgsError::Missing("--url"))?;
    if config.target == Target::Null && config.profile != Profile::Exec {
        return Err(ArgsError::Value("--profile", "only exec can be sent to the null server".to_owned()));
    }
    config.inflight = inflight.unwrap_or_else(|| config.profile.inflight_for(config.workers));
    config.batch = batch.unwrap_or_else(|| config.profile.batch());
    Ok(Command::Run(Box::new(config)))
}

fn value<T: FromStr<Err: std::fmt::Display>>(
    parser: &mut lexopt::Parser,
    option: &'static str,
) -> Result<T, ArgsError> {
    let text = parser.value()?;
    let text = text.to_str().ok_or_else(|| ArgsError::Value(option, "not UTF-8".to_owned()))?;
    text.parse().map_err(|error| ArgsError::Value(option, format!("{error} (given: {text})")))
}

fn at_least_one(parser: &mut lexopt::Parser, option: &'static str) -> Result<usize, ArgsError> {
    value::<std::num::NonZeroUsize>(parser, option).map(std::num::NonZeroUsize::get)
}

fn connections(parser: &mut lexopt::Parser, option: &'static str) -> Result<usize, ArgsError> {
    value::<NonZeroU16>(parser, option).map(|count| usize::from(count.get()))
}

fn seconds(parser: &mut lexopt::Parser, option: &'static str) -> Result<Duration, ArgsError> {
    Duration::try_from_secs_f64(value(parser, option)?)
        .map_err(|error| ArgsError::Value(option, format!("want a number of seconds: {error}")))
}
