//! Runs against a stand-in for a Conductor server that can be told to misbehave: the client must notice.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_fastcond-bench");

/// What the stand-in does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    Good,
    /// Every answer is chunked, and the connection closes after it.
    Closing,
    /// The first task is handed out twice.
    Doubling,
    /// The first execution ends as FAILED.
    Failing,
    /// Results are refused.
    Refusing,
    /// The first task is never handed out.
    Losing,
}

#[derive(Default)]
struct Books {
    /// By id: the number of results still wanted and the body of the start.
    executions: BTreeMap<String, (usize, Value)>,
    ready: VecDeque<Value>,
    tasks: usize,
    definition_tasks: usize,
}

struct StandIn {
    manners: Manners,
    books: Mutex<Books>,
    work: Condvar,
}

impl StandIn {
    /// Serves on threads that end with the test process.
    fn start(manners: Manners) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        let server = Arc::new(Self { manners, books: Mutex::default(), work: Condvar::new() });
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                std::thread::spawn(move || server.converse(&mut stream.unwrap()));
            }
        });
        url
    }

    fn converse(&self, stream: &mut TcpStream) {
        let mut bytes = Vec::new();
        while let Some((line, body)) = receive(stream, &mut bytes) {
            let words: Vec<&str> = line.split(['?', '&', ' ']).collect();
            let (status, answer) = self.answer(words[0], words[1].trim_start_matches("/api"), &line, &body);
            let closing = self.manners == Manners::Closing;
            let framed = if closing {
                format!(
                    "HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{}0\r\n\r\n",
                    if answer.is_empty() {
                        String::new()
                    } else {
                        format!("{:x}\r\n{answer}\r\n", answer.len())
                    }
                )
            } else {
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())
            };
            if stream.write_all(framed.as_bytes()).is_err() || closing {
                return;
            }
        }
    }

    fn answer(&self, method: &str, path: &str, line: &str, body: &Value) -> (u16, String) {
        let mut books = self.books.lock().unwrap();
        match (method, path) {
            ("POST", "/metadata/taskdefs") => (200, String::new()),
            ("PUT", "/metadata/workflow") => {
                books.definition_tasks = body[0]["tasks"].as_array().unwrap().len();
                (200, String::new())
            }
            ("POST", "/workflow") => {
                let id = format!("w{}", books.executions.len());
                let wanted = books.definition_tasks;
                books.executions.insert(id.clone(), (wanted, body.clone()));
                self.schedule(&mut books, &id);
                (200, id)
            }
            ("POST", "/tasks" | "/tasks/update-v2") => self.update(books, path, body),
            ("GET", path) if path.starts_with("/tasks/poll") => {
                let wait = Duration::from_millis(20);
                let (mut books, _) =
                    self.work.wait_timeout_while(books, wait, |b| b.ready.is_empty()).unwrap();
                let task = books.ready.pop_front();
                match (path.starts_with("/tasks/poll/batch"), task) {
                    (true, task) => {
                        assert!(line.contains("&count=10&timeout=100"), "{line}");
                        (200, Value::from_iter(task).to_string())
                    }
                    (false, Some(task)) => (200, task.to_string()),
                    (false, None) => (200, String::new()),
                }
            }
            ("GET", path) if path.ends_with("/status") => {
                let id = path.split('/').nth(2).unwrap();
                let (wanted, _) = books.executions[id];
                let failed = self.manners == Manners::Failing && id == "w0";
                let status = ["COMPLETED", "FAILED", "RUNNING"][if failed { 1 } else { 2 * wanted.min(1) }];
                (200, json!({"workflowId": id, "status": status}).to_string())
            }
            other => panic!("the client should not call {other:?}"),
        }
    }

    fn update(&self, mut books: std::sync::MutexGuard<'_, Books>, path: &str, body: &Value) -> (u16, String) {
        if self.manners == Manners::Refusing {
            return (500, json!({"status": 500, "message": "no"}).to_string());
        }
        assert_eq!(body["status"], "COMPLETED");
        assert!(body["workerId"].as_str().unwrap().starts_with('w'));
        let id = body["workflowInstanceId"].as_str().unwrap();
        let execution = books.executions.get_mut(id).unwrap();
        execution.0 -= 1;
        if execution.0 > 0 {
            self.schedule(&mut books, id);
        }
        match path {
            "/tasks" => (200, body["taskId"].as_str().unwrap().to_owned()),
            _ => (200, books.ready.pop_front().map(|task| task.to_string()).unwrap_or_default()),
        }
    }

    fn schedule(&self, books: &mut Books, id: &str) {
        books.tasks += 1;
        let first = books.tasks == 1;
        let copies = match self.manners {
            Manners::Doubling if first => 2,
            Manners::Losing if first => 0,
            _ => 1,
        };
        let number = &books.executions[id].1["correlationId"];
        let task = json!({
            "inputData": {"payload": "\"}"}, "taskId": format!("t{}", books.tasks),
            "workflowInstanceId": id, "correlationId": number,
        });
        books.ready.extend(std::iter::repeat_n(task, copies));
        self.work.notify_all();
    }
}

/// Reads one request: its first line and its body.
fn receive(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, Value)> {
    loop {
        if let Some(request) = fastcond_bench::http::request::parse(bytes).unwrap() {
            let line = String::from_utf8_lossy(bytes).lines().next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body).unwrap_or_default();
            let consumed = request.consumed;
            bytes.drain(..consumed);
            return Some((line, body));
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

fn run(manners: Manners, options: &str) -> (Output, Option<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let output = Command::new(PROGRAM)
        .args([
            "run",
            "--url",
            &StandIn::start(manners),
            "--workers",
            "4",
            "--starters",
            "2",
            "--seconds",
            "30",
        ])
        .args(options.split(' '))
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    (output, std::fs::read(json).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap()))
}

#[test]
fn every_execution_is_started_worked_and_asked_for() {
    let (output, report) = run(Manners::Good, "--profile exec --executions 100");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!(report["executions"]["count"], 100);
    assert_eq!(report["conservation"]["outcomes"], json!({"COMPLETED": 100}));
    assert_eq!(report["latency_us"]["start_to_completed"]["count"], 100);
    assert_eq!(report["client"]["reconnects"], 0);
    assert_eq!(report["server"], Value::Null);
}

#[test]
fn a_chain_is_worked_with_the_next_task_of_each_update() {
    let (output, report) = run(Manners::Good, "--profile chain:5 --executions 20");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert_eq!((&report["executions"]["count"], &report["tasks"]["count"]), (&json!(20), &json!(100)));
    // Fewer polls than tasks: the updates brought the rest.
    assert!(report["latency_us"]["poll"]["count"].as_u64().unwrap() < 100);
}

#[test]
fn a_closing_server_is_connected_to_again() {
    let (output, report) = run(Manners::Closing, "--profile exec --executions 20 --sample 7");
    assert!(output.status.success(), "{output:?}");
    let report = report.unwrap();
    assert!(report["client"]["reconnects"].as_u64().unwrap() > 20);
    assert_eq!(report["conservation"]["asked"], 7);
}

#[test]
fn misbehaviour_is_named_and_fails_the_run() {
    for (manners, want) in [
        (Manners::Doubling, "1 tasks were handed out twice"),
        (Manners::Failing, "1 executions ended as FAILED, not COMPLETED"),
        (Manners::Losing, "1 of 10 executions did not finish"),
    ] {
        let (output, report) =
            run(manners, "--profile exec --executions 10 --inflight 20 --seconds 0.5 --drain-seconds 0.5");
        assert_eq!(output.status.code(), Some(1), "{manners:?}: {output:?}");
        let violations = report.unwrap()["conservation"]["violations"].to_string();
        assert!(violations.contains(want), "{manners:?}: {violations}");
    }
}

#[test]
fn a_refusal_ends_the_run_with_its_text() {
    let (output, report) = run(Manners::Refusing, "--profile exec --executions 10");
    assert_eq!((output.status.code(), report), (Some(2), None));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("update was answered 500") && text.contains("\"message\":\"no\""), "{text}");
}
