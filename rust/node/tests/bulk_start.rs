//! Many starts with one request: one answer per line, in order; what is wrong with a line stays on that line.

mod client;

use client::{answers, ask, call, define, define_task, machine, poll, shown, simple, taken};
use fastcond_node::calls::BULK_STARTS_MAX;
use fastcond_node::machine::{Machine, Options};
use fastcond_node::reply::Reply;
use fastcond_node::server::{Server, ServerOptions};
use fastcond_store::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll as wait};
use serde_json::Value;

/// How long an answer may take before the test fails.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

fn defined() -> Machine {
    let mut machine = machine();
    define_task(&mut machine, "t", "");
    define(&mut machine, "w", &simple("t", "t"));
    machine
}

fn bulk(machine: &mut Machine, body: &str) -> Reply {
    ask(machine, "bulk.start", &[], body)
}

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!((reply.status, reply.content_type), (200, Some("application/x-ndjson")));
    let text = std::str::from_utf8(&reply.body).expect("answers are text");
    assert!(text.ends_with('\n'), "every line ends, the last one too");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn every_line_starts_an_execution_and_the_answers_keep_their_order() {
    let mut machine = defined();
    let line = |n: u32| format!("{{\"name\":\"w\",\"input\":{{\"n\":{n}}}}}");
    let body = (0..100).map(line).collect::<Vec<_>>().join("\n");
    for (n, line) in lines(&bulk(&mut machine, &body)).iter().enumerate() {
        let id = line["workflowId"].as_str().expect("an id");
        assert_eq!(line.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(shown(&mut machine, id)["input"]["n"], n);
    }
    assert_eq!(poll(&mut machine, "t", 1_000).len(), 100);
}

#[test]
fn a_bad_line_gets_what_a_single_start_would_and_spoils_no_other() {
    let bad = [
        r#"{"name":"w","input":{}"#,
        r#"{"name":"nobody","input":{}}"#,
        r#"{"name":"w","input":null}"#,
        r#"{"input":{}}"#,
        r#"{"name":"w","input":{},"priority":100}"#,
        r#"{"name":"w","input":{},"version":"x"}"#,
        r#"{"name":"w","input":{},"workflowDef":{"name":"w","tasks":[{"name":"t","type":"SIMPLE"}]}}"#,
        "[]",
        "text",
    ];
    let good = r#"{"name":"w","input":{}}"#;
    let mut machine = defined();
    let body = bad.map(|line| format!("{line}\n{good}\n")).concat();
    let found = lines(&bulk(&mut machine, &body));
    assert_eq!(found.len(), 2 * bad.len());
    for (line, pair) in bad.iter().zip(found.chunks(2)) {
        let single = ask(&mut machine, "workflow.start", &[], line);
        assert!(single.status >= 400, "{line}");
        let expected: Value = serde_json::from_slice(&single.body).expect("JSON");
        assert_eq!(expected["status"], single.status, "{line}");
        assert_eq!(pair[0], serde_json::json!({ "error": expected }), "{line}");
        assert!(pair[1]["workflowId"].is_string(), "{line}");
    }
    assert_eq!(poll(&mut machine, "t", 1_000).len(), bad.len());
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let mut machine = defined();
    let body = b"{\"name\":\"w\",\"input\":{\"a\":\"\xff\"}}\n{\"name\":\"w\",\"input\":{}}";
    let verb = fastcond_node::calls::verb("bulk.start").expect("a verb");
    let nobody = fastcond_node::reply::ReplyTo::Ticket(1);
    machine.call(nobody, verb, &fastcond_node::calls::Params::default(), body);
    let found = lines(&answers(&mut machine).pop().expect("an answer").1);
    assert_eq!(found[0]["error"]["status"], 400);
    assert!(found[1]["workflowId"].is_string(), "a line end after the last line is not asked for");
}

#[test]
fn empty_lines_are_not_requests() {
    let mut machine = defined();
    let body = "\r\n\n{\"name\":\"w\",\"input\":{}}\r\n  \n\t\n{\"name\":\"w\",\"input\":{}}\n\n";
    assert_eq!(lines(&bulk(&mut machine, body)).len(), 2);
    for body in ["", "\n", " \r\n\n"] {
        assert_eq!(bulk(&mut machine, body).status, 400, "{body:?}");
    }
}

#[test]
fn a_request_has_at_most_so_many_lines_and_one_more_starts_nothing() {
    let mut machine = defined();
    let line = "{\"name\":\"w\",\"input\":{}}\n";
    let refused = bulk(&mut machine, &line.repeat(BULK_STARTS_MAX + 1));
    assert_eq!(refused.status, 400);
    assert!(String::from_utf8_lossy(&refused.body).contains("1000"), "the limit is named");
    assert_eq!(poll(&mut machine, "t", 1).len(), 0);
    assert_eq!(lines(&bulk(&mut machine, &line.repeat(BULK_STARTS_MAX))).len(), BULK_STARTS_MAX);
}

#[test]
fn polls_that_wait_get_their_fill_of_it() {
    let mut machine = defined();
    for (ticket, count) in [(1, "2"), (2, "3")] {
        let params = [("tasktype", "t"), ("count", count), ("timeout", "5000")];
        call(&mut machine, ticket, "tasks.poll_batch", &params, "");
    }
    call(&mut machine, 9, "bulk.start", &[], &"{\"name\":\"w\",\"input\":{}}\n".repeat(4));
    let mut found = answers(&mut machine);
    found.retain(|(ticket, _)| *ticket != 9);
    let found: Vec<_> = found.iter().map(|(ticket, reply)| (*ticket, taken(reply).len())).collect();
    assert_eq!(found, [(1, 2), (2, 2)]);
}

#[test]
fn an_overloaded_server_refuses_a_request_by_the_executions_it_would_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = ServerOptions {
        store: Settings::new(folder.path()),
        machine: Options::default(),
        script_command: None,
    };
    let mut server = Server::open(options).expect("a sound folder");
    let conn = server.front.connect();
    // Lines with nothing in them count as well: they are told apart only when their turn comes.
    let request = format!(
        "POST /api/workflow/bulk/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n\
         Content-Length: {}\r\n\r\n{}",
        BULK_STARTS_MAX - 1,
        "\n".repeat(BULK_STARTS_MAX - 1)
    );
    let cold = server.feed(conn, request.repeat(11).as_bytes());
    assert!(cold.is_empty(), "the route is hot");
    let mut received = String::new();
    while received.matches("HTTP/1.1 ").count() < 11 {
        let mut fds = [PollFd::new(&server, PollFlags::IN)];
        assert_eq!(wait(&mut fds, Some(&PATIENCE)).expect("it can be polled"), 1, "no answer");
        for write in server.drain().writes {
            received.push_str(std::str::from_utf8(&write.bytes).expect("answers are text"));
        }
    }
    // 8,192 may wait: nine times a thousand is the first that is past it.
    assert_eq!(received.matches("HTTP/1.1 400 ").count(), 9);
    assert_eq!(received.matches("HTTP/1.1 429 ").count(), 2);
    assert_eq!(received.matches("retry-after: 1\r\n").count(), 2);
}
