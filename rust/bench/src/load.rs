//! Drives a server in a closed or an open loop and reports what came of it.

pub mod actor;
pub mod config;
pub mod conservation;
pub mod driver;
pub mod errands;
pub mod ledger;
pub mod messages;
pub mod outcome;
pub mod progress;
pub mod report;
pub mod schedule;
pub mod series;
pub mod setup;
pub mod watch;

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::load::config::{RunConfig, Target};
use crate::load::report::Report;
use crate::procfs;
use crate::profile::Profile;

/// Makes one run, prints the report and writes it where it is wanted.
///
/// Broken promises of the server do not make this an error: they are in the report.
pub fn run(config: &RunConfig) -> Result<Report, Box<dyn Error>> {
    procfs::allow_files(config.starters + config.workers)?;
    let name = unique_name(config.profile);
    if config.target == Target::Conductor {
        setup::register(config, &name)?;
    }
    let folder = config.data_directory.as_deref();
    let before = procfs::usage(&config.pids)?;
    let (device_before, stored_before) = (watch::device_written(folder)?, watch::stored(folder)?);
    let client_before = procfs::own_cpu();
    let outcome = driver::drive(config, &name)?;
    let client_cpu = procfs::own_cpu().saturating_sub(client_before);
    let drained = procfs::usage(&config.pids)?;
    let settled = watch::settle(&config.pids, drained, config.settle_max)?;
    let growth = |after: Option<u64>, before: Option<u64>| Some(after?.saturating_sub(before?));
    let device_written = growth(watch::device_written(folder)?, device_before);
    let stored = growth(watch::stored(folder)?, stored_before);
    let idle = match config.profile {
        Profile::Parked(_) => watch::quiet(&config.pids, config.idle_window)?,
        _ => outcome.idle,
    };
    let conservation = conservation::check(config, &outcome)?;
    let used = report::Used { before, drained, settled, device_written, stored, idle, client_cpu };
    let report = Report::new(config, &outcome, conservation, used);
    report.publish(config.json.as_deref())?;
    Ok(report)
}

/// A name of its own for each run, so that what an earlier run left behind cannot be mistaken for this one's.
fn unique_name(profile: Profile) -> String {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("bench_{}_{millis}_{}", profile.to_string().replace(':', "_"), std::process::id())
}
