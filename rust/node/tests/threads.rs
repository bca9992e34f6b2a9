//! The server with its threads and a real folder: answers after durability, a close that flushes, one owner (G1, G9).

use fastcond_node::calls::verb;
use fastcond_node::machine::Options;
use fastcond_node::reply::Reply;
use fastcond_node::server::{Server, ServerOptions};
use fastcond_store::{OpenError, Settings};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Names the folder for the process that may not write large files.
const CRAMPED_FOLDER: &str = "FASTCOND_NODE_TEST_FOLDER";

/// How long an answer may take before the test fails.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// A server and the answers that came so far.
struct Client {
    server: Server,
    answers: BTreeMap<u64, Reply>,
}

fn open(folder: &Path) -> Result<Server, OpenError> {
    let store = Settings { segment_bytes: 4 << 20, ..Settings::new(folder) };
    Server::open(ServerOptions {
        store,
        machine: Options { cached_max: 100, ..Options::default() },
        script_command: None,
    })
}

impl Client {
    fn new(folder: &Path) -> Self {
        Self { server: open(folder).expect("a sound folder"), answers: BTreeMap::new() }
    }

    fn submit(&mut self, name: &str, params: &[(&str, &str)], body: &str) -> u64 {
        let params = params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.server.submit(verb(name).expect("a verb"), params, body.as_bytes().to_vec())
    }

    /// Waits until something was answered, and takes it.
    fn take_some(&mut self) {
        let mut fds = [PollFd::new(&self.server, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&PATIENCE)).expect("a descriptor can be polled");
        assert_eq!(ready, 1, "nothing is answered any more");
        self.answers.extend(self.server.drain().answers);
    }

    fn answer(&mut self, ticket: u64) -> Reply {
        loop {
            if let Some(reply) = self.answers.remove(&ticket) {
                return reply;
            }
            self.take_some();
        }
    }

    fn ask(&mut self, name: &str, params: &[(&str, &str)], body: &str) -> Reply {
        let ticket = self.submit(name, params, body);
        self.answer(ticket)
    }

    fn done(&mut self, name: &str, params: &[(&str, &str)], body: &str) -> String {
        let reply = self.ask(name, params, body);
        let text = String::from_utf8(reply.body).expect("answers are text");
        assert!(reply.status < 300, "{name}: {} {text}", reply.status);
        text
    }

    fn json(&mut self, name: &str, params: &[(&str, &str)], body: &str) -> Value {
        serde_json::from_str(&self.done(name, params, body)).expect("JSON")
    }

    /// A workflow `w` of one task `t`.
    fn define(&mut self) {
        self.done("taskdefs.create", &[], r#"[{"name":"t","ownerEmail":"t@example.com","retryCount":0}]"#);
        let step = r#"{"name":"t","taskReferenceName":"t","type":"SIMPLE"}"#;
        let def = format!(
            r#"[{{"name":"w","version":1,"schemaVersion":2,"ownerEmail":"t@example.com","tasks":[{step}]}}]"#
        );
        self.done("workflowdefs.update", &[], &def);
    }

    fn poll(&mut self, count: usize, timeout: &str) -> Vec<(String, String)> {
        let params =
            [("tasktype", "t"), ("count", &*count.to_string()), ("timeout", timeout), ("workerid", "w")];
        let list = self.json("tasks.poll_batch", &params, "");
        let text = |task: &Value, name: &str| task[name].as_str().expect("an id").to_owned();
        let list = list.as_array().expect("a list");
        list.iter().map(|task| (text(task, "workflowInstanceId"), text(task, "taskId"))).collect()
    }

    fn found(&mut self, query: &str) -> u64 {
        self.json("workflow.search", &[("query", query)], "")["totalHits"].as_u64().expect("a count")
    }
}

fn completion((workflow, task): &(String, String)) -> String {
    format!(r#"{{"workflowInstanceId":"{workflow}","taskId":"{task}","status":"COMPLETED"}}"#)
}

#[test]
fn a_hundred_thousand_calls_are_answered_once_each() {
    const CALLS: usize = 100_000;
    const UNDER_WAY_MAX: usize = 4_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::new(folder.path());
    client.define();
    let (mut submitted, mut answered) = (BTreeSet::new(), 0);
    let mut wanted = BTreeMap::new();
    for n in 0..CALLS {
        let (name, status) = match n % 10 {
            0 => ("workflow.start", 200),
            1 => ("tasks.poll_batch", 200),
            2 => ("workflow.get", 404),
            3 => ("queue.size", 200),
            _ => ("tasks.log_get", 204),
        };
        let params = [
            ("tasktype", "t"),
            ("taskType", "t"),
            ("timeout", "0"),
            ("count", "1"),
            ("taskId", "x"),
            ("workflowId", "x"),
        ];
        let ticket = client.submit(name, &params, r#"{"name":"w"}"#);
        assert!(submitted.insert(ticket), "tickets are new");
        wanted.insert(ticket, status);
        while submitted.len() - answered > UNDER_WAY_MAX {
            client.take_some();
            answered = check_answers(&mut client, &mut wanted, answered);
        }
    }
    while !wanted.is_empty() {
        client.take_some();
        answered = check_answers(&mut client, &mut wanted, answered);
    }
    assert_eq!(answered, CALLS);
    assert_eq!(client.found("workflowType=w"), (CALLS / 10) as u64);
    assert_eq!(client.server.describe(), ("D3", None));
}

fn check_answers(client: &mut Client, wanted: &mut BTreeMap<u64, u16>, answered: usize) -> usize {
    let answers = std::mem::take(&mut client.answers);
    let count = answers.len();
    for (ticket, reply) in answers {
        let status = wanted.remove(&ticket).expect("each ticket is answered once");
        assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.body));
    }
    answered + count
}

#[test]
fn what_was_answered_is_there_after_a_close() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut ids: Vec<String> = Vec::new();
    let mut done: BTreeSet<String> = BTreeSet::new();
    for life in 0..4 {
        let mut client = Client::new(folder.path());
        if life == 0 {
            client.define();
        }
        for id in &ids {
            let workflow = client.json("workflow.get", &[("workflowId", id)], "");
            let status = if done.contains(id) { "COMPLETED" } else { "RUNNING" };
            assert_eq!(workflow["status"], status, "life {life}");
        }
        assert_eq!(client.found("status=COMPLETED"), done.len() as u64, "life {life}");
        for _ in 0..300 {
            ids.push(client.done("workflow.start", &[], r#"{"name":"w"}"#));
        }
        let tasks = client.poll(200, "0");
        assert_eq!(tasks.len(), 200, "life {life}: queues are back");
        for task in &tasks {
            client.done("tasks.update", &[], &completion(task));
            done.insert(task.0.clone());
        }
        // Closing flushes, whether it is said or not.
        if life % 2 == 0 {
            client.server.close();
        }
    }
}

#[test]
fn what_was_under_way_at_a_close_is_whole_or_absent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::new(folder.path());
    client.define();
    let tickets: Vec<u64> =
        (0..5_000).map(|_| client.submit("workflow.start", &[], r#"{"name":"w"}"#)).collect();
    client.server.close();
    client.answers.extend(client.server.drain().answers);
    let ids: Vec<String> = tickets
        .iter()
        .filter_map(|ticket| client.answers.get(ticket))
        .map(|reply| String::from_utf8(reply.body.clone()).expect("an id"))
        .collect();
    assert_eq!(ids.len(), 5_000, "what arrived before the close is carried out");
    drop(client);
    let mut client = Client::new(folder.path());
    assert_eq!(client.found("status=RUNNING"), 5_000);
    let mut found = BTreeSet::new();
    while found.len() < 5_000 {
        let tasks = client.poll(1_000, "0");
        assert!(!tasks.is_empty(), "{} tasks of 5000 are queued", found.len());
        found.extend(tasks.into_iter().map(|(workflow, _)| workflow));
    }
    assert_eq!(found, ids.into_iter().collect());
}

#[test]
fn one_server_owns_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut first = Client::new(folder.path());
    first.define();
    let refused = open(folder.path()).expect_err("the folder is taken");
    assert!(matches!(refused, OpenError::Locked { .. }), "{refused}");
    assert_eq!(first.done("workflow.start", &[], r#"{"name":"w"}"#).len(), 36, "the owner goes on");
    drop(first);
    open(folder.path()).expect("the folder is free");
}

#[test]
fn a_search_sees_what_was_written_before_it() {
    // rest-api 10: also while the archive is busy with earlier batches, and without waiting for the write's answer.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::new(folder.path());
    client.define();
    for n in 0..60 {
        for _ in 0..40 {
            client.submit("workflow.start", &[], r#"{"name":"w","correlationId":"other"}"#);
        }
        let body = format!(r#"{{"name":"w","correlationId":"c{n}"}}"#);
        let start = client.submit("workflow.start", &[], &body);
        let query = format!("correlationId=c{n}");
        let search = client.submit("workflow.search", &[("query", &query)], "");
        let found: Value = serde_json::from_slice(&client.answer(search).body).expect("JSON");
        assert_eq!(found["totalHits"], 1, "{query}");
        let id = String::from_utf8(client.answer(start).body).expect("an id");
        assert_eq!(found["results"][0]["workflowId"], *id);
        client.done("workflow.terminate", &[("workflowId", &id)], "");
        assert_eq!(client.found(&format!("correlationId=c{n} AND status=TERMINATED")), 1);
        client.done("workflow.remove", &[("workflowId", &id)], "");
        assert_eq!(client.found(&query), 0, "{query} was removed");
    }
    assert_eq!(client.found("correlationId=other"), 60 * 40);
}

#[test]
fn a_parked_poll_is_woken_by_a_timer_on_the_wall_clock() {
    // G6: never early.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::new(folder.path());
    client.define();
    let steps = r#"{"name":"p","taskReferenceName":"p","type":"WAIT","inputParameters":{"duration":"1 second"}},{"name":"t","taskReferenceName":"t","type":"SIMPLE"}"#;
    let def = format!(
        r#"{{"name":"v","version":1,"schemaVersion":2,"ownerEmail":"t@example.com","tasks":[{steps}]}}"#
    );
    let began = Instant::now();
    client.done("workflow.start", &[], &format!(r#"{{"name":"v","workflowDef":{def}}}"#));
    assert_eq!(client.poll(1, "5000").len(), 1);
    let took_ms = began.elapsed().as_millis();
    assert!((1_000..5_000).contains(&took_ms), "{took_ms} ms");
}

#[test]
fn a_draining_server_lets_its_polls_go() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut client = Client::new(folder.path());
    let params = [("tasktype", "t"), ("timeout", "5000")];
    let tickets: Vec<u64> = (0..50).map(|_| client.submit("tasks.poll_batch", &params, "")).collect();
    client.server.drain_polls();
    for ticket in tickets {
        assert_eq!(client.answer(ticket).body, b"[]");
    }
    let later = client.submit("tasks.poll_batch", &params, "");
    assert_eq!(client.answer(later).body, b"[]", "nobody is kept waiting any more");
}

#[test]
fn a_journal_that_cannot_grow_stops_acknowledging() {
    // G9: in a process of its own that may not write files beyond a few megabytes.
    if let Some(folder) = std::env::var_os(CRAMPED_FOLDER) {
        return write_too_much(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 9000; exec "$0" --exact a_journal_that_cannot_grow_stops_acknowledging"#])
        .arg(std::env::current_exe().expect("the test has a path"))
        .env(CRAMPED_FOLDER, folder.path())
        .status()
        .expect("a shell runs");
    assert!(status.success(), "see above");
    // Everything that was acknowledged is there, and the folder takes writes again.
    let mut client = Client::new(folder.path());
    assert_eq!(client.found("correlationId=kept"), 20);
    assert_eq!(client.found("correlationId=lost"), 0);
    assert_eq!(client.done("workflow.start", &[], r#"{"name":"w"}"#).len(), 36);
    assert_eq!(client.server.describe(), ("D3", None));
}

fn write_too_much(folder: &Path) {
    let mut client = Client::new(folder);
    client.define();
    for _ in 0..20 {
        client.done("workflow.start", &[], r#"{"name":"w","correlationId":"kept"}"#);
    }
    // A record that fits no segment gets one of its own size, which is more than the process may write.
    let large = "x".repeat(9_800_000);
    let body = format!(r#"{{"name":"w","correlationId":"lost","input":{{"large":"{large}"}}}}"#);
    assert_eq!(client.ask("workflow.start", &[], &body).status, 503);
    for (name, body) in [("workflow.start", r#"{"name":"w","correlationId":"lost"}"#), ("queue.all", "")] {
        let reply = client.ask(name, &[], body);
        assert_eq!(reply.status, 503, "{name}: {}", String::from_utf8_lossy(&reply.body));
    }
    let (_, fault) = client.server.describe();
    assert!(fault.is_some(), "health says why");
    client.server.close();
}
