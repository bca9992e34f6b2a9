//! How fast this disk makes a small append durable: the floor under every durable server on it.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::null::log::Log;
use crate::waits::{Waits, float};

/// What to time.
#[derive(Debug)]
pub struct FsyncConfig {
    /// Folder on the disk in question; the file made there is removed again.
    pub directory: PathBuf,
    /// How long to go on.
    pub duration: Duration,
    /// Bytes of each append.
    pub append_bytes: usize,
    /// Where to write the result as JSON.
    pub json: Option<PathBuf>,
}

/// Size of the preallocated file the appends go round in.
const LOG_BYTES: u64 = 64 * 1024 * 1024;

/// Appends and syncs one after the other, and prints what it took.
pub fn measure(config: &FsyncConfig) -> io::Result<()> {
    let mut log = Log::create(&config.directory, LOG_BYTES)?;
    let bytes = vec![b'x'; config.append_bytes];
    let mut took = Waits::new();
    let begun = Instant::now();
    while begun.elapsed() < config.duration {
        let before = Instant::now();
        log.commit(&bytes)?;
        took.record(before.elapsed());
    }
    let elapsed = begun.elapsed();
    log.remove()?;
    let report = serde_json::json!({
        "append_bytes": config.append_bytes,
        "per_s": (float(took.count()) / elapsed.as_secs_f64()).round(),
        "latency_us": took.quantiles(),
    });
    println!("{report}");
    match &config.json {
        Some(path) => serde_json::to_writer_pretty(File::create(path)?, &report).map_err(io::Error::from),
        None => Ok(()),
    }
}
