//! Counts for metrics; read by whoever renders them.

use hashbrown::HashMap;
use std::sync::Arc;

/// Different label sets a count keeps; the rest is counted together.
const LABELS_MAX: usize = 10_000;

/// What the rest is counted under.
const OTHER: &str = "other";

/// A count per label set. Counting what was counted before allocates nothing, however many there are.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Where the count of a label set stands, by its labels in one text.
    places: HashMap<Box<str>, usize>,
    sets: Vec<(Box<[Arc<str>]>, u64)>,
    /// The text of the labels at hand, kept for its memory.
    text: String,
}

impl Counts {
    /// Adds one.
    pub fn add(&mut self, labels: &[&str]) {
        self.text.clear();
        for label in labels {
            self.text.push_str(label);
            self.text.push('\0');
        }
        if let Some(at) = self.places.get(&*self.text) {
            self.sets[*at].1 += 1;
        } else if self.sets.len() < LABELS_MAX || labels.iter().all(|label| *label == OTHER) {
            self.places.insert(self.text.as_str().into(), self.sets.len());
            self.sets.push((labels.iter().map(|label| Arc::from(*label)).collect(), 1));
        } else {
            self.add(&vec![OTHER; labels.len()]);
        }
    }

    /// All label sets with their counts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[Arc<str>], u64)> {
        let mut sorted: Vec<_> = self.sets.iter().map(|(labels, count)| (&**labels, *count)).collect();
        sorted.sort_unstable();
        sorted.into_iter()
    }
}

/// Everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Starts by workflow name.
    pub started: Counts,
    /// Ends by workflow name and status.
    pub ended: Counts,
    /// Ends of executions that are no part of others.
    pub ended_whole: u64,
    /// Polls by task type.
    pub polls: Counts,
    /// Hand-outs by task type.
    pub handed_out: Counts,
    /// Timeouts by task type.
    pub timed_out: Counts,
    /// Reports that changed nothing (S-52.3).
    pub dropped_reports: u64,
    /// What became of actions of event handlers, by handler, action and status.
    pub event_actions: Counts,
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
