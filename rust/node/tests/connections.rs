//! Connections of a real server, byte by byte: whatever a peer sends, in whatever pieces, the server goes on (H38).

use fastcond_node::front::{Cold, Outgoing};
use fastcond_node::machine::Options;
use fastcond_node::server::{Server, ServerOptions};
use fastcond_store::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;

/// How long an answer may take before the test fails.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Pieces of streams: whole requests, refused ones, and what is left of one when its end is missing.
const PARTS: [&[u8]; 12] = [
    b"GET /api/tasks/poll/t HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /api/version HTTP/1.0\r\n\r\n",
    b"POST /api/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /api/workflow HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n",
    b"POST /api/workflow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /api/workflow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    b"GET /api/version HTTP/1.1\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /api/version HTTP/1.1\r\nHost: y\r\nX-",
    b"\r\n",
];

/// A small generator of reproducible numbers.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed ^ (mixed >> 27)) >> 33).expect("31 bits") % end
    }
}

fn open(folder: &tempfile::TempDir) -> Server {
    let options = ServerOptions {
        store: Settings::new(folder.path()),
        machine: Options::default(),
        script_command: None,
    };
    Server::open(options).expect("a sound folder")
}

/// Feeds a stream in pieces, answering cold requests when `numbers` say so, and takes what leaves meanwhile.
fn play(server: &mut Server, stream: &[u8], numbers: &mut Numbers) -> Vec<Outgoing> {
    let conn = server.front.connect();
    let (mut writes, mut cold, mut rest) = (Vec::new(), VecDeque::<Cold>::new(), stream);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + numbers.below(rest.len().min(120)));
        rest = after;
        cold.extend(server.feed(conn, piece));
        if numbers.below(3) == 0 {
            take(server, &mut writes, &mut cold);
        }
        if numbers.below(3) == 0
            && let Some(request) = cold.pop_front()
        {
            server.front.respond(conn, request.seq, 200, &[], b"cold");
        }
    }
    while let Some(request) = cold.pop_front() {
        server.front.respond(conn, request.seq, 200, &[], b"cold");
        take(server, &mut writes, &mut cold);
    }
    server.disconnect(conn);
    writes
}

fn take(server: &mut Server, writes: &mut Vec<Outgoing>, cold: &mut VecDeque<Cold>) {
    let drained = server.drain();
    writes.extend(drained.writes);
    cold.extend(drained.cold.into_iter().map(|(_, request)| request));
}

#[test]
fn a_refusal_is_answered_once_however_the_rest_arrives() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = open(&folder);
    let conn = server.front.connect();
    // The event loop reads the socket several times before it comes to write.
    for _ in 0..3 {
        assert!(server.feed(conn, b"GET /api/version HTTP/1.1\nHost: x\r\n\r\n").is_empty());
    }
    let writes = server.drain().writes;
    assert_eq!(writes.len(), 1);
    assert!(writes[0].close);
    assert!(writes[0].bytes.starts_with(b"HTTP/1.1 400 "));
    assert!(server.feed(conn, b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n").is_empty(), "it is over");
    assert!(server.drain().writes.is_empty());
}

#[test]
fn no_stream_in_no_pieces_ends_the_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = open(&folder);
    for seed in 0..5_000 {
        let mut numbers = Numbers(seed);
        let parts = (0..=numbers.below(6)).map(|_| PARTS[numbers.below(PARTS.len())]).collect::<Vec<_>>();
        let writes = play(&mut server, &parts.concat(), &mut numbers);
        let last = writes.iter().position(|write| write.close);
        assert!(last.is_none_or(|at| at + 1 == writes.len()), "seed {seed}: nothing follows the last answer");
    }
    let conn = server.front.connect();
    assert!(server.feed(conn, PARTS[0]).is_empty(), "a hot request");
    let mut writes = server.drain().writes;
    while writes.is_empty() {
        let mut fds = [PollFd::new(&server, PollFlags::IN)];
        assert_eq!(poll(&mut fds, Some(&PATIENCE)).expect("a descriptor can be polled"), 1, "it lives on");
        writes = server.drain().writes;
    }
    assert!(writes[0].bytes.starts_with(b"HTTP/1.1 204 "));
}
