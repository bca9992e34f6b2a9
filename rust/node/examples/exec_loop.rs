//! Runs executions through a machine without threads, files or sockets, to count what the deciding costs.
//!
//! `valgrind --tool=callgrind target/release/examples/exec_loop 2000 1024` counts instructions; without valgrind it
//! prints the time. One execution is what the benchmarks call exec: start, poll, update of a one-task workflow. The
//! second argument is the size of each payload, the third the tasks of one execution (a fork when above one), and with a
//! fourth above 0 the fork is a dynamic one.

use fastcond_node::calls::{Params, Verb, verb};
use fastcond_node::machine::shelf::NoShelf;
use fastcond_node::machine::{Machine, Options};
use fastcond_node::reply::ReplyTo;
use std::time::Instant;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls between two hand-overs to the journal, as under load.
const CALLS_PER_GROUP: usize = 16;
/// Executions between two batches for the archive.
const EXECUTIONS_PER_BATCH: usize = 4_096;

struct Driver {
    machine: Machine,
    calls: usize,
    bytes: usize,
}

impl Driver {
    /// Makes a call and gives the body of its answer.
    fn call(&mut self, verb: Verb, params: &Params, body: &[u8]) -> Vec<u8> {
        let before = self.machine.pending_bytes();
        self.machine.call(ReplyTo::Ticket(0), verb, params, body);
        self.bytes += self.machine.pending_bytes() - before;
        self.calls += 1;
        let mut output = self.machine.take_output();
        if self.calls.is_multiple_of(CALLS_PER_GROUP) {
            self.machine.tick();
        }
        let (_, reply) = output.replies.pop().expect("every call is answered at once");
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.body));
        reply.body
    }
}

fn named(name: &str) -> Verb {
    verb(name).expect("the verb exists")
}

fn field<'a>(task: &'a str, name: &str) -> std::borrow::Cow<'a, str> {
    fastcond_json::get(task, name).and_then(fastcond_json::as_str).expect("a task has its ids")
}

fn simple(at: usize) -> String {
    format!(
        r#"{{"name":"bench","taskReferenceName":"t{at}","type":"SIMPLE","inputParameters":{{"payload":"${{workflow.input.payload}}"}}}}"#
    )
}

fn definition(width: usize, is_dynamic: bool) -> String {
    let tasks = if is_dynamic {
        concat!(
            r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","dynamicForkTasksParam":"tasks","#,
            r#""dynamicForkTasksInputParamName":"inputs","inputParameters":{"tasks":"${workflow.input.tasks}","#,
            r#""inputs":"${workflow.input.inputs}"}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#
        )
        .to_owned()
    } else if width == 1 {
        simple(1)
    } else {
        let branches: Vec<String> = (1..=width).map(|at| format!("[{}]", simple(at))).collect();
        let names: Vec<String> = (1..=width).map(|at| format!("\"t{at}\"")).collect();
        format!(
            r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":[{}]}}"#,
            branches.join(","),
            names.join(",")
        )
    };
    format!(
        r#"{{"name":"bench","version":1,"schemaVersion":2,"ownerEmail":"bench@example.com","timeoutPolicy":"ALERT_ONLY","timeoutSeconds":0,"tasks":[{tasks}]}}"#
    )
}

fn main() {
    let mut numbers =
        std::env::args().skip(1).map(|text| text.parse::<usize>().expect("arguments are numbers"));
    let executions = numbers.next().unwrap_or(2_000);
    let payload = "x".repeat(numbers.next().unwrap_or(1_024));
    let width = numbers.next().unwrap_or(1).max(1);
    let is_dynamic = numbers.next().is_some_and(|number| number > 0);
    let options = Options { forgets_finished: true, ..Options::default() };
    let machine = Machine::new(options, Box::new(NoShelf), 7, 1_700_000_000_000);
    let mut driver = Driver { machine, calls: 0, bytes: 0 };
    let none = Params::default();
    let task = r#"[{"name":"bench","retryCount":0,"timeoutSeconds":0,"responseTimeoutSeconds":3600,"ownerEmail":"bench@example.com"}]"#;
    driver.call(named("taskdefs.create"), &none, task.as_bytes());
    driver.call(named("workflowdefs.create"), &none, definition(width, is_dynamic).as_bytes());
    let poll: Params = [("tasktype", "bench"), ("workerid", "worker-1")].into_iter().collect();
    let children = if is_dynamic {
        let steps: Vec<String> = (1..=width).map(simple).collect();
        let inputs: Vec<String> = (1..=width).map(|at| format!(r#""t{at}":{{}}"#)).collect();
        format!(r#","tasks":[{}],"inputs":{{{}}}"#, steps.join(","), inputs.join(","))
    } else {
        String::new()
    };
    let start_body = format!(r#"{{"name":"bench","version":1,"input":{{"payload":"{payload}"{children}}}}}"#);
    let (start, poll_one, update) = (named("workflow.start"), named("tasks.poll"), named("tasks.update"));
    let began = Instant::now();
    for number in 1..=executions {
        let now_ms = driver.machine.now_ms + 1;
        driver.machine.set_now(now_ms);
        driver.call(start, &none, start_body.as_bytes());
        for _ in 0..width {
            let task = String::from_utf8(driver.call(poll_one, &poll, &[])).expect("a task is text");
            let (workflow, id) = (field(&task, "workflowInstanceId"), field(&task, "taskId"));
            let body = format!(
                r#"{{"workflowInstanceId":"{workflow}","taskId":"{id}","workerId":"worker-1","status":"COMPLETED","outputData":{{"payload":"{payload}"}}}}"#
            );
            driver.call(update, &none, body.as_bytes());
        }
        if number.is_multiple_of(EXECUTIONS_PER_BATCH) || number == executions {
            let batch = driver.machine.make_batch();
            driver.machine.note_archived(batch.covered);
        }
    }
    let took = began.elapsed();
    let tasks = u32::try_from(executions * width).expect("a small number");
    println!(
        "{executions} executions of {width}: {:?} per task, {} journal bytes per execution, {} left in memory",
        took / tasks,
        driver.bytes / executions,
        driver.machine.executions.len()
    );
}
