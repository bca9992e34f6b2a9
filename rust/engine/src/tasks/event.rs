//! EVENT (S-34): publishes one message, which is the output of the task.
//!
//! Before `{"type": "EVENT", "sink": "conductor:paid", "inputParameters": {"n": 1}}` in a workflow named `order`, after
//! a COMPLETED instance with output `{"sink": "conductor:paid", "asyncComplete": false, "n": 1, "workflowInstanceId":
//! "...", "workflowType": "order", ..., "event_produced": "conductor:order:paid"}`.
//!
//! A message to the internal sink is published by the commit that ends the task, once per attempt (S-34.7): it is the
//! task's output, under the task's id, and stays in the outbox until every handler has acted on it. One that nobody waits
//! for is not kept. Brokers outside have no adapter here, so their sinks fail the task.

use super::{Behaviour, PLAIN};
use crate::graph::Node;
use crate::step::Step;
use fastcond_json::{ObjectWriter, Raw, as_str, get, members};
use fastcond_model::{Message, Task, TaskChange, TaskNo, TaskStatus};
use std::sync::Arc;

pub(super) static EVENT: Behaviour = Behaviour { word: "EVENT", fill, run, ..PLAIN };

/// Brokers that a definition may name (S-34.3).
const BROKERS: [&str; 7] = ["sqs", "kafka", "nats", "jsm", "nats_stream", "amqp_queue", "amqp_exchange"];
/// The key that says that the message is out.
const PRODUCED: &str = "event_produced";

/// The input parameters, the sink and the flag (S-34.1).
fn fill(step: &mut Step<'_, '_>, node: &Arc<Node>, task: &mut Task) -> Result<(), String> {
    let resolved = step.resolve_input(node, task.no)?;
    let scope = crate::scope::InputScope::new(step.live, step.given.defs, Some(task.no));
    let sink = crate::scope::resolve(&scope, &Raw::string(node.step.sink.as_deref().unwrap_or_default()))?;
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (key, value) in members(&resolved) {
        if !key.is("sink") && !key.is("asyncComplete") {
            object.entry(&key.decoded(), value);
        }
    }
    object.raw("sink", &sink).bool("asyncComplete", node.step.async_complete);
    object.end();
    task.input = Raw::of_checked(out);
    Ok(())
}

fn run(step: &mut Step<'_, '_>, no: TaskNo, _: &Arc<Node>) {
    let task = step.live.task(no);
    if get(&task.output, PRODUCED).is_some() {
        // Published before, and waiting for whoever completes it.
        return;
    }
    let input = task.input.clone();
    let queue = get(&input, "sink")
        .and_then(as_str)
        .ok_or_else(|| "the sink of an event must be a text".to_owned())
        .and_then(|sink| queue_of(&sink, &step.live.execution.header.name, &task.reference));
    match queue {
        Ok(queue) => publish(step, no, &input, &queue),
        Err(reason) => step.settle(no, TaskStatus::Failed, Some(reason)),
    }
}

/// The final name of an internal queue (S-34.2), or why there is none.
fn queue_of(sink: &str, workflow: &str, reference: &str) -> Result<String, String> {
    if sink == "conductor" {
        return Ok(format!("conductor:{workflow}:{reference}"));
    }
    if let Some(suffix) = sink.strip_prefix("conductor:") {
        return Ok(format!("conductor:{workflow}:{suffix}"));
    }
    let provider = sink.split(':').next().unwrap_or_default();
    if BROKERS.contains(&provider) && sink.len() > provider.len() + 1 {
        return Err(format!(
            "Failed to publish to {sink}: this server has no adapter for the broker {provider}, only the sink conductor"
        ));
    }
    Err(format!("Invalid sink: {sink} is neither conductor, conductor:<name> nor <provider>:<address>"))
}

fn publish(step: &mut Step<'_, '_>, no: TaskNo, input: &str, queue: &str) {
    let execution = &step.live.execution;
    let header = &execution.header;
    let ours =
        ["workflowInstanceId", "workflowType", "workflowVersion", "correlationId", "taskToDomain", PRODUCED];
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (key, value) in members(input) {
        if !ours.iter().any(|name| key.is(name)) {
            object.entry(&key.decoded(), value);
        }
    }
    object.str("workflowInstanceId", &execution.id.to_string());
    object.str("workflowType", &header.name);
    object.i64("workflowVersion", i64::from(header.version));
    let correlation_id = header.correlation_id.as_deref().map_or_else(Raw::null, Raw::string);
    object.raw("correlationId", &correlation_id).raw("taskToDomain", &header.task_to_domain);
    object.str(PRODUCED, queue);
    object.end();
    let payload = Raw::of_checked(out);
    if step.given.defs.is_heard(queue) {
        let id = step.live.execution.id.task(no).to_string().into();
        step.send(Message::Event { event: queue.into(), id, payload: payload.clone() });
    }
    step.edit(no, TaskChange { output: true, ..TaskChange::default() }, |t| t.output = payload);
    if get(input, "asyncComplete") != Some("true") {
        step.settle(no, TaskStatus::Completed, None);
    }
}
