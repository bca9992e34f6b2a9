//! One non-blocking connection with what was read but not parsed and what was made but not sent.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;

use crate::poller::Poller;

/// Room made before each read; most messages fit, so that one read takes a whole one.
const READ_BYTES: usize = 16 * 1024;

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// More bytes are waiting to be parsed.
    Bytes,
    /// Nothing was there after all.
    Nothing,
    /// The other side has closed.
    Closed,
}

/// A non-blocking TCP connection and its two buffers, known to a [`Poller`] by its token.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    token: u64,
    unparsed: Vec<u8>,
    unsent: Vec<u8>,
    sent: usize,
    wants_writable: bool,
}

impl Socket {
    /// Takes over a connected stream and has the poller watch it.
    pub fn adopt(stream: TcpStream, token: u64, poller: &Poller) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        poller.add(&stream, token)?;
        Ok(Self { stream, token, unparsed: Vec::new(), unsent: Vec::new(), sent: 0, wants_writable: false })
    }

    /// Connects, waiting at most `timeout`, and has the poller watch the connection.
    pub fn connect(address: SocketAddr, timeout: Duration, token: u64, poller: &Poller) -> io::Result<Self> {
        Self::adopt(TcpStream::connect_timeout(&address, timeout)?, token, poller)
    }

    /// Reads once what has arrived.
    pub fn receive(&mut self) -> io::Result<Received> {
        if self.unparsed.capacity() - self.unparsed.len() < READ_BYTES / 4 {
            // Doubling keeps the number of reads of a large message logarithmic.
            self.unparsed.reserve(READ_BYTES.max(self.unparsed.len()));
        }
        match rustix::io::read(&self.stream, spare_capacity(&mut self.unparsed)) {
            Ok(0) => Ok(Received::Closed),
            Ok(_) => Ok(Received::Bytes),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(Received::Nothing),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The bytes that were received and not consumed yet.
    pub fn unparsed(&self) -> &[u8] {
        &self.unparsed
    }

    /// Forgets the first `bytes` of what was received.
    pub fn consume(&mut self, bytes: usize) {
        assert!(bytes <= self.unparsed.len(), "consumed more than was received");
        if bytes == self.unparsed.len() {
            self.unparsed.clear();
        } else {
            self.unparsed.drain(..bytes);
        }
    }

    /// The buffer to append outgoing bytes to; nothing leaves before [`Socket::flush`].
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Writes as much as the kernel takes and asks the poller for the rest.
    pub fn flush(&mut self, poller: &Poller) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match rustix::io::write(&self.stream, &self.unsent[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return self.want_writable(poller, true),
                Err(errno) => return Err(errno.into()),
            }
        }
        self.unsent.clear();
        self.sent = 0;
        self.want_writable(poller, false)
    }

    /// Whether everything that was made has been given to the kernel.
    pub fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }

    fn want_writable(&mut self, poller: &Poller, wanted: bool) -> io::Result<()> {
        if self.wants_writable != wanted {
            poller.set_writable_interest(&self.stream, self.token, wanted)?;
            self.wants_writable = wanted;
        }
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
