//! Fifty parcels through a server with the published crate; every result is checked.
//!
//! `cargo run -- http://127.0.0.1:8080/api` prints what was counted and ends with 0, or prints what is wrong and
//! ends with 1.

mod definitions;

use conductor::client::{ConductorClient, MetadataClient, TaskClient, WorkflowClient};
use conductor::configuration::Configuration;
use conductor::error::Result;
use conductor::models::{StartWorkflowRequest, Task, TaskResult, TaskResultStatus, Workflow, WorkflowStatus};
use conductor::worker::{FnWorker, TaskHandler, WorkerOutput};
use definitions::{PACK, SHIP};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

const DOMAIN: &str = "upstairs";
const END_MAX: Duration = Duration::from_secs(60);

struct Run {
    workflows: WorkflowClient,
    tasks: TaskClient,
    metadata: MetadataClient,
    counts: BTreeMap<String, i64>,
    complaints: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080/api".into());
    let config = Configuration::new(&url);
    let client = ConductorClient::new(config.clone())?;
    let mut run = Run {
        workflows: client.workflow_client(),
        tasks: client.task_client(),
        metadata: client.metadata_client(),
        counts: BTreeMap::new(),
        complaints: Vec::new(),
    };
    run.register().await?;
    let mut handler = TaskHandler::new(config)?;
    handler.add_worker(FnWorker::new(PACK, pack).with_thread_count(5));
    handler.add_worker(FnWorker::new(SHIP, ship).with_thread_count(5));
    handler.start().await?;
    run.chains().await?;
    run.forks().await?;
    run.signatures().await?;
    run.found().await?;
    handler.stop().await?;
    let mut counted = json!({"sdk": "conductor-sdk", "version": "0.2.0"});
    for (what, count) in &run.counts {
        counted[what] = json!(count);
    }
    println!("{counted}");
    for complaint in &run.complaints {
        eprintln!("{complaint}");
    }
    std::process::exit(i32::from(!run.complaints.is_empty()));
}

/// Packs a parcel; in a bad mood the first attempt fails, for now (stumble) or for good (break).
async fn pack(task: Task) -> Result<WorkerOutput> {
    let number = task.input_data["n"].clone();
    let mood = task.input_data.get("mood").and_then(Value::as_str).unwrap_or_default();
    Ok(match (task.retry_count, mood) {
        (0, "break") => WorkerOutput::FailedWithTerminalError(format!("parcel {number} broke")),
        (0, "stumble") => WorkerOutput::Failed(format!("parcel {number} slipped")),
        _ => WorkerOutput::Completed(HashMap::from([("packed".into(), number)])),
    })
}

async fn ship(task: Task) -> Result<WorkerOutput> {
    Ok(WorkerOutput::Completed(HashMap::from([("shipped".into(), task.input_data["n"].clone())])))
}

impl Run {
    async fn register(&mut self) -> Result<()> {
        self.metadata.register_task_defs(&definitions::tasks()).await?;
        let stored = self.metadata.get_task_def(PACK).await?;
        self.expect("task definition", &json!(stored.retry_count), &json!(2));
        for workflow in definitions::workflows() {
            self.metadata.register_or_update_workflow_def(&workflow, true).await?;
            let stored = self.metadata.get_workflow_def(&workflow.name, Some(1)).await?;
            self.expect("steps", &json!(stored.tasks.len()), &json!(workflow.tasks.len()));
        }
        Ok(())
    }

    /// Twelve chains: plain, stumbling, breaking and retried, and four packed by hand in a domain.
    async fn chains(&mut self) -> Result<()> {
        let moods = HashMap::from([(5, "stumble"), (6, "stumble"), (7, "break")]);
        let mut ids = Vec::new();
        for n in 0..12 {
            let more = moods.get(&n).map_or(json!({}), |mood| json!({"mood": mood}));
            ids.push(self.start("rs_chain", n, &more, n >= 8).await?);
        }
        self.pack_by_hand(4).await?;
        let failed = self.until(&ids[7], WorkflowStatus::Failed).await?;
        let wanted = json!("FAILED_WITH_TERMINAL_ERROR");
        self.expect("broken chain", &json!(failed.tasks[0].status), &wanted);
        self.workflows.retry_workflow(&ids[7], false).await?;
        for (n, id) in (0..).zip(&ids) {
            let ended = self.until(id, WorkflowStatus::Completed).await?;
            self.expect("chain", &json!(ended.output), &json!({"shipped": n}));
            let attempts = ended.tasks.iter().filter(|task| task.task_def_name == PACK).count();
            self.expect("attempts", &json!(attempts), &json!(1 + usize::from(moods.contains_key(&n))));
            *self.counts.entry("retried".into()).or_default() += attempts as i64 - 1;
        }
        let first = self.workflows.get_workflow(&ids[0], true).await?;
        self.tasks.add_task_log(&first.tasks[0].task_id, "seen by hand").await?;
        let logs = self.tasks.get_task_logs(&first.tasks[0].task_id).await?;
        // The crate sends this text as JSON, quotes included, and Conductor keeps what it gets.
        let lines: Vec<_> = logs.iter().map(|line| line.log.clone()).collect();
        self.expect("logs", &json!(lines), &json!(["\"seen by hand\""]));
        self.counts.insert("log lines".into(), lines.len() as i64);
        Ok(())
    }

    /// Polls a domain in batches and reports each task.
    async fn pack_by_hand(&mut self, wanted: usize) -> Result<()> {
        let (mut packed, began) = (0, Instant::now());
        while packed < wanted && began.elapsed() < END_MAX {
            let wait = Duration::from_secs(1);
            let batch = self.tasks.batch_poll(PACK, Some("by-hand"), Some(DOMAIN), 3, wait).await?;
            *self.counts.entry("batches".into()).or_default() += 1;
            for task in batch {
                let result = TaskResult::completed(&task.task_id, &task.workflow_instance_id)
                    .with_worker_id("by-hand")
                    .with_output_value("packed", &task.input_data["n"]);
                let answer = self.tasks.update_task(&result).await?;
                self.expect("answer to a result", &json!(answer), &json!(task.task_id));
                packed += 1;
            }
        }
        self.expect("packed by hand", &json!(packed), &json!(wanted));
        Ok(())
    }

    /// Eight forks, eight switches, eight sub-workflows, six dynamic forks.
    async fn forks(&mut self) -> Result<()> {
        let (mut parts, mut inputs, mut joined) = (Vec::new(), json!({}), json!({}));
        for k in 0..3 {
            let name = format!("part_{k}");
            parts.push(json!({"name": PACK, "taskReferenceName": name, "type": "SIMPLE"}));
            inputs[&name] = json!({"n": k});
            joined[&name] = json!({"packed": k});
        }
        for n in 0..8 {
            let kind = if n % 2 == 1 { "express" } else { "slow" };
            let fork = self.start("rs_fork", n, &json!({}), false).await?;
            let switch = self.start("rs_switch", n, &json!({"kind": kind}), false).await?;
            let sub = self.start("rs_sub", n, &json!({}), false).await?;
            let both = json!({"joined": {"left": {"packed": n}, "right": {"packed": n}}});
            self.ended(&fork, &both).await?;
            let ran = self.until(&switch, WorkflowStatus::Completed).await?;
            let last = ran.tasks.last().map(|task| task.reference_task_name.clone());
            self.expect("switch", &json!(last), &json!(if n % 2 == 1 { "ship" } else { "pack" }));
            self.ended(&sub, &json!({"shipped": n})).await?;
        }
        for n in 0..6 {
            let id = self.start("rs_dynamic", n, &json!({"tasks": parts, "inputs": inputs}), false).await?;
            self.ended(&id, &json!({"joined": joined})).await?;
        }
        Ok(())
    }

    /// Eight that wait for a signature: five get it, one is paused before, two are terminated.
    async fn signatures(&mut self) -> Result<()> {
        let mut ids = Vec::new();
        for n in 0..8 {
            ids.push(self.start("rs_human", n, &json!({}), false).await?);
        }
        for id in &ids[..2] {
            self.workflows.terminate_workflow(id, Some("not wanted any more"), false).await?;
            self.until(id, WorkflowStatus::Terminated).await?;
        }
        self.workflows.pause_workflow(&ids[2]).await?;
        for (n, id) in (0..).zip(&ids).skip(2) {
            let by = json!({"by": format!("clerk {n}")});
            self.tasks.update_task_by_ref_name(id, "sign", TaskResultStatus::Completed, by, None).await?;
        }
        self.until(&ids[2], WorkflowStatus::Paused).await?;
        self.workflows.resume_workflow(&ids[2]).await?;
        for (n, id) in (0..).zip(&ids).skip(2) {
            self.ended(id, &json!({"by": format!("clerk {n}")})).await?;
        }
        Ok(())
    }

    /// What search says must be what was done; the eight sub-workflows began a chain each.
    async fn found(&mut self) -> Result<()> {
        let names = "rs_chain,rs_fork,rs_switch,rs_sub,rs_dynamic,rs_human";
        for (status, wanted) in [("COMPLETED", 56), ("TERMINATED", 2), ("RUNNING", 0)] {
            let query = format!("workflowType IN ({names}) AND status = '{status}'");
            let page = self.workflows.search_workflows(Some(&query), Some("*"), 0, 100).await?;
            self.expect(status, &json!([page.total_hits, page.results.len()]), &json!([wanted, wanted]));
            self.counts.insert(status.to_lowercase(), page.results.len() as i64);
        }
        Ok(())
    }

    async fn start(&mut self, name: &str, number: i64, more: &Value, upstairs: bool) -> Result<String> {
        let mut request = StartWorkflowRequest::new(name)
            .with_version(1)
            .with_correlation_id(format!("{name}-{number}"))
            .with_input_value("n", number);
        for (key, value) in more.as_object().into_iter().flatten() {
            request = request.with_input_value(key, value);
        }
        if upstairs {
            request = request.with_task_to_domain(HashMap::from([(PACK.into(), DOMAIN.into())]));
        }
        *self.counts.entry("started".into()).or_default() += 1;
        self.workflows.start_workflow(&request).await
    }

    /// Waits for the end of an execution and checks its output.
    async fn ended(&mut self, id: &str, output: &Value) -> Result<()> {
        let found = self.until(id, WorkflowStatus::Completed).await?;
        self.expect(&found.workflow_name, &json!(found.output), output);
        Ok(())
    }

    /// Returns the execution once it has this status; bounded.
    async fn until(&self, id: &str, status: WorkflowStatus) -> Result<Workflow> {
        let began = Instant::now();
        loop {
            let found = self.workflows.get_workflow(id, true).await?;
            if found.status == status {
                return Ok(found);
            }
            assert!(began.elapsed() < END_MAX, "{id} is {:?}, not {status:?}", found.status);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Notes a difference; the run goes on, so that all of them are seen at once.
    fn expect(&mut self, what: &str, found: &Value, wanted: &Value) {
        if found != wanted {
            self.complaints.push(format!("{what}: found {found}, wanted {wanted}"));
        }
    }
}
