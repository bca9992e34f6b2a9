//! The sockets of the clients: accepted, read, written and closed on the event loop's thread, without blocking.
//!
//! All descriptors are in one epoll set, whose own descriptor the event loop watches. One turn takes everything that is
//! ready: requests go to [`Front`], answers go out, and only what Rust does not answer reaches Python. A turn is bounded
//! in connections, in reads of one connection and in what one connection may leave unread, so no client holds it.

mod poller;
mod socket;

use crate::front::{Cold, Front, Outgoing};
use crate::machine::IdMap;
use crate::server::Handle;
use poller::{Poller, Readiness};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use socket::{Ended, Socket};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Bytes read at once; one buffer serves all connections.
const READ_BYTES: usize = 128 * 1024;

/// Buffers read from one connection before the next one has its turn.
const READS_MAX: usize = 4;

/// Connections that begin executions which are read in a turn, beside half as many as others.
const STARTERS_MIN: usize = 4;

/// As many are read in a turn in which there was nobody else: not so many that a worker would wait for long.
const STARTERS_ALONE: usize = 32;

/// Connections accepted before those that are there have their turn.
const ACCEPTS_MAX: usize = 64;

/// Connections the kernel holds while the loop is busy.
const BACKLOG: i32 = 2048;

const WAKE: u64 = u64::MAX;
const LISTENERS: u64 = u64::MAX / 2;

/// Bounds of connections.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Connections at one time; more are turned away.
    pub connections_max: usize,
    /// What one that is turned away is told.
    pub refusal: Vec<u8>,
    /// How long a connection may be without a request.
    pub idle_max: Duration,
    /// From the first byte of a request to its answer.
    pub request_max: Duration,
    /// How long a client may take nothing of its answers once the socket is full.
    pub write_max: Duration,
    /// Answers of one connection that wait in memory before it is read no further.
    pub unsent_bytes_max: usize,
}

impl Default for Bounds {
    /// What the product's defaults are, with a refusal that says nothing.
    fn default() -> Self {
        Self {
            connections_max: 8192,
            refusal: Vec::new(),
            idle_max: Duration::from_secs(300),
            request_max: Duration::from_secs(60),
            write_max: Duration::from_secs(30),
            unsent_bytes_max: 1 << 20,
        }
    }
}

/// Requests for the caller, each with its connection.
pub type ColdRequests = Vec<(u64, Cold)>;

/// Every socket of the server.
pub struct Sockets {
    poller: Poller,
    listeners: Vec<OwnedFd>,
    /// The listeners are not watched: the process has no descriptor left for another connection.
    is_starved: bool,
    open: IdMap<u64, Socket>,
    bounds: Bounds,
    buffer: Vec<u8>,
    refused: u64,
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl Sockets {
    /// No sockets yet; readiness of `wake` begins a turn too.
    pub fn new(wake: BorrowedFd<'_>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(wake, WAKE)?;
        Ok(Self {
            poller,
            listeners: Vec::new(),
            is_starved: false,
            open: IdMap::default(),
            bounds: Bounds::default(),
            buffer: vec![0; READ_BYTES],
            refused: 0,
        })
    }

    /// Accepts connections on an address, port 0 for any; the port is returned.
    pub fn listen(&mut self, address: IpAddr, port: u16, bounds: Bounds) -> io::Result<u16> {
        self.bounds = bounds;
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let listener = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&listener, true)?;
        if address.is_ipv6() {
            // The same port of the other family is an address of its own.
            sockopt::set_ipv6_v6only(&listener, true)?;
        }
        rustix::net::bind(&listener, &SocketAddr::new(address, port))?;
        rustix::net::listen(&listener, BACKLOG)?;
        let bound = SocketAddr::try_from(rustix::net::getsockname(&listener)?)?;
        self.poller.add(&listener, LISTENERS + self.listeners.len() as u64)?;
        self.listeners.push(listener);
        Ok(bound.port())
    }

    /// Accepts no more connections.
    pub fn stop_listening(&mut self) {
        self.listeners.clear();
    }

    /// Takes what is ready to be read, accepted or written on; true when `wake` was among it.
    pub fn turn(
        &mut self,
        front: &mut Front,
        handle: &mut Handle,
        cold: &mut ColdRequests,
    ) -> io::Result<bool> {
        let now = Instant::now();
        let mut ready = self.poller.ready()?;
        let (mut is_woken, mut others) = (false, 0);
        // Workers first. Of those that begin executions half as many are read as of others, or a crowd of them would leave
        // workers a small part of the loop; the kernel tells of the rest again.
        ready.retain(|readiness| match readiness.token {
            WAKE => {
                is_woken = true;
                false
            }
            LISTENERS.. => {
                self.accept(front, handle, now, readiness.token);
                false
            }
            conn if front.is_starter(conn) => true,
            conn => {
                others += 1;
                self.serve(conn, *readiness, now, front, handle, cold);
                false
            }
        });
        let starters = if others == 0 { STARTERS_ALONE } else { STARTERS_MIN.max(others / 2) };
        for readiness in ready.drain(..).take(starters) {
            self.serve(readiness.token, readiness, now, front, handle, cold);
        }
        self.poller.give_back(ready);
        Ok(is_woken)
    }

    fn accept(&mut self, front: &mut Front, handle: &mut Handle, now: Instant, token: u64) {
        let Some(listener) = usize::try_from(token - LISTENERS).ok().and_then(|at| self.listeners.get(at))
        else {
            return;
        };
        for _ in 0..ACCEPTS_MAX {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let stream = match rustix::net::accept_with(listener, flags) {
                Ok(stream) => stream,
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => continue,
                Err(rustix::io::Errno::AGAIN) => return,
                // No descriptors or no memory: looked at again at the next sweep, or every turn would find it ready.
                Err(_) => return self.starve(),
            };
            if self.open.len() >= self.bounds.connections_max {
                self.refused += 1;
                // Told as far as it listens; it is not waited for.
                let _ = rustix::net::send(&stream, &self.bounds.refusal, rustix::net::SendFlags::NOSIGNAL);
                continue;
            }
            // Answers are written whole, so nothing is gained by waiting for more.
            let _ = sockopt::set_tcp_nodelay(&stream, true);
            let conn = front.connect();
            if self.poller.add(&stream, conn).is_ok() {
                self.open.insert(conn, Socket::new(stream, now));
            } else {
                front.disconnect(conn, handle);
            }
        }
    }

    fn starve(&mut self) {
        self.is_starved = true;
        for listener in &self.listeners {
            let _ = self.poller.remove(listener);
        }
    }

    fn serve(
        &mut self,
        conn: u64,
        readiness: Readiness,
        now: Instant,
        front: &mut Front,
        handle: &mut Handle,
        cold: &mut ColdRequests,
    ) {
        // An earlier event of this turn may have closed it.
        let Some(socket) = self.open.get_mut(&conn) else { return };
        let mut result = if readiness.is_writable { socket.flush(now) } else { Ok(()) };
        if !socket.may_read(self.bounds.unsent_bytes_max) {
            // It would be told again and again.
            result = result.and(if readiness.is_broken { Err(Ended) } else { Ok(()) });
        } else if readiness.is_readable && result.is_ok() {
            result = read(socket, &mut self.buffer, now, |data| {
                cold.extend(front.feed(conn, data, handle).into_iter().map(|request| (conn, request)));
            });
        }
        self.settle(conn, result, front, handle);
    }

    /// Writes answers; what the kernel does not take now follows when it can.
    pub fn write(&mut self, writes: Vec<Outgoing>, front: &mut Front, handle: &mut Handle) {
        let now = Instant::now();
        for out in writes {
            if let Some(socket) = self.open.get_mut(&out.conn) {
                let result = socket.write(out.bytes, out.close, front.owes(out.conn), now);
                self.settle(out.conn, result, front, handle);
            }
        }
    }

    /// Brings what is watched in line with what a connection waits for, or lets it go.
    fn settle(&mut self, conn: u64, result: Result<(), Ended>, front: &mut Front, handle: &mut Handle) {
        let Some(socket) = self.open.get_mut(&conn) else { return };
        let is_watched =
            result.is_ok() && socket.watch(&self.poller, conn, self.bounds.unsent_bytes_max).is_ok();
        if !is_watched {
            self.open.remove(&conn);
            front.disconnect(conn, handle);
        }
    }

    /// Ends connections that have had their time; to be called about once a second.
    pub fn sweep(&mut self, front: &mut Front, handle: &mut Handle) {
        if std::mem::take(&mut self.is_starved) {
            for (at, listener) in self.listeners.iter().enumerate() {
                // Tried again at the next sweep.
                self.is_starved |= self.poller.add(listener, LISTENERS + at as u64).is_err();
            }
        }
        let (now, bounds) = (Instant::now(), &self.bounds);
        let is_late = |socket: &Socket| socket.is_late(now, bounds);
        let late: Vec<u64> =
            self.open.iter().filter(|(_, socket)| is_late(socket)).map(|(conn, _)| *conn).collect();
        self.end(&late, front, handle);
    }

    /// Ends the connections that are owed nothing; how many are left.
    pub fn end_quiet(&mut self, front: &mut Front, handle: &mut Handle) -> usize {
        let is_quiet = |conn: u64, socket: &Socket| !front.owes(conn) && socket.is_flushed();
        let quiet: Vec<u64> = self
            .open
            .iter()
            .filter(|(conn, socket)| is_quiet(**conn, socket))
            .map(|(conn, _)| *conn)
            .collect();
        self.end(&quiet, front, handle);
        self.open.len()
    }

    /// Ends every connection.
    pub fn end_all(&mut self, front: &mut Front, handle: &mut Handle) {
        let all: Vec<u64> = self.open.keys().copied().collect();
        self.end(&all, front, handle);
    }

    fn end(&mut self, conns: &[u64], front: &mut Front, handle: &mut Handle) {
        for conn in conns {
            self.open.remove(conn);
            front.disconnect(*conn, handle);
        }
    }

    /// Connections that are open, and connections that were turned away so far.
    pub fn counts(&self) -> (usize, u64) {
        (self.open.len(), self.refused)
    }
}

/// Readable when a turn would find something.
impl AsFd for Sockets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

/// Reads what there is, up to a bound, and hands it to `take`.
fn read(
    socket: &mut Socket,
    buffer: &mut [u8],
    now: Instant,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Ended> {
    for _ in 0..READS_MAX {
        let count = match socket.receive(buffer, now)? {
            0 => return Ok(()),
            count => count,
        };
        if !socket.is_ending() {
            take(&buffer[..count]);
        }
        if count < buffer.len() {
            return Ok(());
        }
    }
    Ok(())
}
