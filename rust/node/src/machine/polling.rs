//! Hand-out: polls that find work are answered at once, others are parked and woken (design section 5).

use super::Machine;
use super::limits::Admission;
use super::secrets::for_worker;
use crate::reply::{Reply, ReplyTo};
use fastcond_engine::view::task::{self, Shown};
use fastcond_engine::{Command, Outcome};
use fastcond_model::WorkflowId;
use fastcond_queue::{Message, QueueId, QueueRef};
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Tasks one poll can get.
const BATCH_MAX: usize = 1_000;

/// Entries of one queue that limits may hold back before a poll looks no further.
const HELD_MAX: usize = 32;

/// What became of a queue entry.
enum Handed {
    /// The task, as JSON.
    Out(String),
    /// A limit holds it back.
    Held,
    /// It is no longer to be handed out.
    Gone,
}

/// What a poll asks for.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Who asks.
    pub to: ReplyTo,
    /// The queue's base name.
    pub task_type: Arc<str>,
    /// Further task types whose tasks are as welcome; nearly always none.
    pub others: Vec<Arc<str>>,
    /// Domain.
    pub domain: Option<Arc<str>>,
    /// Worker id.
    pub worker: Option<Arc<str>>,
    /// Tasks wanted.
    pub count: usize,
    /// How long it may wait.
    pub timeout_ms: i64,
    /// A list is answered, `[]` when there is nothing; else one task or 204.
    pub is_batch: bool,
}

impl Poll {
    fn answer(&self, tasks: Vec<String>) -> Reply {
        if self.is_batch {
            let len = tasks.iter().map(|t| t.len() + 1).sum::<usize>() + 2;
            let mut out = String::with_capacity(len);
            out.push('[');
            for (at, task) in tasks.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(task);
            }
            out.push(']');
            return Reply::json(out);
        }
        tasks.into_iter().next().map_or_else(Reply::nothing, Reply::json)
    }
}

impl Machine {
    /// Answers a poll, or parks it.
    pub fn poll(&mut self, poll: Poll) {
        let first = self.asked_queue(&poll, &poll.task_type);
        let mut others: Vec<QueueId> =
            poll.others.iter().filter_map(|task_type| self.asked_queue(&poll, task_type)).collect();
        let Some(queue) = first.or_else(|| others.pop()) else {
            let reply = poll.answer(Vec::new());
            return self.reply(poll.to, reply);
        };
        let wanted = if self.is_stopping { 0 } else { poll.count.clamp(1, BATCH_MAX) };
        let tasks = self.take_any(queue, &others, wanted, poll.worker.as_ref());
        if tasks.is_empty() && poll.timeout_ms > 0 && !self.is_stopping {
            let id = self.next_poll;
            self.next_poll += 1;
            let wanted = u32::try_from(poll.count.clamp(1, BATCH_MAX)).unwrap_or(1);
            let until = self.now_ms + poll.timeout_ms;
            self.parked.park_on_several(queue, others.into_boxed_slice(), id, wanted, until);
            if let Some(conn) = poll.to.connection() {
                self.polls_of.entry(conn).or_default().push(id);
            }
            self.polls.insert(id, poll);
            return;
        }
        let reply = poll.answer(tasks);
        self.reply(poll.to, reply);
    }

    /// Notes that a poll asked for a task type; the queue it asks, if there is one or the poll may wait for it.
    fn asked_queue(&mut self, poll: &Poll, task_type: &str) -> Option<QueueId> {
        let domain = poll.domain.as_deref();
        let worker = poll.worker.as_deref().unwrap_or_default();
        self.poll_data.record(task_type, domain, worker, self.now_ms);
        self.stats.polls.add(&[task_type]);
        let name = QueueRef::worker(task_type, domain);
        match self.queues.find(&name) {
            Some(queue) => Some(queue),
            None if poll.timeout_ms > 0 => self.queues.try_intern(&name),
            None => None,
        }
    }

    /// Hands out up to `n` due tasks of several queues: first of the one whose turn it is, then of the next.
    fn take_any(
        &mut self,
        queue: QueueId,
        others: &[QueueId],
        n: usize,
        worker: Option<&Arc<str>>,
    ) -> Vec<String> {
        if others.is_empty() {
            return self.take_tasks(queue, n, worker);
        }
        let mut queues: Vec<QueueId> = std::iter::once(queue).chain(others.iter().copied()).collect();
        self.queues.sort_by_turn(&mut queues);
        let mut tasks = Vec::new();
        for queue in queues {
            let found = self.take_tasks(queue, n - tasks.len(), worker);
            if !found.is_empty() {
                self.queues.note_turn(queue);
            }
            tasks.extend(found);
        }
        tasks
    }

    /// Hands out up to `n` due tasks of a queue, as task JSON. What a limit holds back keeps its place in the line.
    fn take_tasks(&mut self, queue: QueueId, n: usize, worker: Option<&Arc<str>>) -> Vec<String> {
        let mut tasks = Vec::new();
        let mut popped: Vec<Message> = Vec::new();
        let mut held: Vec<Message> = Vec::new();
        while tasks.len() < n && held.len() < HELD_MAX {
            popped.clear();
            if self.queues.pop_due(queue, self.now_ms, n - tasks.len(), &mut popped) == 0 {
                break;
            }
            for message in &popped {
                match self.hand_out(queue, *message, worker) {
                    Handed::Out(text) => tasks.push(text),
                    Handed::Held => held.push(*message),
                    Handed::Gone => {}
                }
            }
        }
        for message in held {
            self.queues.put_back(queue, message);
        }
        tasks
    }

    fn hand_out(&mut self, queue: QueueId, message: Message, worker: Option<&Arc<str>>) -> Handed {
        let key = message.task;
        let id = WorkflowId(key.workflow);
        self.take_read_fault();
        let Some((name, task_type, node)) = self.find(id).and_then(|live| {
            let task = live.execution.tasks.get(key.task)?;
            Some((task.def_name.clone(), task.task_type.clone(), live.node_of(task)?))
        }) else {
            // G4: a task is not lost because its execution cannot be read just now.
            return if self.take_read_fault().is_some() { Handed::Held } else { Handed::Gone };
        };
        match self.admit(queue, key, &name, &node.task_def) {
            Admission::Granted => {}
            Admission::NoSlot => return Handed::Held,
            Admission::Later(at) => {
                self.note_waiting_work(queue, at);
                return Handed::Held;
            }
        }
        let command = Command::HandOut { task: key.task, worker: worker.cloned() };
        match self.command(id, command) {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Gone | Outcome::Dropped | Outcome::BadInput) | Err(_) => {
                self.release_slot(key);
                return Handed::Gone;
            }
        }
        self.stats.handed_out.add(&[&task_type]);
        let Some(live) = self.executions.get(&id.0).map(|entry| &entry.live) else { return Handed::Gone };
        let task = live.task(key.task);
        let given = for_worker(&self.registry, &node, task);
        let shown = Shown { now_ms: self.now_ms, for_worker: Some(&given), hides: false };
        let mut out = String::with_capacity(task::written_bytes(&node, task));
        task::write(live, task, shown, &mut out);
        Handed::Out(out)
    }

    /// A queue got an entry that is due at that time.
    pub fn note_waiting_work(&mut self, queue: QueueId, due_ms: i64) {
        if due_ms > self.now_ms {
            self.delayed.insert((due_ms, queue));
        } else if self.parked.has_waiter(queue) {
            self.hungry.push(queue);
        }
    }

    /// Delayed entries that are due now may have somebody waiting for them.
    pub fn wake_delayed(&mut self) {
        while let Some(&(due_ms, queue)) = self.delayed.first().filter(|(due_ms, _)| *due_ms <= self.now_ms) {
            self.delayed.remove(&(due_ms, queue));
            if self.parked.has_waiter(queue) {
                self.hungry.push(queue);
            }
        }
    }

    /// Moments at which a queue is to be looked at again: one per queue and millisecond, however often it was noted.
    pub fn delayed_looks(&self) -> usize {
        self.delayed.len()
    }

    /// Answers parked polls of queues that got work, and requests that waited for what became of an execution.
    pub fn serve_waiting(&mut self) {
        if self.hungry.len() > 1 {
            // A thousand starts of one request note the same queue a thousand times.
            self.hungry.sort_unstable();
            self.hungry.dedup();
        }
        while let Some(queue) = self.hungry.pop() {
            while let Some(waiter) = self.parked.take_waiter(queue) {
                let worker = self.polls.get(&waiter.poll_id).and_then(|p| p.worker.clone());
                let wanted = waiter.wanted as usize;
                let tasks = self.take_any(waiter.queue, &waiter.others, wanted, worker.as_ref());
                if tasks.is_empty() {
                    self.parked.put_back(waiter);
                    break;
                }
                if let Some(poll) = self.unpark(waiter.poll_id) {
                    let reply = poll.answer(tasks);
                    self.reply(poll.to, reply);
                }
            }
        }
        self.answer_waits();
    }

    /// Answers parked polls whose time is over.
    pub fn expire_polls(&mut self) {
        let mut over = Vec::new();
        self.parked.expire(self.now_ms, &mut over);
        for waiter in over {
            self.end_poll(waiter.poll_id);
        }
    }

    fn end_poll(&mut self, id: u64) {
        if let Some(poll) = self.unpark(id) {
            let reply = poll.answer(Vec::new());
            self.reply(poll.to, reply);
        }
    }

    /// Answers every parked poll with nothing: the server stops.
    pub fn drain_polls(&mut self) {
        let mut ids: Vec<u64> = self.polls.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.parked.cancel(id);
            self.end_poll(id);
        }
        self.drain_waits();
        self.drain_trials();
    }

    /// The server stops: polls get nothing from now on.
    pub fn stop_parking(&mut self) {
        self.is_stopping = true;
    }

    /// Polls that wait.
    pub fn parked_polls(&self) -> usize {
        self.polls.len()
    }

    /// Forgets the parked polls of a connection that closed.
    pub fn forget_connection(&mut self, closed: u64) {
        self.forget_waits(closed);
        for id in self.polls_of.remove(&closed).unwrap_or_default() {
            self.parked.cancel(id);
            self.polls.remove(&id);
        }
    }

    /// Takes a poll out of those that wait.
    fn unpark(&mut self, id: u64) -> Option<Poll> {
        let poll = self.polls.remove(&id)?;
        if let Some(conn) = poll.to.connection()
            && let Entry::Occupied(mut held) = self.polls_of.entry(conn)
        {
            // As many as one connection may have under way, which is few.
            held.get_mut().retain(|other| *other != id);
            if held.get().is_empty() {
                held.remove();
            }
        }
        Some(poll)
    }
}
