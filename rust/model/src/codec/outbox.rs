//! Outgoing messages as records. Tags are for ever: never reuse one.

use super::fields::{CodecError, Reader, Writer};
use crate::ids::{DefId, TaskId, WorkflowId};
use crate::message::{Message, Outgoing};
use crate::status::WorkflowStatus;
use fastcond_json::Raw;

const START: u64 = 1;
const CANCEL: u64 = 2;
const ENDED: u64 = 3;
const REVIVED: u64 = 4;
const RESUME: u64 = 5;
const EVENT: u64 = 6;

pub(super) fn write(w: &mut Writer<'_>, out: &Outgoing) {
    w.uint(1, u64::from(out.number) + 1);
    match &out.message {
        Message::Start { id, task, def, input, correlation_id, task_to_domain, priority } => {
            w.uint(2, START);
            w.id(3, id.0);
            w.maybe(4, *task);
            w.id(5, def.0);
            w.text(6, Some(input));
            w.text(7, correlation_id.as_deref());
            w.text(8, Some(task_to_domain));
            w.uint(9, u64::from(*priority));
        }
        Message::Cancel { child, reason } => {
            w.uint(2, CANCEL);
            w.id(3, child.0);
            w.text(10, Some(reason));
        }
        Message::Ended { parent, task, status, output, reason } => {
            w.uint(2, ENDED);
            w.id(3, parent.0);
            w.id(11, task.0);
            w.uint(12, u64::from(status.code()));
            w.text(6, Some(output));
            w.text(10, reason.as_deref());
        }
        Message::Revived { parent, task } => {
            w.uint(2, REVIVED);
            w.id(3, parent.0);
            w.id(11, task.0);
        }
        Message::Resume { child } => {
            w.uint(2, RESUME);
            w.id(3, child.0);
        }
        Message::Event { event, id, payload } => {
            w.uint(2, EVENT);
            w.text(6, Some(payload));
            w.text(13, Some(event));
            w.text(14, Some(id));
        }
    }
}

pub(super) fn read(mut r: Reader<'_>) -> Result<Outgoing, CodecError> {
    let (mut number, mut kind, mut receiver, mut task) = (0, 0, WorkflowId::default(), None);
    let (mut def, mut input, mut correlation_id, mut domains) = (DefId::default(), None, None, None);
    let (mut priority, mut reason, mut task_id, mut status) =
        (0, None, TaskId::default(), WorkflowStatus::Running);
    let (mut event, mut event_id) = (None, None);
    while let Some((tag, field)) = r.next_field()? {
        match tag {
            1 => number = field.maybe()?.unwrap_or_default(),
            2 => kind = field.uint()?,
            3 => receiver = WorkflowId(field.id()?),
            4 => task = field.maybe()?,
            5 => def = DefId(field.id()?),
            6 => input = Some(field.json()?),
            7 => correlation_id = Some(field.text()?),
            8 => domains = Some(field.json()?),
            9 => priority = field.narrow()?,
            10 => reason = Some(field.text()?),
            11 => task_id = TaskId(field.id()?),
            12 => {
                status = WorkflowStatus::from_code(field.narrow()?)
                    .ok_or(CodecError { what: "workflow status" })?;
            }
            13 => event = Some(field.text()?),
            14 => event_id = Some(field.text()?),
            _ => {}
        }
    }
    let payload = input.unwrap_or_else(Raw::empty_object);
    let message = match kind {
        START => Message::Start {
            id: receiver,
            task,
            def,
            input: payload,
            correlation_id,
            task_to_domain: domains.unwrap_or_else(Raw::empty_object),
            priority,
        },
        CANCEL => Message::Cancel { child: receiver, reason: reason.unwrap_or_else(|| "".into()) },
        ENDED => Message::Ended { parent: receiver, task: task_id, status, output: payload, reason },
        REVIVED => Message::Revived { parent: receiver, task: task_id },
        RESUME => Message::Resume { child: receiver },
        EVENT => Message::Event {
            event: event.ok_or(CodecError { what: "event" })?,
            id: event_id.ok_or(CodecError { what: "event id" })?,
            payload,
        },
        _ => return Err(CodecError { what: "message kind" }),
    };
    Ok(Outgoing { number, message })
}
