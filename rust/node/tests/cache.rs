//! What stays in memory, what leaves it, and what a read that fails may cost (G4, G6, design section 4).

mod client;

use client::{
    MemoryArchive, START_MS, advance_to, answers, archive_all, ask, call, define, define_task, done,
    machine_over, poll, result, shown, simple, start, taken, workflow_def,
};
use fastcond_node::machine::Machine;

/// A machine over `archive` with a workflow `w` of one task `t`, everything evicted as soon as it may be.
fn evicting(archive: &MemoryArchive, members: &str) -> Machine {
    let mut machine = machine_over(archive, 0);
    define_task(&mut machine, "t", members);
    define(&mut machine, "w", &simple("t", "t"));
    machine
}

#[test]
fn reading_alone_does_not_fill_the_memory() {
    // Nothing changes, so no batch is ever written: each load has to make its own room.
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 20);
    define(&mut machine, "w", &simple("t", "t"));
    let ids: Vec<String> = (0..500).map(|_| start(&mut machine, "w", "{}")).collect();
    archive_all(&mut machine, &archive);
    assert!(machine.executions.len() <= 20);
    for id in ids.iter().chain(&ids) {
        assert_eq!(shown(&mut machine, id)["status"], "RUNNING");
        assert!(machine.executions.len() <= 20, "{} executions in memory", machine.executions.len());
    }
    assert_eq!(poll(&mut machine, "t", 500).len(), 500, "tasks of evicted executions are handed out");
}

#[test]
fn what_changed_stays_until_the_archive_has_its_newest_state() {
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let id = start(&mut machine, "w", "{}");
    let first = machine.make_batch();
    // It changes while its batch is under way.
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    let covered = first.covered;
    archive.write(first);
    machine.note_archived(covered);
    assert_eq!(machine.executions.len(), 1, "its newest state is nowhere else");
    done(&mut machine, "tasks.update", &[], &result(&task, "COMPLETED"));
    let second = machine.make_batch();
    machine.note_archived(covered);
    assert_eq!(machine.executions.len(), 1, "the second batch is not written yet");
    let covered = second.covered;
    archive.write(second);
    machine.note_archived(covered);
    assert_eq!(machine.executions.len(), 0);
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
}

#[test]
fn what_is_over_leaves_memory_at_once_and_is_told_all_the_same() {
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    machine.options.forgets_finished = true;
    let id = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    done(&mut machine, "tasks.update", &[], &result(&task, "COMPLETED"));
    assert_eq!(machine.executions.len(), 0);
    // From its record, before and after a batch with it is made, and while reads of the archive fail.
    archive.set_failing(true);
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
    let by_task = [("taskId", &*task.task)];
    assert!(done(&mut machine, "tasks.get", &by_task, "").contains("COMPLETED"));
    let batch = machine.make_batch();
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
    archive.set_failing(false);
    let covered = batch.covered;
    archive.write(batch);
    machine.note_archived(covered);
    assert_eq!(machine.executions.len(), 0);
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
    assert!(done(&mut machine, "tasks.get", &by_task, "").contains("COMPLETED"));
}

#[test]
fn what_left_memory_at_once_can_go_on_or_be_removed() {
    let archive = MemoryArchive::default();
    for is_batched in [false, true] {
        let mut machine = evicting(&archive, "");
        machine.options.forgets_finished = true;
        let [kept, gone] = [0; 2].map(|_| start(&mut machine, "w", "{}"));
        for id in [&kept, &gone] {
            done(&mut machine, "workflow.terminate", &[("workflowId", id)], "");
        }
        assert_eq!(machine.executions.len(), 0);
        let under_way = is_batched.then(|| machine.make_batch());
        done(&mut machine, "workflow.retry", &[("workflowId", &kept)], "");
        done(&mut machine, "workflow.remove", &[("workflowId", &gone)], "");
        assert_eq!(machine.executions.len(), 1);
        if let Some(batch) = under_way {
            let covered = batch.covered;
            archive.write(batch);
            machine.note_archived(covered);
        }
        archive_all(&mut machine, &archive);
        assert_eq!(shown(&mut machine, &kept)["status"], "RUNNING", "batched: {is_batched}");
        assert_eq!(ask(&mut machine, "workflow.get", &[("workflowId", &gone)], "").status, 404);
        done(&mut machine, "workflow.terminate", &[("workflowId", &kept)], "");
        archive_all(&mut machine, &archive);
        assert_eq!(shown(&mut machine, &kept)["status"], "TERMINATED");
    }
}

#[test]
fn an_execution_that_ends_and_goes_on_within_one_batch_is_archived_as_it_is() {
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let id = start(&mut machine, "w", "{}");
    let by_id = [("workflowId", &*id)];
    for verb in ["workflow.terminate", "workflow.restart", "workflow.terminate", "workflow.restart"] {
        done(&mut machine, verb, &by_id, "");
    }
    archive_all(&mut machine, &archive);
    assert_eq!(machine.executions.len(), 0);
    assert_eq!(shown(&mut machine, &id)["status"], "RUNNING");
    done(&mut machine, "workflow.terminate", &by_id, "");
    archive_all(&mut machine, &archive);
    assert_eq!(machine.executions.len(), 0);
    assert_eq!(shown(&mut machine, &id)["status"], "TERMINATED");
}

#[test]
fn a_removed_execution_is_gone_before_the_archive_knows() {
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let id = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    archive_all(&mut machine, &archive);
    let params = [("workflowId", &*id), ("archiveWorkflow", "false")];
    done(&mut machine, "workflow.remove", &params, "");
    let batch = machine.make_batch();
    for step in ["given to the archive", "written", "noted"] {
        assert_eq!(ask(&mut machine, "workflow.get", &params[..1], "").status, 404, "{step}");
        assert_eq!(ask(&mut machine, "tasks.get", &[("taskId", &*task.task)], "").status, 404, "{step}");
        assert_eq!(ask(&mut machine, "tasks.update", &[], &result(&task, "COMPLETED")).status, 404, "{step}");
        if step == "given to the archive" {
            archive.write(batch.clone());
        } else {
            machine.note_archived(batch.covered);
        }
    }
    assert_eq!(machine.next_wake(), None);
}

#[test]
fn timers_of_evicted_executions_fire() {
    // G6.
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 0);
    let wait =
        r#"{"name":"p","taskReferenceName":"p","type":"WAIT","inputParameters":{"duration":"10 seconds"}}"#;
    define(&mut machine, "v", wait);
    let id = start(&mut machine, "v", "{}");
    archive_all(&mut machine, &archive);
    assert_eq!(machine.executions.len(), 0);
    advance_to(&mut machine, START_MS + 10_001);
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
}

#[test]
fn a_task_whose_execution_cannot_be_read_stays_in_its_queue() {
    // Regression read_error_after_dequeue_redelivers (netflix#1579), G4.
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let ids: Vec<String> = (0..3).map(|_| start(&mut machine, "w", "{}")).collect();
    archive_all(&mut machine, &archive);
    archive.set_failing(true);
    assert_eq!(poll(&mut machine, "t", 10).len(), 0);
    call(&mut machine, 1, "tasks.poll_batch", &[("tasktype", "t"), ("timeout", "100")], "");
    assert_eq!(ask(&mut machine, "workflow.get", &[("workflowId", &ids[0])], "").status, 500);
    assert!(archive.failures() >= 3, "the fault bit");
    archive.set_failing(false);
    advance_to(&mut machine, START_MS + 100);
    answers(&mut machine);
    let found: Vec<String> = poll(&mut machine, "t", 10).into_iter().map(|task| task.workflow).collect();
    assert_eq!(found, ids, "all of them, in their order");
}

#[test]
fn what_cannot_be_read_is_not_called_missing() {
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let id = start(&mut machine, "w", "{}");
    let task = shown(&mut machine, &id)["tasks"][0]["taskId"].as_str().expect("an id").to_owned();
    ask(&mut machine, "tasks.log_add", &[("taskId", &task)], "a line");
    archive_all(&mut machine, &archive);
    archive.set_failing(true);
    assert_eq!(ask(&mut machine, "tasks.log_get", &[("taskId", &task)], "").status, 500);
    let paused = ask(&mut machine, "bulk.pause", &[], &format!(r#"["{id}"]"#));
    let paused: serde_json::Value = serde_json::from_slice(&paused.body).expect("JSON");
    let message = paused["bulkErrorResults"][&id].as_str().expect("an error");
    assert!(!message.contains("found"), "{message}");
    archive.set_failing(false);
    assert_eq!(ask(&mut machine, "tasks.log_get", &[("taskId", &task)], "").status, 200);
    assert_eq!(shown(&mut machine, &id)["status"], "RUNNING");
}

#[test]
fn a_child_that_cannot_be_read_is_not_replaced() {
    // S-61.8: only one that is gone gets a successor.
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, r#""retryCount":0"#);
    let step =
        r#"{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{"name":"w"}}"#;
    define(&mut machine, "v", step);
    let id = start(&mut machine, "v", "{}");
    advance_to(&mut machine, START_MS + 1);
    let task = poll(&mut machine, "t", 1).pop().expect("the child's task");
    done(&mut machine, "tasks.update", &[], &result(&task, "FAILED"));
    advance_to(&mut machine, START_MS + 2);
    archive_all(&mut machine, &archive);
    let before = shown(&mut machine, &id);
    assert_eq!(before["status"], "FAILED");
    archive.set_failing(true);
    let params = [("workflowId", &*id), ("resumeSubworkflowTasks", "true")];
    assert_eq!(ask(&mut machine, "workflow.retry", &params, "").status, 500);
    archive.set_failing(false);
    assert_eq!(shown(&mut machine, &id)["tasks"], before["tasks"]);
    done(&mut machine, "workflow.retry", &params, "");
    advance_to(&mut machine, START_MS + 3);
    let after = shown(&mut machine, &id);
    assert_eq!(after["status"], "RUNNING");
    assert_eq!(after["tasks"][0]["subWorkflowId"], before["tasks"][0]["subWorkflowId"]);
}

#[test]
fn a_timer_whose_execution_cannot_be_read_fires_later() {
    // G6: late is allowed when the disk fails, lost is not.
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, r#""retryCount":0,"responseTimeoutSeconds":5"#);
    let id = start(&mut machine, "w", "{}");
    poll(&mut machine, "t", 1);
    archive_all(&mut machine, &archive);
    archive.set_failing(true);
    advance_to(&mut machine, START_MS + 8_000);
    let failures = archive.failures();
    assert!((1..10).contains(&failures), "tried {failures} times in three seconds");
    archive.set_failing(false);
    advance_to(&mut machine, START_MS + 10_000);
    assert_eq!(shown(&mut machine, &id)["status"], "TIMED_OUT");
}

#[test]
fn a_child_that_may_exist_is_not_started_again() {
    // S-3.8: a second start would overwrite the first; whether there is one cannot be known while reads fail.
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let sub = r#"{"name":"s","taskReferenceName":"s","type":"SUB_WORKFLOW","subWorkflowParam":{"name":"w"}}"#;
    define(&mut machine, "parent", sub);
    call(&mut machine, 1, "workflow.start", &[], r#"{"name":"parent"}"#);
    let id = String::from_utf8(answers(&mut machine).remove(0).1.body).expect("an id");
    archive.set_failing(true);
    for at in [0, 10, 900] {
        machine.set_now(START_MS + at);
        machine.tick();
    }
    assert_eq!(archive.failures(), 1, "asked once a second at most");
    assert_eq!(machine.executions.len(), 1, "nothing was started");
    assert!(machine.has_mail());
    assert_eq!(machine.next_wake(), Some(START_MS + 1_000));
    archive.set_failing(false);
    advance_to(&mut machine, START_MS + 1_000);
    assert!(!machine.has_mail());
    let task = poll(&mut machine, "t", 5).pop().expect("the child's task");
    done(&mut machine, "tasks.update", &[], &result(&task, "COMPLETED"));
    assert_eq!(shown(&mut machine, &id)["status"], "COMPLETED");
}

#[test]
fn snapshots_are_at_hand_until_the_archive_has_them() {
    // More definitions than are kept compiled; what a message names may be among those that were let go. Each start
    // brings three snapshots, so three beginnings meet the bound at each of them.
    for begin in 19_900..19_903 {
        let archive = MemoryArchive::default();
        let mut machine = evicting(&archive, "");
        for n in 0..begin {
            let def = serde_json::from_str(&workflow_def(&format!("d{n}"), "", &simple("t", "t")));
            machine.registry.compile(&def.expect("a definition")).expect("it compiles");
        }
        for n in 0..50 {
            start_two_children(&mut machine, n);
            // Batches are made and written at any time.
            let batch = machine.make_batch();
            let covered = batch.covered;
            archive.write(batch);
            if n % 3 == 0 {
                machine.note_archived(covered);
            }
        }
        let tasks: Vec<_> = std::iter::from_fn(|| poll(&mut machine, "t", 1).pop()).collect();
        assert_eq!(tasks.len(), 100, "every child began");
        for task in tasks {
            done(&mut machine, "tasks.update", &[], &result(&task, "COMPLETED"));
        }
    }
}

/// Starts an execution of a definition of its own with two children of definitions of their own.
fn start_two_children(machine: &mut Machine, n: usize) {
    let child = |name: String| {
        let def = workflow_def(&name, "", &simple("t", "t"));
        format!(
            r#"{{"name":"{name}","taskReferenceName":"{name}","type":"SUB_WORKFLOW","subWorkflowParam":{{"name":"{name}","workflowDefinition":{def}}}}}"#
        )
    };
    let fork = format!(
        r#"{{"name":"f","taskReferenceName":"f","type":"FORK_JOIN","forkTasks":[[{}],[{}]]}},{{"name":"j","taskReferenceName":"j","type":"JOIN","joinOn":[]}}"#,
        child(format!("a{n}")),
        child(format!("b{n}"))
    );
    let def = workflow_def(&format!("p{n}"), "", &fork);
    done(machine, "workflow.start", &[], &format!(r#"{{"name":"p","workflowDef":{def}}}"#));
    machine.tick();
    machine.take_output();
}

#[test]
fn log_lines_are_neither_lost_nor_doubled_on_their_way() {
    // S-52.13, rest-api 14.
    let archive = MemoryArchive::default();
    let mut machine = evicting(&archive, "");
    let _ = start(&mut machine, "w", "{}");
    let task = poll(&mut machine, "t", 1).pop().expect("a task");
    let mut written = 0;
    let mut under_way = Vec::new();
    for round in 0..40 {
        written += 1;
        done(&mut machine, "tasks.log_add", &[("taskId", &task.task)], &format!("line {round}"));
        if round % 3 == 0 {
            under_way.push(machine.make_batch());
        }
        if round % 7 == 6 {
            let batch = under_way.remove(0);
            let covered = batch.covered;
            archive.write(batch);
            if round % 2 == 0 {
                machine.note_archived(covered);
            }
        }
        let body = done(&mut machine, "tasks.log_get", &[("taskId", &task.task)], "");
        let lines: Vec<serde_json::Value> = serde_json::from_str(&body).expect("a list");
        let texts: Vec<&str> = lines.iter().map(|line| line["log"].as_str().expect("text")).collect();
        let wanted: Vec<String> = (0..written).map(|n| format!("line {n}")).collect();
        assert_eq!(texts, wanted);
    }
    let update = result(&task, "COMPLETED").replace('}', r#","logs":[{"log":"last"}]}"#);
    done(&mut machine, "tasks.update", &[], &update);
    let body = done(&mut machine, "tasks.log_get", &[("taskId", &task.task)], "");
    assert!(body.contains("last") && taken_lines(&body) == written + 1, "{body}");
}

fn taken_lines(body: &str) -> usize {
    serde_json::from_str::<Vec<serde_json::Value>>(body).expect("a list").len()
}

#[test]
fn polls_of_evicted_executions_answer_as_if_they_had_stayed() {
    let (kept, left) = (MemoryArchive::default(), MemoryArchive::default());
    let mut machines = vec![machine_over(&kept, 50_000), machine_over(&left, 0)];
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    for machine in &mut machines {
        define_task(machine, "t", r#""retryCount":1,"retryDelaySeconds":0"#);
        define(machine, "w", &simple("t", "t"));
        start(machine, "w", r#"{"n":1}"#);
    }
    for (machine, archive) in machines.iter_mut().zip([&kept, &left]) {
        archive_all(machine, archive);
        let reply = ask(machine, "tasks.poll", &[("tasktype", "t"), ("workerid", "w")], "");
        assert_eq!(taken(&reply).len(), 1);
        bodies.push(reply.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(machines.iter().map(|m| m.executions.len()).collect::<Vec<_>>(), [1, 1]);
}
