//! Concurrency and rate limits at hand-out are exact, and what they free or allow is offered at once (S-53, G16).

mod client;

use client::{
    Random, START_MS, Taken, advance_to, answers, call, define, define_task, done, machine, poll, result,
    shown, simple, start, taken, task_def, workflow_def,
};
use fastcond_node::machine::Machine;
use std::collections::{BTreeMap, VecDeque};

/// The ticket of calls whose answer does not matter beside those of parked polls.
const ACT: u64 = 0;

/// No poll was answered.
const NOBODY: [u64; 0] = [];

/// A machine with a limited task `t` and a workflow `w` of it.
fn limited(members: &str) -> Machine {
    let mut machine = machine();
    define_task(&mut machine, "t", members);
    define(&mut machine, "w", &simple("t", "t"));
    machine
}

/// Parks a poll for one task under a ticket.
fn park(machine: &mut Machine, ticket: u64, domain: &str) {
    let params = [("tasktype", "t"), ("count", "1"), ("timeout", "5000"), ("domain", domain)];
    call(machine, ticket, "tasks.poll_batch", &params, "");
}

/// Which parked polls were answered with a task.
fn served(machine: &mut Machine) -> Vec<u64> {
    machine.tick();
    let polls = answers(machine).into_iter().filter(|(ticket, _)| *ticket != ACT);
    polls.filter(|(_, reply)| !taken(reply).is_empty()).map(|(ticket, _)| ticket).collect()
}

fn slots(machine: &Machine) -> BTreeMap<String, u32> {
    machine.slots().map(|(name, n)| (name.to_owned(), n)).collect()
}

fn taken_slots(machine: &Machine) -> u32 {
    slots(machine).get("t").copied().unwrap_or(0)
}

#[test]
fn a_limit_is_exact_under_many_pollers() {
    // S-53.1, G16: never more in progress than the limit, never a free slot beside a waiting task and a waiting poll.
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let limit = 1 + random.below(4);
        let mut machine = limited(&format!(r#""concurrentExecLimit":{limit},"retryCount":0"#));
        let mut ids: Vec<String> = (0..40).map(|_| start(&mut machine, "w", "{}")).collect();
        let (mut running, mut ticket): (Vec<Taken>, u64) = (Vec::new(), 0);
        for _ in 0..400 {
            match random.below(10) {
                0..5 => {
                    ticket += 1;
                    let (count, timeout) = (random.below(4).to_string(), *random.pick(&["0", "3000"]));
                    let params = [("tasktype", "t"), ("count", &*count), ("timeout", timeout)];
                    call(&mut machine, ticket, "tasks.poll_batch", &params, "");
                }
                5..8 if !running.is_empty() => {
                    let task = running.swap_remove(random.below(running.len()));
                    let status = *random.pick(&["COMPLETED", "FAILED", "IN_PROGRESS"]);
                    call(&mut machine, ACT, "tasks.update", &[], &result(&task, status));
                }
                8 if !ids.is_empty() => {
                    let id = ids.swap_remove(random.below(ids.len()));
                    running.retain(|task| task.workflow != id);
                    call(&mut machine, ACT, "workflow.terminate", &[("workflowId", &id)], "");
                }
                _ => {
                    let now_ms = machine.now_ms + i64::try_from(random.below(900)).expect("a small number");
                    machine.set_now(now_ms);
                }
            }
            machine.tick();
            for (ticket, reply) in answers(&mut machine) {
                running.extend(if ticket == ACT { Vec::new() } else { taken(&reply) });
            }
            assert!(running.len() <= limit, "seed {seed}: {} of {limit} run", running.len());
            assert_eq!(taken_slots(&machine) as usize, running.len(), "seed {seed}: every slot has its task");
            let waiting = machine.queues.len();
            let is_stuck = machine.parked_polls() > 0 && waiting > 0 && running.len() < limit;
            assert!(!is_stuck, "seed {seed}: {waiting} tasks wait beside a poll and a free slot");
        }
    }
}

#[test]
fn a_freed_slot_wakes_the_poll_that_waited_longest() {
    // S-53.1 Do: Conductor lets it wait a minute.
    let ends = ["complete", "fail", "terminate", "time out", "remove", "hand back"];
    for end in ends {
        let mut machine = limited(r#""concurrentExecLimit":1,"retryCount":0,"responseTimeoutSeconds":4"#);
        let first = start(&mut machine, "w", "{}");
        start(&mut machine, "w", "{}");
        let task = poll(&mut machine, "t", 5).pop().expect("the first task");
        assert_eq!(task.workflow, first);
        machine.set_now(START_MS + 1_000);
        park(&mut machine, 1, "");
        park(&mut machine, 2, "");
        assert_eq!(served(&mut machine), NOBODY, "no slot is free");
        let by_id = [("workflowId", &*first)];
        let mut act =
            |name: &str, params: &[(&str, &str)], body: &str| call(&mut machine, ACT, name, params, body);
        match end {
            "complete" => act("tasks.update", &[], &result(&task, "COMPLETED")),
            "fail" => act("tasks.update", &[], &result(&task, "FAILED")),
            "terminate" => act("workflow.terminate", &by_id, ""),
            "remove" => act("workflow.remove", &[by_id[0], ("archiveWorkflow", "false")], ""),
            // A worker that wants the task back later does not hold its slot meanwhile (S-53.3).
            "hand back" => {
                let body = result(&task, "IN_PROGRESS").replace('}', r#","callbackAfterSeconds":60}"#);
                act("tasks.update", &[], &body);
            }
            "time out" => machine.set_now(START_MS + 4_000),
            other => panic!("{other}"),
        }
        assert_eq!(served(&mut machine), [1], "{end} frees the slot, the older poll is woken");
        assert_eq!(taken_slots(&machine), 1, "{end}");
        assert_eq!(machine.parked_polls(), 1, "{end}");
    }
}

#[test]
fn a_slot_freed_in_one_queue_serves_another() {
    // S-53.1 counts task names, S-50.5 splits their tasks over queues.
    let mut machine = limited(r#""concurrentExecLimit":1"#);
    start(&mut machine, "w", "{}");
    done(&mut machine, "workflow.start", &[], r#"{"name":"w","input":{},"taskToDomain":{"t":"d"}}"#);
    let task = poll(&mut machine, "t", 1).pop().expect("the task without a domain");
    park(&mut machine, 1, "d");
    assert_eq!(served(&mut machine), NOBODY);
    call(&mut machine, ACT, "tasks.update", &[], &result(&task, "COMPLETED"));
    assert_eq!(served(&mut machine), [1]);
}

#[test]
fn a_slot_freed_under_one_limit_wakes_who_waits_under_a_lower_one() {
    // S-53.4: each task carries the limit of its own definition, so one name can be held to several.
    let mut machine = limited(r#""concurrentExecLimit":5"#);
    for _ in 0..2 {
        start(&mut machine, "w", "{}");
    }
    let tasks = poll(&mut machine, "t", 5);
    assert_eq!(tasks.len(), 2);
    done(&mut machine, "taskdefs.update", &[], &task_def("t", r#""concurrentExecLimit":1"#));
    start(&mut machine, "w", "{}");
    park(&mut machine, 1, "");
    for (task, wanted) in tasks.iter().zip([&[][..], &[1]]) {
        call(&mut machine, ACT, "tasks.update", &[], &result(task, "COMPLETED"));
        assert_eq!(served(&mut machine), wanted, "the lower limit is reached until nothing runs");
    }
}

#[test]
fn a_limit_that_was_raised_wakes_who_waits_under_it() {
    let mut machine = limited(r#""concurrentExecLimit":1"#);
    start(&mut machine, "w", "{}");
    let first = poll(&mut machine, "t", 1).pop().expect("the first task");
    done(&mut machine, "taskdefs.update", &[], &task_def("t", r#""concurrentExecLimit":2"#));
    for _ in 0..2 {
        start(&mut machine, "w", "{}");
    }
    let second = poll(&mut machine, "t", 5);
    assert_eq!(second.len(), 1, "two may run now");
    park(&mut machine, 1, "");
    assert_eq!(served(&mut machine), NOBODY);
    call(&mut machine, ACT, "tasks.update", &[], &result(&first, "COMPLETED"));
    assert_eq!(served(&mut machine), [1]);
}

#[test]
fn no_limit_is_no_limit() {
    for members in
        ["", r#""concurrentExecLimit":0"#, r#""concurrentExecLimit":-1"#, r#""rateLimitPerFrequency":0"#]
    {
        let mut machine = limited(members);
        for _ in 0..50 {
            start(&mut machine, "w", "{}");
        }
        assert_eq!(poll(&mut machine, "t", 50).len(), 50, "{members}");
        assert_eq!(slots(&machine).len(), 0, "{members}");
    }
}

#[test]
fn only_what_is_handed_out_is_limited() {
    // S-53.3: a WAIT of a limited name waits, and takes no slot from a worker task of that name.
    let mut machine = machine();
    define_task(&mut machine, "t", r#""concurrentExecLimit":1"#);
    let wait =
        r#"{"name":"t","taskReferenceName":"p","type":"WAIT","inputParameters":{"duration":"1 hour"}}"#;
    define(&mut machine, "v", wait);
    define(&mut machine, "w", &simple("t", "t"));
    start(&mut machine, "v", "{}");
    start(&mut machine, "w", "{}");
    assert_eq!(poll(&mut machine, "t", 5).len(), 1);
    assert_eq!(taken_slots(&machine), 1);
}

#[test]
fn a_rate_window_is_exact() {
    // S-53.2 Do: never more than N in any T seconds, and no later than the window allows.
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let (rate, seconds) = (1 + random.below(4), 1 + random.below(3));
        let members = format!(r#""rateLimitPerFrequency":{rate},"rateLimitFrequencyInSeconds":{seconds}"#);
        let mut machine = limited(&members);
        let window_ms = i64::try_from(seconds * 1_000).expect("a small number");
        let total = 30;
        for _ in 0..total {
            start(&mut machine, "w", "{}");
        }
        let (mut given, mut ticket): (VecDeque<i64>, u64) = (VecDeque::new(), 0);
        while given.len() < total {
            ticket += 1;
            let (count, timeout) = ((1 + random.below(5)).to_string(), *random.pick(&["0", "500", "5000"]));
            call(
                &mut machine,
                ticket,
                "tasks.poll_batch",
                &[("tasktype", "t"), ("count", &count), ("timeout", timeout)],
                "",
            );
            let until = machine.now_ms + i64::try_from(random.below(700)).expect("a small number");
            while machine.now_ms < until {
                machine.tick();
                let now_ms = machine.now_ms;
                for (_, reply) in answers(&mut machine) {
                    given.extend(taken(&reply).iter().map(|_| now_ms));
                }
                let recent = given.iter().filter(|at| **at > now_ms - window_ms).count();
                assert!(recent <= rate, "seed {seed}: {recent} of {rate} within {seconds} s");
                let is_stuck = machine.parked_polls() > 0 && recent < rate && !machine.queues.is_empty();
                assert!(!is_stuck, "seed {seed}: a poll waits though {recent} of {rate} were given");
                machine.set_now(machine.next_wake().map_or(until, |at| at.clamp(now_ms + 1, until)));
            }
        }
    }
}

#[test]
fn a_window_that_opens_wakes_a_parked_poll_at_that_instant() {
    let mut machine = limited(r#""rateLimitPerFrequency":2,"rateLimitFrequencyInSeconds":1"#);
    for _ in 0..3 {
        start(&mut machine, "w", "{}");
    }
    assert_eq!(poll(&mut machine, "t", 3).len(), 2);
    machine.set_now(START_MS + 300);
    park(&mut machine, 1, "");
    advance_to(&mut machine, START_MS + 999);
    assert_eq!(served(&mut machine), NOBODY);
    advance_to(&mut machine, START_MS + 1_000);
    assert_eq!(served(&mut machine), [1]);
}

#[test]
fn a_poll_that_the_rate_refuses_keeps_no_slot() {
    let mut machine =
        limited(r#""concurrentExecLimit":2,"rateLimitPerFrequency":1,"rateLimitFrequencyInSeconds":10"#);
    for _ in 0..3 {
        start(&mut machine, "w", "{}");
    }
    assert_eq!(poll(&mut machine, "t", 3).len(), 1);
    for _ in 0..10 {
        assert_eq!(poll(&mut machine, "t", 3).len(), 0);
    }
    assert_eq!(taken_slots(&machine), 1);
    machine.set_now(START_MS + 10_000);
    assert_eq!(poll(&mut machine, "t", 3).len(), 1);
    machine.set_now(START_MS + 20_000);
    assert_eq!(poll(&mut machine, "t", 3).len(), 0, "both slots are taken");
}

#[test]
fn what_a_limit_holds_back_keeps_its_place() {
    // S-50.7, S-53: neither priority nor age is lost by having been looked at.
    let mut machine = limited(r#""rateLimitPerFrequency":1,"rateLimitFrequencyInSeconds":1"#);
    let start_with = |machine: &mut Machine, priority: u8| {
        done(machine, "workflow.start", &[], &format!(r#"{{"name":"w","input":{{}},"priority":{priority}}}"#))
    };
    let order = [(0, 3), (9, 0), (5, 1), (5, 2)];
    let ids: Vec<(usize, String)> =
        order.into_iter().map(|(priority, place)| (place, start_with(&mut machine, priority))).collect();
    for place in 0..4 {
        let task = poll(&mut machine, "t", 1).pop().expect("the window is open");
        let wanted = ids.iter().find(|(at, _)| *at == place).map(|(_, id)| id);
        assert_eq!(Some(&task.workflow), wanted, "place {place}");
        for _ in 0..5 {
            assert_eq!(poll(&mut machine, "t", 4).len(), 0);
        }
        let next = machine.now_ms + 1_000;
        machine.set_now(next);
    }
}

#[test]
fn polls_of_a_closed_window_plan_one_look() {
    // A busy poller of a limited queue must not fill the server with wake-ups.
    let mut machine = limited(r#""rateLimitPerFrequency":1,"rateLimitFrequencyInSeconds":3600"#);
    for _ in 0..40 {
        start(&mut machine, "w", "{}");
    }
    assert_eq!(poll(&mut machine, "t", 1).len(), 1);
    for _ in 0..1_000 {
        assert_eq!(poll(&mut machine, "t", 10).len(), 0);
    }
    machine.tick();
    assert!(machine.delayed_looks() <= 2, "{} looks at the queue are planned", machine.delayed_looks());
    // One that waits is woken once the window opens, however often it was looked at.
    machine.set_now(START_MS + 3_598_000);
    park(&mut machine, 1, "");
    advance_to(&mut machine, START_MS + 3_600_000);
    assert_eq!(served(&mut machine), [1]);
}

#[test]
fn limits_of_embedded_definitions_stay() {
    // S-2.3, S-53.4: a running workflow is held to the limit it was started with.
    let mut machine = limited(r#""concurrentExecLimit":1"#);
    let ids: Vec<String> = (0..2).map(|_| start(&mut machine, "w", "{}")).collect();
    done(&mut machine, "taskdefs.update", &[], &task_def("t", r#""concurrentExecLimit":9"#));
    done(
        &mut machine,
        "workflowdefs.update",
        &[],
        &format!("[{}]", workflow_def("w", "", &simple("t", "t"))),
    );
    assert_eq!(poll(&mut machine, "t", 5).len(), 1);
    assert_eq!(shown(&mut machine, &ids[1])["tasks"][0]["status"], "SCHEDULED");
}
