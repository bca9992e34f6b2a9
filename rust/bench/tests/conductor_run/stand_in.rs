//! A stand-in for a Conductor server that can be told to misbehave.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the stand-in does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
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
    /// Timers fire at once.
    Hasty,
    /// Nothing is answered for [`STALL`] once the first start has come.
    Stalling,
    /// Every other start, the first poll and the first result are refused; starts with Retry-After.
    Full,
}

/// How long a stalling stand-in stalls.
pub const STALL: Duration = Duration::from_millis(400);

#[derive(Default)]
struct Books {
    starts: usize,
    polls: usize,
    results: usize,
    /// By id: the number of results still wanted and the body of the start.
    executions: BTreeMap<String, (usize, Value)>,
    ready: VecDeque<Value>,
    tasks: usize,
    /// Workers' tasks of an execution.
    definition_tasks: usize,
    /// What stands before the first of them.
    timer: Option<Duration>,
    /// Executions behind their timer.
    waiting: Vec<(Instant, String)>,
}

pub struct StandIn {
    manners: Manners,
    books: Mutex<Books>,
    work: Condvar,
}

impl StandIn {
    /// Serves on threads that end with the test process.
    pub fn start(manners: Manners) -> String {
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
                let retry = if status == 429 { "Retry-After: 1\r\n" } else { "" };
                format!("HTTP/1.1 {status} X\r\n{retry}Content-Length: {}\r\n\r\n{answer}", answer.len())
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
                let tasks = body.as_array().unwrap().last().unwrap()["tasks"].as_array().unwrap();
                books.definition_tasks = tasks.iter().filter(|task| task["type"] != "WAIT").count();
                books.timer = tasks[0]["inputParameters"]["duration"]
                    .as_str()
                    .map(|text| Duration::from_secs(text.trim_end_matches(" seconds").parse().unwrap()));
                (200, String::new())
            }
            ("POST", "/workflow") => {
                books.starts += 1;
                if self.manners == Manners::Full && books.starts.is_multiple_of(2) {
                    return (429, json!({"status": 429, "message": "full"}).to_string());
                }
                if self.manners == Manners::Stalling && books.starts == 1 {
                    // With the books in hand: nobody else is answered meanwhile.
                    Self::stall(&books);
                }
                let id = format!("w{}", books.executions.len());
                let wanted = books.definition_tasks;
                books.executions.insert(id.clone(), (wanted, body.clone()));
                match books.timer.filter(|_| self.manners != Manners::Hasty) {
                    Some(timer) => books.waiting.push((Instant::now() + timer, id.clone())),
                    None => self.schedule(&mut books, &id),
                }
                (200, id)
            }
            ("POST", "/tasks" | "/tasks/update-v2") => self.update(books, path, body),
            ("GET", path) if path.starts_with("/tasks/poll") => {
                books.polls += 1;
                if self.manners == Manners::Full && books.polls == 1 {
                    return (503, "{}".to_owned());
                }
                self.fire(&mut books);
                let wait = Duration::from_millis(20);
                let task_type = path.rsplit('/').next().unwrap();
                let at = |books: &Books| books.ready.iter().position(|task| task["taskType"] == task_type);
                let (mut books, _) =
                    self.work.wait_timeout_while(books, wait, |books| at(books).is_none()).unwrap();
                let task = at(&books).and_then(|at| books.ready.remove(at));
                match (path.starts_with("/tasks/poll/batch"), task) {
                    (true, task) => {
                        assert!(line.contains("&timeout="), "{line}");
                        (200, Value::from_iter(task).to_string())
                    }
                    (false, Some(task)) => (200, task.to_string()),
                    (false, None) => (200, String::new()),
                }
            }
            ("GET", path) if path.ends_with("/status") => {
                let id = path.split('/').nth(2).unwrap();
                let wanted = if books.definition_tasks == 0 { 1 } else { books.executions[id].0 };
                let failed = self.manners == Manners::Failing && id == "w0";
                let status = ["COMPLETED", "FAILED", "RUNNING"][if failed { 1 } else { 2 * wanted.min(1) }];
                (200, json!({"workflowId": id, "status": status}).to_string())
            }
            other => panic!("the client should not call {other:?}"),
        }
    }

    /// Waits while the caller holds the books.
    fn stall(_books: &Books) {
        let never = Mutex::new(());
        let waiting = Condvar::new();
        let (_guard, ended) = waiting.wait_timeout_while(never.lock().unwrap(), STALL, |()| true).unwrap();
        assert!(ended.timed_out());
    }

    fn update(&self, mut books: MutexGuard<'_, Books>, path: &str, body: &Value) -> (u16, String) {
        books.results += 1;
        if self.manners == Manners::Full && books.results == 1 {
            return (503, "{}".to_owned());
        }
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

    /// Hands over what is behind a timer that is due.
    fn fire(&self, books: &mut Books) {
        let now = Instant::now();
        let (due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut books.waiting).into_iter().partition(|(at, _)| *at <= now);
        books.waiting = waiting;
        for (_, id) in due {
            self.schedule(books, &id);
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
        let start = &books.executions[id].1;
        let (number, name) = (&start["correlationId"], &start["name"]);
        let task = json!({
            "inputData": {"payload": "\"}"}, "taskId": format!("t{}", books.tasks),
            "workflowInstanceId": id, "correlationId": number, "taskType": name,
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
