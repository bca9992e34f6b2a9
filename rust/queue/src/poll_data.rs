//! Who polled last, per task type and domain (S-51.7).

use hashbrown::HashMap;

/// How many (task type, domain) pairs are remembered; past it the tenth that polled longest ago is forgotten.
///
/// Pollers name types and domains freely, so the table needs a bound that does not depend on stored
/// definitions.
pub const POLL_DATA_ROWS_MAX: usize = 50_000;

/// A domain counts as alive for this long after its last poll (S-50.6).
pub const ACTIVE_MS: i64 = 10_000;

/// The latest poll of one task type in one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPoll {
    /// The domain, or none for the default one.
    pub domain: Option<Box<str>>,
    /// The worker that polled, as it named itself.
    pub worker_id: Box<str>,
    /// When it polled.
    pub at_ms: i64,
}

/// The latest polls of all task types and domains.
#[derive(Debug, Clone, Default)]
pub struct PollData {
    /// Rows by domain. Hashed, for every poll asks; walked in order of names only.
    types: HashMap<Box<str>, Vec<LastPoll>>,
    rows: usize,
}

impl PollData {
    /// Makes an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a poll, with or without result; the usual case, a known worker polling again, allocates nothing.
    pub fn record(&mut self, task_type: &str, domain: Option<&str>, worker_id: &str, now_ms: i64) {
        if let Some(rows) = self.types.get_mut(task_type)
            && let Ok(at) = position(rows, domain)
        {
            rows[at].at_ms = now_ms;
            if *rows[at].worker_id != *worker_id {
                rows[at].worker_id = worker_id.into();
            }
            return;
        }
        if self.rows >= POLL_DATA_ROWS_MAX {
            self.forget_oldest_tenth();
        }
        let row = LastPoll { domain: domain.map(Into::into), worker_id: worker_id.into(), at_ms: now_ms };
        let rows = self.types.entry(task_type.into()).or_default();
        let at = position(rows, domain).expect_err("the pair was just found missing");
        rows.insert(at, row);
        self.rows += 1;
    }

    /// Shows the latest poll of a task type in a domain.
    pub fn last_poll(&self, task_type: &str, domain: Option<&str>) -> Option<&LastPoll> {
        let rows = self.types.get(task_type)?;
        position(rows, domain).ok().map(|at| &rows[at])
    }

    /// Says whether a domain had a poll for the task type within the last [`ACTIVE_MS`].
    pub fn is_active(&self, task_type: &str, domain: Option<&str>, now_ms: i64) -> bool {
        self.last_poll(task_type, domain).is_some_and(|row| now_ms.saturating_sub(row.at_ms) <= ACTIVE_MS)
    }

    /// Shows the latest polls of a task type, the default domain first, then by domain.
    pub fn list(&self, task_type: &str) -> &[LastPoll] {
        self.types.get(task_type).map_or(&[], Vec::as_slice)
    }

    /// Walks over all rows by task type and domain.
    pub fn all(&self) -> impl Iterator<Item = (&str, &LastPoll)> {
        let mut types: Vec<_> = self.types.iter().collect();
        types.sort_unstable_by_key(|(task_type, _)| *task_type);
        types.into_iter().flat_map(|(task_type, rows)| rows.iter().map(|row| (&**task_type, row)))
    }

    /// Counts the rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Says whether nobody ever polled.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn forget_oldest_tenth(&mut self) {
        let mut rows: Vec<_> = self
            .all()
            .map(|(task_type, row)| (row.at_ms, task_type.to_owned(), row.domain.clone()))
            .collect();
        let tenth = rows.len() / 10;
        rows.select_nth_unstable(tenth);
        for (_, task_type, domain) in &rows[..=tenth] {
            let of_type = self.types.get_mut(&**task_type).expect("a row of the table");
            of_type.retain(|row| row.domain != *domain);
            if of_type.is_empty() {
                self.types.remove(&**task_type);
            }
        }
        self.rows -= tenth + 1;
    }
}

fn position(rows: &[LastPoll], domain: Option<&str>) -> Result<usize, usize> {
    rows.binary_search_by(|row| row.domain.as_deref().cmp(&domain))
}
