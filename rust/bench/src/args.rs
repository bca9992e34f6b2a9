//! Command line to configuration; nothing is measured or opened here.

use std::ffi::OsString;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::fsync::FsyncConfig;
use crate::load::config::RunConfig;
use crate::null::NullConfig;

mod run;
mod usage;

pub use usage::USAGE;

#[cfg(test)]
mod tests;

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
            Some("run") => run::parse(&mut parser),
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
