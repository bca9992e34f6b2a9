//! The engine thread decides; the journal thread makes durable and lets replies go.

use super::archive::{ArchiveJob, Jobs};
use super::clock::{fresh_seed, wall_ms};
use super::line::{Call, Line, Turn};
use super::pressure::{Pressure, Seen};
use super::{Item, Shared, Waiting, metrics, stop_jobs};
use crate::machine::recovery::Recovering;
use crate::machine::{Machine, Options};
use crate::reply::{Reply, ReplyTo};
use crate::scripts::{Process, Stopwatch};
use fastcond_expr::script::Scripts;
use fastcond_store::disk::RealDisk;
use fastcond_store::{Durable, Journal, OpenError, Queue, Refused, Store, StoreFault, run};
use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Journal bytes after which the engine hands over before it goes on.
const HAND_OVER_BYTES: usize = 1 << 20;
/// How often changes go to the archive. Rows of one batch share index pages, and an execution that ends within one
/// interval is written once; a search does not wait for it, it asks for a batch of its own.
const ARCHIVE_EVERY: Duration = Duration::from_secs(1);
/// Changes after which they go earlier.
const ARCHIVE_CHANGES: usize = 16_384;
/// Bytes of finished records after which they go earlier. Every batch also carries the executions that go on, so it should
/// be well above what those amount to.
const ARCHIVE_BYTES: usize = 64 << 20;
/// Bytes of finished records at which the engine waits for an archive that does not keep up, for memory has an end.
const LAG_BYTES_MAX: usize = 2 * ARCHIVE_BYTES;
/// How long it waits before it looks whether the archive still works.
const LAG_WAIT: Duration = Duration::from_millis(100);

/// Starts the engine thread: it recovers from the store, hands the store back, and goes on deciding.
pub(super) fn spawn(
    options: Options,
    script_command: Option<Vec<OsString>>,
    store: Store,
    shared: Arc<Shared>,
    queue: Arc<Queue<Waiting>>,
    jobs: Arc<Jobs>,
) -> Result<(JoinHandle<()>, Store), OpenError> {
    let (give, take) = std::sync::mpsc::sync_channel(1);
    let body = move || {
        let machine = match recover(options, script_command, &store) {
            Ok(machine) => machine,
            Err(error) => {
                let _ = give.send(Err(error));
                return;
            }
        };
        if give.send(Ok(store)).is_ok() {
            Engine::new(machine, shared, queue, jobs).run();
        }
    };
    let thread =
        std::thread::Builder::new().name("engine".to_owned()).spawn(body).expect("a thread can be started");
    let store = take.recv().expect("the engine thread answers once")?;
    Ok((thread, store))
}

fn recover(
    options: Options,
    script_command: Option<Vec<OsString>>,
    store: &Store,
) -> Result<Machine, OpenError> {
    let shelf = store.reader()?;
    let scripts = script_command.map_or_else(
        || Scripts::with_watch(Arc::new(Stopwatch::new())),
        |command| Scripts::hosted(Box::new(Process::new(command))),
    );
    let mut machine = Machine::with_scripts(options, Box::new(shelf), fresh_seed(), wall_ms(), scripts);
    let mut recovering = Recovering::new(&mut machine);
    store.recover(&mut recovering)?;
    let unreadable = |what: String| OpenError::Foreign { file: "journal".into(), what };
    recovering.finish().map_err(unreadable)?;
    Ok(machine)
}

struct Engine {
    machine: Machine,
    shared: Arc<Shared>,
    queue: Arc<Queue<Waiting>>,
    jobs: Arc<Jobs>,
    archived_at: Instant,
    line: Line,
    pressure: Pressure,
    counted: Counted,
}

/// Counters as they stood when the last stretch of time ended.
struct Counted {
    at: Instant,
    turning_ns: u64,
    refused: u64,
    ended: u64,
}

impl Engine {
    fn new(machine: Machine, shared: Arc<Shared>, queue: Arc<Queue<Waiting>>, jobs: Arc<Jobs>) -> Self {
        let now = Instant::now();
        let counted = Counted { at: now, turning_ns: 0, refused: 0, ended: machine.stats.ended_whole };
        let (line, pressure) = (Line::default(), Pressure::default());
        Self { machine, shared, queue, jobs, archived_at: now, line, pressure, counted }
    }

    fn run(mut self) {
        self.machine.set_now(wall_ms());
        self.machine.tick();
        self.hand_over();
        let mut items = Vec::new();
        loop {
            let asleep = self.receive(&mut items);
            self.machine.set_now(wall_ms());
            let (mut stops, mut beside, now) = (false, 0, Instant::now());
            for item in items.drain(..) {
                stops |= self.take(item, now, &mut beside);
            }
            let begun = self.begin(if stops { usize::MAX } else { Line::share(beside) }, now);
            self.weigh(asleep, begun, beside, now);
            self.machine.tick();
            self.archive_when_due();
            self.hand_over();
            if stops {
                break;
            }
        }
        self.finish();
    }

    /// How long nothing has to be done unless somebody asks.
    fn patience(&self) -> Option<Duration> {
        let timer = self.machine.next_wake().map(|at| {
            let ms = (at - wall_ms()).max(0);
            Duration::from_millis(u64::try_from(ms).unwrap_or(0))
        });
        let archive = (self.machine.dirty_count() > 0)
            .then(|| ARCHIVE_EVERY.saturating_sub(self.archived_at.elapsed()));
        match (timer, archive) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Carries a call out now, unless it is to stand in line; whether it was carried out.
    fn call(&mut self, call: Call, now: Instant) -> bool {
        match self.line.take(call, now) {
            Ok(()) => false,
            Err(Turn::Act(call)) => {
                self.act(&call);
                true
            }
            Err(Turn::Refuse(call)) => {
                self.shared.finish(vec![(call.to, self.shared.overloaded())]);
                false
            }
        }
    }

    fn act(&mut self, call: &Call) {
        self.machine.call(call.to, call.verb, &call.params, &call.body);
        if self.machine.pending_bytes() > HAND_OVER_BYTES {
            self.hand_over();
        }
    }

    /// Waits for items; how long it did.
    fn receive(&mut self, items: &mut Vec<Item>) -> Duration {
        let patience = if self.line.is_empty() { self.patience() } else { Some(Duration::ZERO) };
        let before = Instant::now();
        self.shared.receive(patience, items);
        before.elapsed()
    }

    /// Takes in how much there was to do since the last time.
    fn weigh(&mut self, asleep: Duration, begun: usize, beside: usize, now: Instant) {
        let turning_ns = self.shared.turning_ns.load(Ordering::Relaxed);
        let refused = self.shared.refused.load(Ordering::Relaxed);
        let ended = self.machine.stats.ended_whole;
        let last = std::mem::replace(&mut self.counted, Counted { at: now, turning_ns, refused, ended });
        let elapsed = now.saturating_duration_since(last.at);
        let turning = Duration::from_nanos(turning_ns - last.turning_ns);
        let more = self.pressure.note(&Seen {
            elapsed,
            busy: elapsed.saturating_sub(asleep).max(turning),
            begun: begun as u64,
            refused: refused - last.refused,
            ended: ended - last.ended,
            work: beside as u64,
        });
        self.shared.door.set(self.pressure.is_on(), more);
    }

    /// Carries out those in line until so many executions are started, and says how many; a refusal waits for nothing.
    fn begin(&mut self, starts: usize, now: Instant) -> usize {
        let (mut begun, mut refused) = (0, Vec::new());
        while begun < starts
            && let Some(turn) = self.line.next(now)
        {
            match turn {
                Turn::Act(call) => {
                    begun += call.starts;
                    self.act(&call);
                }
                Turn::Refuse(call) => refused.push((call.to, self.shared.overloaded())),
            }
        }
        self.shared.finish(refused);
        begun
    }

    /// Does what an item says, and counts calls that did not have to wait; true when it says to stop.
    fn take(&mut self, item: Item, now: Instant, beside: &mut usize) -> bool {
        match item {
            Item::Call(call) => *beside += usize::from(self.call(call, now)),
            Item::Forget(conn) => {
                self.line.forget(conn);
                self.machine.forget_connection(conn);
            }
            Item::Archived(position) => self.machine.note_archived(position),
            Item::Metrics(to) => {
                let text = metrics::render(&self.machine, &self.shared);
                self.machine.reply(to, Reply::text(text));
            }
            Item::Drain => {
                self.machine.stop_parking();
                self.machine.drain_polls();
            }
            Item::Stop => return true,
        }
        false
    }

    /// Gives records and the replies that wait for them to the journal.
    fn hand_over(&mut self) {
        let mut output = self.machine.take_output();
        if output.frames.is_empty() && output.replies.is_empty() && output.asks.is_empty() {
            return;
        }
        if !output.asks.is_empty() {
            self.archive();
        }
        let waiting = Waiting { replies: output.replies, position: output.position, asks: output.asks };
        match self.queue.push_all(&mut output.frames, waiting) {
            Ok(next) => {
                output.frames.clear_for(next);
                self.machine.reuse(output.frames);
            }
            Err(Refused::Full(waiting) | Refused::Stopped(waiting)) => refuse(&self.shared, waiting),
            Err(Refused::Faulted(fault, waiting)) => {
                self.shared.fail(&fault.to_string());
                refuse(&self.shared, waiting);
            }
        }
    }

    fn archive_when_due(&mut self) {
        let changes = self.machine.dirty_count();
        let is_full = changes > ARCHIVE_CHANGES || self.machine.row_bytes() > ARCHIVE_BYTES;
        let is_due = is_full || (changes > 0 && self.archived_at.elapsed() >= ARCHIVE_EVERY);
        if is_due && (self.jobs.has_room() || self.is_room_made()) {
            self.archive();
        }
    }

    /// Waits for the archive once too much is kept for it. The journal gets its records first: the archive writes what
    /// is durable only.
    fn is_room_made(&mut self) -> bool {
        if self.machine.row_bytes() <= LAG_BYTES_MAX {
            return false;
        }
        self.hand_over();
        while !self.jobs.wait_for_room(LAG_WAIT) {
            if self.shared.is_failed.load(Ordering::Acquire) {
                return false;
            }
        }
        true
    }

    fn archive(&mut self) {
        self.archived_at = Instant::now();
        if self.machine.dirty_count() > 0 {
            let batch = self.machine.make_batch();
            self.jobs.push(ArchiveJob::Batch(Box::new(batch)));
        }
    }

    /// Everything is on its way: last batch, then journal and archive end.
    fn finish(mut self) {
        self.machine.drain_polls();
        self.archive();
        self.hand_over();
        self.queue.stop();
    }
}

fn refuse(shared: &Shared, waiting: Waiting) {
    let mut replies: Vec<(ReplyTo, Reply)> = Vec::new();
    for (to, _) in waiting.replies {
        replies.push((to, shared.unavailable()));
    }
    replies.extend(waiting.asks.into_iter().map(|ask| (ask.to, shared.unavailable())));
    shared.finish(replies);
}

/// Starts the journal thread.
pub(super) fn spawn_journal(
    journal: Journal<RealDisk>,
    shared: Arc<Shared>,
    queue: Arc<Queue<Waiting>>,
    jobs: Arc<Jobs>,
) -> JoinHandle<()> {
    let body = move || {
        let on_durable = |durable: Durable, waiting: Vec<Waiting>| {
            shared.durable.store(durable.position, Ordering::Release);
            jobs.note_durable(durable.position);
            let mut replies = Vec::new();
            for one in waiting {
                replies.extend(one.replies);
                for ask in one.asks {
                    jobs.push(ArchiveJob::Ask { position: one.position, ask });
                }
            }
            shared.finish(replies);
        };
        let on_fault = |fault: StoreFault, waiting: Vec<Waiting>| {
            shared.fail(&fault.to_string());
            for one in waiting {
                refuse(&shared, one);
            }
            jobs.note_failed();
        };
        run(journal, &queue, on_durable, on_fault);
        stop_jobs(&jobs);
    };
    std::thread::Builder::new().name("journal".to_owned()).spawn(body).expect("a thread can be started")
}
