//! Requests that wait until an execution has ended or is blocked: synchronous executions and signals (rest-api 3.2).
//!
//! They wait as long polls do: nothing runs meanwhile. A commit that may end a wait notes its execution; the waits of
//! that execution and of those above it are looked at before the batch is handed over.

use super::{IdMap, Machine};
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::view::run::{self, Asked};
use fastcond_engine::{Live, Transition};
use fastcond_model::{Task, TaskNo, TaskStatus, WorkflowId};
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use std::collections::{BTreeMap, BTreeSet};

/// Requests that may wait at a time.
pub const WAITS_MAX: usize = 10_000;
/// How deep below the named execution, and how far above one that changed, is looked.
const DEPTH_MAX: usize = 64;

/// What a waiting request gets (data-model, `WorkflowSignalReturnStrategy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The execution it named.
    TargetWorkflow,
    /// The execution that holds the blocking task.
    BlockingWorkflow,
    /// The blocking task.
    BlockingTask,
    /// The same: the shape has the input.
    BlockingTaskInput,
}

impl Strategy {
    const ALL: [Self; 4] =
        [Self::TargetWorkflow, Self::BlockingWorkflow, Self::BlockingTask, Self::BlockingTaskInput];

    /// The word of the API.
    pub const fn text(self) -> &'static str {
        match self {
            Self::TargetWorkflow => "TARGET_WORKFLOW",
            Self::BlockingWorkflow => "BLOCKING_WORKFLOW",
            Self::BlockingTask => "BLOCKING_TASK",
            Self::BlockingTaskInput => "BLOCKING_TASK_INPUT",
        }
    }

    /// The strategy of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.text() == word)
    }
}

/// A request that waits.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Who asks.
    pub to: ReplyTo,
    /// The execution it named.
    pub target: WorkflowId,
    /// Reference names whose end it waits for, too.
    pub refs: Vec<String>,
    /// When it is answered at the latest.
    pub until_ms: i64,
    /// What it gets.
    pub strategy: Strategy,
    /// The client's id of the request.
    pub request_id: String,
}

impl Wait {
    /// A WAIT that only somebody outside can end, or a task that was waited for and is over.
    fn is_blocking(&self, task: &Task) -> bool {
        is_open_ended(task)
            || (task.status.is_terminal() && self.refs.iter().any(|name| **name == *task.reference))
    }
}

fn is_open_ended(task: &Task) -> bool {
    &*task.task_type == "WAIT" && task.status == TaskStatus::InProgress && task.wait_until_ms == 0
}

/// Those that wait, and executions to look at for them.
#[derive(Debug, Default)]
pub struct Waits {
    next: u64,
    waiting: BTreeMap<u64, Wait>,
    of_target: IdMap<u128, Vec<u64>>,
    of_connection: IdMap<u64, Vec<u64>>,
    due: BTreeSet<(i64, u64)>,
    /// Reference names that are waited for, and by how many: every commit asks, whoever waits.
    refs: HashMap<String, usize>,
    stirred: Vec<WorkflowId>,
}

impl Waits {
    /// How many wait.
    pub fn count(&self) -> usize {
        self.waiting.len()
    }

    /// When the first of them must be answered.
    pub fn next_deadline(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    fn add(&mut self, wait: Wait) {
        let id = self.next;
        self.next += 1;
        self.due.insert((wait.until_ms, id));
        for name in &wait.refs {
            *self.refs.entry_ref(name.as_str()).or_default() += 1;
        }
        self.of_target.entry(wait.target.0).or_default().push(id);
        if let Some(conn) = wait.to.connection() {
            self.of_connection.entry(conn).or_default().push(id);
        }
        self.waiting.insert(id, wait);
    }

    fn remove(&mut self, id: u64) -> Option<Wait> {
        let wait = self.waiting.remove(&id)?;
        self.due.remove(&(wait.until_ms, id));
        for name in &wait.refs {
            let EntryRef::Occupied(mut held) = self.refs.entry_ref(name.as_str()) else { continue };
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        drop_from(&mut self.of_target, wait.target.0, id);
        if let Some(conn) = wait.to.connection() {
            drop_from(&mut self.of_connection, conn, id);
        }
        Some(wait)
    }

    /// Notes an execution that ended, was removed, or came to something that may block it.
    pub fn stir(&mut self, id: WorkflowId) {
        if !self.waiting.is_empty() {
            self.stirred.push(id);
        }
    }

    /// Notes an execution when a commit on it may end a wait.
    pub fn note(&mut self, live: &Live, transition: &Transition) {
        if self.waiting.is_empty() {
            return;
        }
        let may_block = |no: TaskNo| {
            let task = live.execution.tasks.get(no);
            task.is_some_and(|task| {
                is_open_ended(task) || (task.status.is_terminal() && self.refs.contains_key(&*task.reference))
            })
        };
        if transition.ended || transition.events.iter().any(|event| may_block(event.task)) {
            self.stirred.push(live.execution.id);
        }
    }
}

fn drop_from<K: std::hash::Hash + Eq>(
    map: &mut std::collections::HashMap<K, Vec<u64>, std::hash::BuildHasherDefault<super::IdHasher>>,
    key: K,
    id: u64,
) {
    if let std::collections::hash_map::Entry::Occupied(mut held) = map.entry(key) {
        held.get_mut().retain(|other| *other != id);
        if held.get().is_empty() {
            held.remove();
        }
    }
}

impl Machine {
    /// Whether another request may wait.
    pub fn check_waits(&self) -> Result<(), Failure> {
        if self.waits.count() < WAITS_MAX {
            return Ok(());
        }
        Err(Failure::new(429, format!("{WAITS_MAX} requests wait for executions already; try again later")))
    }

    /// Answers a request at once when there is nothing to wait for, else lets it wait.
    pub fn wait(&mut self, wait: Wait) {
        if self.is_stopping || wait.until_ms <= self.now_ms {
            return self.answer_wait(&wait, true);
        }
        if !self.try_answer(&wait) {
            self.waits.add(wait);
        }
    }

    /// Looks at the waits that something may have ended.
    pub fn answer_waits(&mut self) {
        let mut stirred = std::mem::take(&mut self.waits.stirred);
        stirred.sort_unstable();
        stirred.dedup();
        for id in stirred {
            let mut above = Some(id);
            for _ in 0..DEPTH_MAX {
                let Some(at) = above else { break };
                for wait in self.waits.of_target.get(&at.0).cloned().unwrap_or_default() {
                    let Some(one) = self.waits.waiting.get(&wait).cloned() else { continue };
                    if self.try_answer(&one) {
                        self.waits.remove(wait);
                    }
                }
                above = self.find(at).and_then(|live| live.execution.header.parent).map(|p| p.workflow);
            }
        }
        // An execution that could not be read just now leaves its waits to their time.
        self.take_read_fault();
    }

    /// Answers the waits whose time is over with how things stand.
    pub fn expire_waits(&mut self) {
        while let Some(&(_, id)) = self.waits.due.first().filter(|(at, _)| *at <= self.now_ms) {
            if let Some(wait) = self.waits.remove(id) {
                self.answer_wait(&wait, true);
            }
        }
    }

    /// Answers all waits: the server stops.
    pub fn drain_waits(&mut self) {
        while let Some((&id, _)) = self.waits.waiting.first_key_value() {
            if let Some(wait) = self.waits.remove(id) {
                self.answer_wait(&wait, true);
            }
        }
    }

    /// Forgets the waits of a connection that closed.
    pub fn forget_waits(&mut self, conn: u64) {
        for id in self.waits.of_connection.get(&conn).cloned().unwrap_or_default() {
            self.waits.remove(id);
        }
    }

    /// Requests that wait.
    pub fn waiting_requests(&self) -> usize {
        self.waits.count()
    }

    fn try_answer(&mut self, wait: &Wait) -> bool {
        let is_over = self.find(wait.target).is_none_or(|live| live.execution.header.status.is_terminal());
        if self.read_fault.is_some() {
            return false;
        }
        if !is_over && self.blocking(wait).is_none() {
            return false;
        }
        self.answer_wait(wait, false);
        true
    }

    /// The first blocking task, in list order, through children that run (rest-api 3.2).
    fn blocking(&mut self, wait: &Wait) -> Option<(WorkflowId, TaskNo)> {
        self.first_below(wait.target, |task| wait.is_blocking(task))
    }

    /// The first task, in list order and through the children of open SUB_WORKFLOW tasks, that `is_it` says.
    pub fn first_below(
        &mut self,
        top: WorkflowId,
        is_it: impl Fn(&Task) -> bool,
    ) -> Option<(WorkflowId, TaskNo)> {
        enum Found {
            It(TaskNo),
            Below(WorkflowId),
        }
        let mut levels: Vec<std::vec::IntoIter<Found>> = Vec::new();
        let mut enter = Some(top);
        let mut owners = Vec::new();
        loop {
            if let Some(id) = enter.take().filter(|_| levels.len() < DEPTH_MAX)
                && let Some(live) = self.find(id)
            {
                let mut found = Vec::new();
                for task in live.execution.listed() {
                    if is_it(task) {
                        found.push(Found::It(task.no));
                    } else if let Some(child) = open_child(task) {
                        found.push(Found::Below(child));
                    }
                }
                levels.push(found.into_iter());
                owners.push(id);
            }
            match levels.last_mut()?.next() {
                Some(Found::It(no)) => return owners.last().map(|id| (*id, no)),
                Some(Found::Below(child)) => enter = Some(child),
                None => {
                    levels.pop();
                    owners.pop();
                }
            }
        }
    }

    fn answer_wait(&mut self, wait: &Wait, is_late: bool) {
        let reply = if let Some(text) = self.run_of(wait, is_late) {
            Reply::json(text)
        } else {
            let missing = Failure::not_found(format!("No such workflow found by id: {}", wait.target));
            let failure = self.take_read_fault().map_or(missing, |fault| Failure::unreadable(&fault));
            Reply::failure(&failure, &self.options.instance)
        };
        self.reply(wait.to, reply);
    }

    fn run_of(&mut self, wait: &Wait, is_late: bool) -> Option<String> {
        let target_status = self.find(wait.target)?.execution.header.status;
        let blocking = match wait.strategy {
            Strategy::TargetWorkflow => None,
            Strategy::BlockingWorkflow | Strategy::BlockingTask | Strategy::BlockingTaskInput => {
                self.blocking(wait)
            }
        };
        let strategy = wait.strategy.text();
        let asked =
            Asked { strategy, target: wait.target, target_status, request_id: &wait.request_id, is_late };
        let mut out = String::new();
        match (wait.strategy, blocking) {
            (Strategy::BlockingTask | Strategy::BlockingTaskInput, Some((owner, no))) => {
                let live = self.find(owner)?;
                run::write_task(live, live.execution.tasks.get(no)?, &asked, &mut out);
            }
            (_, Some((owner, _))) => run::write_workflow(self.find(owner)?, &asked, &mut out),
            // Nothing blocks: the original fails here, the state of the execution says more.
            (_, None) => run::write_workflow(self.find(wait.target)?, &asked, &mut out),
        }
        Some(out)
    }
}

fn open_child(task: &Task) -> Option<WorkflowId> {
    let is_open = !task.status.is_terminal() && &*task.task_type == "SUB_WORKFLOW";
    task.subworkflow.filter(|_| is_open)
}
