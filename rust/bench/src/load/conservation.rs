//! Did everything that was started end, once?

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::http::blocking::Caller;
use crate::load::config::{RunConfig, Target};
use crate::load::outcome::Outcome;
use crate::profile::Profile;

#[cfg(test)]
mod tests;

/// How long executions may take to show their outcome after their last result was acknowledged: the reference
/// ends joins in the background.
const OUTCOME_WAIT: Duration = Duration::from_secs(30);
/// Pause between two questions about the same executions.
const OUTCOME_PAUSE: Duration = Duration::from_millis(50);

/// The books, closed and compared with the server's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conservation {
    /// Nothing was lost, doubled or left over.
    pub holds: bool,
    /// Executions whose start was sent; the sum of the next three.
    pub started: usize,
    /// Executions that have all results acknowledged.
    pub finished: usize,
    /// Executions that lack a result.
    pub unfinished: usize,
    /// Executions whose start was refused.
    pub refused: usize,
    /// Executions asked for their outcome.
    pub asked: usize,
    /// The outcomes, by status.
    pub outcomes: BTreeMap<String, usize>,
    /// Tasks handed out more than once.
    pub duplicates: u64,
    /// Tasks handed out that belong to no unfinished execution of the run.
    pub strangers: u64,
    /// Every broken promise in a sentence.
    pub violations: Vec<String>,
}

/// Compares the client's books with the server's.
pub fn check(config: &RunConfig, outcome: &Outcome) -> io::Result<Conservation> {
    let mut outcomes = BTreeMap::new();
    if config.target == Target::Conductor {
        // After a run that did not drain nothing is gained by waiting once more.
        let wait = if outcome.ledger.is_balanced() { OUTCOME_WAIT } else { Duration::ZERO };
        outcomes = ask(config, outcome.ledger.sample(), wait)?;
    }
    Ok(judge(config.profile, outcome, outcomes))
}

/// Says which promises the books and the outcomes break.
fn judge(profile: Profile, outcome: &Outcome, outcomes: BTreeMap<String, usize>) -> Conservation {
    let ledger = &outcome.ledger;
    let wanted = profile.wanted_status();
    let mut violations = Vec::new();
    if !ledger.is_balanced() {
        violations.push(format!("{} of {} executions did not finish", ledger.unfinished(), ledger.begun()));
    }
    if ledger.begun() != ledger.finished() + ledger.unfinished() + ledger.refused_starts() {
        violations.push("the books do not add up".to_owned());
    }
    if ledger.begun() == 0 && !matches!(profile, Profile::IdlePolls(_)) {
        violations.push("nothing was started".to_owned());
    }
    for (status, count) in outcomes.iter().filter(|(status, _)| *status != wanted) {
        violations.push(format!("{count} executions ended as {status}, not {wanted}"));
    }
    if ledger.duplicates() > 0 {
        violations.push(format!("{} tasks were handed out twice", ledger.duplicates()));
    }
    if ledger.strangers() > 0 {
        violations.push(format!("{} tasks of no unfinished execution were handed out", ledger.strangers()));
    }
    if outcome.early > 0 {
        violations.push(format!("{} tasks were handed out before their timer was due", outcome.early));
    }
    Conservation {
        holds: violations.is_empty(),
        started: ledger.begun(),
        finished: ledger.finished(),
        unfinished: ledger.unfinished(),
        refused: ledger.refused_starts(),
        asked: outcomes.values().sum(),
        outcomes,
        duplicates: ledger.duplicates(),
        strangers: ledger.strangers(),
        violations,
    }
}

/// Asks for the status of each execution, again for a while for those that have not ended.
fn ask(config: &RunConfig, ids: Vec<&str>, wait: Duration) -> io::Result<BTreeMap<String, usize>> {
    let mut caller = Caller::new(config.url.clone());
    let mut outcomes = BTreeMap::new();
    let wanted = config.profile.wanted_status();
    let mut open = ids;
    let deadline = Instant::now() + wait;
    loop {
        let is_last = Instant::now() >= deadline;
        let mut still_open = Vec::new();
        for id in open {
            let status = status(&mut caller, id)?;
            if matches!(status.as_str(), "RUNNING" | "PAUSED") && status != wanted && !is_last {
                still_open.push(id);
            } else {
                *outcomes.entry(status).or_insert(0) += 1;
            }
        }
        if still_open.is_empty() {
            return Ok(outcomes);
        }
        open = still_open;
        std::thread::sleep(OUTCOME_PAUSE);
    }
}

fn status(caller: &mut Caller, id: &str) -> io::Result<String> {
    #[derive(Deserialize)]
    struct Summary {
        status: String,
    }
    let answer = caller.call("GET", &format!("/workflow/{id}/status"), None)?;
    if answer.status != 200 {
        return Ok(format!("HTTP {}", answer.status));
    }
    Ok(serde_json::from_slice::<Summary>(&answer.body).map_err(io::Error::from)?.status)
}
