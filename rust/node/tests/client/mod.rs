//! A client of a machine without threads: calls by verb name, answers as they would go over the wire.

#![allow(dead_code, reason = "each test file uses its part of this module")]

mod memory_archive;

pub use memory_archive::MemoryArchive;

use fastcond_node::calls::{Params, verb};
use fastcond_node::machine::shelf::NoShelf;
use fastcond_node::machine::{Machine, Options};
use fastcond_node::reply::{Reply, ReplyTo};
use serde_json::Value;

/// When every test begins.
pub const START_MS: i64 = 1_700_000_000_000;

/// A machine that keeps everything in memory.
pub fn machine() -> Machine {
    Machine::new(Options::default(), Box::new(NoShelf), 7, START_MS)
}

/// A machine over an archive in memory that keeps at most `cached_max` idle executions.
pub fn machine_over(archive: &MemoryArchive, cached_max: usize) -> Machine {
    let options = Options { cached_max, ..Options::default() };
    Machine::new(options, Box::new(archive.clone()), 7, START_MS)
}

/// Everything that changed goes to the archive, and the machine hears of it.
pub fn archive_all(machine: &mut Machine, archive: &MemoryArchive) {
    let batch = machine.make_batch();
    let covered = batch.covered;
    archive.write(batch);
    machine.note_archived(covered);
}

/// Carries out a call; its answer appears in the output of the machine under `ticket`.
pub fn call(machine: &mut Machine, ticket: u64, name: &str, params: &[(&str, &str)], body: &str) {
    let verb = verb(name).unwrap_or_else(|| panic!("there is no verb {name}"));
    let params: Params = params.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    machine.call(ReplyTo::Ticket(ticket), verb, &params, body.as_bytes());
}

/// Carries out a call that is answered at once, whatever the answer.
pub fn ask(machine: &mut Machine, name: &str, params: &[(&str, &str)], body: &str) -> Reply {
    const TICKET: u64 = u64::MAX;
    call(machine, TICKET, name, params, body);
    let mut replies = machine.take_output().replies;
    let at = replies.iter().position(|(to, _)| *to == ReplyTo::Ticket(TICKET));
    replies.swap_remove(at.unwrap_or_else(|| panic!("{name} is not answered at once"))).1
}

/// The same, when only success will do; the body as text.
pub fn done(machine: &mut Machine, name: &str, params: &[(&str, &str)], body: &str) -> String {
    let reply = ask(machine, name, params, body);
    let text = String::from_utf8(reply.body).expect("answers are text");
    assert!(reply.status < 300, "{name}: {} {text}", reply.status);
    text
}

/// The answers that came out, by ticket.
pub fn answers(machine: &mut Machine) -> Vec<(u64, Reply)> {
    let replies = machine.take_output().replies.into_iter();
    replies
        .map(|(to, reply)| match to {
            ReplyTo::Ticket(ticket) => (ticket, reply),
            other => panic!("nobody asked as {other:?}"),
        })
        .collect()
}

/// A task as a poll answered it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// Its execution.
    pub workflow: String,
    /// Its id.
    pub task: String,
    /// Its reference name.
    pub reference: String,
}

/// The tasks in the answer of a poll; none of them for 204.
pub fn taken(reply: &Reply) -> Vec<Taken> {
    if reply.status == 204 {
        return Vec::new();
    }
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    let value: Value = serde_json::from_slice(&reply.body).expect("a poll answers JSON");
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let text = |task: &Value, name: &str| task[name].as_str().expect("a task has its ids").to_owned();
    list.iter()
        .map(|task| Taken {
            workflow: text(task, "workflowInstanceId"),
            task: text(task, "taskId"),
            reference: text(task, "referenceTaskName"),
        })
        .collect()
}

/// Polls for up to `count` tasks without waiting.
pub fn poll(machine: &mut Machine, task_type: &str, count: usize) -> Vec<Taken> {
    let count = count.to_string();
    let params = [("tasktype", task_type), ("workerid", "w"), ("count", &count), ("timeout", "0")];
    taken(&ask(machine, "tasks.poll_batch", &params, ""))
}

/// The body of a report.
pub fn result(task: &Taken, status: &str) -> String {
    let Taken { workflow, task, .. } = task;
    format!(r#"{{"workflowInstanceId":"{workflow}","taskId":"{task}","status":"{status}","workerId":"w"}}"#)
}

/// Reports on a task.
pub fn report(machine: &mut Machine, task: &Taken, status: &str) {
    done(machine, "tasks.update", &[], &result(task, status));
}

/// Starts an execution of a registered definition; its id.
pub fn start(machine: &mut Machine, name: &str, input: &str) -> String {
    done(machine, "workflow.start", &[], &format!(r#"{{"name":"{name}","input":{input}}}"#))
}

/// An execution as JSON.
pub fn shown(machine: &mut Machine, id: &str) -> Value {
    serde_json::from_str(&done(machine, "workflow.get", &[("workflowId", id)], ""))
        .expect("an execution is JSON")
}

/// Moves the clock to `now_ms` and lets everything happen that is due by then, each at its time.
pub fn advance_to(machine: &mut Machine, now_ms: i64) {
    for _ in 0..1_000_000 {
        machine.tick();
        match machine.next_wake().filter(|at| *at <= now_ms) {
            Some(at) => machine.set_now(at),
            None if machine.now_ms >= now_ms => return,
            None => machine.set_now(now_ms),
        }
    }
    panic!("the machine never rests");
}

/// Registers a task definition with these further members.
pub fn define_task(machine: &mut Machine, name: &str, members: &str) {
    done(machine, "taskdefs.create", &[], &format!("[{}]", task_def(name, members)));
}

/// A task definition with these further members.
pub fn task_def(name: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"name":"{name}","ownerEmail":"t@example.com"{comma}{members}}}"#)
}

/// Registers a workflow definition.
pub fn define(machine: &mut Machine, name: &str, tasks: &str) {
    done(machine, "workflowdefs.update", &[], &format!("[{}]", workflow_def(name, "", tasks)));
}

/// A workflow definition with these further members and steps.
pub fn workflow_def(name: &str, members: &str, tasks: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"name":"{name}","version":1,"schemaVersion":2,"ownerEmail":"t@example.com","timeoutSeconds":0{comma}{members},"tasks":[{tasks}]}}"#
    )
}

/// A worker step.
pub fn simple(name: &str, reference: &str) -> String {
    format!(r#"{{"name":"{name}","taskReferenceName":"{reference}","type":"SIMPLE"}}"#)
}

/// Random numbers from a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).expect("a small number");
        usize::try_from(self.next() % n).expect("a small number")
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}
