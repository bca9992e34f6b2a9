//! What the client says and how it reads the answers: the calls of one run, prepared once.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::request;
use crate::load::config::RunConfig;

#[cfg(test)]
mod tests;

/// The right to run one task, as a poll gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub task_id: String,
    /// Its execution.
    pub workflow_id: String,
    /// The number this client gave the execution; `None` when the task is not of this run.
    pub execution: Option<usize>,
}

/// The requests of one run.
#[derive(Debug)]
pub struct Messages {
    host: String,
    start_path: String,
    start_after: Vec<u8>,
    /// By number of the task type, the same as that of the definition.
    names: Vec<String>,
    poll_path: String,
    poll_after: String,
    update_path: String,
    result_after: Vec<u8>,
}

impl Messages {
    /// Prepares the requests for executions of the definition `name`.
    pub fn new(config: &RunConfig, name: &str) -> Self {
        let payload = "p".repeat(config.payload_bytes);
        let start = json!({ "version": 1, "input": config.profile.input(name, &payload) });
        let result = json!({ "status": "COMPLETED", "outputData": { "payload": payload } });
        let (kind, poll_after) = match (config.batch, config.poll_timeout_ms) {
            (1, None) => ("poll", String::new()),
            // The single poll has no time limit of the caller's.
            (batch, _) => ("poll/batch", format!("&count={batch}&timeout={}", config.poll_limit_ms())),
        };
        let update = if config.profile.updates_with_next() { "/tasks/update-v2" } else { "/tasks" };
        Self {
            host: config.url.authority.clone(),
            start_path: config.url.path("/workflow"),
            start_after: tail(&start),
            names: (0..config.types).map(|number| config.type_name(name, number)).collect(),
            poll_path: config.url.path(&format!("/tasks/{kind}/")),
            poll_after,
            update_path: config.url.path(update),
            result_after: tail(&result),
        }
    }

    /// Appends the request that starts the execution of this number.
    pub fn start(&self, out: &mut Vec<u8>, execution: usize) {
        let number = execution.to_string();
        let name = &self.names[execution % self.names.len()];
        let body: [&[u8]; 5] = [
            b"{\"correlationId\":\"",
            number.as_bytes(),
            b"\",\"name\":\"",
            name.as_bytes(),
            &self.start_after,
        ];
        request::append(out, "POST", &self.start_path, &self.host, Some(&body));
    }

    /// Appends the request by which this worker asks for work of the type of this number.
    pub fn poll(&self, out: &mut Vec<u8>, worker: usize, task_type: usize) {
        let Self { poll_path, names, poll_after, .. } = self;
        let path = format!("{poll_path}{}?workerid=w{worker}{poll_after}", names[task_type]);
        request::append(out, "GET", &path, &self.host, None);
    }

    /// Appends what stands for a poll at the null server: a request whose body, as large as a result, it has to log.
    pub fn lease(&self, out: &mut Vec<u8>, worker: usize) {
        let path = format!("{}{}", self.poll_path, self.names[0]);
        let worker = worker.to_string();
        let body: [&[u8]; 3] = [b"{\"workerId\":\"w", worker.as_bytes(), &self.result_after];
        request::append(out, "POST", &path, &self.host, Some(&body));
    }

    /// Appends the request by which this worker reports a task as completed.
    pub fn update(&self, out: &mut Vec<u8>, lease: &Lease, worker: usize) {
        let worker = worker.to_string();
        let body: [&[u8]; 7] = [
            b"{\"workflowInstanceId\":\"",
            lease.workflow_id.as_bytes(),
            b"\",\"taskId\":\"",
            lease.task_id.as_bytes(),
            b"\",\"workerId\":\"w",
            worker.as_bytes(),
            &self.result_after,
        ];
        request::append(out, "POST", &self.update_path, &self.host, Some(&body));
    }
}

/// What follows a string value put in front of the fields of an object: its closing quote, then the fields.
fn tail(object: &Value) -> Vec<u8> {
    let mut text = object.to_string().into_bytes();
    text.splice(..1, *b"\",");
    text
}

/// The fields of a task that a worker needs; everything else is skipped without being built.
#[derive(Deserialize)]
struct Polled<'a> {
    #[serde(borrow, rename = "taskId")]
    task: Cow<'a, str>,
    #[serde(borrow, rename = "workflowInstanceId")]
    workflow: Cow<'a, str>,
    #[serde(rename = "correlationId")]
    number: Option<String>,
}

/// Reads the tasks of an answer: one task, a list of them, or nothing.
pub fn leases(body: &[u8]) -> Result<Vec<Lease>, serde_json::Error> {
    match body.first() {
        None => Ok(Vec::new()),
        Some(b'[') => Ok(serde_json::from_slice::<Vec<Polled<'_>>>(body)?.into_iter().map(lease).collect()),
        Some(_) => Ok(vec![lease(serde_json::from_slice(body)?)]),
    }
}

fn lease(polled: Polled<'_>) -> Lease {
    Lease {
        task_id: polled.task.into_owned(),
        workflow_id: polled.workflow.into_owned(),
        execution: polled.number.and_then(|number| number.parse().ok()),
    }
}
