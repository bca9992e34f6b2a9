//! What whole requests say, and that neither cuts nor pipelining change it.

mod cuts;

use cuts::outcome;
use fastcond_wire::{Connection, Limits, Method, Phase, Request};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Vec<Request> {
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    connection.feed(bytes, &mut out).expect("well formed");
    out
}

#[test]
fn parts_of_a_request() {
    let bytes = b"PUT http://h:1/a%20b/?c=d?e HTTP/1.1\r\nHOST: h:1\r\nX-Two:  b c \r\nx-two:d\r\nEmpty:\r\n\
        Content-Length: 2\r\n\r\n{}";
    let requests = read(bytes);
    let request = requests.first().expect("one request");
    assert_eq!(request.method, Method::Put);
    assert_eq!((request.path(), request.query()), ("/a%20b/", Some("c=d?e")));
    assert_eq!(request.target(), "http://h:1/a%20b/?c=d?e");
    assert_eq!(request.header("x-two"), Some(&b"b c"[..]));
    assert_eq!(request.header("empty"), Some(&b""[..]));
    assert_eq!(request.header("absent"), None);
    let all: Vec<_> = request.headers().map(|(_, value)| value).collect();
    assert_eq!(all, [&b"h:1"[..], b"b c", b"d", b"", b"2"]);
    assert_eq!(request.body, b"{}");
    assert_eq!(format!("{request:?}"), "#0 PUT http://h:1/a%20b/?c=d?e (2 bytes)");
}

#[test]
fn absolute_targets_without_a_path_mean_the_root() {
    for (target, path, query) in [
        ("http://h", "/", None),
        ("http://h?a", "/", Some("a")),
        ("http://h/", "/", None),
        ("/?", "/", Some("")),
        ("/a", "/a", None),
    ] {
        let requests = read(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes());
        assert_eq!((requests[0].path(), requests[0].query()), (path, query), "{target}");
    }
}

/// Keep-alive by version and by the tokens of Connection, and how the reply is then framed.
#[test]
fn keep_alive() {
    for (version, connection, keep_alive) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive\r\n", true),
        ("1.1", "Connection: TE, close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let requests = read(format!("HEAD / HTTP/{version}\r\nHost: h\r\n{connection}\r\n").as_bytes());
        let form = requests[0].form();
        assert_eq!((form.keep_alive, form.http10), (keep_alive, version == "1.0"), "{version} {connection}");
        assert!(form.head_only);
    }
}

#[test]
fn one_hundred_continue_is_asked_for_once_and_only_while_the_body_is_missing() {
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
    connection.feed(&[&b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..], head].concat(), &mut out).expect("fine");
    assert_eq!((out.len(), connection.phase()), (1, Phase::Body));
    assert_eq!(connection.take_continue(), Some(1));
    assert_eq!(connection.take_continue(), None);
    connection.feed(b"{}", &mut out).expect("fine");
    assert_eq!(out.len(), 2);
    connection.feed(head, &mut out).expect("fine");
    connection.feed(b"{", &mut out).expect("fine");
    assert_eq!(connection.take_continue(), None, "the body came without waiting");
}

/// The pipelining bound: further requests stay unread, whole and in order, until replies make room.
#[test]
fn requests_beyond_the_bound_are_held_until_answered() {
    let limits = Limits { pipelined: 3, ..Limits::default() };
    let (mut connection, mut out) = (Connection::new(limits), Vec::new());
    let bytes: Vec<u8> = (0..8)
        .flat_map(|number| {
            format!("POST /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx").into_bytes()
        })
        .collect();
    let (early, late) = bytes.split_at(bytes.len() - 30);
    connection.feed(early, &mut out).expect("fine");
    assert!(connection.is_full());
    connection.feed(late, &mut out).expect("fine");
    assert_eq!(out.len(), 3);
    connection.answered(2);
    connection.feed(b"", &mut out).expect("fine");
    assert_eq!(out.len(), 5);
    connection.answered(3);
    connection.feed(b"", &mut out).expect("fine");
    assert_eq!(out.len(), 8);
    let paths: Vec<_> = out.iter().map(Request::path).collect();
    assert_eq!(paths, ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"]);
    connection.answered(3);
    assert_eq!(connection.phase(), Phase::Idle);
}

#[test]
fn a_peer_that_sends_ahead_without_end_is_refused() {
    let limits = Limits { pipelined: 1, ..Limits::default() };
    let (mut connection, mut out) = (Connection::new(limits), Vec::new());
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1_000);
    let refused = (0..100).find_map(|_| connection.feed(&request, &mut out).err());
    assert_eq!(refused.map(|refusal| refusal.status), Some(400));
    assert_eq!(out.len(), 1);
}

#[test]
fn a_body_of_the_full_size_arrives_in_any_pieces() {
    let body = vec![b'x'; Limits::default().body_bytes];
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    for piece in [usize::MAX, 65_536, 1_000] {
        let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
        connection.feed(head.as_bytes(), &mut out).expect("fine");
        for part in body.chunks(piece) {
            connection.feed(part, &mut out).expect("fine");
        }
        assert_eq!(out.iter().map(|request| request.body.len()).collect::<Vec<_>>(), [body.len()]);
    }
}

/// A request as a client means it.
#[derive(Debug, Clone)]
struct Meant {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    chunked: Option<Vec<usize>>,
}

impl Meant {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: h\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("X-{name}: {value}\r\n").as_bytes());
        }
        let Some(sizes) = &self.chunked else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
            bytes.extend_from_slice(&self.body);
            return bytes;
        };
        bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        let (mut rest, mut sizes) = (&self.body[..], sizes.iter().cycle());
        while !rest.is_empty() {
            let (part, others) = rest.split_at((*sizes.next().expect("a cycle")).min(rest.len()));
            bytes.extend_from_slice(format!("{:x};a=b\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
            rest = others;
        }
        bytes.extend_from_slice(b"0\r\nTrailer: t\r\n\r\n");
        bytes
    }

    fn is(&self, request: &Request) -> bool {
        let fields = request.headers().filter(|(name, _)| name.starts_with(b"x-"));
        let meant = self.fields.iter().map(|(name, value)| {
            (
                format!("x-{}", name.to_lowercase()).into_bytes(),
                value.trim_matches([' ', '\t']).as_bytes().to_vec(),
            )
        });
        request.method.as_str() == self.method
            && request.target() == self.target
            && request.body == self.body
            && fields.map(|(name, value)| (name.to_vec(), value.to_vec())).eq(meant)
    }
}

fn meant() -> impl Strategy<Value = Meant> {
    let field = ("[A-Za-z0-9_-]{1,12}", "[ -~\\t\u{e9}]{0,24}");
    (
        "(GET|POST|PUT|DELETE|HEAD|PATCH|[A-Z]{1,9}X)",
        "/[a-zA-Z0-9%+:@!$&'()*,;=~._/-]{0,40}(\\?[a-z=&%+?/]{0,20})?",
        prop::collection::vec(field, 0..8),
        prop::collection::vec(any::<u8>(), 0..300),
        prop::option::of(prop::collection::vec(1..40usize, 1..5)),
    )
        .prop_map(|(method, target, fields, body, chunked)| Meant {
            method,
            target,
            fields,
            body,
            chunked,
        })
}

/// Cuts bytes after the given shares of what is left.
fn cut<'a>(mut bytes: &'a [u8], shares: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for share in shares {
        let (piece, rest) = bytes.split_at(share % (bytes.len() + 1));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_meant_is_read(
        meant in prop::collection::vec(meant(), 1..6),
        shares in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let bytes: Vec<u8> = meant.iter().flat_map(Meant::bytes).collect();
        let (mut connection, mut out) = (Connection::new(Limits::default()), Vec::new());
        for piece in cut(&bytes, &shares) {
            prop_assert_eq!(connection.feed(piece, &mut out), Ok(()));
        }
        prop_assert_eq!(out.len(), meant.len());
        for (meant, request) in meant.iter().zip(&out) {
            prop_assert!(meant.is(request), "{meant:?} was read as {request:?}");
        }
        prop_assert_eq!(connection.phase(), Phase::Idle);
    }

    /// Requests with bytes changed, added and dropped: any cut gives the same requests and the same refusal.
    #[test]
    fn cuts_change_nothing(
        meant in prop::collection::vec(meant(), 1..4),
        changes in prop::collection::vec(
            (any::<usize>(), prop::sample::select(&b"\r\n \t:;,0x\0\x7f\xffZ"[..]), 0..3u8),
            0..5,
        ),
        shares in prop::collection::vec(any::<usize>(), 0..20),
        head_bytes in prop_oneof![3 => Just(32_768usize), 1 => 60..400usize],
    ) {
        let mut bytes: Vec<u8> = meant.iter().flat_map(Meant::bytes).collect();
        for (at, byte, kind) in changes {
            let at = at % bytes.len();
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        let limits = Limits { head_bytes, headers: 6, body_bytes: 280, pipelined: 3 };
        let whole = outcome(&[&bytes], limits);
        prop_assert_eq!(&outcome(&cut(&bytes, &shares), limits), &whole);
        prop_assert_eq!(&outcome(&bytes.chunks(1).collect::<Vec<_>>(), limits), &whole);
    }

    #[test]
    fn no_bytes_upset_the_reader(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        tail in "[ -~\r\n]{0,200}",
    ) {
        let bytes = [bytes, tail.into_bytes()].concat();
        let whole = outcome(&[&bytes], Limits::default());
        prop_assert_eq!(outcome(&bytes.chunks(1).collect::<Vec<_>>(), Limits::default()), whole);
    }
}
