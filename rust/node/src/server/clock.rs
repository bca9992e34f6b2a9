//! The wall clock, fresh randomness, and the stopwatch of scripts.

use fastcond_expr::script::Watch;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What one script may take (quality H15 to H19).
const SCRIPT_MAX: Duration = Duration::from_millis(50);

/// Stops scripts that take too long by the clock, whatever their fuel says.
#[derive(Debug)]
pub struct Stopwatch(Mutex<Instant>);

impl Stopwatch {
    /// A watch that has just been started.
    pub fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Watch for Stopwatch {
    fn start(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > SCRIPT_MAX
    }
}

/// Wall clock in epoch milliseconds.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A fresh seed: the standard library keys its hashers from the operating system.
pub fn fresh_seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_i64(wall_ms());
    hasher.write_u32(std::process::id());
    hasher.finish()
}
