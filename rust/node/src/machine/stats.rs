//! Counts for metrics; read by whoever renders them.

use std::sync::Arc;

/// Different label sets a count keeps; the rest is counted under `other`.
const LABELS_MAX: usize = 1_000;

/// A count per label set. Counting what was counted before allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Counts(Vec<(Box<[Arc<str>]>, u64)>);

impl Counts {
    /// Adds one.
    pub fn add(&mut self, labels: &[&str]) {
        match self.place(labels) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) if self.0.len() < LABELS_MAX => {
                let key = labels.iter().map(|label| Arc::from(*label)).collect();
                self.0.insert(at, (key, 1));
            }
            Err(_) => self.add_other(labels.len()),
        }
    }

    fn add_other(&mut self, len: usize) {
        let other = vec!["other"; len];
        match self.place(&other) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (other.into_iter().map(Arc::from).collect(), 1)),
        }
    }

    /// Where a label set stands, or would.
    fn place(&self, labels: &[&str]) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.iter().map(|label| &**label).cmp(labels.iter().copied()))
    }

    /// All label sets with their counts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[Arc<str>], u64)> {
        self.0.iter().map(|(labels, count)| (&**labels, *count))
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

#[cfg(test)]
mod tests {
    use super::{Counts, LABELS_MAX};

    #[test]
    fn label_sets_beyond_the_bound_are_counted_together() {
        let mut counts = Counts::default();
        for at in 0..LABELS_MAX + 5 {
            counts.add(&[&format!("name{at:06}"), "COMPLETED"]);
        }
        counts.add(&["name000000", "COMPLETED"]);
        let of =
            |wanted: &str| counts.iter().find(|(labels, _)| &*labels[0] == wanted).map(|(_, count)| count);
        assert_eq!((of("name000000"), of("name000001"), of("other")), (Some(2), Some(1), Some(5)));
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), LABELS_MAX as u64 + 6);
    }
}
