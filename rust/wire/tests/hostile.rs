//! What hostile, odd and ordinary bytes become (H38), whole, byte by byte and in pieces.

mod cuts;

use cuts::outcome;
use fastcond_wire::Limits;

/// A line of the table: what is sent and what comes of it.
struct Row {
    sent: Vec<u8>,
    outcome: &'static str,
}

fn row(sent: impl Into<Vec<u8>>, outcome: &'static str) -> Row {
    Row { sent: sent.into(), outcome }
}

fn check(rows: Vec<Row>) {
    for Row { sent, outcome: expected } in rows {
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(160)]).into_owned();
        assert_eq!(outcome(&[&sent], Limits::default()), expected, "whole: {shown:?}");
        for (cut, found) in outcomes_of_all_cuts(&sent, Limits::default()) {
            assert_eq!(found, expected, "{cut}: {shown:?}");
        }
    }
}

/// The same bytes one by one, and cut at places that differ from run to run of the loop but not of the test.
fn outcomes_of_all_cuts(bytes: &[u8], limits: Limits) -> Vec<(String, String)> {
    let single: Vec<_> = bytes.chunks(1).collect();
    let mut found = vec![("byte by byte".to_owned(), outcome(&single, limits))];
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    for round in 0..6 {
        let (mut rest, mut pieces) = (bytes, Vec::new());
        while !rest.is_empty() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let most = usize::try_from(seed >> 33).expect("31 bits") % (2 << (2 * round)) + 1;
            let (piece, others) = rest.split_at(most.min(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        found.push((format!("cuts {round}"), outcome(&pieces, limits)));
    }
    found
}

/// A head with a host and these further lines.
fn get(lines: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: h\r\n{lines}\r\n")
}

/// A head with a host and these further lines, then a body.
fn post(lines: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: h\r\n{lines}\r\n{body}")
}

fn chunks(body: &str) -> String {
    post("Transfer-Encoding: chunked\r\n", body)
}

fn line(request_line: &str) -> String {
    format!("{request_line}\r\nHost: h\r\n\r\n")
}

#[test]
fn request_lines() {
    check(vec![
        row(line("GET /a HTTP/1.1"), "GET /a 0, idle"),
        row(line("GET / HTTP/1.1"), "GET / 0, idle"),
        row(line("GET /a?b=c&d HTTP/1.1"), "GET /a?b=c&d 0, idle"),
        row(line("GET /a%20b+c HTTP/1.1"), "GET /a%20b+c 0, idle"),
        row(line("get /a HTTP/1.1"), "get /a 0, idle"),
        row(line("BREW /a HTTP/1.1"), "BREW /a 0, idle"),
        row(line("HEAD /a HTTP/1.1"), "HEAD /a 0, idle"),
        row(line("OPTIONS * HTTP/1.1"), "OPTIONS * 0, idle"),
        row(line("TRACE /a HTTP/1.1"), "TRACE /a 0, idle"),
        row(line("GET http://h/a?b HTTP/1.1"), "GET http://h/a?b 0, idle"),
        row(line("GET HTTPS://h:8080 HTTP/1.1"), "GET HTTPS://h:8080 0, idle"),
        row(line("GET http://[::1]:80/a HTTP/1.1"), "GET http://[::1]:80/a 0, idle"),
        row(line("GET /a|{b}\"<> HTTP/1.1"), "GET /a|{b}\"<> 0, idle"),
        row(line("GET //a/../%2e%2e/b HTTP/1.1"), "GET //a/../%2e%2e/b 0, idle"),
        row(line("GET http:///a HTTP/1.1"), "refused 400"),
        row(line("GET http://u@h/a HTTP/1.1"), "refused 400"),
        row(line("GET http://h\\a HTTP/1.1"), "refused 400"),
        row(line("GET ftp://h/a HTTP/1.1"), "refused 400"),
        row(line("GET a HTTP/1.1"), "refused 400"),
        row(line("GET * HTTP/1.1"), "refused 400"),
        row(line("GET h:80 HTTP/1.1"), "refused 400"),
        row(line("CONNECT h:80 HTTP/1.1"), "refused 501"),
        row(line("CONNECT /a HTTP/1.1"), "refused 501"),
        row(line("GET /a#b HTTP/1.1"), "refused 400"),
        row(line("GET /a\tb HTTP/1.1"), "refused 400"),
        row(line("GET /a\u{e9} HTTP/1.1"), "refused 400"),
        row(line("GET /a\0b HTTP/1.1"), "refused 400"),
        row(line("GET /a\x7fb HTTP/1.1"), "refused 400"),
        row(line("GET /a\rb HTTP/1.1"), "refused 400"),
        row(line("GET  /a HTTP/1.1"), "refused 400"),
        row(line("GET /a  HTTP/1.1"), "refused 400"),
        row(line("GET /a HTTP/1.1 "), "refused 400"),
        row(line("GET /a b HTTP/1.1"), "refused 400"),
        row(line("GET\t/a HTTP/1.1"), "refused 400"),
        row(line(" GET /a HTTP/1.1"), "refused 400"),
        row(line("G(T /a HTTP/1.1"), "refused 400"),
        row(line("GET\0 /a HTTP/1.1"), "refused 400"),
        row(line("GET /a"), "refused 400"),
        row(line("GET"), "refused 400"),
        row(line("/a HTTP/1.1"), "refused 400"),
        row(line("HTTP/1.1 200 OK"), "refused 400"),
        row(line(&format!("{} /a HTTP/1.1", "M".repeat(33))), "refused 501"),
    ]);
}

#[test]
fn versions() {
    check(vec![
        row("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 505"),
        row(line("GET /a HTTP/2.0"), "refused 505"),
        row(line("GET /a HTTP/1.2"), "refused 505"),
        row(line("GET /a HTTP/0.9"), "refused 505"),
        row(line("GET /a HTTP/9.9"), "refused 505"),
        row(line("GET /a HTTP/1.10"), "refused 400"),
        row(line("GET /a HTTP/1"), "refused 400"),
        row(line("GET /a HTTP/1,1"), "refused 400"),
        row(line("GET /a http/1.1"), "refused 400"),
        row(line("GET /a HTTPS/1.1"), "refused 400"),
        row(line("GET /a ICAP/1.0"), "refused 400"),
        row("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}", "refused 400"),
        row("\x16", "refused 400"),
        row("{\"a\": 1}", "refused 400"),
        row("GET /a HTTP/1.0\r\n\r\n", "GET /a 0, ended"),
        row("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET /a 0, idle"),
        row("POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "POST /a 1, ended"),
        row("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.0\r\nExpect: wonders\r\n\r\n", "GET /a 0, ended"),
    ]);
}

#[test]
fn line_ends() {
    check(vec![
        row("\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a 0, idle"),
        row("\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400"),
        row("\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400"),
        row("\r\rGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400"),
        row("\rGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400"),
        row("\r", "head"),
        row("\r\n", "idle"),
        row(" \r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.1\nHost: h\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.1\r\nHost: h\n\r\n", "refused 400"),
        row("GET /a HTTP/1.1\r\nHost: h\r\n\n", "refused 400"),
        row("GET /a HTTP/1.1\n\n", "refused 400"),
        row("GET /a HTTP/1.1\r\nHost: h\r\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.1\r\n\rHost: h\r\n\r\n", "refused 400"),
        row("GET /a HTTP/1.1\rHost: h\r\r", "head"),
        row("GET /a HTTP/1.1\r\nHost: h\r\n\r", "head"),
        row("GET /a HTTP/1.1\r\nHost: h\r\n", "head"),
        row("G", "head"),
        row("", "idle"),
    ]);
}

#[test]
fn fields() {
    check(vec![
        row(get("A: b\r\n"), "GET /a 0, idle"),
        row(get("A:b\r\nA:c\r\n"), "GET /a 0, idle"),
        row(get("A:\r\n"), "GET /a 0, idle"),
        row(get("A: \t \r\n"), "GET /a 0, idle"),
        row(get("A: b\tc \u{e9}\r\n"), "GET /a 0, idle"),
        row(get("!#$%&'*+-.^_`|~1: b\r\n"), "GET /a 0, idle"),
        row(get("A: b:c: d\r\n"), "GET /a 0, idle"),
        row(get("A : b\r\n"), "refused 400"),
        row(get("A\t: b\r\n"), "refused 400"),
        row(get(" A: b\r\n"), "refused 400"),
        row(get("A: b\r\n c\r\n"), "refused 400"),
        row(get("A: b\r\n\tc\r\n"), "refused 400"),
        row(get("A: b\r\n \r\n"), "refused 400"),
        row(get(": b\r\n"), "refused 400"),
        row(get("A\r\n"), "refused 400"),
        row(get("A b: c\r\n"), "refused 400"),
        row(get("A\0: b\r\n"), "refused 400"),
        row(get("\u{e9}: b\r\n"), "refused 400"),
        row(get("(A): b\r\n"), "refused 400"),
        row(get("A: b\0c\r\n"), "refused 400"),
        row(get("A: b\rc\r\n"), "refused 400"),
        row(get("A: b\x0bc\r\n"), "refused 400"),
        row(get("A: b\x1b[31m\r\n"), "refused 400"),
        row(get("A: b\x7f\r\n"), "refused 400"),
        row(get(&"A: b\r\n".repeat(99)), "GET /a 0, idle"),
        row(get(&"A: b\r\n".repeat(100)), "refused 431"),
        row(get(&"A: b\r\n".repeat(10_000)), "refused 431"),
        row(get(&format!("A: {}\r\n", "b".repeat(64 * 1_024))), "refused 431"),
        row(get(&format!("{}: b\r\n", "a".repeat(64 * 1_024))), "refused 431"),
        row(line(&format!("GET /{} HTTP/1.1", "a".repeat(8_191))), "long target 0, idle"),
        row(line(&format!("GET /{} HTTP/1.1", "a".repeat(8_192))), "refused 414"),
        row(line(&format!("GET /{} HTTP/1.1", "a".repeat(40_000))), "refused 414"),
        row(format!("GET /{}", "a".repeat(8_230)), "head"),
        row(format!("GET /{}", "a".repeat(8_231)), "refused 414"),
    ]);
}

#[test]
fn heads_at_their_limit() {
    let head = |bytes: usize| {
        let rest = get("A: \r\n").len();
        get(&format!("A: {}\r\n", "b".repeat(bytes - rest)))
    };
    check(vec![
        row(head(32 * 1_024), "GET /a 0, idle"),
        row(head(32 * 1_024 + 1), "refused 431"),
        row(&head(32 * 1_024).as_bytes()[..32 * 1_024 - 1], "head"),
    ]);
}

#[test]
fn hosts_and_expectations() {
    let with_host = |host: &str| format!("GET /a HTTP/1.1\r\n{host}\r\n");
    check(vec![
        row(with_host(""), "refused 400"),
        row(with_host("Host: h\r\nHost: h\r\n"), "refused 400"),
        row(with_host("Host: h\r\nHOST: i\r\n"), "refused 400"),
        row(with_host("Host: h, i\r\n"), "refused 400"),
        row(with_host("Host: h i\r\n"), "refused 400"),
        row(with_host("Host: u@h\r\n"), "refused 400"),
        row(with_host("Host: h/a\r\n"), "refused 400"),
        row(with_host("Host: h?a\r\n"), "refused 400"),
        row(with_host("Host:\r\n"), "GET /a 0, idle"),
        row(with_host("hOsT:h:8080\r\n"), "GET /a 0, idle"),
        row(with_host("Host: [::1]:8080\r\n"), "GET /a 0, idle"),
        row(with_host("X-Forwarded-Host: i\r\nHost: h\r\n"), "GET /a 0, idle"),
        row(post("Expect: 100-continue\r\nContent-Length: 1\r\n", "x"), "POST /a 1, idle"),
        row(post("Expect: 100-Continue\r\nContent-Length: 1\r\n", ""), "body"),
        row(post("Expect: 100-continue\r\n", ""), "POST /a 0, idle"),
        row(post("Expect: wonders\r\nContent-Length: 1\r\n", "x"), "refused 417"),
        row(post("Expect:\r\n", ""), "refused 417"),
    ]);
}

#[test]
fn content_lengths() {
    let length = |value: &str, body: &str| post(&format!("Content-Length: {value}\r\n"), body);
    check(vec![
        row(length("5", "hello"), "POST /a 5, idle"),
        row(length("5", "hell"), "body"),
        row(length("0", ""), "POST /a 0, idle"),
        row(length("005", "hello"), "POST /a 5, idle"),
        row(length("  5\t", "hello"), "POST /a 5, idle"),
        row(get("Content-Length: 2\r\n") + "{}", "GET /a 2, idle"),
        row(post("", ""), "POST /a 0, idle"),
        row(length("+5", "hello"), "refused 400"),
        row(length("-5", "hello"), "refused 400"),
        row(length("+10", "helloworld"), "refused 400"),
        row(length("0x10", "hello"), "refused 400"),
        row(length("5 5", "hello"), "refused 400"),
        row(length("5,5", "hello"), "refused 400"),
        row(length("5, 6", "hello"), "refused 400"),
        row(length("5.0", "hello"), "refused 400"),
        row(length("5e0", "hello"), "refused 400"),
        row(length("1_0", "hello"), "refused 400"),
        row(length("\u{665}", "hello"), "refused 400"),
        row(length("", "hello"), "refused 400"),
        row(length(" ", "hello"), "refused 400"),
        row(length("five", "hello"), "refused 400"),
        row(length("5;q=1", "hello"), "refused 400"),
        row(post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "refused 400"),
        row(post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), "refused 400"),
        row(post("Content-Length: 0\r\ncontent-length: 5\r\n", "hello"), "refused 400"),
        row(length("10551296", ""), "body"),
        row(length("10551297", ""), "refused 413"),
        row(length("18446744073709551615", ""), "refused 413"),
        row(length("18446744073709551617", "h"), "refused 413"),
        row(length("99999999999999999999999999", "h"), "refused 413"),
        row(post("Content_Length: 5\r\n", ""), "POST /a 0, idle"),
    ]);
}

#[test]
fn transfer_encodings() {
    let coding = |value: &str| post(&format!("Transfer-Encoding: {value}\r\n"), "1\r\nx\r\n0\r\n\r\n");
    let both = "1\r\nx\r\n0\r\n\r\n";
    check(vec![
        row(coding("chunked"), "POST /a 1, idle"),
        row(coding("CHUNKED"), "POST /a 1, idle"),
        row(coding(" chunked \t"), "POST /a 1, idle"),
        row(coding("chunked, chunked"), "refused 400"),
        row(coding("chunked,"), "refused 400"),
        row(coding(",chunked"), "refused 400"),
        row(coding(""), "refused 400"),
        row(coding(","), "refused 400"),
        row(coding("identity"), "refused 501"),
        row(coding("gzip, chunked"), "refused 501"),
        row(coding("chunked, gzip"), "refused 501"),
        row(coding("chunked, identity"), "refused 501"),
        row(coding("xchunked"), "refused 501"),
        row(coding("chunkedx"), "refused 501"),
        row(coding("chunked;q=1"), "refused 501"),
        row(coding("\"chunked\""), "refused 501"),
        row(coding("chun ked"), "refused 501"),
        row(coding("\x0bchunked"), "refused 400"),
        row(coding("chunked\0"), "refused 400"),
        row(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", both), "refused 400"),
        row(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", both), "refused 400"),
        row(post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", both), "refused 400"),
        row(post("Transfer-Encoding : chunked\r\n", both), "refused 400"),
        row(post("Transfer-Encoding:\r\n chunked\r\n", both), "refused 400"),
        row(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", both), "refused 400"),
        row(post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", both), "refused 400"),
        row(post("Transfer-Encoding: gzip\r\nContent-Length: 4\r\n", both), "refused 400"),
        row(post("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", both), "refused 400"),
        row(get("Transfer-Encoding: chunked\r\n") + both, "GET /a 1, idle"),
    ]);
}

#[test]
fn chunked_bodies() {
    let extension = |bytes: usize| chunks(&format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(bytes)));
    check(vec![
        row(chunks("0\r\n\r\n"), "POST /a 0, idle"),
        row(chunks("5\r\nhello\r\n0\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("5\r\nhello\r\nA\r\n, chunked!\r\n000\r\n\r\n"), "POST /a 15, idle"),
        row(chunks("a\r\n0123456789\r\n0\r\n\r\n"), "POST /a 10, idle"),
        row(chunks("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("5;\r\nhello\r\n0\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("0000000000000005\r\nhello\r\n0\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n"), "POST /a 5, idle"),
        row(chunks("5\r\nhello\r\n0\r\n"), "body"),
        row(chunks("5\r\nhello\r\n0\r\n\r"), "body"),
        row(chunks("5\r\nhel"), "body"),
        row(chunks("5\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5\r\nhello\n0\r\n\r\n"), "refused 400"),
        row(chunks("5\r\nhelloXX0\r\n\r\n"), "refused 400"),
        row(chunks("5\r\nhello\rX0\r\n\r\n"), "refused 400"),
        row(chunks("5\r\nhello!\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5\r\rhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5 \r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5 ;a\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks(" 5\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("+5\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("-5\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("0x5\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5_0\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("g\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks(";a\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5;a\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5;a\nb\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("5;a\0\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(extension(4_095), "POST /a 1, idle"),
        row(extension(4_097), "refused 400"),
        row(chunks(&format!("{}0\r\n\r\n", "1;eeee\r\nx\r\n".repeat(1_025))), "refused 400"),
        row(chunks("00000000000000005\r\nhello\r\n0\r\n\r\n"), "refused 400"),
        row(chunks("10000000000000000\r\nhello"), "refused 400"),
        row(chunks("ffffffffffffffff\r\nhello"), "refused 413"),
        row(chunks("a10001\r\n"), "refused 413"),
        row(chunks("a10000\r\n"), "body"),
        row(chunks("1\r\nx\r\na10000;e\r\n"), "refused 413"),
        row(chunks("0\r\nA: b\n\r\n"), "refused 400"),
        row(chunks("0\r\nA: b\r\n c\r\n\r\n"), "refused 400"),
        row(chunks("0\r\nA\r\n\r\n"), "refused 400"),
        row(chunks("0\r\n: b\r\n\r\n"), "refused 400"),
        row(chunks("0\r\nA : b\r\n\r\n"), "refused 400"),
        row(chunks("0\r\nA: \0\r\n\r\n"), "refused 400"),
        row(chunks("0\r\n\rX"), "refused 400"),
        row(chunks("0\r\n\n"), "refused 400"),
        row(chunks(&format!("0\r\nA: {}\r\n\r\n", "b".repeat(8_192))), "refused 431"),
        row(chunks(&format!("0\r\n{}\r\n", "A: b\r\n".repeat(1_400))), "refused 431"),
    ]);
}

#[test]
fn pipelining_and_smuggling() {
    let (first, second) = (post("Content-Length: 5\r\n", "hello"), get(""));
    let closing = get("Connection: close\r\n");
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    check(vec![
        row(first.repeat(2) + &second, "POST /a 5, POST /a 5, GET /a 0, idle"),
        row(chunks("1\r\nx\r\n0\r\n\r\n") + &second, "POST /a 1, GET /a 0, idle"),
        row(first.clone() + "\r\n" + &second, "POST /a 5, GET /a 0, idle"),
        row(first.clone() + "\r\n\r\n" + &second, "POST /a 5, refused 400"),
        row(first.clone() + "GET", "POST /a 5, head"),
        row(first.clone() + "x\r\n", "POST /a 5, refused 400"),
        row(first.clone() + "}" + &second, "POST /a 5, refused 400"),
        row(closing.clone() + &second, "GET /a 0, ended"),
        row(closing + "\0\0\0", "GET /a 0, ended"),
        row(get("Connection: keep-alive, CLOSE\r\n") + &second, "GET /a 0, ended"),
        row(get("Connection: x\r\nConnection: close\r\n") + &second, "GET /a 0, ended"),
        row(get("Connection: closed\r\n") + &second, "GET /a 0, GET /a 0, idle"),
        row(get("Connection: upgrade\r\nUpgrade: h2c\r\n") + &second, "GET /a 0, GET /a 0, idle"),
        row(post("Content-Length: 33\r\n", hidden) + &second, "POST /a 33, GET /a 0, idle"),
        row(post("", "") + hidden, "POST /a 0, GET /hidden 0, idle"),
        row(chunks(&format!("0\r\n\r\n{hidden}")), "POST /a 0, GET /hidden 0, idle"),
        row(chunks(&format!("5\r\nhello0\r\n\r\n{hidden}")), "refused 400"),
        row(first.clone() + &get("A : b\r\n") + &second, "POST /a 5, refused 400"),
        row(second.clone() + &line("GET /a HTTP/2.0") + &second, "GET /a 0, refused 505"),
        row(get("").repeat(70), "64 requests, idle"),
    ]);
}
