//! Runs executions through a whole server, from HTTP bytes to HTTP bytes but without sockets, to count what a request costs.
//!
//! `valgrind --tool=callgrind --separate-threads=yes target/release/examples/request_path 320` counts the instructions
//! of every thread; without valgrind it prints the time. One execution is what the benchmarks call exec: start, poll and
//! update of a one-task workflow with payloads of 1 KB. The threads are those of the product: this one parses and
//! routes in place of the event loop, and is the client too; the others decide, make durable and archive.
//!
//! Requests come in pipelines of a fixed length, and the archive is made to write after a fixed number of them, so that
//! what is done together does not depend on how fast the threads happen to run.

use fastcond_node::calls::{Params, verb};
use fastcond_node::machine::Options;
use fastcond_node::server::{Server, ServerOptions};
use fastcond_store::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fmt::Write;
use std::time::Instant;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PAYLOAD_BYTES: usize = 1_024;
/// Requests that arrive in one read, and share one group of the journal.
const PIPELINE: usize = 16;
/// Pipelines of executions between two batches for the archive: well within the second after which it writes anyway.
const PIPELINES_PER_BATCH: usize = 2;
/// How long an answer may take; valgrind runs one thread at a time.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

struct Client {
    server: Server,
    conn: u64,
    received: Vec<u8>,
}

impl Client {
    /// Sends a pipeline in one piece and gives the bodies of its answers.
    fn exchange(&mut self, requests: &str, count: usize) -> Vec<String> {
        let cold = self.server.feed(self.conn, requests.as_bytes());
        assert!(cold.is_empty(), "every request is hot");
        let mut bodies = Vec::with_capacity(count);
        let (mut from, mut received) = (0, std::mem::take(&mut self.received));
        while bodies.len() < count {
            let Some((body, end)) = answer(&received[from..]) else {
                self.wait();
                for out in self.server.drain().writes {
                    assert!(!out.close, "nothing was refused: {}", String::from_utf8_lossy(&out.bytes));
                    received.extend_from_slice(&out.bytes);
                }
                continue;
            };
            bodies.push(body);
            from += end;
        }
        received.clear();
        self.received = received;
        bodies
    }

    /// Makes a cold call and waits for its answer.
    fn call(&mut self, name: &str, params: Params, body: &str) {
        let ticket = self.server.submit(verb(name).expect("the verb exists"), params, body.into());
        loop {
            self.wait();
            for (answered, reply) in self.server.drain().answers {
                assert!(reply.status < 300, "{name}: {}", String::from_utf8_lossy(&reply.body));
                if answered == ticket {
                    return;
                }
            }
        }
    }

    fn wait(&self) {
        let mut descriptors = [PollFd::new(&self.server, PollFlags::IN)];
        let ready = poll(&mut descriptors, Some(&PATIENCE)).expect("a descriptor can be polled");
        assert_eq!(ready, 1, "nothing is answered any more");
    }
}

/// The body of the first whole answer in `bytes`, and where it ends.
fn answer(bytes: &[u8]) -> Option<(String, usize)> {
    let head_bytes = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_bytes]).expect("a head is text");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
    let end = head_bytes + length.and_then(|digits| digits.parse::<usize>().ok()).expect("a length");
    let body = bytes.get(head_bytes..end)?;
    Some((String::from_utf8(body.to_vec()).expect("a body is text"), end))
}

fn post(out: &mut String, path: &str, body: &str) {
    let length = body.len();
    let _ = write!(
        out,
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
}

fn field<'a>(task: &'a str, name: &str) -> std::borrow::Cow<'a, str> {
    fastcond_json::get(task, name).and_then(fastcond_json::as_str).expect("a task has its ids")
}

fn completion(task: &str, payload: &str) -> String {
    let (workflow, id) = (field(task, "workflowInstanceId"), field(task, "taskId"));
    format!(
        r#"{{"workflowInstanceId":"{workflow}","taskId":"{id}","workerId":"worker-1","status":"COMPLETED","outputData":{{"payload":"{payload}"}}}}"#
    )
}

fn define(client: &mut Client) {
    let task = r#"[{"name":"bench","retryCount":0,"timeoutSeconds":0,"responseTimeoutSeconds":3600,"ownerEmail":"bench@example.com"}]"#;
    client.call("taskdefs.create", Params::default(), task);
    let workflow = concat!(
        r#"{"name":"bench","version":1,"schemaVersion":2,"ownerEmail":"bench@example.com","timeoutPolicy":"ALERT_ONLY","#,
        r#""timeoutSeconds":0,"tasks":[{"name":"bench","taskReferenceName":"t1","type":"SIMPLE","#,
        r#""inputParameters":{"payload":"${workflow.input.payload}"}}]}"#
    );
    client.call("workflowdefs.create", Params::default(), workflow);
}

fn main() {
    let wanted = std::env::args().nth(1).map_or(320, |text| text.parse::<usize>().expect("a number"));
    let per_batch = PIPELINE * PIPELINES_PER_BATCH;
    let batches = wanted.div_ceil(per_batch);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let options = ServerOptions {
        store: Settings::new(folder.path()),
        machine: Options::default(),
        script_command: None,
    };
    let mut server = Server::open(options).expect("an empty folder opens");
    let conn = server.front.connect();
    let mut client = Client { server, conn, received: Vec::new() };
    define(&mut client);
    let payload = "x".repeat(PAYLOAD_BYTES);
    let (mut starts, mut polls) = (String::new(), String::new());
    for _ in 0..PIPELINE {
        let body = format!(r#"{{"name":"bench","version":1,"input":{{"payload":"{payload}"}}}}"#);
        post(&mut starts, "/api/workflow", &body);
        polls.push_str("GET /api/tasks/poll/bench?workerid=worker-1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    }
    let none_of_them: Params = [("query", "workflowType = nothing")].into_iter().collect();
    let began = Instant::now();
    for _ in 0..batches {
        for _ in 0..PIPELINES_PER_BATCH {
            client.exchange(&starts, PIPELINE);
            let tasks = client.exchange(&polls, PIPELINE);
            let mut updates = String::new();
            for task in &tasks {
                post(&mut updates, "/api/tasks", &completion(task, &payload));
            }
            client.exchange(&updates, PIPELINE);
        }
        // A search waits for the archive, which therefore writes now.
        client.call("workflow.search", none_of_them.clone(), "");
    }
    let executions = batches * per_batch;
    let each = began.elapsed() / u32::try_from(executions).expect("a small number");
    client.server.close();
    println!("{executions} executions: {each:?} each");
}
