use super::*;
use crate::exec::{DynSpec, Execution, Header, NodeRef, Parent, Task};
use crate::ids::{DefId, WorkflowId};
use crate::message::{Message, Outgoing};
use crate::outbox::Outbox;
use crate::status::{TaskStatus, WorkflowStatus};
use fastcond_json::Raw;
use std::sync::Arc;

fn sample() -> Execution {
    let id = WorkflowId::from_seed(1_700_000_000_000, 99);
    let mut header = Header::new(DefId(7), "order".into(), 3);
    header.status = WorkflowStatus::Paused;
    header.create_ms = 1_700_000_000_000;
    header.update_ms = 1_700_000_000_900;
    header.correlation_id = Some("c".into());
    header.priority = 9;
    header.parent = Some(Parent { workflow: id, task: id.task(4) });
    header.failed_task = Some(0);
    header.failed_refs = vec!["a".into(), "b".into()];
    header.next_no = 2;
    let mut e = Execution::new(id, header);
    e.revision = 1;
    e.input = Raw::of_checked(r#"{"x":12345678901234567890}"#);
    e.tasks.put(Box::new(task(0, NodeRef::Static(0))));
    let spec = DynSpec { step: Raw::of_checked(r#"{"name":"d"}"#), join: 0 };
    e.tasks.put(Box::new(task(1, NodeRef::Dynamic(Arc::new(spec)))));
    let message = Message::Start {
        id,
        task: Some(0),
        def: DefId(8),
        input: Raw::of_checked("{}"),
        correlation_id: None,
        task_to_domain: Raw::empty_object(),
        priority: 3,
    };
    e.outbox.insert(Outgoing { number: 0, message });
    e
}

fn task(no: u32, node: NodeRef) -> Task {
    Task {
        no,
        node,
        reference: "r__1".into(),
        task_type: "t".into(),
        def_name: "d".into(),
        status: TaskStatus::Scheduled,
        seq: 5,
        retry_count: 2,
        retried_of: Some(0),
        is_executed: true,
        is_retried: false,
        has_children: true,
        iteration: 1,
        in_loop: Some(0),
        at_iteration: 1,
        scheduled_ms: 1_700_000_000_000,
        start_ms: 1_700_000_000_005,
        update_ms: 0,
        end_ms: 1_699_999_999_999,
        first_scheduled_ms: 1_700_000_000_000,
        ready_ms: 1_700_000_060_000,
        wait_until_ms: 4,
        start_delay_s: 1,
        callback_after_s: 60,
        poll_count: 3,
        worker: Some("w".into()),
        domain: None,
        reason: Some("why".into()),
        subworkflow: Some(WorkflowId(3)),
        input: Raw::of_checked(r#"{"a":1.0}"#),
        output: Raw::of_checked(r#"{"b":null}"#),
        output_path: None,
        items: Some(Raw::of_checked("[1]")),
        chosen: Some(Raw::of_checked(r#"{"name":"ship"}"#)),
    }
}

#[test]
fn snapshot_round_trip() {
    let e = sample();
    let mut bytes = Vec::new();
    encode_snapshot(&mut bytes, &e);
    assert_eq!(peek(&bytes).unwrap(), (e.id, 1));
    assert_eq!(apply(None, &bytes).unwrap(), e);
}

#[test]
fn patch_leaves_other_payloads_alone() {
    let before = sample();
    let mut after = before.clone();
    after.revision = 2;
    after.header.update_ms += 7;
    after.tasks.get_mut(1).unwrap().status = TaskStatus::Completed;
    after.tasks.get_mut(1).unwrap().output = Raw::of_checked(r#"{"done":true}"#);
    after.tasks.remove(0);
    after.outbox = Outbox::default();
    let change = Change {
        tasks: vec![(1, TaskChange { output: true, ..TaskChange::default() })],
        dropped: vec![0],
        arrived: vec![0],
        ..Change::default()
    };
    let mut bytes = Vec::new();
    encode(&mut bytes, &after, &change);
    assert!(!String::from_utf8_lossy(&bytes).contains("12345678901234567890"));
    let folded = apply(Some(before), &bytes).unwrap();
    assert_eq!(folded, after);
    // G8: reading a commit twice changes nothing.
    assert_eq!(apply(Some(folded.clone()), &bytes).unwrap(), folded);
}

#[test]
fn messages_from_outside_come_and_go_in_order() {
    let mail = |n: i64| Raw::of_checked(format!(r#"{{"n":{n}}}"#));
    let mut e = sample();
    let mut fold = Some(e.clone());
    // Each commit: what came, how many left, at which time. The last empties the box and fills it again.
    for (at, (came, left)) in [(2, 0), (1, 2), (1, 1), (1, 1)].into_iter().enumerate() {
        e.revision += 1;
        e.header.update_ms = 1_800_000_000_000 + i64::try_from(at).expect("small");
        let posted: Vec<Raw> = (0..came).map(|n| mail(n + 10 * e.header.update_ms)).collect();
        for message in &posted {
            e.mailbox.push(message.clone(), e.header.update_ms);
        }
        e.mailbox.take(left);
        let mut bytes = Vec::new();
        encode(&mut bytes, &e, &Change { posted, taken: left, ..Change::default() });
        fold = Some(apply(fold.take(), &bytes).unwrap());
        assert_eq!(fold.as_ref(), Some(&e));
        let mut whole = Vec::new();
        encode_snapshot(&mut whole, &e);
        assert_eq!(apply(None, &whole).unwrap(), e);
    }
    assert_eq!(e.mailbox.len(), 1);
}

#[test]
fn gaps_and_damage_are_errors() {
    let e = sample();
    let mut late = e.clone();
    late.revision = 3;
    let mut bytes = Vec::new();
    encode(&mut bytes, &late, &Change::default());
    assert!(apply(Some(e), &bytes).is_err());
    for cut in 1..bytes.len().min(30) {
        assert!(apply(None, &bytes[..cut]).is_err() || cut >= 20, "cut at {cut}");
    }
}

#[test]
fn long_records_widen_their_length() {
    let mut e = sample();
    e.tasks.get_mut(0).unwrap().input = Raw::of_checked(format!("\"{}\"", "x".repeat(70_000)));
    let mut bytes = Vec::new();
    encode_snapshot(&mut bytes, &e);
    assert_eq!(apply(None, &bytes).unwrap(), e);
}

#[test]
fn equal_payloads_are_kept_once() {
    let texts: Vec<Raw> =
        (0..12).map(|n| Raw::of_checked(format!(r#"{{"n":"{}"}}"#, n.to_string().repeat(40)))).collect();
    let mut numbers = 1u64;
    let mut next = |end: usize| {
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(numbers >> 33).expect("31 bits") % end
    };
    for tasks in 0..60u32 {
        let mut e = Execution::new(WorkflowId(9), Header::new(DefId(1), "w".into(), 1));
        e.revision = 1;
        e.input = texts[next(12)].clone();
        e.output = texts[next(12)].clone();
        for no in 0..tasks {
            let mut one = task(no, NodeRef::Static(no));
            // Equal by text, not the same bytes in memory; short ones are written out.
            one.input = Raw::of_checked(texts[next(12)].to_string());
            one.output = if next(3) == 0 { Raw::of_checked(r#"{"a":1}"#) } else { texts[next(4)].clone() };
            e.tasks.put(Box::new(one));
        }
        let mut bytes = Vec::new();
        encode_snapshot(&mut bytes, &e);
        assert_eq!(apply(None, &bytes).unwrap(), e);
    }
}

#[test]
fn a_one_task_execution_keeps_two_payloads() {
    let mut e = Execution::new(WorkflowId(9), Header::new(DefId(1), "w".into(), 1));
    e.revision = 1;
    e.input = Raw::of_checked(format!(r#"{{"payload":"{}"}}"#, "x".repeat(1_000)));
    e.output = Raw::of_checked(format!(r#"{{"result":"{}"}}"#, "y".repeat(1_000)));
    let mut one = task(0, NodeRef::Static(0));
    (one.input, one.output) = (e.input.clone(), Raw::of_checked(e.output.to_string()));
    e.tasks.put(Box::new(one));
    let mut bytes = Vec::new();
    encode_snapshot(&mut bytes, &e);
    assert!(bytes.len() < 2_300, "{}", bytes.len());
    let read = apply(None, &bytes).unwrap();
    let shared = read.tasks.get(0).unwrap().input.as_ptr();
    assert_eq!(read.input.as_ptr(), shared, "they share their bytes in memory");
    let truncated = apply(None, &bytes[..bytes.len() - 1]);
    assert!(truncated.is_err());
}

#[test]
fn forgotten_loop_items_do_not_come_back() {
    let mut e = Execution::new(WorkflowId(9), Header::new(DefId(1), "w".into(), 1));
    e.revision = 1;
    let mut one = task(0, NodeRef::Static(0));
    one.items = Some(Raw::of_checked("[1,2]"));
    e.tasks.put(Box::new(one.clone()));
    let mut bytes = Vec::new();
    encode_snapshot(&mut bytes, &e);
    let mut folded = apply(None, &bytes).unwrap();
    for (items, parts) in [
        (None, TaskChange { thawed: true, ..TaskChange::default() }),
        (Some("[3]"), TaskChange { thawed: true, spec: true, ..TaskChange::default() }),
        (Some("[3]"), TaskChange::default()),
    ] {
        e.revision += 1;
        one.items = items.map(Raw::of_checked);
        e.tasks.put(Box::new(one.clone()));
        bytes.clear();
        encode(&mut bytes, &e, &Change { tasks: vec![(0, parts)], ..Change::default() });
        folded = apply(Some(folded), &bytes).unwrap();
        assert_eq!(folded.tasks.get(0).unwrap().items, one.items);
    }
}
