//! The machine on virtual time, without threads or files: the same calls, for tests.

use crate::calls::{Params, Verb};
use crate::machine::records::{self, Record};
use crate::machine::shelf::NoShelf;
use crate::machine::{Machine, Options};
use crate::reply::{Reply, ReplyTo};
use fastcond_engine::Live;
use fastcond_model::{Execution, codec};
use fastcond_queue::TaskKey;
use fastcond_store::Batch;
use std::collections::BTreeMap;

/// Turns of the clock one advance may take; more is a loop that never rests.
const TURNS_MAX: usize = 1_000_000;

/// A machine on virtual time that checks itself.
#[derive(Debug)]
pub struct Model {
    machine: Machine,
    now_ms: i64,
    next_ticket: u64,
    /// Every execution folded from its commits, as recovery would (G8).
    folded: BTreeMap<u128, Execution>,
}

impl Model {
    /// An empty machine at that time.
    pub fn new(seed: u64, now_ms: i64) -> Self {
        let options = Options { instance: "model".to_owned(), ..Options::default() };
        let machine = Machine::new(options, Box::new(NoShelf), seed, now_ms);
        Self { machine, now_ms, next_ticket: 0, folded: BTreeMap::new() }
    }

    /// The clock.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Carries out one call and everything it sets off at this instant. Polls never wait.
    pub fn call(&mut self, verb: Verb, params: &Params, body: &[u8]) -> Reply {
        self.next_ticket += 1;
        let to = ReplyTo::Ticket(self.next_ticket);
        self.machine.call(to, verb, params, body);
        self.settle();
        self.machine.drain_polls();
        let output = self.machine.take_output();
        self.fold(&output.frames);
        let mut replies = output.replies.into_iter();
        let found = replies.find(|(who, _)| *who == to).map(|(_, reply)| reply);
        found.unwrap_or_else(|| Reply { status: 501, content_type: None, body: Vec::new() })
    }

    /// Lets everything happen that is due at this instant.
    fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            self.machine.tick();
            if self.machine.next_wake().is_none_or(|at| at > self.now_ms) {
                return;
            }
        }
        panic!("the machine never rests at {}", self.now_ms);
    }

    /// Moves the clock on, firing every timer at its time.
    pub fn advance(&mut self, ms: i64) {
        let target = self.now_ms + ms;
        while let Some(at) = self.machine.next_wake().filter(|at| *at <= target) {
            self.now_ms = self.now_ms.max(at);
            self.machine.set_now(self.now_ms);
            self.settle();
        }
        self.now_ms = target;
        self.machine.set_now(target);
        self.settle();
        let output = self.machine.take_output();
        self.fold(&output.frames);
    }

    fn fold(&mut self, frames: &[u8]) {
        for payload in frames_of(frames) {
            let record = records::read(payload).expect("a record just written can be read");
            let parts = match record {
                Record::Together(parts) => {
                    parts.into_iter().map(|part| records::read(part).expect("so can its parts")).collect()
                }
                record => vec![record],
            };
            self.fold_each(parts);
        }
    }

    fn fold_each(&mut self, records: Vec<Record<'_>>) {
        for record in records {
            match record {
                Record::Commit(bytes) => {
                    let (id, _) = codec::peek(bytes).expect("a commit just written can be read");
                    let before = self.folded.remove(&id.0);
                    let after =
                        codec::apply(before, bytes).expect("a commit just written follows the last one");
                    self.folded.insert(id.0, after);
                }
                Record::Remove(id) => {
                    self.folded.remove(&id);
                }
                Record::Thing { .. } | Record::Log { .. } | Record::Together(_) => {}
            }
        }
    }

    /// Everything derived equals what is recomputed, and the log folds to the state (G8, S-96.5).
    pub fn check(&mut self) -> Result<(), String> {
        let ids: Vec<u128> = self.machine.executions.keys().copied().collect();
        for id in ids {
            let live = &self.machine.executions[&id].live;
            live.check()?;
            check_rules(live)?;
            let folded =
                self.folded.get(&id).ok_or_else(|| format!("{} is in no commit", live.execution.id))?;
            if *folded != live.execution {
                return Err(format!("the log folds to {folded:?}, memory holds {:?}", live.execution));
            }
            let mut bytes = Vec::new();
            codec::encode_snapshot(&mut bytes, &live.execution);
            if codec::apply(None, &bytes).as_ref() != Ok(&live.execution) {
                return Err(format!("the snapshot of {} reads back differently", live.execution.id));
            }
            for task in live.execution.tasks.iter() {
                let key = TaskKey { workflow: id, task: task.no };
                let is_open = !live.execution.header.status.is_terminal();
                let wanted = is_open && crate::machine::commit::is_queued(live, task);
                if self.machine.queues.contains(key) != wanted {
                    return Err(format!(
                        "{} {} is {}queued",
                        task.reference,
                        task.status,
                        if wanted { "not " } else { "" }
                    ));
                }
            }
        }
        Ok(())
    }

    /// What the archive would be given now; for tests of recovery.
    pub fn batch(&mut self) -> Batch {
        self.machine.make_batch()
    }
}

fn check_rules(live: &Live) -> Result<(), String> {
    let header = &live.execution.header;
    let open = live.execution.tasks.iter().filter(|t| !t.status.is_terminal()).count();
    if header.status.is_terminal() && open > 0 {
        return Err(format!("{} is {} with {open} open tasks", live.execution.id, header.status));
    }
    let is_waiting = open > 0 || !live.work.is_empty() || header.is_held;
    if header.status == fastcond_model::WorkflowStatus::Running && !is_waiting {
        return Err(format!("{} is RUNNING with nothing to wait for", live.execution.id));
    }
    for task in live.execution.tasks.iter() {
        if task.is_executed && !task.status.is_terminal() {
            return Err(format!("{} is executed but {}", task.reference, task.status));
        }
        if task.is_retried && !task.status.is_failure() {
            return Err(format!("{} is retried but {}", task.reference, task.status));
        }
    }
    Ok(())
}

/// The payloads of framed records.
fn frames_of(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    fastcond_store::payloads(frames)
}
