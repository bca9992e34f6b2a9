//! How long things took: a bounded distribution and what is reported of it.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

#[cfg(test)]
mod tests;

/// Longest wait told apart, in nanoseconds; what took longer counts as this.
const LONGEST_NANOS: u64 = 3_600 * 1_000_000_000;
/// Digits that hold of every value.
const DIGITS: u8 = 3;

/// A distribution of waits in a fixed amount of memory.
#[derive(Debug)]
pub struct Waits(Histogram<u64>);

impl Waits {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS).expect("the bounds are constants that fit"))
    }

    /// Adds one wait.
    pub fn record(&mut self, waited: Duration) {
        self.0.saturating_record(u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        // There is a quarter of a megabyte to wipe, so one that holds nothing is left alone.
        if !self.0.is_empty() {
            self.0.reset();
        }
    }

    /// How many were added.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The figures to report.
    pub fn quantiles(&self) -> Quantiles {
        let micros = |nanos: u64| rounded(float(nanos) / 1e3, 1);
        Quantiles {
            count: self.0.len(),
            p50: micros(self.0.value_at_quantile(0.5)),
            p90: micros(self.0.value_at_quantile(0.9)),
            p99: micros(self.0.value_at_quantile(0.99)),
            max: micros(self.0.max()),
        }
    }
}

impl Default for Waits {
    fn default() -> Self {
        Self::new()
    }
}

/// A distribution in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many were seen.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

/// A value with this many decimal places.
pub fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// A count as a float; exact up to 2^53, far above anything counted here.
#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}
