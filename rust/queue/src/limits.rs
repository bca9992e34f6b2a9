//! May this task be handed out now: concurrency and rate limits per task name.

mod concurrency;
mod rate;

pub use concurrency::{Concurrency, Released};
pub use rate::{RATE_RUNS_MAX, RateLimit};
