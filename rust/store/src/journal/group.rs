//! Group commit: many threads queue, one thread writes, and a group is whatever arrived during the last sync.
//!
//! There is no linger timer. While the journal thread is inside `fdatasync`, arrivals gather; when it comes back it
//! takes all of them as the next group. An empty group (reads that only wait for earlier writes) costs no system call.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::frames::Frames;
use super::{Journal, SyncMode, record};
use crate::disk::Disk;
use crate::fault::StoreFault;

/// How long the journal must have nothing to do before it spends a write on a seal.
const IDLE_BEFORE_SEAL: Duration = Duration::from_millis(5);

/// How often [`SyncMode::Normal`] syncs.
const NORMAL_SYNC_EVERY: Duration = Duration::from_secs(1);

/// A group buffer that grew beyond this is given back instead of being kept for the next group. As large as the usual
/// bound of a queue: memory that is given back has to be cleared by the kernel before it is had again.
const BUFFER_KEPT_BYTES: usize = 32 << 20;

/// How much may wait for the journal before a producer has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Bytes of frames.
    pub bytes_max: usize,
    /// Completions.
    pub waiting_max: usize,
}

impl Default for QueueBounds {
    /// 32 MiB and 65,536 completions.
    fn default() -> Self {
        Self { bytes_max: 32 << 20, waiting_max: 1 << 16 }
    }
}

/// How much waits for the journal right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Bytes of frames.
    pub bytes: usize,
    /// Completions.
    pub waiting: usize,
}

/// Why a queue did not take something; the completion comes back.
#[derive(Debug)]
pub enum Refused<T> {
    /// The queue is at its bound.
    Full(T),
    /// The queue was stopped.
    Stopped(T),
    /// The journal failed; nothing is acknowledged any more (G9).
    Faulted(StoreFault, T),
}

/// A group that is durable, as far as the [`SyncMode`] promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// Every record up to here is acknowledged.
    pub position: u64,
    /// Every record up to here is on the disk; below `position` only in [`SyncMode::Normal`].
    pub synced: u64,
    /// Records in the group.
    pub records: usize,
    /// Bytes of the group, framing included.
    pub bytes: usize,
    /// How long write and sync took together.
    pub took: Duration,
}

/// What waits for the journal: framed records, and for each push what its owner wants back when they are durable.
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    room: Condvar,
    bounds: QueueBounds,
}

#[derive(Debug)]
struct State<T> {
    frames: Frames,
    /// The offset in the segment behind all that was pushed, unless the journal puts something between.
    next: u64,
    waiting: Vec<T>,
    journal_sleeps: bool,
    producers_asleep: usize,
    stopped: bool,
    fault: Option<StoreFault>,
}

impl<T> Queue<T> {
    /// Makes an empty queue.
    pub fn new(bounds: QueueBounds) -> Self {
        let state = State {
            frames: Frames::default(),
            next: 0,
            waiting: Vec::new(),
            journal_sleeps: false,
            producers_asleep: 0,
            stopped: false,
            fault: None,
        };
        Self { state: Mutex::new(state), arrived: Condvar::new(), room: Condvar::new(), bounds }
    }

    /// Queues whole frames (possibly none) and what to hand back once they and everything before them are durable.
    ///
    /// Waits while the queue is at its bound. A push larger than the bound is taken when nothing else waits.
    pub fn push(&self, frames: &[u8], done: T) -> Result<(), Refused<T>> {
        let state = self.wait_for_room(frames.len());
        self.enter(state, |queued| queued.buffer().extend_from_slice(frames), done).map(|_| ())
    }

    /// Like [`Queue::push`], and empties `frames`: while nothing else is queued, buffers change places and no byte moves.
    ///
    /// Returns where in the file what is pushed next will probably stand, for [`Frames::clear_for`].
    pub fn push_all(&self, frames: &mut Frames, done: T) -> Result<u64, Refused<T>> {
        let state = self.wait_for_room(frames.len());
        self.enter(state, |queued| queued.take_from(frames), done)
    }

    /// Like [`Queue::push`], but answers [`Refused::Full`] instead of waiting.
    pub fn try_push(&self, frames: &[u8], done: T) -> Result<(), Refused<T>> {
        let state = self.lock();
        if state.is_open() && !self.has_room(&state, frames.len()) {
            return Err(Refused::Full(done));
        }
        self.enter(state, |queued| queued.buffer().extend_from_slice(frames), done).map(|_| ())
    }

    /// Takes nothing more; the journal thread writes what is queued and returns.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.arrived.notify_all();
        self.room.notify_all();
    }

    /// How much waits right now.
    pub fn depth(&self) -> Depth {
        let state = self.lock();
        Depth { bytes: state.frames.len(), waiting: state.waiting.len() }
    }

    /// The bounds it was made with.
    pub fn bounds(&self) -> QueueBounds {
        self.bounds
    }

    fn has_room(&self, state: &State<T>, bytes: usize) -> bool {
        let fits = state.frames.len() + bytes <= self.bounds.bytes_max
            && state.waiting.len() < self.bounds.waiting_max;
        fits || state.waiting.is_empty()
    }

    fn wait_for_room(&self, bytes: usize) -> MutexGuard<'_, State<T>> {
        let mut state = self.lock();
        while state.is_open() && !self.has_room(&state, bytes) {
            state.producers_asleep += 1;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.producers_asleep -= 1;
        }
        state
    }

    fn enter(
        &self,
        mut state: MutexGuard<'_, State<T>>,
        put: impl FnOnce(&mut Frames),
        done: T,
    ) -> Result<u64, Refused<T>> {
        if let Some(fault) = &state.fault {
            return Err(Refused::Faulted(fault.clone(), done));
        }
        if state.stopped {
            return Err(Refused::Stopped(done));
        }
        let before = state.frames.len();
        put(&mut state.frames);
        state.next += (state.frames.len() - before) as u64;
        state.waiting.push(done);
        let wake = mem::take(&mut state.journal_sleeps);
        let next = state.next;
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(next)
    }

    /// Swaps everything queued into `group`, which will stand at `offset`, sleeping up to `patience` while there is
    /// nothing.
    fn take(&self, group: &mut Group<T>, offset: u64, patience: Option<Duration>) -> Taken {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.stopped {
                return Taken::Stopped;
            }
            state.journal_sleeps = true;
            let Some(patience) = patience else {
                state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (woken, timeout) =
                self.arrived.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.waiting.is_empty() {
                state.journal_sleeps = false;
                return Taken::Idle;
            }
        }
        state.journal_sleeps = false;
        mem::swap(&mut state.frames, &mut group.frames);
        mem::swap(&mut state.waiting, &mut group.waiting);
        state.next = offset + group.frames.len() as u64;
        let wake = state.producers_asleep > 0;
        drop(state);
        if wake {
            self.room.notify_all();
        }
        Taken::Group
    }

    /// Refuses everything from now on and gives back what still waits.
    fn fail(&self, fault: &StoreFault) -> Vec<T> {
        let mut state = self.lock();
        state.fault = Some(fault.clone());
        state.frames = Frames::default();
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        self.room.notify_all();
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_open(&self) -> bool {
        !self.stopped && self.fault.is_none()
    }
}

struct Group<T> {
    frames: Frames,
    waiting: Vec<T>,
}

enum Taken {
    Group,
    Idle,
    Stopped,
}

/// The journal thread: writes what is queued, group by group, until the queue is stopped or the journal fails.
///
/// `on_durable` gets the completions of each group after it is durable, in the order they were pushed; completions
/// pushed without frames come back with the group they arrived in. After a fault, `on_fault` gets the completions of
/// the failed group and of everything still queued, once; later pushes are refused. After a clean stop the journal is
/// synced and sealed.
pub fn run<D: Disk, T>(
    mut journal: Journal<D>,
    queue: &Queue<T>,
    mut on_durable: impl FnMut(Durable, Vec<T>),
    mut on_fault: impl FnMut(StoreFault, Vec<T>),
) {
    let mut group = Group { frames: Frames::default(), waiting: Vec::new() };
    let mut pace = Pace { synced_at: Instant::now(), idle: false };
    loop {
        let outcome = match queue.take(&mut group, journal.offset(), pace.patience(&journal)) {
            Taken::Group => {
                pace.idle = false;
                write_group(&mut journal, &mut group, &mut pace).map(|durable| {
                    on_durable(durable, mem::take(&mut group.waiting));
                })
            }
            Taken::Idle => pace.rest(&mut journal),
            Taken::Stopped => match journal.close() {
                Ok(_) => return,
                Err(fault) => {
                    on_fault(fault.clone(), queue.fail(&fault));
                    return;
                }
            },
        };
        if let Err(fault) = outcome {
            let mut waiting = mem::take(&mut group.waiting);
            waiting.extend(queue.fail(&fault));
            on_fault(fault, waiting);
            return;
        }
    }
}

fn write_group<D: Disk, T>(
    journal: &mut Journal<D>,
    group: &mut Group<T>,
    pace: &mut Pace,
) -> Result<Durable, StoreFault> {
    let started = Instant::now();
    let records = record::count_frames(&group.frames);
    let position = journal.append_group(&mut group.frames)?;
    pace.sync_when_due(journal)?;
    let bytes = group.frames.len();
    group.frames.clear();
    if group.frames.capacity() > BUFFER_KEPT_BYTES {
        group.frames = Frames::default();
    }
    Ok(Durable { position, synced: journal.synced(), records, bytes, took: started.elapsed() })
}

/// When to sync without being asked, and when to seal.
struct Pace {
    synced_at: Instant,
    /// Nothing arrived for a while and the seal is written.
    idle: bool,
}

impl Pace {
    /// How long the journal thread may sleep: for ever once nothing is left to do.
    fn patience<D: Disk>(&self, journal: &Journal<D>) -> Option<Duration> {
        if journal.synced() < journal.last() {
            return Some(NORMAL_SYNC_EVERY.saturating_sub(self.synced_at.elapsed()).max(IDLE_BEFORE_SEAL));
        }
        (!self.idle).then_some(IDLE_BEFORE_SEAL)
    }

    fn sync_when_due<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), StoreFault> {
        let due = journal.sync_mode() == SyncMode::Full || self.synced_at.elapsed() >= NORMAL_SYNC_EVERY;
        if due {
            journal.sync()?;
            self.synced_at = Instant::now();
        }
        Ok(())
    }

    /// Uses a quiet moment: sync what is not, then seal.
    fn rest<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), StoreFault> {
        journal.sync()?;
        self.synced_at = Instant::now();
        self.idle = true;
        journal.seal()
    }
}
