//! The null durable server: receives, logs durably, answers, and does nothing else.
//!
//! It is the ceiling that the real server is measured against in the same run. Every request costs what no durable
//! server can leave out: parsing HTTP, a checksummed record in a preallocated log, a grouped `fdatasync` before the
//! answer, writing the answer.
//!
//! One thread does it all. While it syncs, the next group gathers in the kernel's socket buffers, so there is
//! nothing to overlap. A second thread for the sync was tried with 48, 96 and 192 connections on two cores: 26, 30
//! and 36 thousand executions per CPU second against 41 thousand at each, and fewer by the wall clock as well;
//! the hand-over between the threads costs more than it hides.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::http::request;
use crate::poller::{Poller, Readiness};
use crate::socket::{Received, Socket};

pub mod group;
pub mod log;

use group::Group;
use log::Log;

/// Size of the log unless told otherwise.
pub const LOG_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;
/// Smallest log: one group must fit, whose last read may bring it well past its bound.
pub const LOG_BYTES_MIN: u64 = (group::BYTES_MAX + 2 * request::BODY_BYTES_MAX) as u64;

/// Connections served at once; more are closed at the door.
const CONNECTIONS_MAX: usize = 4096;

const TOKEN_LISTENER: u64 = u64::MAX;
const TOKEN_TERM: u64 = u64::MAX - 1;

/// Where to listen and where to log.
#[derive(Debug)]
pub struct NullConfig {
    /// Port on the loopback interface; 0 leaves the choice to the kernel.
    pub port: u16,
    /// Folder of the log, made if need be.
    pub directory: PathBuf,
    /// Size of the preallocated log.
    pub log_bytes: u64,
}

/// Serves until SIGTERM or SIGINT, then says as JSON how many requests and syncs there were.
pub fn serve(config: &NullConfig) -> io::Result<()> {
    let mut term = termination()?;
    let mut server = Server::open(config)?;
    server.poller.add(&term, TOKEN_TERM)?;
    println!("null durable server on http://{}", server.listener.local_addr()?);
    let mut ready = Vec::new();
    loop {
        server.poller.wait(None, &mut ready)?;
        for readiness in &ready {
            match readiness.token {
                TOKEN_LISTENER => server.accept()?,
                TOKEN_TERM => {
                    // One byte for each signal.
                    term.read_exact(&mut [0])?;
                    println!("{{\"requests\":{},\"syncs\":{}}}", server.requests, server.log.syncs());
                    return Ok(());
                }
                token => server.serve_connection(token, *readiness)?,
            }
        }
        server.commit()?;
    }
}

/// A stream that can be read from once the process shall end.
fn termination() -> io::Result<UnixStream> {
    let (term, sender) = UnixStream::pair()?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, sender.try_clone()?)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, sender)?;
    Ok(term)
}

struct Server {
    poller: Poller,
    listener: TcpListener,
    log: Log,
    /// The token of a connection is its index here.
    connections: Vec<Option<Socket>>,
    free: Vec<usize>,
    /// Given free by connections closed since the last commit: a new connection there must not get an answer that
    /// was meant for the old one.
    closed: Vec<usize>,
    group: Group,
    requests: u64,
}

impl Server {
    fn open(config: &NullConfig) -> io::Result<Self> {
        let log = Log::create(&config.directory, config.log_bytes)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let poller = Poller::new()?;
        poller.add(&listener, TOKEN_LISTENER)?;
        Ok(Self {
            poller,
            listener,
            log,
            connections: Vec::new(),
            free: Vec::new(),
            closed: Vec::new(),
            group: Group::default(),
            requests: 0,
        })
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn admit(&mut self, stream: TcpStream) -> io::Result<()> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.connections.len() >= CONNECTIONS_MAX => return Ok(()),
            None => {
                self.connections.push(None);
                self.connections.len() - 1
            }
        };
        self.connections[index] = Some(Socket::adopt(stream, index as u64, &self.poller)?);
        Ok(())
    }

    fn serve_connection(&mut self, token: u64, readiness: Readiness) -> io::Result<()> {
        let index = usize::try_from(token).expect("tokens of connections are indexes");
        let Some(socket) = &mut self.connections[index] else { return Ok(()) };
        let is_open = (!readiness.writable || socket.flush(&self.poller).is_ok())
            && (!readiness.readable || self.read_requests(index));
        if !is_open {
            self.close(index);
        }
        // One connection may bring several large bodies in one readiness; the bound is looked at after each.
        if self.group.is_full() { self.commit() } else { Ok(()) }
    }

    /// Adds what has arrived to the group; false when the connection is of no further use.
    fn read_requests(&mut self, index: usize) -> bool {
        let Some(socket) = &mut self.connections[index] else { return false };
        match socket.receive() {
            Ok(Received::Bytes) => {}
            Ok(Received::Nothing) => return true,
            Ok(Received::Closed) | Err(_) => return false,
        }
        let mut consumed = 0;
        let is_understood = loop {
            match request::parse(&socket.unparsed()[consumed..]) {
                Ok(Some(request)) => {
                    self.group.add(index, &request);
                    consumed += request.consumed;
                    self.requests += 1;
                }
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        socket.consume(consumed);
        is_understood
    }

    /// Makes the group durable, then answers everyone in it.
    fn commit(&mut self) -> io::Result<()> {
        if !self.group.is_empty() {
            self.log.commit(self.group.records())?;
            let mut group = std::mem::take(&mut self.group);
            for reply in group.replies() {
                if let Some(socket) = &mut self.connections[reply.connection] {
                    socket.outgoing().extend_from_slice(reply.bytes());
                    if socket.flush(&self.poller).is_err() {
                        self.close(reply.connection);
                    }
                }
            }
            group.clear();
            self.group = group;
        }
        self.free.append(&mut self.closed);
        Ok(())
    }

    fn close(&mut self, index: usize) {
        self.connections[index] = None;
        self.closed.push(index);
    }
}
