//! How long a script may take.

use fastcond_expr::script::Watch;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// CPU time one script may take (quality H15 to H19).
const SCRIPT_MAX: Duration = Duration::from_millis(50);

/// Stops scripts that take too long by the CPU time of their thread, whatever their fuel says.
#[derive(Debug)]
pub struct Stopwatch(Mutex<Duration>);

impl Stopwatch {
    /// A watch that has just been started.
    pub fn new() -> Self {
        Self(Mutex::new(thread_time()))
    }
}

impl Watch for Stopwatch {
    fn start(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = thread_time();
    }

    fn is_over(&self) -> bool {
        let started = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        thread_time().saturating_sub(started) > SCRIPT_MAX
    }
}

/// CPU time this process has used in its life.
pub(super) fn process_time() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn thread_time() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

fn duration(Timespec { tv_sec, tv_nsec }: Timespec) -> Duration {
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}
