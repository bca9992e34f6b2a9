//! A poll for several task types at once: a task of any of them, each handed out once, no type starved.

mod client;

use client::{
    START_MS, Taken, advance_to, answers, ask, call, define, define_task, machine, poll, report, shown,
    simple, start, taken,
};
use fastcond_node::calls::POLL_TYPES_MAX;
use fastcond_node::machine::Machine;
use std::collections::BTreeSet;

/// Workflows `a`, `b` and `c` of one task each, of the type and reference of the same name.
fn three_types() -> Machine {
    let mut machine = machine();
    for name in ["a", "b", "c"] {
        define_task(&mut machine, name, "");
        define(&mut machine, name, &simple(name, name));
    }
    machine
}

fn any(machine: &mut Machine, types: &str, count: &str) -> Vec<String> {
    references(&any_tasks(machine, types, count))
}

fn any_tasks(machine: &mut Machine, types: &str, count: &str) -> Vec<Taken> {
    let params = [("types", types), ("count", count), ("timeout", "0"), ("workerid", "w")];
    taken(&ask(machine, "tasks.poll_any", &params, ""))
}

fn references(tasks: &[Taken]) -> Vec<String> {
    tasks.iter().map(|task| task.reference.clone()).collect()
}

fn park(machine: &mut Machine, ticket: u64, types: &str, timeout: &str) {
    call(machine, ticket, "tasks.poll_any", &[("types", types), ("timeout", timeout)], "");
}

/// Answered polls with the references of what they got.
fn served(machine: &mut Machine) -> Vec<(u64, Vec<String>)> {
    machine.tick();
    answers(machine).into_iter().map(|(ticket, reply)| (ticket, references(&taken(&reply)))).collect()
}

/// Starts a workflow, leaving what else was answered to be looked at.
fn begin(machine: &mut Machine, name: &str) {
    call(machine, 99, "workflow.start", &[], &format!(r#"{{"name":"{name}","input":{{}}}}"#));
}

#[test]
fn it_gets_tasks_of_all_its_types_and_of_no_other() {
    let mut machine = three_types();
    for name in ["a", "b", "c"] {
        start(&mut machine, name, "{}");
    }
    assert_eq!(any(&mut machine, "a,c", "10"), ["a", "c"]);
    assert_eq!(any(&mut machine, "a,c", "10"), [""; 0]);
    assert_eq!(poll(&mut machine, "b", 10).len(), 1);
}

#[test]
fn count_bounds_what_all_types_give_together() {
    let mut machine = three_types();
    for _ in 0..3 {
        for name in ["a", "b"] {
            start(&mut machine, name, "{}");
        }
    }
    assert_eq!([1, 4, 1, 0].map(|left| (left, any(&mut machine, "a,b", "4").len()).1), [4, 2, 0, 0]);
}

#[test]
fn a_type_that_always_has_work_starves_no_other() {
    let mut machine = three_types();
    for _ in 0..20 {
        start(&mut machine, "a", "{}");
    }
    for name in ["b", "c", "b", "c"] {
        start(&mut machine, name, "{}");
    }
    let found: Vec<String> = (0..6).flat_map(|_| any(&mut machine, "a,b,c", "1")).collect();
    assert_eq!(found, ["a", "b", "c", "a", "b", "c"]);
    // Two pollers in step, which would deceive a counter of polls: still everybody has a turn.
    for _ in 0..2 {
        start(&mut machine, "b", "{}");
    }
    let mut found = Vec::new();
    for _ in 0..4 {
        found.extend(any(&mut machine, "a,b", "1"));
        assert_eq!(any(&mut machine, "c,x", "1"), [""; 0]);
    }
    assert_eq!(found, ["a", "b", "a", "b"]);
}

#[test]
fn work_of_any_type_wakes_it_once() {
    let mut machine = three_types();
    park(&mut machine, 1, "a,b", "5000");
    park(&mut machine, 2, "b,a", "5000");
    assert_eq!(machine.parked_polls(), 2);
    begin(&mut machine, "c");
    begin(&mut machine, "b");
    begin(&mut machine, "a");
    begin(&mut machine, "a");
    let mut found = served_tasks(&mut machine);
    found.retain(|(ticket, _)| *ticket != 99);
    assert_eq!(found, [(1, vec!["b".to_owned()]), (2, vec!["a".to_owned()])]);
    assert_eq!(machine.parked_polls(), 0);
    assert_eq!(poll(&mut machine, "a", 10).len(), 1, "what nobody waited for is still there");
}

/// Like [`served`], but the answers of starts are listed without tasks.
fn served_tasks(machine: &mut Machine) -> Vec<(u64, Vec<String>)> {
    let list = |(ticket, reply)| (ticket, if ticket == 99 { Vec::new() } else { references(&taken(&reply)) });
    answers(machine).into_iter().map(list).collect()
}

#[test]
fn a_type_nobody_knows_yet_can_be_waited_for() {
    let mut machine = three_types();
    park(&mut machine, 1, "new,newer", "5000");
    define_task(&mut machine, "newer", "");
    define(&mut machine, "n", &simple("newer", "newer"));
    answers(&mut machine);
    begin(&mut machine, "n");
    let found = served_tasks(&mut machine);
    assert_eq!(found[0], (1, vec!["newer".to_owned()]));
}

#[test]
fn polls_for_one_type_and_for_several_stand_in_the_same_line() {
    let mut machine = three_types();
    let single = [("tasktype", "a"), ("timeout", "5000")];
    park(&mut machine, 1, "b,a", "5000");
    call(&mut machine, 2, "tasks.poll_batch", &single, "");
    park(&mut machine, 3, "a,c", "5000");
    for expected in 1..=3 {
        begin(&mut machine, "a");
        let found = served_tasks(&mut machine);
        assert_eq!(found[0], (expected, vec!["a".to_owned()]));
    }
}

#[test]
fn nothing_is_handed_out_twice() {
    let mut machine = three_types();
    let mut seen = BTreeSet::new();
    let mut total = 0;
    for round in 0..50u64 {
        for (ticket, types) in [(1, "a,b,c"), (2, "c,b"), (3, "a")] {
            park(&mut machine, 10 * round + ticket, types, "5000");
        }
        for name in ["a", "b", "c", "b"] {
            begin(&mut machine, name);
        }
        let found = answers(&mut machine);
        for task in found.iter().filter(|(ticket, _)| *ticket != 99).flat_map(|(_, reply)| taken(reply)) {
            assert!(seen.insert(task.task.clone()), "{task:?} was handed out before");
            report(&mut machine, &task, "COMPLETED");
            total += 1;
        }
        for task in any_tasks(&mut machine, "a,b,c", "100") {
            assert!(seen.insert(task.task.clone()), "{task:?} was handed out before");
            total += 1;
        }
        machine.drain_polls();
        answers(&mut machine);
    }
    assert_eq!(total, 200, "and nothing is lost");
}

#[test]
fn its_time_runs_out_once() {
    let mut machine = three_types();
    park(&mut machine, 1, "a,b", "700");
    advance_to(&mut machine, START_MS + 699);
    assert_eq!(served(&mut machine), []);
    advance_to(&mut machine, START_MS + 700);
    assert_eq!(served(&mut machine), [(1, Vec::new())]);
    assert_eq!((machine.parked_polls(), machine.next_wake()), (0, None));
    begin(&mut machine, "a");
    assert_eq!(served_tasks(&mut machine).len(), 1, "only the start is answered");
}

#[test]
fn a_domain_holds_for_every_type() {
    let mut machine = three_types();
    for name in ["a", "b"] {
        let body = format!(r#"{{"name":"{name}","input":{{}},"taskToDomain":{{"*":"d"}}}}"#);
        assert_eq!(ask(&mut machine, "workflow.start", &[], &body).status, 200);
    }
    assert_eq!(any(&mut machine, "a,b", "10"), [""; 0]);
    let params = [("types", "a,b"), ("count", "10"), ("timeout", "0"), ("domain", "d")];
    assert_eq!(taken(&ask(&mut machine, "tasks.poll_any", &params, "")).len(), 2);
}

#[test]
fn types_are_a_list_that_is_bounded_and_not_empty() {
    let mut machine = three_types();
    start(&mut machine, "b", "{}");
    assert_eq!(any(&mut machine, " a, b,,b ,a", "10"), ["b"], "repeated and empty names are nothing");
    let list = |n: usize| (0..n).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
    let status =
        |machine: &mut Machine, params: &[(&str, &str)]| ask(machine, "tasks.poll_any", params, "").status;
    let (most, more) = (list(POLL_TYPES_MAX), list(POLL_TYPES_MAX + 1));
    assert_eq!(status(&mut machine, &[("types", &most), ("timeout", "0")]), 200);
    assert_eq!(status(&mut machine, &[("types", &more), ("timeout", "0")]), 400);
    assert_eq!(status(&mut machine, &[("types", " ,"), ("timeout", "0")]), 400);
    assert_eq!(status(&mut machine, &[("timeout", "0")]), 400);
    assert_eq!(status(&mut machine, &[("types", "a"), ("timeout", "5001")]), 400, "S-51.1");
}

#[test]
fn who_polled_last_is_known_for_every_type() {
    // S-51.7.
    let mut machine = three_types();
    any(&mut machine, "a,b", "1");
    for (name, rows) in [("a", 1), ("b", 1), ("c", 0)] {
        let reply = ask(&mut machine, "queue.polldata", &[("taskType", name)], "");
        let found: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(found.as_array().map(Vec::len), Some(rows), "{name}");
    }
}

#[test]
fn a_limit_on_one_type_leaves_the_others_alone() {
    let mut machine = machine();
    define_task(&mut machine, "a", r#""concurrentExecLimit":1"#);
    define_task(&mut machine, "b", "");
    for name in ["a", "b"] {
        define(&mut machine, name, &simple(name, name));
    }
    let first = start(&mut machine, "a", "{}");
    start(&mut machine, "a", "{}");
    assert_eq!(any(&mut machine, "a,b", "10"), ["a"]);
    park(&mut machine, 1, "a,b", "5000");
    assert_eq!(machine.parked_polls(), 1, "a second one of that type has to wait");
    begin(&mut machine, "b");
    let found = served_tasks(&mut machine);
    assert_eq!(found[0], (1, vec!["b".to_owned()]));
    assert_eq!(shown(&mut machine, &first)["tasks"][0]["status"], "IN_PROGRESS");
}
