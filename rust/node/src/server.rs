//! The machine on threads: one decides, one makes durable, one archives (design sections 4 and 5).
//!
//! A call goes to the engine thread's inbox. What it changed goes, as journal records, with its reply to the journal
//! thread; the reply is given when the group it went with is durable. So nothing is visible before its commit.

mod archive;
mod clock;
mod door;
mod engine;
mod line;
pub mod metrics;
mod pressure;

use crate::calls::{Params, Verb};
use crate::front::Front;
use crate::machine::shelf::Ask;
use crate::machine::{Options, contents};
use crate::reply::{Failure, Reply, ReplyTo};
use crate::sockets::Sockets;
pub use crate::sockets::{Bounds, ColdRequests};
use archive::{ArchiveJob, Jobs};
use door::Door;
use fastcond_store::{OpenError, Queue, QueueBounds, Segments, Settings, Store, SyncMode};
use line::Call;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
    Call(Call),
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
    /// Executions that the items start beyond one each.
    more_starts: usize,
    is_asleep: bool,
}

impl Inbox {
    /// What waits: a request that starts a hundred executions is as much as a hundred that start one.
    fn load(&self) -> usize {
        self.items.len() + self.more_starts
    }
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
    door: Door,
    /// Nanoseconds the event loop spent in turns.
    turning_ns: AtomicU64,
    /// Calls refused because too many starts were waiting.
    refused: AtomicU64,
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
        self.send_all(&mut vec![item], 0);
    }

    /// Puts items into the inbox, which start so many executions beyond one each; how much waits there now.
    fn send_all(&self, items: &mut Vec<Item>, more_starts: usize) -> usize {
        let mut inbox = Self::lock(&self.inbox);
        if inbox.items.is_empty() {
            std::mem::swap(&mut inbox.items, items);
        } else {
            inbox.items.append(items);
        }
        inbox.more_starts += more_starts;
        if std::mem::take(&mut inbox.is_asleep) {
            self.arrived.notify_one();
        }
        inbox.load()
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
        inbox.more_starts = 0;
        std::mem::swap(&mut inbox.items, items);
    }

    fn waiting(&self) -> usize {
        Self::lock(&self.inbox).load()
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

    /// Too many starts are waiting; counted.
    fn overloaded(&self) -> Reply {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let failure = Failure { is_retryable: true, ..Failure::new(429, "too many requests are waiting") };
        Reply::failure(&failure, &self.instance)
    }

    fn unavailable(&self) -> Reply {
        let why = Self::lock(&self.fault).clone().unwrap_or_default();
        Reply::failure(
            &Failure::unavailable(format!("the store does not take writes: {why}")),
            &self.instance,
        )
    }
}

/// Collects what goes to the engine, which gets it in one go: see [`Handle::flush`].
pub struct Handle {
    shared: Arc<Shared>,
    pending: Vec<Item>,
    /// Executions that the pending items start beyond one each.
    more_starts: usize,
    /// What waited for the engine at the last flush.
    waiting: usize,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl Handle {
    fn new(shared: Arc<Shared>) -> Self {
        Self { shared, pending: Vec::new(), more_starts: 0, waiting: 0 }
    }

    pub(crate) fn hot(
        &mut self,
        to: ReplyTo,
        call: crate::front::HotCall,
        body: Vec<u8>,
    ) -> Result<(), Reply> {
        if self.shared.is_failed.load(Ordering::Acquire) {
            return Err(self.shared.unavailable());
        }
        if call.starts > 0 && (self.is_overloaded() || !self.shared.door.lets_in(call.starts)) {
            return Err(self.shared.overloaded());
        }
        self.more_starts += call.starts.saturating_sub(1);
        let crate::front::HotCall { verb, params, starts } = call;
        self.pending.push(Item::Call(Call { to, verb, params, body, starts }));
        Ok(())
    }

    /// Whether too much waits for the engine; what it has done since the last flush is asked only when it matters.
    fn is_overloaded(&mut self) -> bool {
        let collected = self.pending.len() + self.more_starts;
        if self.waiting + collected > STARTS_WAITING_MAX {
            self.waiting = self.shared.waiting();
        }
        self.waiting + collected > STARTS_WAITING_MAX
    }

    pub(crate) fn forget(&mut self, conn: u64) {
        self.pending.push(Item::Forget(conn));
    }

    /// Gives the engine what was collected.
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let more_starts = std::mem::take(&mut self.more_starts);
            self.waiting = self.shared.send_all(&mut self.pending, more_starts);
        }
    }
}

/// A running server.
pub struct Server {
    /// Connections.
    pub front: Front,
    handle: Handle,
    sockets: Sockets,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    next_ticket: u64,
    durability: &'static str,
    indexed: u64,
    _lock: Box<dyn std::any::Any + Send>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("durability", &self.durability).finish_non_exhaustive()
    }
}

/// What a turn left for the caller.
#[derive(Debug, Default)]
pub struct Turned {
    /// Answers to calls of the event loop.
    pub answers: Vec<(u64, Reply)>,
    /// Cold requests with their connections.
    pub cold: ColdRequests,
}

/// What drained: bytes to write, answered tickets, cold requests that became readable.
#[derive(Debug, Default)]
pub struct Drained {
    /// Bytes per connection.
    pub writes: Vec<crate::front::Outgoing>,
    /// Answers to calls of the event loop.
    pub answers: Vec<(u64, Reply)>,
    /// Cold requests.
    pub cold: ColdRequests,
}

/// Readable when [`Server::turn`] or [`Server::drain`] has something.
impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sockets.as_fd()
    }
}

impl Server {
    /// Opens the store, recovers, and starts the threads.
    pub fn open(options: ServerOptions) -> Result<Self, OpenError> {
        let mut settings = options.store.clone();
        settings.archive.contents = contents::kept(&options.machine);
        let store = Store::open(&settings)?;
        let folder = options.store.folder.clone();
        let unreadable = |what: String| OpenError::Foreign { file: folder.clone(), what };
        let instance = options.machine.instance.clone();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| unreadable(format!("no eventfd can be made: {errno}")))?;
        let sockets = Sockets::new(wake.as_fd())
            .map_err(|error| unreadable(format!("sockets cannot be watched: {error}")))?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::default()),
            arrived: Condvar::new(),
            done: Mutex::new(Vec::new()),
            wake,
            fault: Mutex::new(None),
            is_failed: AtomicBool::new(false),
            durable: AtomicU64::new(store.journal.last()),
            refused: AtomicU64::new(0),
            door: Door::default(),
            turning_ns: AtomicU64::new(0),
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
        let indexed = archive.indexed();
        let segments: Segments<_> = journal.segments();
        let threads = vec![
            engine,
            engine::spawn_journal(journal, shared.clone(), queue, jobs.clone()),
            archive::spawn(archive, segments, shared.clone(), jobs),
        ];
        let handle = Handle::new(shared.clone());
        let front = Front::new(instance);
        let lock = Box::new(lock);
        Ok(Self { front, handle, sockets, shared, threads, next_ticket: 0, durability, indexed, _lock: lock })
    }

    /// The file descriptor that is readable when [`Self::turn`] has something.
    pub fn fd(&self) -> i32 {
        self.sockets.as_fd().as_raw_fd()
    }

    /// Accepts connections on an address; port 0 means any, and the port is returned. The bounds hold for all addresses.
    pub fn listen(&mut self, address: IpAddr, port: u16, bounds: Bounds) -> io::Result<u16> {
        self.sockets.listen(address, port, bounds)
    }

    /// Accepts no more connections.
    pub fn stop_listening(&mut self) {
        self.sockets.stop_listening();
    }

    /// One turn of the event loop: everything that is ready is read, decided on its way, and written.
    pub fn turn(&mut self) -> io::Result<Turned> {
        let began = Instant::now();
        let mut cold = Vec::new();
        let is_woken = self.sockets.turn(&mut self.front, &mut self.handle, &mut cold)?;
        self.handle.flush();
        if is_woken {
            self.silence();
        }
        let drained = self.take_done();
        cold.extend(drained.cold);
        self.sockets.write(drained.writes, &mut self.front, &mut self.handle);
        self.handle.flush();
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.turning_ns.fetch_add(took, Ordering::Relaxed);
        Ok(Turned { answers: drained.answers, cold })
    }

    /// Ends connections that have had their time; to be called about once a second.
    pub fn sweep(&mut self) {
        self.sockets.sweep(&mut self.front, &mut self.handle);
        self.handle.flush();
    }

    /// Ends the connections that are owed nothing; how many are left.
    pub fn end_quiet(&mut self) -> usize {
        let left = self.sockets.end_quiet(&mut self.front, &mut self.handle);
        self.handle.flush();
        left
    }

    /// Ends every connection.
    pub fn end_connections(&mut self) {
        self.sockets.end_all(&mut self.front, &mut self.handle);
        self.handle.flush();
    }

    /// Connections that are open, and connections that were turned away so far.
    pub fn connections(&self) -> (usize, u64) {
        self.sockets.counts()
    }

    /// What holds for the store: class, and why it no longer takes writes.
    pub fn describe(&self) -> (&'static str, Option<String>) {
        (self.durability, Shared::lock(&self.shared.fault).clone())
    }

    /// How many executions the search index was made for when the store was opened; 0 if it was there.
    pub fn indexed(&self) -> u64 {
        self.indexed
    }

    /// Bytes arrived on a connection.
    pub fn feed(&mut self, conn: u64, data: &[u8]) -> Vec<crate::front::Cold> {
        let cold = self.front.feed(conn, data, &mut self.handle);
        self.handle.flush();
        if self.front.has_output() {
            self.shared.ring();
        }
        cold
    }

    /// A connection closed.
    pub fn disconnect(&mut self, conn: u64) {
        self.front.disconnect(conn, &mut self.handle);
        self.handle.flush();
    }

    /// A call of the event loop; its answer comes out of [`Self::drain`] under the returned ticket.
    pub fn submit(&mut self, verb: Verb, params: Params, body: Vec<u8>) -> u64 {
        let ticket = self.ticket();
        let to = ReplyTo::Ticket(ticket);
        if self.shared.is_failed.load(Ordering::Acquire) {
            self.shared.finish(vec![(to, self.shared.unavailable())]);
        } else {
            self.shared.send(Item::Call(Call { to, verb, params, body, starts: 0 }));
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
        self.silence();
        let drained = self.take_done();
        self.handle.flush();
        drained
    }

    /// Resets the bell that was rung for finished replies.
    fn silence(&self) {
        let mut counter = [0u8; 8];
        // Nothing to read means nobody rang; then there is merely nothing to take.
        let _ = rustix::io::read(self.shared.wake.as_fd(), &mut counter);
    }

    fn take_done(&mut self) -> Drained {
        let done = std::mem::take(&mut *Shared::lock(&self.shared.done));
        let mut drained = Drained::default();
        for (to, reply) in done {
            match to {
                ReplyTo::Ticket(ticket) => drained.answers.push((ticket, reply)),
                ReplyTo::Request { conn, seq, form } => self.front.complete(conn, seq, form, &reply),
                ReplyTo::Nobody => {}
            }
        }
        let (writes, cold) = self.front.take(&mut self.handle);
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
