//! Which sockets are ready: a thin, safe face of epoll, level-triggered.

use rustix::event::{Timespec, epoll};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Readiness taken in one turn; the rest is found by the next.
const EVENTS_MAX: usize = 512;

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What a socket waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interest {
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Interest {
    pub(super) const READ: Self = Self { read: true, write: false };

    fn flags(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        flags.set(epoll::EventFlags::IN, self.read);
        flags.set(epoll::EventFlags::OUT, self.write);
        flags
    }
}

/// What a socket is ready for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readiness {
    /// The number given when it was added.
    pub(super) token: u64,
    /// A read will not block; of a broken connection too, so that the read finds out.
    pub(super) is_readable: bool,
    /// A write will not block.
    pub(super) is_writable: bool,
    /// Both sides are closed, or it failed: told whether it is watched for that or not.
    pub(super) is_broken: bool,
}

/// An epoll set.
pub(super) struct Poller {
    epoll: OwnedFd,
    ready: Vec<Readiness>,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, ready: Vec::new() })
    }

    /// Watches a descriptor for reading.
    pub(super) fn add(&self, descriptor: impl AsFd, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, descriptor, data, Interest::READ.flags())?)
    }

    /// Watches for something else.
    pub(super) fn change(&self, descriptor: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, epoll::EventData::new_u64(token), interest.flags())?)
    }

    /// Watches no longer.
    pub(super) fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// What is ready now, in a list to be given back.
    pub(super) fn ready(&mut self) -> io::Result<Vec<Readiness>> {
        let mut space = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS_MAX];
        let mut ready = std::mem::take(&mut self.ready);
        match epoll::wait(&self.epoll, &mut space, Some(&AT_ONCE)) {
            Ok((events, _)) => ready.extend(events.iter().map(readiness)),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(ready)
    }

    /// Takes the emptied list back.
    pub(super) fn give_back(&mut self, ready: Vec<Readiness>) {
        self.ready = ready;
    }
}

/// Readable when something is ready.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn readiness(event: &epoll::Event) -> Readiness {
    // Copied out first: the kernel's record is packed and must not be borrowed from.
    let (flags, data) = (event.flags, event.data);
    let is_broken = flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::ERR);
    Readiness {
        token: data.u64(),
        is_readable: is_broken || flags.contains(epoll::EventFlags::IN),
        is_writable: flags.contains(epoll::EventFlags::OUT),
        is_broken,
    }
}
