//! Making a decision true: journal record, queues, timers, messages; and running a command in the first place.

use super::limits::holds_slot;
use super::registry::Looking;
use super::{Entry, Machine, records};
use crate::reply::Failure;
use fastcond_engine::command::Start;
use fastcond_engine::removal_reason;
use fastcond_engine::tasks::Mode;
use fastcond_engine::{Command, Given, Live, Outcome, Transition, begin, decide};
use fastcond_json::Raw;
use fastcond_model::{Task, TaskStatus, WorkflowId, WorkflowStatus, codec};
use fastcond_queue::{QueueRef, TaskKey};

/// Calls `decide`-like functions with everything a command may look at.
macro_rules! given {
    ($machine:expr, $seed:expr, $given:ident) => {
        let looking = Looking {
            registry: &$machine.registry,
            poll_data: &$machine.poll_data,
            admissions: &$machine.admissions,
        };
        let $given = &mut Given {
            now_ms: $machine.now_ms,
            seed: $seed,
            defs: &looking,
            scripts: &mut $machine.scripts,
        };
    };
}

/// A start that was decided and is not true yet.
pub struct Prepared {
    live: Live,
    transition: Transition,
}

impl Prepared {
    /// Why its input cannot be taken: it does not follow the definition's schema (S-92.6).
    pub fn bad_input(&self) -> Option<&str> {
        let reason = self.live.execution.header.reason.as_deref();
        reason.filter(|_| self.transition.outcome == Outcome::BadInput)
    }

    /// Whether it would have to wait and its definition wants it refused instead (S-53.5).
    pub fn is_to_be_refused(&self) -> bool {
        let config = self.live.graph.def.rate_limit_config.as_ref();
        self.live.execution.header.is_held && config.and_then(|c| c.policy.as_deref()) == Some("REJECT")
    }
}

impl Machine {
    /// Decides a command on an execution and makes the outcome true.
    pub fn command(&mut self, id: WorkflowId, command: Command) -> Result<Outcome, Failure> {
        if !self.load(id) {
            return Err(Failure::not_found(format!("No such workflow found by id: {id}")));
        }
        let seed = self.random();
        let mut entry = self.executions.remove(&id.0).expect("the execution was just loaded");
        let decided = {
            given!(self, seed, given);
            decide(&mut entry.live, command, given)
        };
        let result = match decided {
            Ok(transition) => {
                let outcome = transition.outcome;
                self.commit(id, &mut entry, &transition);
                Ok(outcome)
            }
            Err(rejection) => Err(rejection.into()),
        };
        self.put_back(id, entry);
        result
    }

    /// Decides a start without making it true.
    pub fn prepare(&mut self, start: Start) -> Prepared {
        let seed = self.random();
        given!(self, seed, given);
        let (live, transition) = begin(start, given);
        Prepared { live, transition }
    }

    /// Starts an execution.
    pub fn start(&mut self, start: Start) -> WorkflowId {
        let prepared = self.prepare(start);
        self.make_true(prepared)
    }

    /// Makes a start true that was decided just now.
    pub fn make_true(&mut self, Prepared { live, transition }: Prepared) -> WorkflowId {
        let id = live.execution.id;
        self.store_snapshot(&live.graph.clone());
        self.stats.started.add(&[&live.graph.name]);
        let mut entry = Entry { live, is_dirty: false, row: None, batched: 0, may_leave: false };
        self.commit(id, &mut entry, &transition);
        self.prefixes.insert(id);
        self.put_back(id, Box::new(entry));
        id
    }

    /// Keeps an execution in memory, or its record alone when it is over.
    fn put_back(&mut self, id: WorkflowId, entry: Box<Entry>) {
        if !self.options.forgets_finished || !self.pending.rest(&entry) {
            self.executions.insert(id.0, entry);
        }
    }

    /// Writes a snapshot to the journal when it is not there yet.
    fn store_snapshot(&mut self, graph: &fastcond_engine::Graph) {
        if self.registry.note_stored(graph.id) {
            self.put_thing(records::SNAPSHOT, &graph.id.key(), Some(graph.text.as_bytes().to_vec()));
        }
    }

    fn commit(&mut self, id: WorkflowId, entry: &mut Entry, transition: &Transition) {
        for graph in &transition.definitions {
            self.store_snapshot(graph);
        }
        if transition.change.is_empty() {
            return;
        }
        let before = self.frames.len();
        let execution = &entry.live.execution;
        records::commit(self.frames.buffer(), |out| codec::encode(out, execution, &transition.change));
        self.position += 1;
        self.stats.commits += 1;
        self.stats.journal_bytes += (self.frames.len() - before) as u64;
        self.pending.note_change(entry);
        let live = &entry.live;
        for &(no, _) in &transition.change.tasks {
            if let Some(task) = live.execution.tasks.get(no) {
                self.follow_task(live, task);
            }
        }
        for &no in &transition.change.dropped {
            self.forget_task(TaskKey { workflow: id.0, task: no });
        }
        for event in &transition.events {
            if event.status == TaskStatus::TimedOut {
                self.stats.timed_out.add(&[&event.task_type]);
            }
        }
        self.arm(id.0, live.next_due());
        for &number in &transition.change.sent {
            self.outbox.push_back((id, number));
        }
        self.follow_limit(live);
        self.waits.note(live, transition);
        if transition.ended {
            let header = &live.execution.header;
            self.stats.ended.add(&[&header.name, header.status.text()]);
            self.stats.ended_whole += u64::from(header.parent.is_none());
        }
    }

    /// Keeps queue and slot of a task in step with its record.
    pub fn follow_task(&mut self, live: &Live, task: &Task) {
        let key = TaskKey { workflow: live.execution.id.0, task: task.no };
        if task.status != TaskStatus::InProgress {
            self.release_slot(key);
        }
        if !is_queued(live, task) || live.execution.header.status.is_terminal() {
            let was_offered = self.queues.remove(key).is_some();
            if was_offered && holds_slot(live, task) {
                // It was to be offered again after a restart, and somebody reported on it after all.
                self.resume_slot(key, &task.def_name);
            }
            return;
        }
        let priority = live.execution.header.priority;
        let is_there =
            self.queues.message(key).is_some_and(|m| m.due_ms == task.ready_ms && m.priority == priority);
        if !is_there {
            self.enqueue(live, task);
        }
    }

    /// Puts a task into its queue.
    pub fn enqueue(&mut self, live: &Live, task: &Task) {
        let name = QueueRef {
            task_type: &task.task_type,
            domain: task.domain.as_deref(),
            // Workers inside the server take every isolation group and name space of their type.
            namespace: None,
            isolation: None,
        };
        let queue = match self.queues.find(&name) {
            Some(queue) => queue,
            None => self.queues.intern(&name.to_key()),
        };
        let key = TaskKey { workflow: live.execution.id.0, task: task.no };
        self.queues.push(queue, key, task.ready_ms, live.execution.header.priority);
        self.note_waiting_work(queue, task.ready_ms);
    }

    fn forget_task(&mut self, key: TaskKey) {
        self.release_slot(key);
        self.queues.remove(key);
    }

    /// Stores or deletes a keyed record.
    pub fn put_thing(&mut self, kind: &'static str, key: &str, value: Option<Vec<u8>>) {
        records::thing(self.frames.buffer(), kind, key, value.as_deref());
        self.position += 1;
        self.pending.put_thing(kind, key, value);
    }

    /// Deletes an execution and everything that is known of it. What it has to say to others is said before, and a
    /// parent that waits for it is told that it ended. Nothing is done when the archive cannot be read.
    pub fn remove_execution(&mut self, id: WorkflowId) -> Result<(), Failure> {
        let header = self.find(id).map(|live| &live.execution.header);
        let parent = header.filter(|header| !header.status.is_terminal()).and_then(|header| header.parent);
        if let Some(parent) = parent {
            let reason = Some(removal_reason(id));
            let (status, output) = (WorkflowStatus::Terminated, Raw::empty_object());
            // A parent that is gone does not wait.
            let ended = Command::ChildEnded { task: parent.task, child: id, status, output, reason };
            let _ = self.command(parent.workflow, ended);
        }
        if let Some(fault) = self.take_read_fault() {
            return Err(Failure::unreadable(&fault));
        }
        self.deliver_last_words(id);
        if !self.load(id) {
            return Ok(());
        }
        let header = &self.executions[&id.0].live.execution.header;
        if let Some((name, key)) = header.idempotency_key.clone().map(|key| (header.name.clone(), key)) {
            self.drop_key(&name, &key, id)?;
        }
        let entry = self.let_go(id).expect("the execution was just loaded");
        for task in entry.live.execution.tasks.iter() {
            self.forget_task(TaskKey { workflow: id.0, task: task.no });
        }
        self.forget_limit(&entry.live);
        self.arm(id.0, None);
        records::remove(self.frames.buffer(), id.0);
        self.position += 1;
        self.pending.note_removed(id.0);
        self.waits.stir(id);
        Ok(())
    }
}

/// Whether a task waits in a queue for a worker, outside or inside the server.
pub fn is_queued(live: &Live, task: &Task) -> bool {
    task.status == TaskStatus::Scheduled
        && live.node_of(task).is_some_and(|node| matches!(node.behaviour.mode, Mode::Worker | Mode::System))
}

/// Whether a worker inside the server had a task in hands and nothing came of it yet: when the process ends so does the
/// worker, and the attempt must be offered again (S-9.4, S-35.6). One that reported, and waits for somebody else to
/// complete it, has an output (S-9.5).
pub fn is_run_here(live: &Live, task: &Task) -> bool {
    task.status == TaskStatus::InProgress
        && &*task.output == "{}"
        && live.node_of(task).is_some_and(|node| node.behaviour.mode == Mode::System)
}
