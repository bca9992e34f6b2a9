//! In which order replies leave: that of the requests, whichever is ready first.

use std::collections::VecDeque;

/// The line that tells a waiting client to send its body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The writing side of one connection: replies that are ready wait for those before them.
///
/// How many can wait is bounded by [`crate::Limits::pipelined`] on the reading side.
#[derive(Debug, Default)]
pub struct Replies {
    first: u64,
    waiting: VecDeque<Option<Reply>>,
    continue_with: Option<u64>,
    closed: bool,
}

#[derive(Debug)]
struct Reply {
    bytes: Vec<u8>,
    close: bool,
}

/// What [`Replies::take_ready`] handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// How many replies, to be told to [`crate::Connection::answered`].
    pub replies: usize,
    /// Whether the connection has to be closed once these bytes are written.
    pub close: bool,
}

impl Replies {
    /// Starts before the first request.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a request, or a refusal, that will get a reply; numbers come in order and without gaps.
    pub fn open(&mut self, seq: u64) {
        assert!(seq == self.next_open(), "requests are opened in order");
        if self.closed {
            self.first += 1;
            return;
        }
        self.waiting.push_back(None);
        if self.continue_with == Some(seq) {
            self.continue_with = None;
        }
    }

    /// Notes that the request to come waits for a word before it sends its body.
    pub fn continue_with(&mut self, seq: u64) {
        assert!(seq == self.next_open(), "only a request that has not arrived waits to go on");
        self.continue_with = Some(seq).filter(|_| !self.closed);
    }

    /// Hands in the reply to an open request; `close` makes it the last. After the last, replies are dropped.
    pub fn complete(&mut self, seq: u64, bytes: Vec<u8>, close: bool) {
        if self.closed {
            return;
        }
        let place = seq.checked_sub(self.first).and_then(|ahead| usize::try_from(ahead).ok());
        let slot = place.and_then(|place| self.waiting.get_mut(place)).expect("an open request is answered");
        assert!(slot.is_none(), "a request is answered once");
        *slot = Some(Reply { bytes, close });
    }

    /// Appends every reply whose turn it is.
    pub fn take_ready(&mut self, out: &mut Vec<u8>) -> Sent {
        let mut replies = 0;
        while let Some(Some(_)) = self.waiting.front() {
            let reply = self.waiting.pop_front().flatten().expect("the front was just seen");
            self.first += 1;
            replies += 1;
            if out.is_empty() {
                *out = reply.bytes;
            } else {
                out.extend_from_slice(&reply.bytes);
            }
            if reply.close {
                self.close();
            }
        }
        if self.continue_with == Some(self.first) {
            self.continue_with = None;
            out.extend_from_slice(CONTINUE);
        }
        Sent { replies, close: self.closed }
    }

    /// Counts the requests whose replies have not been taken.
    pub fn outstanding(&self) -> usize {
        self.waiting.len()
    }

    /// Drops everything, now and later: the connection is gone, or its last reply has left.
    pub fn close(&mut self) {
        self.first = self.next_open();
        self.waiting.clear();
        self.continue_with = None;
        self.closed = true;
    }

    fn next_open(&self) -> u64 {
        self.first + self.waiting.len() as u64
    }
}
