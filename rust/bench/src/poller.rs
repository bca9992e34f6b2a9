//! Which sockets are ready: a thin, safe face of epoll.
//!
//! Level-triggered: one read per readiness, no read that only learns "nothing more", and interest in writability
//! only while bytes are waiting to be written. That is the leanest pattern for many small requests.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

/// Readiness events taken from the kernel in one call.
const EVENTS_MAX: usize = 256;

/// What a watched descriptor is ready for.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    /// The number given when the descriptor was added.
    pub token: u64,
    /// A read will not block; a closed or broken connection counts, so that the read finds out.
    pub readable: bool,
    /// A write will not block.
    pub writable: bool,
}

/// An epoll instance.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Poller {
    /// Makes an instance that watches nothing.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS_MAX),
        })
    }

    /// Starts to watch a descriptor for reading; `token` comes back with each readiness.
    pub fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, descriptor, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?)
    }

    /// Says whether a watched descriptor is of interest for writing as well.
    pub fn set_writable_interest(&self, descriptor: impl AsFd, token: u64, wanted: bool) -> io::Result<()> {
        let flags =
            if wanted { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        Ok(epoll::modify(&self.epoll, descriptor, epoll::EventData::new_u64(token), flags)?)
    }

    /// Stops to watch a descriptor.
    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Waits until something is ready or the timeout has passed; `None` waits for ever.
    ///
    /// `ready` is cleared first; it stays empty after a timeout or an interrupting signal.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Readiness>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = timeout.map(timespec);
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
        ready.extend(self.events.iter().map(readiness));
        Ok(())
    }
}

fn readiness(event: &epoll::Event) -> Readiness {
    // Copied out first: the kernel's record is packed and must not be borrowed from.
    let flags = event.flags;
    let data = event.data;
    Readiness {
        token: data.u64(),
        readable: flags.intersects(
            epoll::EventFlags::IN
                | epoll::EventFlags::HUP
                | epoll::EventFlags::ERR
                | epoll::EventFlags::RDHUP,
        ),
        writable: flags.contains(epoll::EventFlags::OUT),
    }
}

fn timespec(timeout: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    }
}
