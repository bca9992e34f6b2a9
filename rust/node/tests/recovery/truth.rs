//! The fold of the journal's records, and the comparison of a machine with it (G8).
//!
//! It is folded more strictly than recovery does: a commit must follow the last one of its execution exactly, a removed
//! execution never comes back, a snapshot stands before the first record that needs it.

use fastcond_engine::graph::compile;
use fastcond_engine::tasks::Mode;
use fastcond_engine::view::workflow::{self, Include};
use fastcond_engine::{Graph, Live};
use fastcond_model::{DefId, Execution, Message, Task, TaskStatus, WorkflowId, codec};
use fastcond_node::machine::Machine;
use fastcond_node::machine::records::{self, Record};
use fastcond_queue::{QueueKey, TaskKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

/// A queue entry as the records imply it: when it is due, and its priority.
type Queued = (i64, u8);

/// A line of a task's log: position, time, text.
type Line = (u64, i64, Vec<u8>);

/// What the records up to a position make true.
#[derive(Default)]
pub struct Truth {
    /// Position of the last record.
    pub position: u64,
    /// Executions as they are.
    pub executions: BTreeMap<u128, Execution>,
    /// Executions that were removed.
    pub removed: BTreeSet<u128>,
    things: BTreeMap<(String, String), Vec<u8>>,
    logs: BTreeMap<u128, Vec<Line>>,
    graphs: BTreeMap<DefId, Arc<Graph>>,
}

/// Everything that is derived from executions.
#[derive(Debug, Default, PartialEq, Eq)]
struct Derived {
    queued: BTreeMap<TaskKey, Queued>,
    sizes: BTreeMap<QueueKey, usize>,
    timers: BTreeMap<u128, i64>,
    slots: BTreeMap<String, u32>,
    has_mail: bool,
}

impl Truth {
    /// Folds the next record.
    pub fn take(&mut self, payload: &[u8]) -> Result<(), String> {
        self.position += 1;
        match records::read(payload).map_err(|e| e.to_string())? {
            Record::Together(parts) => {
                for part in parts {
                    self.fold(&records::read(part).map_err(|e| e.to_string())?)?;
                }
                Ok(())
            }
            record => self.fold(&record),
        }
    }

    fn fold(&mut self, record: &Record<'_>) -> Result<(), String> {
        match *record {
            Record::Together(_) => Err("records within records".to_owned()),
            Record::Commit(bytes) => self.commit(bytes),
            Record::Remove(id) => {
                self.removed.insert(id);
                match self.executions.remove(&id) {
                    Some(_) => Ok(()),
                    None => Err(format!("{} is removed but not there", WorkflowId(id))),
                }
            }
            Record::Log { task, created_ms, line } => {
                self.logs.entry(task).or_default().push((self.position, created_ms, line.to_vec()));
                Ok(())
            }
            Record::Thing { kind, key, value } => {
                let place = (kind.to_owned(), key.to_owned());
                match value {
                    Some(value) => self.things.insert(place, value.to_vec()),
                    None => self.things.remove(&place),
                };
                self.adopt(kind, value)
            }
        }
    }

    fn adopt(&mut self, kind: &str, value: Option<&[u8]>) -> Result<(), String> {
        if kind != records::SNAPSHOT {
            return Ok(());
        }
        let text =
            std::str::from_utf8(value.expect("snapshots are not deleted")).map_err(|e| e.to_string())?;
        let def = serde_json::from_str(text).map_err(|e| e.to_string())?;
        let graph = compile(def).map_err(|e| e.to_string())?;
        match self.graphs.insert(graph.id, Arc::new(graph)) {
            Some(known) => Err(format!("the snapshot {} is stored twice", known.id.key())),
            None => Ok(()),
        }
    }

    fn commit(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (id, revision) = codec::peek(bytes).map_err(|e| e.to_string())?;
        if self.removed.contains(&id.0) {
            return Err(format!("{id} was removed and is back"));
        }
        let before = self.executions.remove(&id.0);
        let known = before.as_ref().map_or(0, |e| e.revision);
        if revision != known + 1 {
            return Err(format!("{id} goes from revision {known} to {revision}"));
        }
        let first = before.as_ref().map(results);
        let after = codec::apply(before, bytes).map_err(|e| e.to_string())?;
        if !self.graphs.contains_key(&after.header.def) {
            return Err(format!("{id} runs on a snapshot that is not stored"));
        }
        for out in after.outbox.iter() {
            if matches!(&out.message, Message::Start { def, .. } if !self.graphs.contains_key(def)) {
                return Err(format!("{id} starts a child on a snapshot that is not stored"));
            }
        }
        let now = results(&after);
        for (no, output) in first.unwrap_or_default() {
            // G3: the first result of an attempt wins; only a restart takes the attempt away.
            if now.get(&no).is_some_and(|kept| *kept != output) {
                return Err(format!("{id} rewrites the result of task {no}"));
            }
        }
        self.executions.insert(id.0, after);
        Ok(())
    }

    /// An execution with its compiled snapshot.
    pub fn live(&self, execution: &Execution) -> Live {
        Live::new(execution.clone(), self.graphs[&execution.header.def].clone())
    }

    /// What follows from the records; `is_offered` says whether a task that a worker inside the server had in hands is
    /// to be offered again.
    fn derived(&self, is_offered: impl Fn(TaskKey) -> bool) -> Derived {
        let mut derived = Derived::default();
        for (id, execution) in &self.executions {
            derived.has_mail |= !execution.outbox.is_empty();
            if execution.header.status.is_terminal() {
                continue;
            }
            let live = self.live(execution);
            if let Some(at) = live.next_due() {
                derived.timers.insert(*id, at);
            }
            for task in execution.tasks.iter() {
                derived.follow(&live, task, &is_offered);
            }
        }
        derived
    }

    /// Compares queues, timers, slots and mail of a machine that just recovered; loads no execution.
    pub fn check_recovered(&self, machine: &Machine) -> Result<(), String> {
        compare(machine, &self.derived(|_| true))
    }

    /// Compares queues, timers, slots and mail of a machine that runs; loads no execution.
    pub fn check_derived(&self, machine: &Machine) -> Result<(), String> {
        compare(machine, &self.derived(|key| machine.queues.contains(key)))
    }

    /// Compares definitions and logs.
    pub fn check_kept(&self, machine: &mut Machine) -> Result<(), String> {
        let mut found: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
        for def in machine.registry.workflows() {
            let text = serde_json::to_vec(&**def).expect("a definition can be written");
            found
                .insert((records::WORKFLOW_DEF.to_owned(), format!("{}\0{}", def.name(), def.version)), text);
        }
        for def in machine.registry.task_defs() {
            let text = serde_json::to_vec(&**def).expect("a definition can be written");
            found.insert((records::TASK_DEF.to_owned(), def.name.clone().unwrap_or_default()), text);
        }
        for handler in machine.registry.events.all() {
            let text = serde_json::to_vec(&**handler).expect("a handler can be written");
            found.insert((records::EVENT_HANDLER.to_owned(), handler.name.clone().unwrap_or_default()), text);
        }
        let apart = [records::SNAPSHOT, records::EVENT_ACTION, records::EVENT_TIME];
        let wanted = self.things.iter().filter(|((kind, _), _)| !apart.contains(&&**kind));
        if !wanted.clone().eq(found.iter()) {
            let keys: Vec<_> = found.keys().collect();
            return Err(format!(
                "definitions {keys:?}, stored are {:?}",
                wanted.map(|(k, _)| k).collect::<Vec<_>>()
            ));
        }
        for (_, key) in self.things.keys().filter(|(kind, _)| kind == records::EVENT_ACTION) {
            if machine.event_action(key).map_err(|fault| fault.to_string())?.is_none() {
                return Err(format!("what was done about {key:?} is forgotten"));
            }
        }
        for (task, lines) in &self.logs {
            let kept = machine.logs(task.to_be_bytes()).map_err(|fault| fault.to_string())?;
            let kept: Vec<Line> =
                kept.into_iter().map(|line| (line.seq, line.created_ms, line.log)).collect();
            if kept != *lines {
                return Err(format!("log {kept:?}, written was {lines:?}"));
            }
        }
        Ok(())
    }

    /// G13: every event is acted on, and no action is carried out twice.
    pub fn check_events(&self) -> Result<(), String> {
        // A crash at the very beginning takes the handler away, and then nobody waits for anything.
        let is_heard = self.things.keys().any(|(kind, _)| kind == records::EVENT_HANDLER);
        let mut started = BTreeSet::new();
        let mut messages = BTreeMap::<String, usize>::new();
        for ((_, key), value) in self.things.iter().filter(|((kind, _), _)| kind == records::EVENT_ACTION) {
            let record: serde_json::Value = serde_json::from_slice(value).map_err(|e| e.to_string())?;
            *messages.entry(record["messageId"].to_string()).or_default() += 1;
            if let Some(id) = record["output"]["workflowId"].as_str().and_then(WorkflowId::parse)
                && record["action"] == "start_workflow"
            {
                let is_there = self.executions.contains_key(&id.0) || self.removed.contains(&id.0);
                if !is_there || !started.insert(id.0) {
                    return Err(format!("{id} is not there, or was started twice: {key:?}"));
                }
            }
        }
        for execution in self.executions.values() {
            let id = execution.id;
            if execution.header.event.is_some() && !started.contains(&id.0) {
                return Err(format!("{id} was started by an event that nobody remembers"));
            }
            let variables: serde_json::Value =
                serde_json::from_str(&execution.variables).map_err(|e| e.to_string())?;
            if let Some(heard) = variables["heard"].as_array() {
                let once: BTreeSet<String> = heard.iter().map(ToString::to_string).collect();
                if once.len() != heard.len() {
                    return Err(format!("{id} heard twice: {heard:?}"));
                }
            }
            for task in execution.tasks.iter().filter(|t| &*t.task_type == "EVENT") {
                let message = format!("\"{}\"", id.task(task.no));
                if is_heard && task.status == TaskStatus::Completed && messages.get(&message) != Some(&2) {
                    return Err(format!("the event {message} of {id} was not acted on"));
                }
            }
        }
        Ok(())
    }

    /// Compares every execution, as a record and as a client sees it.
    pub fn check_executions(&self, machine: &mut Machine) -> Result<(), String> {
        for (id, execution) in &self.executions {
            let id = WorkflowId(*id);
            let live = machine.find(id).ok_or_else(|| format!("{id} is lost"))?;
            live.check()?;
            if live.execution != *execution {
                return Err(format!("{id} is {:#?}, the records fold to {execution:#?}", live.execution));
            }
            let (mut found, mut wanted) = (String::new(), String::new());
            workflow::write(live, &mut found, Include::Tasks);
            workflow::write(&self.live(execution), &mut wanted, Include::Tasks);
            if found != wanted {
                return Err(format!("{id} is shown as {found}, not as {wanted}"));
            }
            // An operator finds the execution of a task by the task's id alone.
            if let Some(task) = execution.tasks.iter().next() {
                let owner = machine.owner_of(id.task(task.no));
                if owner != Some((id, task.no)) {
                    return Err(format!("task {} of {id} is found in {owner:?}", task.no));
                }
            }
        }
        for id in &self.removed {
            if machine.find(WorkflowId(*id)).is_some() {
                return Err(format!("{} was removed and is back", WorkflowId(*id)));
            }
        }
        Ok(())
    }

    /// No parent waits for a child that is over or never began (S-30.9, S-30.13); to be asked when no mail is under way.
    pub fn check_families(&self) -> Result<(), String> {
        for execution in self.executions.values() {
            for task in execution.tasks.iter().filter(|t| !t.status.is_terminal()) {
                let Some(child) = task.subworkflow.filter(|_| &*task.task_type == "SUB_WORKFLOW") else {
                    continue;
                };
                let found = self.executions.get(&child.0);
                let is_running = found.is_some_and(|c| !c.header.status.is_terminal());
                if !is_running {
                    let status = found.map(|c| c.header.status);
                    return Err(format!("{} waits for {child}, which is {status:?}", execution.id));
                }
            }
        }
        Ok(())
    }
}

/// Results of worker tasks that are complete.
fn results(execution: &Execution) -> BTreeMap<u32, (TaskStatus, String)> {
    let complete = execution.tasks.iter().filter(|t| t.status == TaskStatus::Completed && t.poll_count > 0);
    complete.map(|t| (t.no, (t.status, t.output.to_string()))).collect()
}

fn compare(machine: &Machine, wanted: &Derived) -> Result<(), String> {
    let found = Derived {
        queued: wanted.queued.keys().filter_map(|key| queued(machine, *key)).collect(),
        sizes: machine.queues.sizes().filter(|(.., n)| *n > 0).map(|(_, key, n)| (key.clone(), n)).collect(),
        timers: machine.armed().collect(),
        slots: machine.slots().map(|(name, n)| (name.to_owned(), n)).collect(),
        has_mail: machine.has_mail(),
    };
    if found == *wanted { Ok(()) } else { Err(found.difference(wanted)) }
}

fn queued(machine: &Machine, key: TaskKey) -> Option<(TaskKey, Queued)> {
    machine.queues.message(key).map(|message| (key, (message.due_ms, message.priority)))
}

/// Entries of one map that the other has not.
fn only<K: Ord + Debug, V: PartialEq + Debug>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> String {
    format!("{:?}", one.iter().filter(|(key, value)| other.get(key) != Some(value)).collect::<Vec<_>>())
}

impl Derived {
    fn difference(&self, wanted: &Self) -> String {
        let (more, less) = (
            [
                only(&self.queued, &wanted.queued),
                only(&self.sizes, &wanted.sizes),
                only(&self.timers, &wanted.timers),
                only(&self.slots, &wanted.slots),
            ],
            [
                only(&wanted.queued, &self.queued),
                only(&wanted.sizes, &self.sizes),
                only(&wanted.timers, &self.timers),
                only(&wanted.slots, &self.slots),
            ],
        );
        let mail = (self.has_mail, wanted.has_mail);
        format!("queued, sizes, timers, slots are {more:?} where the records imply {less:?}; mail {mail:?}")
    }

    fn follow(&mut self, live: &Live, task: &Task, is_offered: &impl Fn(TaskKey) -> bool) {
        let Some(node) = live.node_of(task) else { return };
        let key = TaskKey { workflow: live.execution.id.0, task: task.no };
        let (is_worker, is_system) =
            (node.behaviour.mode == Mode::Worker, node.behaviour.mode == Mode::System);
        if !is_worker && !is_system {
            return;
        }
        // S-35.6: the worker of a system task died with the process, before it reported anything.
        let is_lost =
            is_system && task.status == TaskStatus::InProgress && &*task.output == "{}" && is_offered(key);
        if task.status == TaskStatus::Scheduled || is_lost {
            let name = QueueKey::worker(&task.task_type, task.domain.as_deref());
            *self.sizes.entry(name).or_default() += 1;
            self.queued.insert(key, (task.ready_ms, live.execution.header.priority));
        }
        let is_limited = node.task_def.concurrent_exec_limit.is_some_and(|n| n > 0);
        if task.status == TaskStatus::InProgress && is_limited && !is_lost {
            *self.slots.entry(task.def_name.to_string()).or_default() += 1;
        }
    }
}
