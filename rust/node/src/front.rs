//! Connections: bytes to calls and answers to bytes, hot routes without leaving Rust (design section 5).
//!
//! Used by the event-loop thread only. A request on a hot route goes straight to the engine; any other is handed to
//! the caller as [`Cold`], who answers it with [`Front::respond`].

mod hot;

pub(crate) use hot::Hot as HotCall;

use crate::machine::IdMap;
use crate::reply::{JSON, Reply, ReplyTo};
use crate::server::Handle;
use fastcond_wire::{
    Connection, Form, Limits, Phase, Refusal, Replies, Request, ResponseHead, write_response,
};
use std::collections::BTreeSet;

/// A request that the caller answers.
#[derive(Debug)]
pub struct Cold {
    /// Number on its connection.
    pub seq: u64,
    /// The request.
    pub request: Request,
}

struct Conn {
    reader: Connection,
    replies: Replies,
    forms: Vec<(u64, Form)>,
    /// The last hot request began executions, and so will the next, most likely.
    is_starter: bool,
}

/// Bytes for one connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The connection.
    pub conn: u64,
    /// What to write.
    pub bytes: Vec<u8>,
    /// Close after writing.
    pub close: bool,
}

/// All connections.
pub struct Front {
    conns: IdMap<u64, Conn>,
    next: u64,
    touched: BTreeSet<u64>,
    instance: String,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("connections", &self.conns.len()).finish_non_exhaustive()
    }
}

impl Front {
    /// No connections yet; `instance` is the server's name in error bodies.
    pub fn new(instance: String) -> Self {
        Self { conns: IdMap::default(), next: 0, touched: BTreeSet::new(), instance }
    }

    /// A new connection.
    pub fn connect(&mut self) -> u64 {
        let conn = self.next;
        self.next += 1;
        let state = Conn {
            reader: Connection::new(Limits::default()),
            replies: Replies::new(),
            forms: Vec::new(),
            is_starter: false,
        };
        self.conns.insert(conn, state);
        conn
    }

    /// A connection is gone.
    pub fn disconnect(&mut self, conn: u64, handle: &mut Handle) {
        if let Some(mut state) = self.conns.remove(&conn) {
            // Asked first: nothing is outstanding once they are closed.
            let is_owed = state.replies.outstanding() > 0 || !state.forms.is_empty();
            state.replies.close();
            if is_owed {
                handle.forget(conn);
            }
        }
        self.touched.remove(&conn);
    }

    /// Bytes arrived: hot requests are on their way, cold ones are returned.
    ///
    /// What comes after a last request or a refusal is dropped: the refusal is answered once, however many pieces
    /// the rest of the request arrives in.
    pub fn feed(&mut self, conn: u64, data: &[u8], handle: &mut Handle) -> Vec<Cold> {
        let Some(state) = self.conns.get_mut(&conn) else { return Vec::new() };
        if state.reader.phase() == Phase::Ended {
            return Vec::new();
        }
        let mut requests = Vec::new();
        let refused = state.reader.feed(data, &mut requests).err();
        let mut cold = Vec::new();
        for request in requests {
            let (seq, form) = (request.seq, request.form());
            state.replies.open(seq);
            let Some(call) = hot::recognise(&request) else {
                state.forms.push((seq, form));
                cold.push(Cold { seq, request });
                continue;
            };
            let to = ReplyTo::Request { conn, seq, form };
            state.is_starter = call.starts > 0;
            if let Err(reply) = handle.hot(to, call, request.body) {
                answer(state, seq, form, &reply);
                self.touched.insert(conn);
            }
        }
        if let Some(seq) = state.reader.take_continue() {
            state.replies.continue_with(seq);
            self.touched.insert(conn);
        }
        if let Some(refusal) = refused {
            refuse(state, refusal);
            self.touched.insert(conn);
        }
        cold
    }

    /// The answer to a cold request.
    pub fn respond(&mut self, conn: u64, seq: u64, status: u16, headers: &[(String, String)], body: &[u8]) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let Some(at) = state.forms.iter().position(|(open, _)| *open == seq) else { return };
        let (_, form) = state.forms.swap_remove(at);
        let content_type =
            headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
        let skipped = ["content-type", "content-length", "connection", "transfer-encoding"];
        let extra: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| !skipped.contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let wants_close =
            headers.iter().any(|(name, value)| name == "connection" && value.eq_ignore_ascii_case("close"));
        let form = Form { keep_alive: form.keep_alive && !wants_close, ..form };
        let mut bytes = Vec::new();
        write_response(&mut bytes, &ResponseHead { status, content_type, form, extra: &extra }, body);
        state.replies.complete(seq, bytes, !form.keep_alive);
        self.touched.insert(conn);
    }

    /// The answer to a hot request.
    pub fn complete(&mut self, conn: u64, seq: u64, form: Form, reply: &Reply) {
        if let Some(state) = self.conns.get_mut(&conn) {
            answer(state, seq, form, reply);
            self.touched.insert(conn);
        }
    }

    /// Whether what comes on a connection is likely to begin executions.
    pub fn is_starter(&self, conn: u64) -> bool {
        self.conns.get(&conn).is_some_and(|state| state.is_starter)
    }

    /// Whether a connection waits for an answer, or is in the middle of a request.
    pub fn owes(&self, conn: u64) -> bool {
        self.conns.get(&conn).is_some_and(|state| {
            state.replies.outstanding() > 0 || matches!(state.reader.phase(), Phase::Head | Phase::Body)
        })
    }

    /// Everything that can be written now, and cold requests that could be read because others were answered.
    pub fn take(&mut self, handle: &mut Handle) -> (Vec<Outgoing>, Vec<(u64, Cold)>) {
        let mut out = Vec::new();
        let mut cold = Vec::new();
        while let Some(conn) = self.touched.pop_first() {
            let Some(state) = self.conns.get_mut(&conn) else { continue };
            let mut bytes = Vec::new();
            let was_full = state.reader.is_full();
            let sent = state.replies.take_ready(&mut bytes);
            if !sent.close {
                // After the last reply nothing is read any more, and a refusal was never counted as a request.
                state.reader.answered(sent.replies);
            }
            if !bytes.is_empty() || sent.close {
                out.push(Outgoing { conn, bytes, close: sent.close });
            }
            if was_full && !sent.close {
                cold.extend(self.feed(conn, b"", handle).into_iter().map(|c| (conn, c)));
            }
        }
        (out, cold)
    }

    /// Whether [`Self::take`] would give something.
    pub fn has_output(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Name of this server in error bodies.
    pub fn instance(&self) -> &str {
        &self.instance
    }
}

fn answer(state: &mut Conn, seq: u64, form: Form, reply: &Reply) {
    let mut bytes = Vec::with_capacity(reply.body.len() + 160);
    let retry: &[(&str, &str)] = if reply.status == 429 { &[("retry-after", "1")] } else { &[] };
    let head = ResponseHead { status: reply.status, content_type: reply.content_type, form, extra: retry };
    write_response(&mut bytes, &head, &reply.body);
    state.replies.complete(seq, bytes, !form.keep_alive);
}

fn refuse(state: &mut Conn, refusal: Refusal) {
    let seq = state.reader.next_seq();
    state.replies.open(seq);
    let mut body = String::from("{\"status\":");
    body.push_str(&refusal.status.to_string());
    body.push_str(",\"message\":");
    fastcond_json::push_string(&mut body, refusal.reason);
    body.push_str(",\"retryable\":false}");
    let mut bytes = Vec::new();
    let head =
        ResponseHead { status: refusal.status, content_type: Some(JSON), form: Form::LAST, extra: &[] };
    write_response(&mut bytes, &head, body.as_bytes());
    state.replies.complete(seq, bytes, true);
}
