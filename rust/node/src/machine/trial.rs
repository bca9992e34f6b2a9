//! Test runs (S-64.1): an execution on a machine of its own, where mocks stand in for workers and time is virtual.
//!
//! Nothing that happens there leaves it: no journal, no queue that a worker could poll, no connection. Only the
//! execution as it was at the end is told. A run is made in short turns between other work, so that a long one keeps
//! nobody waiting, and within bounds of rounds and memory.

use super::shelf::NoShelf;
use super::{Machine, Options};
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_engine::Command;
use fastcond_engine::command::Report;
use fastcond_engine::tasks::Mode;
use fastcond_engine::view::workflow::{self as view, Include};
use fastcond_json::Raw;
use fastcond_model::{ResultStatus, Task, TaskNo, TaskStatus, WorkflowId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Test runs under way at a time.
pub const TRIALS_MAX: usize = 4;
/// Moments of one run: a mock applied, or a timer.
const ROUNDS_MAX: u32 = 20_000;
/// Moments in one turn.
const ROUNDS_PER_TURN: u32 = 16;
/// Bytes of records one run may make, which bounds its memory.
const BYTES_MAX: usize = 32 << 20;
/// Who takes the tasks that mocks stand in for.
const WORKER: &str = "test";

/// What one attempt comes to.
#[derive(Clone, Debug)]
pub struct Mock {
    /// How it ends.
    pub status: ResultStatus,
    /// With what.
    pub output: Raw,
    /// How long it runs, in milliseconds.
    pub execution_ms: i64,
    /// How long it waits before it is taken, in milliseconds.
    pub queue_wait_ms: i64,
}

/// What is to happen in one execution: attempts in order by exact reference name, and the scripts of its children.
#[derive(Debug, Default)]
pub struct Script {
    /// Attempts of each task.
    pub mocks: BTreeMap<String, VecDeque<Mock>>,
    /// Scripts of the executions that SUB_WORKFLOW tasks start.
    pub children: BTreeMap<String, Script>,
}

/// An execution of the run, and how far it was looked at.
#[derive(Debug)]
struct Cast {
    script: Script,
    looked: TaskNo,
}

#[derive(Debug)]
enum Act {
    Take(Mock),
    Report(Mock),
}

/// A test run.
#[derive(Debug)]
pub struct Trial {
    to: ReplyTo,
    machine: Machine,
    top: WorkflowId,
    casts: BTreeMap<u128, Cast>,
    /// SUB_WORKFLOW tasks whose child is not known yet.
    begins: Vec<(WorkflowId, TaskNo)>,
    /// What mocks do, by time and then in order.
    agenda: BTreeMap<(i64, u64), (WorkflowId, TaskNo, Act)>,
    planned: u64,
    /// Tasks that nobody will work on.
    unmocked: Vec<(WorkflowId, TaskNo)>,
    rounds: u32,
    bytes: usize,
}

impl Machine {
    /// A machine of its own with the same definitions, or 429 while as many runs as may be are under way.
    pub fn try_aside(&mut self) -> Result<Self, Failure> {
        if self.trials.len() >= TRIALS_MAX {
            return Err(Failure::new(429, format!("{TRIALS_MAX} test runs are under way, try again later")));
        }
        let options = Options { forgets_finished: false, ..self.options.clone() };
        let seed = self.random();
        let mut aside = Self::new(options, Box::new(NoShelf), seed, self.now_ms);
        aside.registry = self.registry.shared();
        Ok(aside)
    }

    /// Lends the script engines to a machine of a test run while it acts.
    pub fn with_scripts_lent<T>(&mut self, aside: &mut Self, act: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.scripts, &mut aside.scripts);
        let result = act(aside);
        std::mem::swap(&mut self.scripts, &mut aside.scripts);
        result
    }

    /// Begins a test run of an execution that was started on a machine of its own.
    pub fn begin_trial(&mut self, to: ReplyTo, machine: Self, top: WorkflowId, script: Script) {
        let casts = BTreeMap::from([(top.0, Cast { script, looked: 0 })]);
        self.trials.push_back(Box::new(Trial {
            to,
            machine,
            top,
            casts,
            begins: Vec::new(),
            agenda: BTreeMap::new(),
            planned: 0,
            unmocked: Vec::new(),
            rounds: 0,
            bytes: 0,
        }));
    }

    /// One turn of the test run whose turn it is.
    pub fn run_trials(&mut self) {
        let Some(mut trial) = self.trials.pop_front() else { return };
        std::mem::swap(&mut self.scripts, &mut trial.machine.scripts);
        let is_over = trial.turn();
        std::mem::swap(&mut self.scripts, &mut trial.machine.scripts);
        if is_over {
            self.tell_trial(&mut trial);
        } else {
            self.trials.push_back(trial);
        }
    }

    /// Answers every test run with what it has come to: the server stops.
    pub fn drain_trials(&mut self) {
        while let Some(mut trial) = self.trials.pop_front() {
            self.tell_trial(&mut trial);
        }
    }

    fn tell_trial(&mut self, trial: &mut Trial) {
        let reply = trial.reply();
        self.reply(trial.to, reply);
    }
}

impl Trial {
    fn reply(&mut self) -> Reply {
        let live = self.machine.find(self.top).expect("an execution stays on a machine without archive");
        let mut out = String::new();
        view::write(live, &mut out, Include::Tasks);
        Reply::json(out)
    }

    /// A few moments of the run; true once it is over.
    fn turn(&mut self) -> bool {
        for _ in 0..ROUNDS_PER_TURN {
            self.look();
            if self.is_over() {
                return true;
            }
            self.round();
        }
        false
    }

    /// Whether nothing more happens: it ended, what is open waits for somebody who has no mock, or a bound is reached.
    fn is_over(&mut self) -> bool {
        let ended = self.machine.find(self.top).is_none_or(|live| live.execution.header.status.is_terminal());
        if ended || self.rounds >= ROUNDS_MAX || self.bytes >= BYTES_MAX {
            return true;
        }
        if !self.agenda.is_empty() {
            return false;
        }
        let Some(wake) = self.machine.next_wake() else { return true };
        if wake <= self.machine.now_ms {
            return false;
        }
        let machine = &mut self.machine;
        self.unmocked.retain(|(id, no)| is_open(machine, *id, *no));
        !self.unmocked.is_empty()
    }

    /// The next moment: a timer, or what a mock does then.
    fn round(&mut self) {
        self.rounds += 1;
        let now_ms = self.machine.now_ms;
        let wake = self.machine.next_wake();
        let first = self.agenda.first_key_value().map(|((at, _), _)| *at);
        match wake {
            Some(at) if first.is_none_or(|planned| at <= planned) => {
                self.machine.set_now(at.max(now_ms));
                self.machine.tick();
            }
            _ => {
                let Some(((at, _), (id, no, act))) = self.agenda.pop_first() else { return };
                self.machine.set_now(at);
                self.act(id, no, act);
            }
        }
        let mut output = self.machine.take_output();
        self.bytes += output.frames.len();
        output.frames.clear();
        self.machine.reuse(output.frames);
    }

    fn act(&mut self, id: WorkflowId, no: TaskNo, act: Act) {
        if !is_open(&mut self.machine, id, no) {
            return;
        }
        match act {
            Act::Take(mock) => {
                let worker = Some(Arc::from(WORKER));
                // What the server runs itself is not handed out; then its mock is only reported.
                let _ = self.machine.command(id, Command::HandOut { task: no, worker });
                let at = self.machine.now_ms.saturating_add(mock.execution_ms);
                self.plan(at, id, no, Act::Report(mock));
            }
            Act::Report(mock) => {
                let worker = Some(Arc::from(WORKER));
                let report = Report { worker, ..Report::of(no, mock.status, mock.output) };
                let _ = self.machine.command(id, Command::Report(Box::new(report)));
                if is_open(&mut self.machine, id, no) {
                    self.look_at(id, no);
                }
            }
        }
    }

    fn plan(&mut self, at: i64, id: WorkflowId, no: TaskNo, act: Act) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), (id, no, act));
    }

    /// Looks at the instances that are new since the last time.
    fn look(&mut self) {
        let ids: Vec<u128> = self.casts.keys().copied().collect();
        for id in ids {
            let id = WorkflowId(id);
            let Some(live) = self.machine.find(id) else { continue };
            let next = live.execution.header.next_no;
            let Some(cast) = self.casts.get_mut(&id.0) else { continue };
            for no in std::mem::replace(&mut cast.looked, next)..next {
                self.look_at(id, no);
            }
        }
        for (id, no) in std::mem::take(&mut self.begins) {
            self.find_child(id, no);
        }
    }

    fn look_at(&mut self, id: WorkflowId, no: TaskNo) {
        let now_ms = self.machine.now_ms;
        let Some(live) = self.machine.find(id) else { return };
        let Some(task) = live.execution.tasks.get(no).filter(|task| !task.status.is_terminal()) else {
            return;
        };
        let mode = live.node_of(task).map(|node| node.behaviour.mode);
        let is_structure = matches!(&*task.task_type, "JOIN" | "EXCLUSIVE_JOIN" | "DO_WHILE");
        let (is_child, waits) = (&*task.task_type == "SUB_WORKFLOW", waits_for_somebody(task, mode));
        let ready_ms = task.ready_ms.max(now_ms);
        let mocks = self.casts.get_mut(&id.0).and_then(|cast| cast.script.mocks.get_mut(&*task.reference));
        match mocks.and_then(VecDeque::pop_front).filter(|_| !is_structure) {
            Some(mock) => self.plan(ready_ms.saturating_add(mock.queue_wait_ms), id, no, Act::Take(mock)),
            None if is_child => self.begins.push((id, no)),
            None if waits => self.unmocked.push((id, no)),
            None => {}
        }
    }

    /// The child that a SUB_WORKFLOW task has begun gets the script of that task.
    fn find_child(&mut self, id: WorkflowId, no: TaskNo) {
        if !is_open(&mut self.machine, id, no) {
            return;
        }
        let Some(live) = self.machine.find(id) else { return };
        let task = live.task(no);
        let (child, reference) = (task.subworkflow, task.reference.clone());
        let Some(child) = child else { return self.begins.push((id, no)) };
        let cast = self.casts.get_mut(&id.0);
        let script = cast.and_then(|cast| cast.script.children.remove(&*reference)).unwrap_or_default();
        self.casts.insert(child.0, Cast { script, looked: 0 });
    }
}

/// Whether an instance goes on only if somebody does something.
fn waits_for_somebody(task: &Task, mode: Option<Mode>) -> bool {
    match &*task.task_type {
        "HUMAN" | "PULL_WORKFLOW_MESSAGES" | "EVENT" => true,
        "WAIT" => task.status == TaskStatus::InProgress && task.wait_until_ms == 0,
        _ => matches!(mode, Some(Mode::Worker | Mode::System)),
    }
}

fn is_open(machine: &mut Machine, id: WorkflowId, no: TaskNo) -> bool {
    let task = machine.find(id).and_then(|live| live.execution.tasks.get(no));
    task.is_some_and(|task| !task.status.is_terminal())
}
