//! One client's socket: bytes that wait to be written, and since when somebody waits for whom.

use super::Bounds;
use super::poller::{Interest, Poller};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// After a last answer the rest of what the client sends is read and dropped for so long, so that a reset does not
/// overtake the answer.
const LINGER_MAX: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1 << 20;

/// Bytes a slow reader must take to be given its time anew.
const PROGRESS_BYTES: usize = 64 * 1024;

/// The connection is over: the client left, or broke it, or sends on after its last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended;

/// A socket with what waits to be written.
#[derive(Debug)]
pub(super) struct Socket {
    stream: OwnedFd,
    interest: Interest,
    unsent: Vec<u8>,
    /// How much of `unsent` is written.
    written: usize,
    /// Written since `blocked_since`.
    progress: usize,
    /// First byte of the request that is not answered yet.
    asked_since: Option<Instant>,
    /// The kernel takes no more.
    blocked_since: Option<Instant>,
    /// The last answer is handed over.
    is_last_given: bool,
    /// The last answer is written.
    ending_since: Option<Instant>,
    quiet_since: Instant,
    dropped: usize,
}

impl Socket {
    pub(super) fn new(stream: OwnedFd, now: Instant) -> Self {
        Self {
            stream,
            interest: Interest::READ,
            unsent: Vec::new(),
            written: 0,
            progress: 0,
            asked_since: None,
            blocked_since: None,
            is_last_given: false,
            ending_since: None,
            quiet_since: now,
            dropped: 0,
        }
    }

    /// Reads once; 0 when there is nothing now.
    pub(super) fn receive(&mut self, buffer: &mut [u8], now: Instant) -> Result<usize, Ended> {
        loop {
            match rustix::net::recv(&self.stream, &mut *buffer, RecvFlags::empty()) {
                // The client left: a parked poll must not lease a task to nobody.
                Ok((0, _)) => return Err(Ended),
                Ok((count, _)) => return self.received(count, now).map(|()| count),
                Err(Errno::AGAIN) => return Ok(0),
                Err(Errno::INTR) => {}
                Err(_) => return Err(Ended),
            }
        }
    }

    fn received(&mut self, count: usize, now: Instant) -> Result<(), Ended> {
        if self.is_last_given {
            self.dropped += count;
            return if self.dropped > LINGER_BYTES_MAX { Err(Ended) } else { Ok(()) };
        }
        self.asked_since.get_or_insert(now);
        Ok(())
    }

    /// Writes an answer, or as much of it as the kernel takes; `owes` tells whether another is to come.
    pub(super) fn write(
        &mut self,
        bytes: Vec<u8>,
        is_last: bool,
        owes: bool,
        now: Instant,
    ) -> Result<(), Ended> {
        if self.is_last_given {
            return Ok(());
        }
        self.asked_since = owes.then_some(now);
        self.quiet_since = now;
        self.is_last_given = is_last;
        if self.unsent.is_empty() {
            (self.unsent, self.written) = (bytes, 0);
        } else {
            self.unsent.extend_from_slice(&bytes);
        }
        self.flush(now)
    }

    /// Writes on.
    pub(super) fn flush(&mut self, now: Instant) -> Result<(), Ended> {
        while self.written < self.unsent.len() {
            match rustix::net::send(&self.stream, &self.unsent[self.written..], SendFlags::NOSIGNAL) {
                Ok(count) => self.note_progress(count, now),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.blocked_since.get_or_insert(now);
                    return Ok(());
                }
                Err(_) => return Err(Ended),
            }
        }
        (self.unsent, self.written, self.progress, self.blocked_since) = (Vec::new(), 0, 0, None);
        if self.is_last_given && self.ending_since.is_none() {
            self.ending_since = Some(now);
            rustix::net::shutdown(&self.stream, Shutdown::Write).map_err(|_| Ended)?;
        }
        Ok(())
    }

    fn note_progress(&mut self, count: usize, now: Instant) {
        self.written += count;
        self.progress += count;
        if self.progress >= PROGRESS_BYTES && self.blocked_since.is_some() {
            (self.progress, self.blocked_since) = (0, Some(now));
        }
        if self.written >= self.unsent.len() / 2 && self.written > PROGRESS_BYTES {
            self.unsent.drain(..self.written);
            self.written = 0;
        }
    }

    /// Whether the last answer was given: what comes now is dropped.
    pub(super) fn is_ending(&self) -> bool {
        self.is_last_given
    }

    /// Whether everything that was to be written is with the kernel.
    pub(super) fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Whether more may be read: a client that does not read its answers gets no new ones.
    pub(super) fn may_read(&self, unsent_bytes_max: usize) -> bool {
        self.unsent.len() - self.written <= unsent_bytes_max
    }

    /// Tells the poller what this socket waits for.
    pub(super) fn watch(&mut self, poller: &Poller, conn: u64, unsent_bytes_max: usize) -> io::Result<()> {
        let interest = Interest { read: self.may_read(unsent_bytes_max), write: !self.is_flushed() };
        if interest != self.interest {
            poller.change(&self.stream, conn, interest)?;
            self.interest = interest;
        }
        Ok(())
    }

    /// Whether one of its deadlines has passed.
    pub(super) fn is_late(&self, now: Instant, bounds: &Bounds) -> bool {
        let is_over = |since: Instant, max: Duration| now.saturating_duration_since(since) > max;
        if let Some(since) = self.blocked_since {
            is_over(since, bounds.write_max)
        } else if let Some(since) = self.ending_since {
            is_over(since, LINGER_MAX)
        } else if let Some(since) = self.asked_since {
            is_over(since, bounds.request_max)
        } else {
            is_over(self.quiet_since, bounds.idle_max)
        }
    }
}
