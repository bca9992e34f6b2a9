//! The server when the client asks nothing of it: until it is idle, and how idle it is.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::procfs::{self, Usage};

/// The server's CPU over a time in which nothing was asked, or nothing but what found nothing.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// User and system time.
    pub cpu: Duration,
    /// How long it was watched.
    pub wall: Duration,
}

impl Idle {
    /// The part of one core that was busy; one is a whole core.
    pub fn cpu_share(self) -> f64 {
        self.cpu.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// A watch that has begun.
#[derive(Debug)]
pub struct Watch {
    before: Usage,
    since: Instant,
}

impl Watch {
    /// Begins to watch these processes.
    pub fn begin(pids: &[u32]) -> io::Result<Self> {
        Ok(Self { before: procfs::usage(pids)?, since: Instant::now() })
    }

    /// Ends the watch.
    pub fn end(self, pids: &[u32]) -> io::Result<Idle> {
        let wall = self.since.elapsed();
        Ok(Idle { cpu: procfs::usage(pids)?.cpu.saturating_sub(self.before.cpu), wall })
    }
}

/// Watches a server that nobody asks anything, for as long as `window`; `None` without processes.
pub fn quiet(pids: &[u32], window: Duration) -> io::Result<Option<Idle>> {
    if pids.is_empty() {
        return Ok(None);
    }
    let watch = Watch::begin(pids)?;
    std::thread::sleep(window);
    watch.end(pids).map(Some)
}

/// Waits until the server is as good as idle, `limit` at most, so that work it put off past its answers counts too.
pub fn settle(pids: &[u32], drained: Usage, limit: Duration) -> io::Result<Usage> {
    /// How often to look.
    const GLANCE: Duration = Duration::from_millis(200);
    /// Busy for at most this share of a glance counts as idle.
    const IDLE_SHARE: u32 = 10;
    let mut last = drained;
    let mut waited = Duration::ZERO;
    while !pids.is_empty() && waited < limit {
        std::thread::sleep(GLANCE);
        waited += GLANCE;
        let now = procfs::usage(pids)?;
        let busy = now.cpu.saturating_sub(last.cpu);
        last = now;
        if busy <= GLANCE / IDLE_SHARE {
            break;
        }
    }
    Ok(last)
}

/// Bytes that reached the disk under this folder so far; `None` without a folder, or when that is not known.
pub fn device_written(folder: Option<&Path>) -> io::Result<Option<u64>> {
    folder.map_or(Ok(None), procfs::device_written)
}

/// Bytes the disk holds for this folder; `None` without one.
pub fn stored(folder: Option<&Path>) -> io::Result<Option<u64>> {
    folder.map(procfs::stored_bytes).transpose()
}
