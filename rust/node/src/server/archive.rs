//! The archive thread: writes what is durable, answers what only the archive knows.

use super::{Item, Shared};
use crate::machine::shelf::Ask;
use fastcond_store::disk::RealDisk;
use fastcond_store::{Archive, Batch, Segments};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Batches that may wait for the archive before the engine keeps changes to itself.
const BATCHES_MAX: usize = 2;

/// How far behind the other threads this one stands.
const NICENESS: i32 = 10;

/// Work for the archive thread.
pub(crate) enum ArchiveJob {
    /// Changes to write once they are durable in the journal.
    Batch(Box<Batch>),
    /// A question, behind everything written so far.
    Ask {
        /// Position that must be written first.
        position: u64,
        /// The question.
        ask: Ask,
    },
    /// Everything is written: end.
    Stop,
}

#[derive(Default)]
struct State {
    batches: VecDeque<Box<Batch>>,
    asks: VecDeque<(u64, Ask)>,
    durable: u64,
    is_failed: bool,
    is_stopped: bool,
}

/// The archive thread's inbox.
#[derive(Default)]
pub(crate) struct Jobs {
    state: Mutex<State>,
    arrived: Condvar,
    taken: Condvar,
}

enum Next {
    Write(Box<Batch>),
    Answer(Ask),
    Refuse(Ask),
    Stop,
}

impl Jobs {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.arrived.notify_one();
    }

    /// Adds work.
    pub(crate) fn push(&self, job: ArchiveJob) {
        self.change(|state| match job {
            ArchiveJob::Batch(batch) => state.batches.push_back(batch),
            ArchiveJob::Ask { position, ask } => state.asks.push_back((position, ask)),
            ArchiveJob::Stop => state.is_stopped = true,
        });
    }

    /// The journal is durable up to here.
    pub(crate) fn note_durable(&self, position: u64) {
        let waits = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.durable = position;
            !state.batches.is_empty()
        };
        if waits {
            self.arrived.notify_one();
        }
    }

    /// The journal failed: what is not durable never will be.
    pub(crate) fn note_failed(&self) {
        self.change(|state| state.is_failed = true);
    }

    /// Whether another batch may be made.
    pub(crate) fn has_room(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).batches.len() < BATCHES_MAX
    }

    /// Waits until another batch may be made, but no longer than `patience`; whether one may.
    pub(crate) fn wait_for_room(&self, patience: Duration) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |state: &mut State| state.batches.len() >= BATCHES_MAX;
        let waited = self.taken.wait_timeout_while(state, patience, is_full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn next(&self, covered: u64) -> Next {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.asks.front().is_some_and(|(at, _)| *at <= covered || state.batches.is_empty()) {
                let (_, ask) = state.asks.pop_front().expect("the front was just seen");
                return Next::Answer(ask);
            }
            if state.batches.front().is_some_and(|batch| batch.covered <= state.durable) {
                self.taken.notify_one();
                return Next::Write(state.batches.pop_front().expect("the front was just seen"));
            }
            if state.is_failed
                && let Some((_, ask)) = state.asks.pop_front()
            {
                return Next::Refuse(ask);
            }
            if state.is_stopped && (state.batches.is_empty() || state.is_failed) {
                return Next::Stop;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Starts the archive thread.
pub(super) fn spawn(
    mut archive: Archive,
    segments: Segments<RealDisk>,
    shared: Arc<Shared>,
    jobs: Arc<Jobs>,
) -> JoinHandle<()> {
    let body = move || {
        // Nobody waits for it, but everybody would wait for a processor that it has. Where it may not, it is as before.
        let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
        let reader = match archive.reader() {
            Ok(reader) => reader,
            Err(fault) => return shared.fail(&fault.to_string()),
        };
        loop {
            match jobs.next(archive.written().covered) {
                Next::Write(batch) => write(&mut archive, &segments, &shared, &batch),
                Next::Answer(ask) => shared.finish(vec![(ask.to, (ask.question)(&reader))]),
                Next::Refuse(ask) => shared.finish(vec![(ask.to, shared.unavailable())]),
                Next::Stop => break,
            }
        }
        drop(reader);
        if let Ok(written) = archive.checkpoint() {
            let _ = segments.release_to(written.durable);
        }
    };
    std::thread::Builder::new().name("archive".to_owned()).spawn(body).expect("a thread can be started")
}

fn write(archive: &mut Archive, segments: &Segments<RealDisk>, shared: &Shared, batch: &Batch) {
    match archive.write_batch(batch) {
        Ok(written) => {
            shared.send(Item::Archived(written.covered));
            if let Err(fault) = segments.release_to(written.durable) {
                shared.fail(&fault.to_string());
            }
            // A spare segment made here is one the journal thread does not have to make.
            if let Err(fault) = segments.prepare_spare() {
                shared.fail(&fault.to_string());
            }
        }
        Err(fault) => shared.fail(&fault.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ArchiveJob, BATCHES_MAX, Jobs, Next};
    use std::time::Duration;

    #[test]
    fn room_is_made_by_what_the_archive_takes() {
        let jobs = Jobs::default();
        for _ in 0..BATCHES_MAX {
            assert!(jobs.has_room() && jobs.wait_for_room(Duration::ZERO));
            jobs.push(ArchiveJob::Batch(Box::default()));
        }
        assert!(!jobs.has_room() && !jobs.wait_for_room(Duration::ZERO));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| jobs.wait_for_room(Duration::from_secs(60)));
            assert!(matches!(jobs.next(0), Next::Write(_)));
            assert!(
                waiting.join().expect("no panic"),
                "what was taken makes room long before a minute is over"
            );
        });
    }
}
