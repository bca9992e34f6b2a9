//! Where requests begin and end in the bytes of one connection.

use std::mem;

use memchr::memchr;

use crate::ascii::is_token;
use crate::chunked::Chunks;
use crate::head::{self, Framing, RequestLine};
use crate::limits::{BODY_BYTES_RESERVED, HELD_BYTES_MAX, Limits, REQUEST_LINE_BYTES_MAX};
use crate::refusal::Refusal;
use crate::request::Request;

/// The reading side of one connection.
///
/// Bytes are looked at once: a request that arrives in many reads costs no more than one that arrives whole,
/// apart from holding the unfinished head. When [`Limits::pipelined`] requests wait for their replies,
/// further ones stay unread until [`Connection::answered`] makes room.
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    state: State,
    /// An unfinished head, or what came after the last request that may wait.
    held: Vec<u8>,
    /// How much of the head at hand has been searched for line ends, and the line ends found.
    scanned: usize,
    line_ends: Vec<usize>,
    /// The head's first line, read as soon as it is whole: a peer that speaks something else is told at once.
    request_line: Option<RequestLine>,
    /// Whether the one empty line that may come before a request has come.
    blank_skipped: bool,
    next_seq: u64,
    unanswered: usize,
    awaits_continue: bool,
}

/// What a connection is in the middle of, for the deadline that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// A head has begun.
    Head,
    /// A head is whole, its body is not.
    Body,
    /// The last request has been read, or the connection was refused: nothing more is looked at.
    Ended,
}

#[derive(Debug)]
enum State {
    Head,
    Body {
        request: Box<Request>,
        missing: usize,
    },
    Chunks {
        request: Box<Request>,
        chunks: Chunks,
    },
    /// The last request said that it is the last.
    Closed,
    Refused(Refusal),
}

impl Connection {
    /// Starts before the first byte.
    pub fn new(limits: Limits) -> Self {
        assert!(limits.pipelined > 0, "at least one request may wait for its reply");
        Self {
            limits,
            state: State::Head,
            held: Vec::new(),
            scanned: 0,
            line_ends: Vec::new(),
            request_line: None,
            blank_skipped: false,
            next_seq: 0,
            unanswered: 0,
            awaits_continue: false,
        }
    }

    /// Reads on and appends every request that is whole now.
    ///
    /// Requests before a refusal are appended and want their replies first; the refusal's own answer is then
    /// due as number [`Connection::next_seq`]. After a refusal every call gives it again.
    pub fn feed(&mut self, data: &[u8], out: &mut Vec<Request>) -> Result<(), Refusal> {
        let read = if self.held.is_empty() {
            self.read(data, out).map(|used| self.held.extend_from_slice(&data[used..]))
        } else {
            let mut held = mem::take(&mut self.held);
            held.extend_from_slice(data);
            self.read(&held, out).map(|used| {
                held.drain(..used);
                self.held = held;
            })
        };
        let bounded = read.and_then(|()| self.check_held());
        if let Err(refusal) = bounded {
            self.state = State::Refused(refusal);
            self.held = Vec::new();
            self.awaits_continue = false;
        }
        bounded
    }

    /// Makes room for `replies` more requests; `feed` with nothing new reads what was held back.
    pub fn answered(&mut self, replies: usize) {
        assert!(replies <= self.unanswered, "a request is answered once");
        self.unanswered -= replies;
    }

    /// Says whether as many requests wait for replies as may; the socket is then better not read.
    pub fn is_full(&self) -> bool {
        self.unanswered >= self.limits.pipelined
    }

    /// Says, once per request, that its head asked for `100 Continue` and the body has not begun to arrive.
    ///
    /// The number is that of the request to come: [`crate::Replies::continue_with`] puts the line after the
    /// replies before it.
    pub fn take_continue(&mut self) -> Option<u64> {
        mem::take(&mut self.awaits_continue).then_some(self.next_seq)
    }

    /// The number the next request will have, or the answer to a refusal.
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Says what the connection is in the middle of.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Head if self.held.is_empty() || self.is_full() => Phase::Idle,
            State::Head => Phase::Head,
            State::Body { .. } | State::Chunks { .. } => Phase::Body,
            State::Closed | State::Refused(_) => Phase::Ended,
        }
    }

    /// Reads as far as whole heads and any part of bodies go; the rest has to be held.
    fn read(&mut self, input: &[u8], out: &mut Vec<Request>) -> Result<usize, Refusal> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let used = match mem::replace(&mut self.state, State::Head) {
                State::Head => self.read_head(rest, out)?,
                State::Body { request, missing } => self.read_body(request, missing, rest, out),
                State::Chunks { request, chunks } => self.read_chunks(request, chunks, rest, out)?,
                State::Closed => {
                    self.state = State::Closed;
                    return Ok(input.len());
                }
                State::Refused(refusal) => return Err(refusal),
            };
            if used == 0 {
                return Ok(at);
            }
            at += used;
        }
    }

    fn read_head(&mut self, input: &[u8], out: &mut Vec<Request>) -> Result<usize, Refusal> {
        if self.is_full() {
            return Ok(0);
        }
        if let [b'\r', rest @ ..] = input {
            return self.skip_blank(rest);
        }
        let Some(end) = self.find_head_end(input)? else { return Ok(0) };
        let line = self.request_line.take().expect("the first line of a whole head has been read");
        let (mut request, framing) = head::parse(line, &input[..end], &self.line_ends, &self.limits)?;
        request.seq = self.next_seq;
        self.scanned = 0;
        self.line_ends.clear();
        self.blank_skipped = false;
        match framing {
            Framing::Length(length) if input.len() - end >= length => {
                request.body = input[end..end + length].to_vec();
                self.emit(request, out);
                Ok(end + length)
            }
            Framing::Length(missing) => {
                request.body.reserve_exact(missing.min(BODY_BYTES_RESERVED));
                self.awaits_continue = request.expects_continue;
                self.state = State::Body { request: Box::new(request), missing };
                Ok(end)
            }
            Framing::Chunked => {
                self.awaits_continue = request.expects_continue;
                self.state = State::Chunks { request: Box::new(request), chunks: Chunks::new() };
                Ok(end)
            }
        }
    }

    fn read_body(
        &mut self,
        mut request: Box<Request>,
        missing: usize,
        input: &[u8],
        out: &mut Vec<Request>,
    ) -> usize {
        let part = &input[..missing.min(input.len())];
        request.body.extend_from_slice(part);
        self.awaits_continue &= part.is_empty();
        match missing - part.len() {
            0 => self.emit(*request, out),
            missing => self.state = State::Body { request, missing },
        }
        part.len()
    }

    fn read_chunks(
        &mut self,
        mut request: Box<Request>,
        mut chunks: Chunks,
        input: &[u8],
        out: &mut Vec<Request>,
    ) -> Result<usize, Refusal> {
        let used = chunks.read(input, &mut request.body, self.limits.body_bytes)?;
        self.awaits_continue &= used == 0;
        if chunks.is_done() {
            self.emit(*request, out);
        } else {
            self.state = State::Chunks { request, chunks };
        }
        Ok(used)
    }

    fn emit(&mut self, request: Request, out: &mut Vec<Request>) {
        self.next_seq += 1;
        self.unanswered += 1;
        self.state = if request.keep_alive { State::Head } else { State::Closed };
        out.push(request);
    }

    /// Steps over one empty line before a request, which some clients send after a body; `rest` follows its
    /// CR.
    fn skip_blank(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        match rest.first() {
            None => Ok(0),
            Some(b'\n') if !self.blank_skipped => {
                self.blank_skipped = true;
                Ok(2)
            }
            Some(_) => Err(Refusal::bad("request does not start with a method")),
        }
    }

    /// Finds the end of the head, looking only at bytes not looked at before.
    fn find_head_end(&mut self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        // Tells at the first byte that the peer speaks something else, such as TLS.
        if input.first().is_some_and(|&first| !is_token(first)) {
            return Err(Refusal::bad("request does not start with a method"));
        }
        while let Some(length) = memchr(b'\n', &input[self.scanned..]) {
            let end = self.scanned + length + 1;
            self.check_head_room(end)?;
            if input[..end - 1].last() != Some(&b'\r') {
                return Err(Refusal::bad("line feed without a carriage return"));
            }
            let start = self.line_ends.last().copied().unwrap_or(0);
            if end - start == 2 {
                return Ok(Some(end));
            }
            if self.line_ends.is_empty() {
                self.request_line = Some(head::request_line(&input[..end - 2])?);
            }
            if self.line_ends.len() > self.limits.headers {
                return Err(Refusal::new(431, "too many fields"));
            }
            self.line_ends.push(end);
            self.scanned = end;
        }
        self.scanned = input.len();
        // Whatever comes next, the line at hand ends past this byte.
        self.check_head_room(input.len() + 1)?;
        Ok(None)
    }

    fn check_head_room(&self, end: usize) -> Result<(), Refusal> {
        let head_bytes = self.limits.head_bytes;
        // The smaller bound is met first when bytes come one by one, so it speaks first when they come at
        // once.
        if self.line_ends.is_empty() && end > REQUEST_LINE_BYTES_MAX && REQUEST_LINE_BYTES_MAX <= head_bytes {
            return Err(Refusal::new(414, "request line too long"));
        }
        if end > head_bytes {
            return Err(Refusal::new(431, "head too large"));
        }
        Ok(())
    }

    fn check_held(&self) -> Result<(), Refusal> {
        if self.held.len() > HELD_BYTES_MAX {
            return Err(Refusal::bad("more requests were sent ahead than are held"));
        }
        Ok(())
    }
}
