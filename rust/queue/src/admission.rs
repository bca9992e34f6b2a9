//! How many executions of one key may run at once, and which of those that wait goes next (S-53.5).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A workflow name and what its `rateLimitKey` came to.
pub type LimitKey = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Line {
    running: BTreeSet<u128>,
    /// Who waits, by start time and arrival, and how many may run by its own definition.
    waiting: BTreeMap<(i64, u64), (u128, usize)>,
    places: BTreeMap<u128, (i64, u64)>,
}

impl Line {
    fn leave(&mut self, id: u128) -> bool {
        self.places.remove(&id).and_then(|place| self.waiting.remove(&place)).is_some()
    }
}

/// Executions with a limit: those that run and those that wait, first come first served.
#[derive(Debug, Default)]
pub struct Admissions {
    lines: BTreeMap<LimitKey, Line>,
    freed: BTreeSet<LimitKey>,
    arrivals: u64,
}

impl Admissions {
    /// Whether one more of the key may run: fewer than `limit` do, and nobody waits.
    pub fn has_room(&self, name: &str, key: &str, limit: usize) -> bool {
        let key: LimitKey = (name.into(), key.into());
        self.lines.get(&key).is_none_or(|line| line.running.len() < limit && line.waiting.is_empty())
    }

    /// Notes an execution that runs, whether or not there is room: operators revive as they like.
    pub fn run(&mut self, key: &LimitKey, id: u128) {
        let line = self.lines.entry(key.clone()).or_default();
        line.leave(id);
        line.running.insert(id);
    }

    /// Notes an execution that waits until fewer than `limit` run.
    pub fn wait(&mut self, key: &LimitKey, started_ms: i64, id: u128, limit: usize) {
        let line = self.lines.entry(key.clone()).or_default();
        if let Entry::Vacant(free) = line.places.entry(id) {
            self.arrivals += 1;
            let place = *free.insert((started_ms, self.arrivals));
            line.waiting.insert(place, (id, limit));
        }
    }

    /// Forgets an execution that is over, or gone; whoever waits for it is next.
    pub fn forget(&mut self, key: &LimitKey, id: u128) {
        let Some(line) = self.lines.get_mut(key) else { return };
        let ran = line.running.remove(&id);
        let waited = line.leave(id);
        if line.running.is_empty() && line.waiting.is_empty() {
            self.lines.remove(key);
        } else if ran || waited {
            self.freed.insert(key.clone());
        }
    }

    /// The next execution that may go; it counts as running from now on.
    pub fn admit_next(&mut self) -> Option<u128> {
        while let Some(key) = self.freed.first().cloned() {
            let line = self.lines.get_mut(&key);
            let first = line.and_then(|line| {
                let (_, &(id, limit)) = line.waiting.first_key_value()?;
                (line.running.len() < limit).then(|| {
                    line.leave(id);
                    line.running.insert(id);
                    id
                })
            });
            if first.is_some() {
                return first;
            }
            self.freed.remove(&key);
        }
        None
    }

    /// Looks at every line again, after a restart.
    pub fn look_at_all(&mut self) {
        self.freed.extend(self.lines.keys().cloned());
    }

    /// Whether somebody may be due to go.
    pub fn is_due(&self) -> bool {
        !self.freed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Admissions, LimitKey};

    #[test]
    fn whoever_waits_longest_goes_when_somebody_ends() {
        // S-53.5
        let key: LimitKey = ("order".into(), "eu".into());
        let mut all = Admissions::default();
        assert!(all.has_room("order", "eu", 1));
        all.run(&key, 10);
        assert!(!all.has_room("order", "eu", 1));
        assert!(all.has_room("order", "us", 1));
        all.wait(&key, 3, 30, 1);
        all.wait(&key, 2, 20, 1);
        assert_eq!(all.admit_next(), None);
        all.forget(&key, 10);
        assert_eq!((all.admit_next(), all.admit_next()), (Some(20), None));
        all.forget(&key, 30);
        assert_eq!(all.admit_next(), None);
        all.forget(&key, 20);
        assert!(all.has_room("order", "eu", 1) && !all.is_due());
    }

    #[test]
    fn nobody_overtakes_those_that_wait() {
        // S-53.5
        let key: LimitKey = ("order".into(), "".into());
        let mut all = Admissions::default();
        all.run(&key, 10);
        all.wait(&key, 2, 20, 1);
        assert!(!all.has_room("order", "", 5));
    }
}
