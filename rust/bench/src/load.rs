//! Drives a server in a closed or an open loop and reports what came of it.

pub mod actor;
pub mod config;
pub mod conservation;
pub mod driver;
pub mod ledger;
pub mod messages;
pub mod outcome;
pub mod report;
pub mod schedule;
pub mod setup;

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::load::config::{RunConfig, Target};
use crate::load::report::Report;
use crate::procfs::{self, Usage};
use crate::profile::Profile;

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
