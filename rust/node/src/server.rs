//! The machine on threads: one decides, one makes durable, one archives (design sections 4 and 5).
//!
//! A call goes to the engine thread's inbox. What it changed goes, as journal records, with its reply to the journal
//! thread; the reply is given when the group it went with is durable. So nothing is visible before its commit.

mod archive;
mod clock;
mod engine;
pub mod metrics;

use crate::calls::{Params, Verb};
use crate::front::Front;
use crate::machine::Options;
use crate::machine::shelf::Ask;
use crate::reply::{Failure, Reply, ReplyTo};
use archive::{ArchiveJob, Jobs};
use fastcond_store::{OpenError, Queue, QueueBounds, Segments, Settings, Store, SyncMode};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Requests waiting for the engine beyond which new starts are refused with 429; completions are still taken.
const STARTS_WAITING_MAX: usize = 8_192;

/// How a server is run.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The store.
    pub store: Settings,
    /// The machine.
    pub machine: Options,
    /// Program and arguments of the process that evaluates scripts; without it the engine thread does.
    pub script_command: Option<Vec<OsString>>,
}

/// Something for the engine thread.
pub(crate) enum Item {
    /// A call.
    Call { to: ReplyTo, verb: Verb, params: Params, body: Vec<u8> },
    /// A connection closed: its parked polls are forgotten.
    Forget(u64),
    /// The archive has written up to here.
    Archived(u64),
    /// Parked polls are answered, later ones get nothing.
    Drain,
    /// Everything is flushed and the thread ends.
    Stop,
    /// Metrics text is wanted.
    Metrics(ReplyTo),
}

#[derive(Default)]
struct Inbox {
    items: Vec<Item>,
    is_asleep: bool,
}

/// What the threads share.
pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    done: Mutex<Vec<(ReplyTo, Reply)>>,
    wake: OwnedFd,
    fault: Mutex<Option<String>>,
    is_failed: AtomicBool,
    durable: AtomicU64,
    instance: String,
}

/// What a group of journal records leads to once it is durable.
pub(crate) struct Waiting {
    replies: Vec<(ReplyTo, Reply)>,
    position: u64,
    asks: Vec<Ask>,
}

impl Shared {
    fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, item: Item) {
        let mut inbox = Self::lock(&self.inbox);
        inbox.items.push(item);
        if std::mem::take(&mut inbox.is_asleep) {
            self.arrived.notify_one();
        }
    }

    /// Takes what arrived into `items`, which is empty, waiting for at most `patience`.
    fn receive(&self, patience: Option<Duration>, items: &mut Vec<Item>) {
        let mut inbox = Self::lock(&self.inbox);
        if inbox.items.is_empty() && patience != Some(Duration::ZERO) {
            inbox.is_asleep = true;
            inbox = match patience {
                Some(time) => {
                    self.arrived.wait_timeout(inbox, time).map_or_else(|e| e.into_inner().0, |r| r.0)
                }
                None => self.arrived.wait(inbox).unwrap_or_else(PoisonError::into_inner),
            };
            inbox.is_asleep = false;
        }
        std::mem::swap(&mut inbox.items, items);
    }

    fn waiting(&self) -> usize {
        Self::lock(&self.inbox).items.len()
    }

    /// Gives replies to the event loop and wakes it.
    fn finish(&self, replies: Vec<(ReplyTo, Reply)>) {
        if replies.is_empty() {
            return;
        }
        let was_empty = {
            let mut done = Self::lock(&self.done);
            let was_empty = done.is_empty();
            done.extend(replies);
            was_empty
        };
        if was_empty {
            self.ring();
        }
    }

    fn ring(&self) {
        // A full counter means that the event loop has been told often enough.
        let _ = rustix::io::write(self.wake.as_fd(), &1u64.to_ne_bytes());
    }

    /// Nothing is acknowledged any more (G9).
    fn fail(&self, why: &str) {
        Self::lock(&self.fault).get_or_insert_with(|| why.to_owned());
        self.is_failed.store(true, Ordering::Release);
    }

    fn unavailable(&self) -> Reply {
        let why = Self::lock(&self.fault).clone().unwrap_or_default();
        Reply::failure(
            &Failure::unavailable(format!("the store does not take writes: {why}")),
            &self.instance,
        )
    }
}

/// Sends things to the engine.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

impl Handle {
    pub(crate) fn hot(&self, to: ReplyTo, call: crate::front::HotCall, body: Vec<u8>) -> Result<(), Reply> {
        if self.0.is_failed.load(Ordering::Acquire) {
            return Err(self.0.unavailable());
        }
        if call.is_start && self.0.waiting() > STARTS_WAITING_MAX {
            let failure =
                Failure { is_retryable: true, ..Failure::new(429, "too many requests are waiting") };
            return Err(Reply::failure(&failure, &self.0.instance));
        }
        self.0.send(Item::Call { to, verb: call.verb, params: call.params, body });
        Ok(())
    }

    pub(crate) fn forget(&self, conn: u64) {
        self.0.send(Item::Forget(conn));
    }
}

/// A running server.
pub struct Server {
    /// Connections.
    pub front: Front,
    handle: Handle,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    next_ticket: u64,
    durability: &'static str,
    _lock: Box<dyn std::any::Any + Send>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("durability", &self.durability).finish_non_exhaustive()
    }
}

/// What drained: bytes to write, answered tickets, cold requests that became readable.
#[derive(Debug, Default)]
pub struct Drained {
    /// Bytes per connection.
    pub writes: Vec<crate::front::Outgoing>,
    /// Answers to calls of the event loop.
    pub answers: Vec<(u64, Reply)>,
    /// Cold requests.
    pub cold: Vec<(u64, crate::front::Cold)>,
}

/// Readable when [`Server::drain`] has something.
impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.wake.as_fd()
    }
}

impl Server {
    /// Opens the store, recovers, and starts the threads.
    pub fn open(options: ServerOptions) -> Result<Self, OpenError> {
        let store = Store::open(&options.store)?;
        let folder = options.store.folder.clone();
        let unreadable = |what: String| OpenError::Foreign { file: folder.clone(), what };
        let instance = options.machine.instance.clone();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| unreadable(format!("no eventfd can be made: {errno}")))?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::default()),
            arrived: Condvar::new(),
            done: Mutex::new(Vec::new()),
            wake,
            fault: Mutex::new(None),
            is_failed: AtomicBool::new(false),
            durable: AtomicU64::new(store.journal.last()),
            instance: instance.clone(),
        });
        let durability = match options.store.sync {
            SyncMode::Full => "D3",
            SyncMode::Normal => "D2",
        };
        let queue = Arc::new(Queue::new(QueueBounds::default()));
        let jobs = Arc::new(Jobs::default());
        // The machine is made on the thread it lives on: its script engines belong to one thread.
        let (engine, store) = engine::spawn(
            options.machine,
            options.script_command,
            store,
            shared.clone(),
            queue.clone(),
            jobs.clone(),
        )?;
        let Store { lock, archive, journal, .. } = store;
        let segments: Segments<_> = journal.segments();
        let threads = vec![
            engine,
            engine::spawn_journal(journal, shared.clone(), queue, jobs.clone()),
            archive::spawn(archive, segments, shared.clone(), jobs),
        ];
        let handle = Handle(shared.clone());
        let front = Front::new(instance);
        Ok(Self { front, handle, shared, threads, next_ticket: 0, durability, _lock: Box::new(lock) })
    }

    /// The file descriptor that is readable when [`Self::drain`] has something.
    pub fn fd(&self) -> i32 {
        self.shared.wake.as_raw_fd()
    }

    /// What holds for the store: class, and why it no longer takes writes.
    pub fn describe(&self) -> (&'static str, Option<String>) {
        (self.durability, Shared::lock(&self.shared.fault).clone())
    }

    /// Bytes arrived on a connection.
    pub fn feed(&mut self, conn: u64, data: &[u8]) -> Vec<crate::front::Cold> {
        let cold = self.front.feed(conn, data, &self.handle);
        if self.front.has_output() {
            self.shared.ring();
        }
        cold
    }

    /// A connection closed.
    pub fn disconnect(&mut self, conn: u64) {
        self.front.disconnect(conn, &self.handle);
    }

    /// A call of the event loop; its answer comes out of [`Self::drain`] under the returned ticket.
    pub fn submit(&mut self, verb: Verb, params: Params, body: Vec<u8>) -> u64 {
        let ticket = self.ticket();
        let to = ReplyTo::Ticket(ticket);
        if self.shared.is_failed.load(Ordering::Acquire) {
            self.shared.finish(vec![(to, self.shared.unavailable())]);
        } else {
            self.shared.send(Item::Call { to, verb, params, body });
        }
        ticket
    }

    /// Asks for the metrics text.
    pub fn metrics(&mut self) -> u64 {
        let ticket = self.ticket();
        self.shared.send(Item::Metrics(ReplyTo::Ticket(ticket)));
        ticket
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Takes everything that is ready for the event loop.
    pub fn drain(&mut self) -> Drained {
        let mut counter = [0u8; 8];
        // Nothing to read means nobody rang; then there is merely nothing to take.
        let _ = rustix::io::read(self.shared.wake.as_fd(), &mut counter);
        let done = std::mem::take(&mut *Shared::lock(&self.shared.done));
        let mut drained = Drained::default();
        for (to, reply) in done {
            match to {
                ReplyTo::Ticket(ticket) => drained.answers.push((ticket, reply)),
                ReplyTo::Request { conn, seq, form } => self.front.complete(conn, seq, form, &reply),
                ReplyTo::Nobody => {}
            }
        }
        let (writes, cold) = self.front.take(&self.handle);
        drained.writes = writes;
        drained.cold = cold;
        drained
    }

    /// Answers all parked polls; later polls get nothing.
    pub fn drain_polls(&self) {
        self.shared.send(Item::Drain);
    }

    /// Flushes everything and ends the threads.
    pub fn close(&mut self) {
        self.shared.send(Item::Stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                std::process::abort();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.close();
        }
    }
}

pub(crate) fn stop_jobs(jobs: &Jobs) {
    jobs.push(ArchiveJob::Stop);
}
