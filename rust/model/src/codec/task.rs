//! A task instance as a record. Tags are for ever: never reuse one.

use super::fields::{CodecError, Reader, Writer};
use super::patch::TaskChange;
use super::payloads::{Read, Written};
use crate::exec::{DynSpec, NodeRef, Task};
use crate::ids::WorkflowId;
use crate::status::TaskStatus;
use fastcond_json::Raw;
use std::sync::Arc;

pub(super) const NO: u32 = 1;
const INPUT: u32 = 40;
const OUTPUT: u32 = 41;
const SPEC: u32 = 42;
const SPEC_JOIN: u32 = 43;
const ITEMS: u32 = 44;
const THAWED: u32 = 45;
const CHOSEN: u32 = 50;

pub(super) fn write<'a>(w: &mut Writer<'_>, t: &'a Task, parts: TaskChange, payloads: &mut Written<'a>) {
    w.uint(NO, u64::from(t.no) + 1);
    match &t.node {
        NodeRef::Static(at) => w.uint(2, u64::from(*at) + 1),
        NodeRef::Dynamic(spec) if parts.spec => {
            w.text(SPEC, Some(&spec.step));
            w.uint(SPEC_JOIN, u64::from(spec.join) + 1);
        }
        NodeRef::Dynamic(_) | NodeRef::None => {}
    }
    if parts.spec {
        w.text(ITEMS, t.items.as_deref());
        w.text(CHOSEN, t.chosen.as_deref());
    }
    w.uint(THAWED, u64::from(parts.thawed && t.items.is_none()));
    w.text(3, Some(&t.reference));
    w.text(4, Some(&t.task_type));
    if t.def_name != t.task_type {
        w.text(5, Some(&t.def_name));
    }
    w.uint(6, u64::from(t.status.code()));
    w.uint(7, u64::from(t.seq));
    w.uint(8, u64::from(t.retry_count));
    w.maybe(9, t.retried_of);
    // Bit 2 was another flag once.
    let flags = u64::from(t.is_executed) | u64::from(t.is_retried) << 1 | u64::from(t.has_children) << 3;
    w.uint(10, flags);
    w.uint(11, u64::from(t.iteration));
    w.maybe(12, t.in_loop);
    w.int(13, t.scheduled_ms);
    // Times are small distances from the first one.
    w.int(14, relative(t.start_ms, t));
    w.int(15, relative(t.update_ms, t));
    w.int(16, relative(t.end_ms, t));
    w.int(17, relative(t.first_scheduled_ms, t));
    w.int(18, relative(t.ready_ms, t));
    w.int(19, t.wait_until_ms);
    w.int(20, t.start_delay_s);
    w.int(21, t.callback_after_s);
    w.uint(22, u64::from(t.poll_count));
    w.text(23, t.worker.as_deref());
    w.text(24, t.domain.as_deref());
    w.text(25, t.reason.as_deref());
    if let Some(id) = t.subworkflow {
        w.id(26, id.0);
    }
    w.text(27, t.output_path.as_deref());
    w.uint(28, u64::from(t.at_iteration));
    if parts.input {
        payloads.write(w, INPUT, &t.input);
    }
    if parts.output {
        payloads.write(w, OUTPUT, &t.output);
    }
}

/// A set time as its distance from `scheduled_ms`, moved by one so that "not set" is 0 and left out.
fn relative(time_ms: i64, t: &Task) -> i64 {
    if time_ms == 0 { 0 } else { (time_ms - t.scheduled_ms) * 2 + 1 }
}

fn absolute(stored: i64, scheduled_ms: i64) -> i64 {
    if stored == 0 { 0 } else { (stored - 1) / 2 + scheduled_ms }
}

/// The number a task record is about.
pub(super) fn number(mut r: Reader<'_>) -> Result<u32, CodecError> {
    match r.next_field()? {
        Some((NO, field)) => field.maybe()?.ok_or(CodecError { what: "task number" }),
        _ => Err(CodecError { what: "task number" }),
    }
}

/// Reads a task record over `old`: payloads that are not in the record stay.
pub(super) fn read(
    mut r: Reader<'_>,
    old: Option<&Task>,
    payloads: &mut Read,
) -> Result<Box<Task>, CodecError> {
    let mut t = Box::new(blank());
    if let Some(old) = old {
        t.input = old.input.clone();
        t.output = old.output.clone();
        t.node = old.node.clone();
        t.items.clone_from(&old.items);
        t.chosen.clone_from(&old.chosen);
    }
    let (mut def_name, mut spec, mut join) = (None, None, 0);
    let mut times = [0i64; 5];
    while let Some((tag, field)) = r.next_field()? {
        match tag {
            NO => t.no = field.maybe()?.unwrap_or_default(),
            2 => t.node = NodeRef::Static(field.maybe()?.unwrap_or_default()),
            3 => t.reference = field.text()?,
            4 => t.task_type = field.text()?,
            5 => def_name = Some(field.text()?),
            6 => {
                t.status =
                    TaskStatus::from_code(field.narrow()?).ok_or(CodecError { what: "task status" })?;
            }
            7 => t.seq = field.narrow()?,
            8 => t.retry_count = field.narrow()?,
            9 => t.retried_of = field.maybe()?,
            10 => {
                let flags = field.uint()?;
                t.is_executed = flags & 1 != 0;
                t.is_retried = flags & 2 != 0;
                t.has_children = flags & 8 != 0;
            }
            11 => t.iteration = field.narrow()?,
            12 => t.in_loop = field.maybe()?,
            13 => t.scheduled_ms = field.int()?,
            14..=18 => times[tag as usize - 14] = field.int()?,
            19 => t.wait_until_ms = field.int()?,
            20 => t.start_delay_s = field.int()?,
            21 => t.callback_after_s = field.int()?,
            22 => t.poll_count = field.narrow()?,
            23 => t.worker = Some(field.text()?),
            24 => t.domain = Some(field.text()?),
            25 => t.reason = Some(field.text()?),
            26 => t.subworkflow = Some(WorkflowId(field.id()?)),
            27 => t.output_path = Some(field.text()?),
            28 => t.at_iteration = field.narrow()?,
            INPUT => t.input = payloads.read(field)?,
            OUTPUT => t.output = payloads.read(field)?,
            THAWED => t.items = None,
            ITEMS => t.items = Some(field.json()?),
            CHOSEN => t.chosen = Some(field.json()?),
            SPEC => spec = Some(field.json()?),
            SPEC_JOIN => join = field.maybe()?.unwrap_or_default(),
            _ => {}
        }
    }
    let [start, update, end, first, ready] = times.map(|at| absolute(at, t.scheduled_ms));
    (t.start_ms, t.update_ms, t.end_ms) = (start, update, end);
    (t.first_scheduled_ms, t.ready_ms) = (first, ready);
    t.def_name = def_name.unwrap_or_else(|| t.task_type.clone());
    if let Some(step) = spec {
        t.node = NodeRef::Dynamic(Arc::new(DynSpec { step, join }));
    }
    Ok(t)
}

fn blank() -> Task {
    let empty: Arc<str> = "".into();
    Task {
        no: 0,
        node: NodeRef::None,
        reference: empty.clone(),
        task_type: empty.clone(),
        def_name: empty,
        status: TaskStatus::InProgress,
        seq: 0,
        retry_count: 0,
        retried_of: None,
        is_executed: false,
        is_retried: false,
        has_children: false,
        iteration: 0,
        in_loop: None,
        at_iteration: 0,
        scheduled_ms: 0,
        start_ms: 0,
        update_ms: 0,
        end_ms: 0,
        first_scheduled_ms: 0,
        ready_ms: 0,
        wait_until_ms: 0,
        start_delay_s: 0,
        callback_after_s: 0,
        poll_count: 0,
        worker: None,
        domain: None,
        reason: None,
        subworkflow: None,
        input: Raw::empty_object(),
        output: Raw::empty_object(),
        output_path: None,
        items: None,
        chosen: None,
    }
}
