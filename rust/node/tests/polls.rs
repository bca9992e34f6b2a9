//! Parked polls: who is woken, by what, when, and in which order (S-51, G4).

mod client;

use client::{
    START_MS, Taken, advance_to, answers, ask, call, define, define_task, done, machine, poll, report,
    result, shown, simple, start, taken,
};
use fastcond_node::calls::{Params, verb};
use fastcond_node::machine::Machine;
use fastcond_node::reply::{Reply, ReplyTo};
use fastcond_wire::Form;

const FORM: Form = Form { keep_alive: true, http10: false, head_only: false };

const HTTP: &str = r#"{"name":"h","taskReferenceName":"h","type":"HTTP","inputParameters":{"http_request":{"uri":"http://127.0.0.1:1/"}}}"#;

/// No poll was answered.
const NOBODY: [(u64, usize); 0] = [];

/// A machine with a workflow `w` of one task `t`.
fn simple_machine(members: &str) -> Machine {
    let mut machine = machine();
    define_task(&mut machine, "t", members);
    define(&mut machine, "w", &simple("t", "t"));
    machine
}

fn park(machine: &mut Machine, ticket: u64, count: &str, timeout: &str) {
    let params = [("tasktype", "t"), ("count", count), ("timeout", timeout)];
    call(machine, ticket, "tasks.poll_batch", &params, "");
}

/// Answered polls with how many tasks they got.
fn served(machine: &mut Machine) -> Vec<(u64, usize)> {
    machine.tick();
    answers(machine).into_iter().map(|(ticket, reply)| (ticket, taken(&reply).len())).collect()
}

#[test]
fn new_work_wakes_polls_in_the_order_they_came() {
    let mut machine = simple_machine("");
    for ticket in 1..=3 {
        park(&mut machine, ticket, "1", "5000");
    }
    for ticket in 1..=3 {
        call(&mut machine, 9, "workflow.start", &[], r#"{"name":"w"}"#);
        let found: Vec<u64> = answers(&mut machine).into_iter().map(|(ticket, _)| ticket).collect();
        assert_eq!(found, [ticket, 9], "the call that made the work wakes the poll, before any tick");
    }
    assert_eq!(machine.parked_polls(), 0);
}

#[test]
fn a_batch_gets_what_there_is() {
    // S-51.1: it does not wait until it is full.
    let mut machine = simple_machine("");
    for _ in 0..3 {
        start(&mut machine, "w", "{}");
    }
    park(&mut machine, 1, "10", "5000");
    assert_eq!(served(&mut machine), [(1, 3)]);
    park(&mut machine, 2, "10", "5000");
    assert_eq!(served(&mut machine), NOBODY);
    start(&mut machine, "w", "{}");
    assert_eq!(machine.parked_polls(), 0, "one task is enough");
}

#[test]
fn a_fork_serves_many_parked_polls_at_once() {
    let mut machine = machine();
    let branches: Vec<String> = (0..5).map(|at| format!("[{}]", simple("t", &format!("b{at}")))).collect();
    let fork = format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":["b0"]}}"#,
        branches.join(",")
    );
    define(&mut machine, "w", &fork);
    for (ticket, count) in [(1, "2"), (2, "1"), (3, "4")] {
        park(&mut machine, ticket, count, "5000");
    }
    call(&mut machine, 9, "workflow.start", &[], r#"{"name":"w"}"#);
    let mut found = answers(&mut machine);
    found.retain(|(ticket, _)| *ticket != 9);
    let found: Vec<(u64, usize)> =
        found.iter().map(|(ticket, reply)| (*ticket, taken(reply).len())).collect();
    assert_eq!(found, [(1, 2), (2, 1), (3, 2)]);
}

/// Makes a task that is due later.
type Make = fn(&mut Machine);

#[test]
fn work_that_becomes_due_wakes_a_poll_at_that_instant() {
    // G6: never early, and nobody has to ask again. Each row: what delays the task, and until when.
    let delays: [(&str, Make, i64); 4] = [
        ("a callback", hand_back, 7_000),
        ("a fixed retry delay", |m| fail(m, r#""retryCount":1,"retryDelaySeconds":3"#), 3_000),
        (
            "an exponential retry delay",
            |m| fail(m, r#""retryCount":1,"retryLogic":"EXPONENTIAL_BACKOFF","retryDelaySeconds":2"#),
            2_000,
        ),
        ("a start delay", delayed_start, 4_000),
    ];
    for (what, make, delay_ms) in delays {
        let mut machine = machine();
        make(&mut machine);
        for (at, timeout) in [(0, "1000"), (delay_ms - 1, "5000")] {
            advance_to(&mut machine, START_MS + at);
            answers(&mut machine);
            park(&mut machine, 1, "1", timeout);
            assert_eq!(served(&mut machine), NOBODY, "{what} at {at}");
        }
        assert_eq!(machine.next_wake(), Some(START_MS + delay_ms), "{what}");
        advance_to(&mut machine, START_MS + delay_ms);
        assert_eq!(served(&mut machine), [(1, 1)], "{what}");
    }
}

fn hand_back(machine: &mut Machine) {
    define_task(machine, "t", "");
    define(machine, "w", &simple("t", "t"));
    start(machine, "w", "{}");
    let task = poll(machine, "t", 1).pop().expect("a task");
    let body = result(&task, "IN_PROGRESS").replace('}', r#","callbackAfterSeconds":7}"#);
    done(machine, "tasks.update", &[], &body);
}

fn fail(machine: &mut Machine, members: &str) {
    define_task(machine, "t", members);
    define(machine, "w", &simple("t", "t"));
    start(machine, "w", "{}");
    let task = poll(machine, "t", 1).pop().expect("a task");
    report(machine, &task, "FAILED");
}

fn delayed_start(machine: &mut Machine) {
    define_task(machine, "t", "");
    let step = simple("t", "t").replace('}', r#","startDelay":4}"#);
    define(machine, "w", &step);
    start(machine, "w", "{}");
}

#[test]
fn an_attempt_that_times_out_wakes_a_poll_for_the_next_one() {
    // S-55.6, G4: a worker that died is replaced within its lease.
    let mut machine = simple_machine(r#""retryCount":1,"retryDelaySeconds":0,"responseTimeoutSeconds":4"#);
    start(&mut machine, "w", "{}");
    let lost = poll(&mut machine, "t", 1).pop().expect("a task");
    machine.set_now(START_MS + 2_000);
    park(&mut machine, 1, "1", "5000");
    advance_to(&mut machine, START_MS + 3_999);
    assert_eq!(served(&mut machine), NOBODY);
    advance_to(&mut machine, START_MS + 4_000);
    machine.tick();
    let found = answers(&mut machine);
    let next = taken(&found[0].1).pop().expect("the next attempt");
    assert_ne!(next.task, lost.task);
    // S-52.3: the lost worker's late result is dropped.
    report(&mut machine, &lost, "COMPLETED");
    assert_eq!(shown(&mut machine, &lost.workflow)["status"], "RUNNING");
}

#[test]
fn a_poll_waits_until_its_time_is_over_and_not_longer() {
    let mut machine = simple_machine("");
    park(&mut machine, 1, "1", "700");
    let single = [("tasktype", "t"), ("workerid", "w")];
    call(&mut machine, 2, "tasks.poll", &single, "");
    for (at, wanted) in [(99, None), (100, Some((2, 204, ""))), (699, None), (700, Some((1, 200, "[]")))] {
        advance_to(&mut machine, START_MS + at);
        let found: Vec<(u64, Reply)> = answers(&mut machine);
        let found = found.first().map(|(t, r)| (*t, r.status, String::from_utf8_lossy(&r.body).into_owned()));
        assert_eq!(found, wanted.map(|(t, s, body)| (t, s, body.to_owned())), "at {at}");
    }
    assert_eq!((machine.parked_polls(), machine.next_wake()), (0, None));
}

#[test]
fn work_due_at_the_last_instant_is_given() {
    let mut machine = simple_machine("");
    start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    let body = result(&task, "IN_PROGRESS").replace('}', r#","callbackAfterSeconds":5}"#);
    done(&mut machine, "tasks.update", &[], &body);
    park(&mut machine, 1, "1", "5000");
    machine.set_now(START_MS + 5_000);
    assert_eq!(served(&mut machine), [(1, 1)]);
}

#[test]
fn a_poll_that_must_not_wait_never_does() {
    let mut machine = simple_machine("");
    for timeout in ["0", "-5"] {
        let params = [("tasktype", "t"), ("count", "3"), ("timeout", timeout)];
        assert_eq!(ask(&mut machine, "tasks.poll_batch", &params, "").body, b"[]", "{timeout}");
    }
    let params = [("tasktype", "t"), ("timeout", "5001")];
    assert_eq!(ask(&mut machine, "tasks.poll_batch", &params, "").status, 400, "S-51.1");
    assert_eq!(machine.parked_polls(), 0);
}

#[test]
fn higher_priority_goes_first_until_age_makes_up_for_it() {
    // S-50.7: a step of priority is worth a minute of waiting, so nothing starves.
    let mut machine = simple_machine("");
    let start_at = |machine: &mut Machine, at: i64, priority: u8| {
        machine.set_now(START_MS + at);
        done(machine, "workflow.start", &[], &format!(r#"{{"name":"w","priority":{priority}}}"#))
    };
    let old = start_at(&mut machine, 0, 0);
    let low = start_at(&mut machine, 1_000, 1);
    let high = start_at(&mut machine, 2_000, 50);
    let late = start_at(&mut machine, 61_001, 1);
    let order: Vec<String> = poll(&mut machine, "t", 10).into_iter().map(|task| task.workflow).collect();
    assert_eq!(
        order,
        [high, low, old, late],
        "the old one waited more than a minute longer than the late one"
    );
}

#[test]
fn a_domain_is_a_queue_of_its_own() {
    // S-50.1, S-50.5.
    let mut machine = simple_machine("");
    let polled = |machine: &mut Machine, domain: &str| {
        let params = [("tasktype", "t"), ("count", "9"), ("timeout", "0"), ("domain", domain)];
        taken(&ask(machine, "tasks.poll_batch", &params, "")).len()
    };
    done(&mut machine, "workflow.start", &[], r#"{"name":"w","taskToDomain":{"t":"d"}}"#);
    start(&mut machine, "w", "{}");
    assert_eq!([polled(&mut machine, "x"), polled(&mut machine, "d"), polled(&mut machine, "")], [0, 1, 1]);
    // A parked poll is woken by work of its own domain only.
    let params = [("tasktype", "t"), ("timeout", "5000"), ("domain", "d")];
    call(&mut machine, 1, "tasks.poll_batch", &params, "");
    start(&mut machine, "w", "{}");
    assert_eq!(machine.parked_polls(), 1);
    done(&mut machine, "workflow.start", &[], r#"{"name":"w","taskToDomain":{"*":"d"}}"#);
    assert_eq!(machine.parked_polls(), 0);
}

#[test]
fn a_closed_connection_takes_no_work() {
    // G4: a task given to a connection that is gone would wait for its response timeout.
    let mut machine = simple_machine("");
    let poll_verb = verb("tasks.poll_batch").expect("a verb");
    let params: Params = [("tasktype", "t"), ("timeout", "5000")].into_iter().collect();
    for (conn, seq) in [(1, 1), (2, 1), (1, 2)] {
        machine.call(ReplyTo::Request { conn, seq, form: FORM }, poll_verb, &params, b"");
    }
    machine.forget_connection(1);
    assert_eq!(machine.parked_polls(), 1);
    call(&mut machine, 9, "workflow.start", &[], r#"{"name":"w"}"#);
    call(&mut machine, 9, "workflow.start", &[], r#"{"name":"w"}"#);
    machine.tick();
    let replies = machine.take_output().replies;
    let to: Vec<ReplyTo> =
        replies.into_iter().map(|(to, _)| to).filter(|to| *to != ReplyTo::Ticket(9)).collect();
    assert_eq!(to, [ReplyTo::Request { conn: 2, seq: 1, form: FORM }]);
    assert_eq!(poll(&mut machine, "t", 5).len(), 1, "the second task still waits for somebody who listens");
}

#[test]
fn a_draining_server_answers_polls_and_keeps_its_work() {
    let mut machine = simple_machine("");
    park(&mut machine, 1, "1", "5000");
    park(&mut machine, 2, "1", "5000");
    machine.stop_parking();
    machine.drain_polls();
    assert_eq!(served(&mut machine), [(1, 0), (2, 0)]);
    let id = start(&mut machine, "w", "{}");
    park(&mut machine, 3, "1", "5000");
    assert_eq!(served(&mut machine), [(3, 0)], "what is handed out now could not be reported any more");
    assert_eq!(shown(&mut machine, &id)["tasks"][0]["status"], "SCHEDULED");
}

#[test]
fn an_update_brings_the_next_task_and_never_waits() {
    // rest-api 5: update-v2.
    let mut machine = simple_machine("");
    let first = start(&mut machine, "w", "{}");
    let second = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    assert_eq!(task.workflow, first);
    let next = taken(&ask(&mut machine, "tasks.update_v2", &[], &result(&task, "COMPLETED")));
    let [next]: [Taken; 1] = next.try_into().expect("one task");
    assert_eq!(next.workflow, second);
    let reply = ask(&mut machine, "tasks.update_v2", &[], &result(&next, "COMPLETED"));
    assert_eq!((reply.status, machine.parked_polls()), (204, 0));
}

#[test]
fn queued_tasks_of_what_ended_are_not_given() {
    // S-60.4: and a poll that was passed over for them keeps waiting in its place.
    let mut machine = simple_machine("");
    let ids: Vec<String> = (0..3).map(|_| start(&mut machine, "w", "{}")).collect();
    done(&mut machine, "workflow.terminate", &[("workflowId", &ids[0])], "");
    done(&mut machine, "workflow.remove", &[("workflowId", &ids[1]), ("archiveWorkflow", "false")], "");
    let found = poll(&mut machine, "t", 5);
    assert_eq!(found.iter().map(|t| &t.workflow).collect::<Vec<_>>(), [&ids[2]]);
    park(&mut machine, 1, "1", "5000");
    assert_eq!(served(&mut machine), NOBODY);
}

#[test]
fn a_poll_is_bounded_and_wants_at_least_one() {
    let mut machine = simple_machine("");
    for _ in 0..3 {
        start(&mut machine, "w", "{}");
    }
    for (count, wanted) in [("0", 1), ("-7", 1), ("9223372036854775807", 1)] {
        let params = [("tasktype", "t"), ("count", count), ("timeout", "0")];
        assert_eq!(taken(&ask(&mut machine, "tasks.poll_batch", &params, "")).len(), wanted, "{count}");
    }
}

#[test]
fn tasks_of_a_paused_workflow_are_given() {
    // S-51.6.
    let mut machine = simple_machine("");
    let id = start(&mut machine, "w", "{}");
    done(&mut machine, "workflow.pause", &[("workflowId", &id)], "");
    assert_eq!(poll(&mut machine, "t", 1).len(), 1);
}

#[test]
fn a_system_task_is_polled_whatever_its_isolation_group() {
    // The workers inside the server take every group of their type.
    let mut machine = machine();
    define_task(&mut machine, "h", r#""isolationGroupId":"g","executionNameSpace":"n""#);
    define(&mut machine, "w", HTTP);
    start(&mut machine, "w", "{}");
    let params = [("tasktype", "HTTP"), ("count", "5"), ("timeout", "0")];
    assert_eq!(taken(&ask(&mut machine, "system.poll", &params, "")).len(), 1);
}

#[test]
fn a_system_task_whose_result_never_comes_is_given_up() {
    // S-9.4: after an hour when its definition says nothing.
    let mut machine = machine();
    define(&mut machine, "w", HTTP);
    let id = start(&mut machine, "w", "{}");
    let params = [("tasktype", "HTTP"), ("count", "5"), ("timeout", "0")];
    assert_eq!(taken(&ask(&mut machine, "system.poll", &params, "")).len(), 1);
    advance_to(&mut machine, START_MS + 3_599_999);
    assert_eq!(shown(&mut machine, &id)["status"], "RUNNING");
    advance_to(&mut machine, START_MS + 3_600_000);
    let workflow = shown(&mut machine, &id);
    assert_eq!(
        (&workflow["status"], &workflow["tasks"][0]["status"]),
        (&"TIMED_OUT".into(), &"TIMED_OUT".into())
    );
}
