//! Events are acted on once, whatever fails in between, and what was done is forgotten in time (S-80.6, S-80.11, G13).

mod client;

use client::{MemoryArchive, START_MS, archive_all, ask, define, done, machine_over, shown, simple, start};
use fastcond_node::machine::events::KEPT_MS;
use fastcond_node::machine::records::{self, Record};
use fastcond_node::machine::{Machine, deliver};
use fastcond_store::{Frames, frame, payloads};

const EVENT: &str = "conductor:order:paid";

/// A machine with a handler that starts `bill` for each event, and a workflow `order` that publishes one.
fn world() -> (Machine, MemoryArchive) {
    let archive = MemoryArchive::default();
    let mut machine = machine_over(&archive, 1_000);
    define(&mut machine, "bill", &simple("t", "t"));
    let step = r#"{"name":"e","taskReferenceName":"e","type":"EVENT","sink":"conductor:paid"}"#;
    define(&mut machine, "order", step);
    let action = r#"{"action":"start_workflow","start_workflow":{"name":"bill"}}"#;
    let handler = format!(r#"{{"name":"h","event":"{EVENT}","active":true,"actions":[{action},{action}]}}"#);
    done(&mut machine, "events.create", &[], &handler);
    archive_all(&mut machine, &archive);
    (machine, archive)
}

fn deliver_message(machine: &mut Machine, message: &str) -> u16 {
    ask(machine, "events.deliver", &[("event", EVENT), ("messageId", message)], "{}").status
}

fn bills(machine: &Machine) -> usize {
    machine.executions.values().filter(|entry| &*entry.live.execution.header.name == "bill").count()
}

#[test]
fn an_action_and_the_note_of_it_are_one_record() {
    let (mut machine, _) = world();
    // A large buffer may begin behind its first byte, as the place in the file wants it.
    let mut buffer = Frames::default();
    frame(buffer.buffer(), &vec![0; 64 << 10]);
    buffer.clear_for(4_000);
    machine.reuse(buffer);
    let ticket = fastcond_node::reply::ReplyTo::Nobody;
    let verb = fastcond_node::calls::verb("events.deliver").expect("the verb");
    let params = [("event", EVENT), ("messageId", "m")].into_iter().collect();
    machine.call(ticket, verb, &params, b"{}");
    let output = machine.take_output();
    let shapes: Vec<String> = payloads(&output.frames)
        .map(|payload| match records::read(payload).expect("a record") {
            Record::Together(parts) => {
                let kinds = parts.into_iter().map(|part| match records::read(part).expect("a part") {
                    Record::Commit(_) => "commit",
                    Record::Thing { kind, .. } => kind,
                    other => panic!("nobody writes {other:?} here"),
                });
                kinds.collect::<Vec<_>>().join("+")
            }
            other => panic!("{other:?} stands alone"),
        })
        .collect();
    assert_eq!(
        shapes,
        ["snapshot+commit+event_action+event_time", "commit+event_action+event_time"],
        "one record per action, the snapshot with the first that needs it"
    );
    assert_eq!(output.position, 2 + records_before(), "each counts once");
}

/// Records that making the world takes: three definitions, one of them a handler.
fn records_before() -> u64 {
    3
}

#[test]
fn what_cannot_be_looked_up_is_not_acted_on_until_it_can() {
    let (mut machine, archive) = world();
    archive.set_failing(true);
    assert_eq!(deliver_message(&mut machine, "m"), 500);
    assert_eq!(bills(&machine), 0);
    archive.set_failing(false);
    assert_eq!(deliver_message(&mut machine, "m"), 200);
    assert_eq!(bills(&machine), 2);
    assert_eq!(deliver_message(&mut machine, "m"), 200);
    assert_eq!(bills(&machine), 2);
}

#[test]
fn an_event_stays_in_its_outbox_while_it_cannot_be_handled() {
    let (mut machine, archive) = world();
    archive.set_failing(true);
    start(&mut machine, "order", "{}");
    machine.tick();
    assert!(machine.has_mail());
    assert_eq!(bills(&machine), 0);
    archive.set_failing(false);
    machine.set_now(START_MS + deliver::READ_AGAIN_MS);
    machine.tick();
    assert!(!machine.has_mail());
    assert_eq!(bills(&machine), 2);
}

#[test]
fn event_task_sends_once() {
    // S-34.7: with asyncComplete it used to be sent again with every look at the execution.
    let (mut machine, _) = world();
    let step =
        r#"{"name":"e","taskReferenceName":"e","type":"EVENT","sink":"conductor:paid","asyncComplete":true}"#;
    define(&mut machine, "later", step);
    let action = r#"{"action":"start_workflow","start_workflow":{"name":"bill"}}"#;
    let handler =
        format!(r#"{{"name":"l","event":"conductor:later:paid","active":true,"actions":[{action}]}}"#);
    done(&mut machine, "events.create", &[], &handler);
    let id = start(&mut machine, "later", "{}");
    for _ in 0..5 {
        done(&mut machine, "workflow.decide", &[("workflowId", &id)], "");
        machine.tick();
    }
    let task = &shown(&mut machine, &id)["tasks"][0];
    assert_eq!((task["status"].as_str(), bills(&machine)), (Some("IN_PROGRESS"), 1));
}

#[test]
fn an_event_that_nobody_waits_for_is_not_kept() {
    let (mut machine, _) = world();
    done(&mut machine, "events.delete", &[("name", "h")], "");
    start(&mut machine, "order", "{}");
    assert!(!machine.has_mail());
}

#[test]
fn what_was_done_is_forgotten_when_its_time_is_over() {
    let (mut machine, archive) = world();
    assert_eq!(deliver_message(&mut machine, "old"), 200);
    archive_all(&mut machine, &archive);
    machine.set_now(START_MS + KEPT_MS - 1);
    assert_eq!(deliver_message(&mut machine, "new"), 200);
    machine.tick();
    archive_all(&mut machine, &archive);
    assert_eq!(archive.event_records(), (4, 4), "the time is not over");
    machine.set_now(START_MS + KEPT_MS + 120_000);
    machine.tick();
    archive_all(&mut machine, &archive);
    assert_eq!(archive.event_records(), (2, 2), "the old message is forgotten, the new one is not");
}

#[test]
fn a_message_that_came_again_is_remembered_from_then_on() {
    let (mut machine, archive) = world();
    assert_eq!(deliver_message(&mut machine, "m"), 200);
    archive_all(&mut machine, &archive);
    machine.set_now(START_MS + KEPT_MS + 1);
    assert_eq!(deliver_message(&mut machine, "m"), 200);
    machine.tick();
    archive_all(&mut machine, &archive);
    assert_eq!(archive.event_records(), (2, 2));
    machine.set_now(START_MS + KEPT_MS + 200_000);
    assert_eq!(deliver_message(&mut machine, "m"), 200);
    assert_eq!(bills(&machine), 4, "twice two, with seven days between");
}
