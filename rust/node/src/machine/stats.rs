//! Counts for metrics; read by whoever renders them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Different label sets a count keeps; the rest is counted under `other`.
const LABELS_MAX: usize = 1_000;

/// A count per label set.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<Vec<Arc<str>>, u64>);

impl Counts {
    /// Adds one.
    pub fn add(&mut self, labels: &[&Arc<str>]) {
        let key: Vec<Arc<str>> = labels.iter().map(|l| (*l).clone()).collect();
        if let Some(count) = self.0.get_mut(&key) {
            *count += 1;
        } else if self.0.len() < LABELS_MAX {
            self.0.insert(key, 1);
        } else {
            let other: Vec<Arc<str>> = labels.iter().map(|_| Arc::from("other")).collect();
            *self.0.entry(other).or_default() += 1;
        }
    }

    /// All label sets with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&[Arc<str>], u64)> {
        self.0.iter().map(|(labels, count)| (labels.as_slice(), *count))
    }
}

/// Everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Starts by workflow name.
    pub started: Counts,
    /// Ends by workflow name and status.
    pub ended: Counts,
    /// Polls by task type.
    pub polls: Counts,
    /// Hand-outs by task type.
    pub handed_out: Counts,
    /// Timeouts by task type.
    pub timed_out: Counts,
    /// Reports that changed nothing (S-52.3).
    pub dropped_reports: u64,
    /// Commits made.
    pub commits: u64,
    /// Bytes of journal records made.
    pub journal_bytes: u64,
}
