//! What calls cost the machine: the whole server as a value, without threads, files or sockets.

use criterion::{Criterion, criterion_group, criterion_main};
use fastcond_node::calls::{Params, Verb, verb};
use fastcond_node::machine::shelf::NoShelf;
use fastcond_node::machine::{Machine, Options};
use fastcond_node::reply::ReplyTo;

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TASK: &str =
    r#"[{"name":"bench","retryCount":0,"responseTimeoutSeconds":3600,"ownerEmail":"b@example.com"}]"#;
const WORKFLOW: &str = r#"{"name":"bench","version":1,"schemaVersion":2,"ownerEmail":"b@example.com","tasks":[
    {"name":"bench","taskReferenceName":"t1","type":"SIMPLE","inputParameters":{"payload":"${workflow.input.payload}"}}]}"#;
/// Executions between two batches for the archive.
const EXECUTIONS_PER_BATCH: u32 = 1_024;

struct Caller {
    machine: Machine,
    executions: u32,
}

impl Caller {
    fn new() -> Self {
        let options = Options { forgets_finished: true, ..Options::default() };
        let machine = Machine::new(options, Box::new(NoShelf), 7, 1_700_000_000_000);
        let mut caller = Self { machine, executions: 0 };
        caller.call(named("taskdefs.create"), &Params::default(), TASK);
        caller.call(named("workflowdefs.create"), &Params::default(), WORKFLOW);
        caller
    }

    /// Makes a call and gives the body of its answer.
    fn call(&mut self, verb: Verb, params: &Params, body: &str) -> String {
        self.machine.call(ReplyTo::Ticket(0), verb, params, body.as_bytes());
        let mut output = self.machine.take_output();
        let (_, reply) = output.replies.pop().expect("every call is answered at once");
        assert!(reply.status < 300, "{}", String::from_utf8_lossy(&reply.body));
        String::from_utf8(reply.body).expect("answers are text")
    }

    /// Counts an execution, and lets what is over go now and then, as the archive does.
    fn ended(&mut self) {
        self.executions += 1;
        if self.executions.is_multiple_of(EXECUTIONS_PER_BATCH) {
            let batch = self.machine.make_batch();
            self.machine.note_archived(batch.covered);
        }
    }
}

fn named(name: &str) -> Verb {
    verb(name).expect("the verb exists")
}

fn field<'a>(task: &'a str, name: &str) -> std::borrow::Cow<'a, str> {
    fastcond_json::get(task, name).and_then(fastcond_json::as_str).expect("a task has its ids")
}

fn executing(criterion: &mut Criterion) {
    let (mut caller, none) = (Caller::new(), Params::default());
    let poll: Params = [("tasktype", "bench"), ("workerid", "worker-1")].into_iter().collect();
    let payload = "x".repeat(1_024);
    let start_body = format!(r#"{{"name":"bench","version":1,"input":{{"payload":"{payload}"}}}}"#);
    let (start, poll_one, update) = (named("workflow.start"), named("tasks.poll"), named("tasks.update"));
    criterion.bench_function("machine/start, poll, update, 1 KB", |bencher| {
        bencher.iter(|| {
            caller.call(start, &none, &start_body);
            let task = caller.call(poll_one, &poll, "");
            let (workflow, id) = (field(&task, "workflowInstanceId"), field(&task, "taskId"));
            let body = format!(
                r#"{{"workflowInstanceId":"{workflow}","taskId":"{id}","status":"COMPLETED","outputData":{{"payload":"{payload}"}}}}"#
            );
            caller.call(update, &none, &body);
            caller.ended();
        });
    });
}

fn reading(criterion: &mut Criterion) {
    let (mut caller, none) = (Caller::new(), Params::default());
    let start = named("workflow.start");
    let id = caller.call(start, &none, r#"{"name":"bench","version":1,"input":{"a":1}}"#);
    let by_id: Params = [("workflowId", &*id)].into_iter().collect();
    for name in ["workflow.status", "workflow.get"] {
        let verb = named(name);
        criterion.bench_function(&format!("machine/{name}"), |bencher| {
            bencher.iter(|| caller.call(verb, &by_id, ""));
        });
    }
}

criterion_group!(benches, executing, reading);
criterion_main!(benches);
