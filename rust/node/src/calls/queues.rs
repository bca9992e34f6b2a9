//! `/api/tasks/queue`: sizes, poll data, requeue (rest-api 5).

use super::Verb::{Act, Tell};
use super::{Params, Verb};
use crate::machine::Machine;
use crate::reply::{Failure, Reply};
use fastcond_json::{ArrayWriter, ObjectWriter};
use fastcond_queue::{LastPoll, QueueRef};
use std::collections::BTreeMap;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("queue.sizes", Act(sizes)),
    ("queue.size", Act(size)),
    ("queue.all", Tell(all)),
    ("queue.all_verbose", Tell(all_verbose)),
    ("queue.polldata", Act(poll_data)),
    ("queue.polldata_all", Tell(every_poll)),
    ("queue.requeue", Act(requeue)),
];

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn size_of(machine: &Machine, name: &QueueRef<'_>) -> i64 {
    machine.queues.find(name).map_or(0, |queue| count(machine.queues.size(queue)))
}

fn sizes(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let types = params.need("taskType")?;
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for task_type in types.split(',').filter(|t| !t.is_empty()) {
        let size = size_of(machine, &QueueRef::worker(task_type, None));
        object.entry(task_type, &size.to_string());
    }
    object.end();
    Ok(Reply::json(out))
}

fn size(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = QueueRef {
        task_type: params.need("taskType")?,
        domain: params.given("domain"),
        namespace: params.given("executionNamespace"),
        isolation: params.given("isolationGroupId"),
    };
    Ok(Reply::json(size_of(machine, &name).to_string()))
}

fn sorted(machine: &Machine) -> BTreeMap<String, i64> {
    machine.queues.sizes().map(|(_, key, size)| (key.to_string(), count(size))).collect()
}

fn all(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (name, size) in sorted(machine) {
        object.entry(&name, &size.to_string());
    }
    object.end();
    Reply::json(out)
}

fn all_verbose(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    for (name, size) in sorted(machine) {
        object.entry(&name, &format!("{{\"a\":{{\"size\":{size},\"uacked\":0}}}}"));
    }
    object.end();
    Reply::json(out)
}

fn write_poll(rows: &mut ArrayWriter<'_>, task_type: &str, last: &LastPoll) {
    let mut item = rows.object();
    item.str("queueName", task_type);
    item.str_if_some("domain", last.domain.as_deref());
    item.str("workerId", &last.worker_id).i64("lastPollTime", last.at_ms);
    item.end();
}

fn poll_data(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let task_type = params.need("taskType")?;
    let mut out = String::new();
    let mut rows = ArrayWriter::begin(&mut out);
    for last in machine.poll_data.list(task_type) {
        write_poll(&mut rows, task_type, last);
    }
    rows.end();
    Ok(Reply::json(out))
}

fn every_poll(machine: &mut Machine) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for (task_type, last) in machine.poll_data.all() {
        write_poll(&mut list, task_type, last);
    }
    list.end();
    Reply::json(out)
}

/// Every pending task is in its queue by construction, so there is nothing to move: the answer is how many there are.
fn requeue(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let task_type = params.need("taskType")?;
    let of_type = machine.queues.sizes().filter(|(_, key, _)| &*key.task_type == task_type);
    let total: usize = of_type.map(|(_, _, size)| size).sum();
    Ok(Reply::text(total.to_string()))
}
