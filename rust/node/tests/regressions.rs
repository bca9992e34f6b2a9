//! What went wrong in Conductor and may not go wrong here, one test per failure under its name (quality section 8).
//! `tests/tidy/regressions.tsv` is the list.

mod client;

use client::{
    MemoryArchive, Random, START_MS, Taken, advance_to, answers, archive_all, ask, call, define, define_task,
    done, machine, machine_over, poll, report, result, shown, simple, start, taken, workflow_def,
};
use fastcond_model::{TaskId, WorkflowId};
use fastcond_node::machine::Machine;
use fastcond_queue::TaskKey;
use serde_json::Value;
use std::collections::BTreeSet;

/// A WAIT is over when its time has passed, not when it has come.
const WAIT_OVER_MS: i64 = 1;

/// The ticket of calls whose answer does not matter.
const ACT: u64 = 0;

/// Lets everything happen that is due now, without moving the clock.
fn settle(machine: &mut Machine) {
    let now_ms = machine.now_ms;
    advance_to(machine, now_ms);
}

fn status(machine: &mut Machine, id: &str) -> String {
    text(&shown(machine, id)["status"])
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn tasks(machine: &mut Machine, id: &str) -> Vec<Value> {
    shown(machine, id)["tasks"].as_array().expect("a list").clone()
}

/// The task of an execution with a reference name, its newest attempt.
fn named(machine: &mut Machine, id: &str, reference: &str) -> Value {
    let list = tasks(machine, id);
    list.into_iter()
        .rfind(|t| t["referenceTaskName"] == reference)
        .unwrap_or_else(|| panic!("no {reference}"))
}

fn act(machine: &mut Machine, verb: &str, id: &str) {
    call(machine, ACT, verb, &[("workflowId", id)], "");
}

/// Parks a poll for a task `t`.
fn park(machine: &mut Machine, ticket: u64) {
    let params = [("tasktype", "t"), ("count", "1"), ("timeout", "5000")];
    call(machine, ticket, "tasks.poll_batch", &params, "");
}

/// The task that a parked poll was answered with.
fn served(machine: &mut Machine, ticket: u64) -> Option<Taken> {
    machine.tick();
    let (_, reply) = answers(machine).into_iter().find(|(to, _)| *to == ticket)?;
    taken(&reply).pop()
}

/// A fork of one task each, joined.
fn fork(references: &[&str]) -> String {
    let branches: Vec<String> = references.iter().map(|r| format!("[{}]", simple("t", r))).collect();
    let quoted: Vec<String> = references.iter().map(|r| format!("\"{r}\"")).collect();
    format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":[{}]}}"#,
        branches.join(","),
        quoted.join(",")
    )
}

/// Scheduled tasks of running executions that stand in no queue.
fn orphans(machine: &mut Machine, ids: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for id in ids {
        if ask(machine, "workflow.get", &[("workflowId", id)], "").status != 200 {
            continue;
        }
        let workflow = WorkflowId::parse(id).expect("an id");
        let is_open = matches!(&*status(machine, id), "RUNNING" | "PAUSED");
        for task in tasks(machine, id).iter().filter(|t| is_open && t["status"] == "SCHEDULED") {
            let task_id = TaskId::parse(&text(&task["taskId"])).expect("an id");
            let no = workflow.number_of(task_id).expect("a task of this execution");
            if machine.queues.message(TaskKey { workflow: workflow.0, task: no }).is_none() {
                found.push(format!("{id}/{}", task["referenceTaskName"]));
            }
        }
    }
    found
}

#[test]
fn failed_push_leaves_no_scheduled_orphan() {
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let archive = MemoryArchive::default();
        // Nothing stays in memory between commands, so that queues are all that remembers.
        let mut machine = machine_over(&archive, 0);
        define_task(&mut machine, "t", r#""retryCount":2,"retryDelaySeconds":0,"responseTimeoutSeconds":5"#);
        define(&mut machine, "w", &fork(&["a", "b"]));
        let (mut ids, mut running) = (vec![start(&mut machine, "w", "{}")], Vec::new());
        for _ in 0..60 {
            let id = random.pick(&ids).clone();
            match random.below(9) {
                0 => ids.push(start(&mut machine, "w", "{}")),
                1 | 2 => running.extend(poll(&mut machine, "t", 1 + random.below(2))),
                3 | 4 if !running.is_empty() => {
                    let task: Taken = running.swap_remove(random.below(running.len()));
                    let status = *random.pick(&["COMPLETED", "FAILED", "IN_PROGRESS"]);
                    call(&mut machine, ACT, "tasks.update", &[], &result(&task, status));
                }
                5 => {
                    let verb = *random.pick(&["workflow.pause", "workflow.resume"]);
                    act(&mut machine, verb, &id);
                }
                6 => {
                    let verb = *random.pick(&["workflow.terminate", "workflow.retry"]);
                    act(&mut machine, verb, &id);
                }
                7 => archive_all(&mut machine, &archive),
                _ => {
                    let at = machine.now_ms + 3_000;
                    advance_to(&mut machine, at);
                }
            }
            settle(&mut machine);
            machine.take_output();
            assert_eq!(orphans(&mut machine, &ids), [""; 0], "seed {seed}");
        }
    }
}

/// Timers that executions with an open deadline must have: the earliest.
#[test]
fn timer_record_has_its_timer_entry() {
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 0);
    let wait = r#"{"name":"w","taskReferenceName":"w","type":"WAIT","inputParameters":{"duration":"${workflow.input.d}"}}"#;
    define(&mut machine, "w", wait);
    let mut due = BTreeSet::new();
    for seconds in [7, 3, 900, 60] {
        let id = start(&mut machine, "w", &format!(r#"{{"d":"{seconds}s"}}"#));
        let id = WorkflowId::parse(&id).expect("an id");
        due.insert((id.0, START_MS + seconds * 1_000 + WAIT_OVER_MS));
        archive_all(&mut machine, &archive);
        settle(&mut machine);
        assert_eq!(machine.armed().collect::<BTreeSet<_>>(), due, "in memory or not, each has its timer");
    }
    let mut times: Vec<i64> = due.iter().map(|(_, at)| *at).collect();
    times.sort_unstable();
    for at in times {
        advance_to(&mut machine, at);
        archive_all(&mut machine, &archive);
        due.retain(|(_, each)| *each > machine.now_ms);
        assert_eq!(machine.armed().collect::<BTreeSet<_>>(), due);
    }
}

#[test]
fn contended_decide_is_not_dropped() {
    let references: Vec<String> = (0..50).map(|at| format!("b{at}")).collect();
    let references: Vec<&str> = references.iter().map(|r| &**r).collect();
    let mut machine = machine();
    define(&mut machine, "w", &fork(&references));
    let id = start(&mut machine, "w", "{}");
    let branches = poll(&mut machine, "t", 50);
    for (at, task) in branches.iter().enumerate() {
        assert_eq!(named(&mut machine, &id, "j")["status"], "IN_PROGRESS", "{at} are done");
        // All at one instant, without a turn in between.
        call(&mut machine, ACT, "tasks.update", &[], &result(task, "COMPLETED"));
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED", "nobody has to look again");
    assert_eq!(machine.now_ms, START_MS);
}

#[test]
fn failed_task_waits_for_no_lock() {
    let mut machine = machine();
    define_task(&mut machine, "t", r#""retryCount":1,"retryDelaySeconds":0"#);
    define(&mut machine, "w", &simple("t", "t"));
    let id = start(&mut machine, "w", "{}");
    let first = poll(&mut machine, "t", 1).pop().expect("the first attempt");
    park(&mut machine, 1);
    call(&mut machine, ACT, "tasks.update", &[], &result(&first, "FAILED"));
    let second = served(&mut machine, 1).expect("the next attempt is given at once");
    assert_eq!(second.reference, "t");
    assert_ne!(second.task, first.task);
    report(&mut machine, &second, "FAILED");
    assert_eq!(status(&mut machine, &id), "FAILED", "and so is its end");
    assert_eq!(machine.now_ms, START_MS);
}

#[test]
fn postponed_workflow_is_looked_at_again() {
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 0);
    define_task(&mut machine, "t", r#""responseTimeoutSeconds":3600"#);
    define(&mut machine, "w", &simple("t", "t"));
    let id = start(&mut machine, "w", "{}");
    for round in 1..=3 {
        let task = poll(&mut machine, "t", 1).pop().expect("the task");
        let later = result(&task, "IN_PROGRESS").replace('}', r#","callbackAfterSeconds":60}"#);
        done(&mut machine, "tasks.update", &[], &later);
        archive_all(&mut machine, &archive);
        advance_to(&mut machine, START_MS + round * 60_000 - 1);
        machine.take_output();
        assert!(poll(&mut machine, "t", 1).is_empty(), "round {round}: it is not due yet");
        advance_to(&mut machine, START_MS + round * 60_000);
        machine.take_output();
    }
    let task = poll(&mut machine, "t", 1).pop().expect("the task");
    report(&mut machine, &task, "COMPLETED");
    assert_eq!(status(&mut machine, &id), "COMPLETED");
}

#[test]
fn wait_fires_on_time() {
    let wait = |d: &str| {
        format!(
            r#"{{"name":"w","taskReferenceName":"w","type":"WAIT","inputParameters":{{"duration":"{d}"}}}}"#
        )
    };
    for (duration, ms) in [("3s", 3_000), ("30s", 30_000), ("2m", 120_000), ("3d", 259_200_000)] {
        let mut machine = machine();
        define(&mut machine, "w", &wait(duration));
        let id = start(&mut machine, "w", "{}");
        advance_to(&mut machine, START_MS + ms);
        assert_eq!(status(&mut machine, &id), "RUNNING", "{duration}");
        advance_to(&mut machine, START_MS + ms + WAIT_OVER_MS);
        assert_eq!(status(&mut machine, &id), "COMPLETED", "{duration}");
    }
    let mut machine = machine();
    let body = format!(
        r#"{{"name":"l","taskReferenceName":"l","type":"DO_WHILE","loopCondition":"$.l.iteration < 4","loopOver":[{}]}}"#,
        wait("5s")
    );
    define(&mut machine, "loop", &body);
    let id = start(&mut machine, "loop", "{}");
    advance_to(&mut machine, START_MS + 60_000);
    let waits: Vec<Value> =
        tasks(&mut machine, &id).into_iter().filter(|t| t["taskType"] == "WAIT").collect();
    let ends: Vec<i64> = waits.iter().map(|t| t["endTime"].as_i64().expect("a time") - START_MS).collect();
    let expected: Vec<i64> = (1..=4).map(|n| n * (5_000 + WAIT_OVER_MS)).collect();
    assert_eq!(ends, expected, "once in each iteration");
}

#[test]
fn timeout_fires_and_stays_fired() {
    for members in [
        r#""retryCount":0,"responseTimeoutSeconds":4"#,
        r#""retryCount":0,"timeoutSeconds":4,"responseTimeoutSeconds":3,"timeoutPolicy":"RETRY""#,
    ] {
        let mut machine = machine();
        define_task(&mut machine, "t", members);
        define(&mut machine, "w", &simple("t", "t"));
        let id = start(&mut machine, "w", "{}");
        let task = poll(&mut machine, "t", 1).pop().expect("the task");
        advance_to(&mut machine, START_MS + 4_000);
        let before = named(&mut machine, &id, "t");
        assert_eq!(before["status"], "TIMED_OUT", "{members}");
        machine.take_output();
        assert!(poll(&mut machine, "t", 5).is_empty(), "nobody is given it any more");
        for late in ["IN_PROGRESS", "COMPLETED", "FAILED"] {
            ask(&mut machine, "tasks.update", &[], &result(&task, late));
        }
        assert_eq!(named(&mut machine, &id, "t"), before, "it is not revived");
        assert!(matches!(&*status(&mut machine, &id), "TIMED_OUT" | "FAILED"));
    }
}

/// A fork of two sub-workflows of one task each.
fn define_family(machine: &mut Machine) {
    define(machine, "child", &simple("t", "t"));
    let child = |r: &str| {
        format!(
            r#"[{{"name":"s","taskReferenceName":"{r}","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"child","version":1}}}}]"#
        )
    };
    let steps = format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[{},{}]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":["x","y"]}}"#,
        child("x"),
        child("y")
    );
    define(machine, "parent", &steps);
}

#[test]
fn child_end_reaches_parent() {
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 0);
    define_family(&mut machine);
    let id = start(&mut machine, "parent", "{}");
    settle(&mut machine);
    for open in (0..2).rev() {
        let task = poll(&mut machine, "t", 1).pop().expect("the task of a child");
        // The parent is not in memory when its child ends.
        archive_all(&mut machine, &archive);
        report(&mut machine, &task, "COMPLETED");
        settle(&mut machine);
        machine.take_output();
        let expected = if open == 0 { "COMPLETED" } else { "IN_PROGRESS" };
        assert_eq!(named(&mut machine, &id, "j")["status"], expected);
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED");
    assert_eq!(machine.now_ms, START_MS, "at once");
}

#[test]
fn async_system_task_runs_once() {
    let http = r#"{"name":"h","taskReferenceName":"h","type":"HTTP","inputParameters":{"http_request":{"uri":"http://127.0.0.1:9/","method":"GET"}}}"#;
    let mut machine = machine();
    define(&mut machine, "w", http);
    let id = start(&mut machine, "w", "{}");
    let params = [("tasktype", "HTTP"), ("count", "5"), ("timeout", "0")];
    let mut given = taken(&ask(&mut machine, "system.poll", &params, ""));
    assert_eq!(given.len(), 1);
    for after_s in 1..60 {
        advance_to(&mut machine, START_MS + after_s * 1_000);
        machine.take_output();
        // A decision in between, which in Conductor repairs what it takes for lost.
        act(&mut machine, "workflow.decide", &id);
        machine.take_output();
        given.extend(taken(&ask(&mut machine, "system.poll", &params, "")));
    }
    assert_eq!(given.len(), 1, "it runs once, however long it takes");
    done(&mut machine, "system.update", &[], &result(&given[0], "COMPLETED"));
    assert!(taken(&ask(&mut machine, "system.poll", &params, "")).is_empty());
    assert_eq!(status(&mut machine, &id), "COMPLETED");
}

/// The body of a report with an output.
fn with_output(task: &Taken, status: &str, output: &str) -> String {
    result(task, status).replace('}', &format!(r#","outputData":{output}}}"#))
}

#[test]
fn late_duplicate_changes_nothing() {
    let mut machine = machine();
    let steps = format!(
        r#"{},{{"name":"u","taskReferenceName":"u","inputParameters":{{"n":"${{a.output.n}}"}}}}"#,
        simple("t", "a")
    );
    define(&mut machine, "w", &steps);
    let id = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("the task");
    done(&mut machine, "tasks.update", &[], &with_output(&task, "COMPLETED", r#"{"n":1}"#));
    let before = shown(&mut machine, &id);
    assert_eq!(before["tasks"][1]["inputData"]["n"], 1);
    advance_to(&mut machine, START_MS + 5_000);
    for late in ["COMPLETED", "FAILED", "IN_PROGRESS", "FAILED_WITH_TERMINAL_ERROR"] {
        done(&mut machine, "tasks.update", &[], &with_output(&task, late, r#"{"n":2}"#));
        assert_eq!(shown(&mut machine, &id), before, "{late} comes late and says nothing");
    }
}

#[test]
fn overlapping_updates_keep_completed() {
    let mut machine = machine();
    define(&mut machine, "w", &format!("{},{}", simple("t", "a"), simple("u", "b")));
    let id = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("the task");
    // Both under way before either is answered.
    call(&mut machine, 1, "tasks.update", &[], &result(&task, "COMPLETED"));
    call(&mut machine, 2, "tasks.update", &[], &result(&task, "IN_PROGRESS"));
    assert_eq!(answers(&mut machine).len(), 2);
    assert_eq!(named(&mut machine, &id, "a")["status"], "COMPLETED");
    assert!(poll(&mut machine, "t", 1).is_empty(), "it is not offered again");
    assert_eq!(tasks(&mut machine, &id).len(), 2);
}

#[test]
fn slow_decide_doubles_nothing() {
    let mut machine = machine();
    let slow = r#"{"name":"f","taskReferenceName":"f","type":"FORK_JOIN_DYNAMIC","inputParameters":{"forkTaskName":"n","forkTaskType":"NOOP","forkTaskInputs":"${workflow.input.items}"}},{"name":"j","taskReferenceName":"j","type":"JOIN"}"#;
    define(&mut machine, "w", &format!("{slow},{}", simple("t", "after")));
    let items = vec!["1"; 6_000].join(",");
    let id = start(&mut machine, "w", &format!(r#"{{"items":[{items}]}}"#));
    // Others ask for a decision again and again while the first one is not through.
    let mut turns = 0;
    while machine.next_wake().is_some_and(|at| at <= machine.now_ms) {
        act(&mut machine, "workflow.decide", &id);
        machine.tick();
        machine.take_output();
        turns += 1;
    }
    assert!(turns > 3, "the decision takes several turns: {turns}");
    let list = tasks(&mut machine, &id);
    let names: BTreeSet<String> = list.iter().map(|t| text(&t["referenceTaskName"])).collect();
    assert_eq!((list.len(), names.len()), (6_003, 6_003), "each once, and what follows once");
    assert_eq!(poll(&mut machine, "t", 5).len(), 1);
}

#[test]
fn child_id_is_canonical() {
    let mut machine = machine();
    let sub = |name: &str| {
        format!(
            r#"{{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"{name}","version":1}}}}"#
        )
    };
    define(&mut machine, "bottom", &simple("t", "t"));
    define(&mut machine, "middle", &sub("bottom"));
    define(&mut machine, "top", &sub("middle"));
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let top = start(&mut machine, "top", "{}");
        settle(&mut machine);
        let mut at = top;
        for _ in 0..2 {
            let task = named(&mut machine, &at, "s");
            let parent = WorkflowId::parse(&at).expect("an id");
            let task_id = TaskId::parse(&text(&task["taskId"])).expect("an id");
            let child = text(&task["subWorkflowId"]);
            assert_eq!(
                child,
                WorkflowId::of_child(parent, task_id, 0).to_string(),
                "parent, task and attempt"
            );
            let told = shown(&mut machine, &child);
            assert_eq!(told["parentWorkflowId"], at, "the parent is who called, not who called the caller");
            assert_eq!(told["parentWorkflowTaskId"], task["taskId"]);
            assert!(seen.insert(child.clone()), "nobody else has this child");
            at = child;
        }
    }
}

/// Executions of a random fork and loop, driven by one worker that answers in random order.
fn in_random_order(steps: &str, seed: u64, mut watch: impl FnMut(&[Value], &str)) {
    let mut random = Random::new(seed);
    let mut machine = machine();
    define(&mut machine, "w", steps);
    let id = start(&mut machine, "w", "{}");
    let mut running = Vec::new();
    for _ in 0..10_000 {
        settle(&mut machine);
        machine.take_output();
        let status = status(&mut machine, &id);
        watch(&tasks(&mut machine, &id), &status);
        if status != "RUNNING" {
            assert_eq!(status, "COMPLETED");
            return;
        }
        if running.is_empty() || random.chance(40) {
            running.extend(poll(&mut machine, "t", 1 + random.below(3)));
        }
        if !running.is_empty() {
            let task = running.swap_remove(random.below(running.len()));
            report(&mut machine, &task, "COMPLETED");
        }
    }
    panic!("seed {seed}: it does not end");
}

fn is_over(task: &Value) -> bool {
    !matches!(task["status"].as_str(), Some("SCHEDULED" | "IN_PROGRESS"))
}

#[test]
fn loop_waits_for_its_iteration() {
    let body =
        format!("{},{}", fork(&["a", "b", "c"]), r#"{"name":"t","taskReferenceName":"d","type":"SIMPLE"}"#);
    let one = |name: &str, body: &str| {
        format!(
            r#"{{"name":"l","taskReferenceName":"{name}","type":"DO_WHILE","loopCondition":"$.{name}.iteration < 4","loopOver":[{body}]}}"#
        )
    };
    let steps = format!(
        r#"{{"name":"g","taskReferenceName":"g","type":"FORK_JOIN","forkTasks":[[{}],[{}]]}},{{"name":"k","taskReferenceName":"k","type":"JOIN","joinOn":["l","m"]}}"#,
        one("l", &body),
        one("m", &simple("t", "e"))
    );
    for seed in 0..20 {
        in_random_order(&steps, seed, |tasks, _| {
            for (loop_name, members) in [("l", &["f", "a", "b", "c", "j", "d"][..]), ("m", &["e"])] {
                let own: Vec<&Value> = tasks
                    .iter()
                    .filter(|t| {
                        let name = t["referenceTaskName"].as_str().expect("a name");
                        name.split_once("__").is_some_and(|(base, _)| members.contains(&base))
                    })
                    .collect();
                let newest = own.iter().filter_map(|t| t["iteration"].as_i64()).max().unwrap_or(0);
                let overlaps = own.iter().any(|t| t["iteration"].as_i64() < Some(newest) && !is_over(t));
                assert!(!overlaps, "seed {seed}: iteration {newest} of {loop_name} began early");
                let done = own.iter().filter(|t| t["iteration"].as_i64() < Some(newest)).count();
                let before = usize::try_from(newest - 1).unwrap_or(0);
                assert_eq!(done, before * members.len(), "seed {seed}: {loop_name} left something out");
            }
        });
    }
}

#[test]
fn open_branch_keeps_workflow_running() {
    // A branch whose decision comes late, and one that is over at once.
    let steps = r#"{"name":"g","taskReferenceName":"g","type":"FORK_JOIN","forkTasks":[
            [{"name":"t","taskReferenceName":"a"},
             {"name":"s","taskReferenceName":"s","type":"SWITCH","evaluatorType":"value-param","expression":"k","inputParameters":{"k":"x"},
              "decisionCases":{"x":[{"name":"t","taskReferenceName":"b"},{"name":"t","taskReferenceName":"c"}]}}],
            [{"name":"n","taskReferenceName":"n","type":"NOOP"}],
            [{"name":"t","taskReferenceName":"d"}]]},
        {"name":"k","taskReferenceName":"k","type":"JOIN","joinOn":["c","n","d"]}"#;
    for seed in 0..20 {
        in_random_order(steps, seed, |tasks, status| {
            let over: BTreeSet<&str> =
                tasks.iter().filter(|t| is_over(t)).filter_map(|t| t["referenceTaskName"].as_str()).collect();
            let all = ["a", "b", "c", "d", "n", "k"].iter().all(|name| over.contains(name));
            assert_eq!(status == "COMPLETED", all, "seed {seed}: {over:?}");
        });
    }
}

#[test]
fn operator_commands_do_not_race() {
    let verbs = ["retry", "rerun", "restart", "terminate", "pause", "resume", "decide"];
    for first in verbs {
        for second in verbs {
            for third in verbs {
                run_operators([first, second, third]);
            }
        }
    }
}

/// Fails a branch of a fork, lets operators act at one instant, and sees to it that the work goes on once.
fn run_operators(verbs: [&str; 3]) {
    let mut machine = machine();
    define_task(&mut machine, "t", r#""retryCount":0"#);
    define(&mut machine, "w", &format!("{},{}", fork(&["a", "b"]), simple("u", "after")));
    let id = start(&mut machine, "w", "{}");
    let branches = poll(&mut machine, "t", 2);
    report(&mut machine, &branches[0], "COMPLETED");
    report(&mut machine, &branches[1], "FAILED");
    for verb in verbs {
        let body = if verb == "rerun" { "{}" } else { "" };
        call(&mut machine, ACT, &format!("workflow.{verb}"), &[("workflowId", &id)], body);
    }
    settle(&mut machine);
    machine.take_output();
    if status(&mut machine, &id) == "PAUSED" {
        done(&mut machine, "workflow.resume", &[("workflowId", &id)], "");
    }
    if status(&mut machine, &id) != "RUNNING" {
        done(&mut machine, "workflow.retry", &[("workflowId", &id)], "");
    }
    let mut given = BTreeSet::new();
    for task_type in ["t", "t", "u"] {
        for task in poll(&mut machine, task_type, 5) {
            assert!(given.insert(task.reference.clone()), "{verbs:?}: {} is offered twice", task.reference);
            report(&mut machine, &task, "COMPLETED");
        }
        settle(&mut machine);
        machine.take_output();
    }
    assert_eq!(status(&mut machine, &id), "COMPLETED", "{verbs:?}");
    let open: Vec<Value> = tasks(&mut machine, &id).into_iter().filter(|t| !is_over(t)).collect();
    assert!(open.is_empty(), "{verbs:?}: {open:?}");
    assert!(machine.queues.is_empty(), "{verbs:?}: nothing is left in a queue");
}

#[test]
fn concurrency_limit_does_not_drift() {
    let mut machine = machine();
    define_task(
        &mut machine,
        "t",
        r#""concurrentExecLimit":2,"retryCount":1,"retryDelaySeconds":0,"responseTimeoutSeconds":4"#,
    );
    define(&mut machine, "w", &simple("t", "t"));
    let mut random = Random::new(11);
    let held = |machine: &Machine| machine.slots().map(|(_, n)| n).sum::<u32>();
    for round in 0..200 {
        let ids: Vec<String> = (0..3).map(|_| start(&mut machine, "w", "{}")).collect();
        let running = poll(&mut machine, "t", 5);
        assert_eq!((running.len(), held(&machine)), (2, 2), "round {round}: as many as the limit says");
        for task in running {
            match random.below(4) {
                0 => report(&mut machine, &task, "COMPLETED"),
                1 => report(&mut machine, &task, "FAILED_WITH_TERMINAL_ERROR"),
                2 => {
                    done(&mut machine, "workflow.terminate", &[("workflowId", &task.workflow)], "");
                    // Late, and for nothing that holds a slot.
                    report(&mut machine, &task, "IN_PROGRESS");
                }
                _ => {
                    let at = machine.now_ms + 4_000;
                    advance_to(&mut machine, at);
                    machine.take_output();
                }
            }
        }
        for id in ids {
            act(&mut machine, "workflow.terminate", &id);
        }
        settle(&mut machine);
        machine.take_output();
        assert_eq!(held(&machine), 0, "round {round}: every slot came back");
    }
}

/// What a workflow that fails over and over starts for it.
#[test]
fn failure_workflow_starts_once() {
    let mut machine = machine();
    define_task(&mut machine, "t", r#""retryCount":0"#);
    define(&mut machine, "sorry", &simple("say", "say"));
    let def = workflow_def("w", r#""failureWorkflow":"sorry""#, &fork(&["a", "b"]));
    done(&mut machine, "workflowdefs.update", &[], &format!("[{def}]"));
    let id = start(&mut machine, "w", "{}");
    let branches = poll(&mut machine, "t", 2);
    // Both branches fail, and an operator acts on what has failed: one failure, one notice.
    for task in &branches {
        report(&mut machine, task, "FAILED");
    }
    for verb in ["workflow.decide", "workflow.terminate", "workflow.decide"] {
        act(&mut machine, verb, &id);
    }
    settle(&mut machine);
    machine.take_output();
    assert_eq!(status(&mut machine, &id), "FAILED");
    assert_eq!(poll(&mut machine, "say", 5).len(), 1);
}
