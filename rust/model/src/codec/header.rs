//! The header as a record. Tags are for ever: never reuse one.

use super::fields::{CodecError, Reader, Writer};
use crate::exec::{Header, Parent};
use crate::ids::{DefId, TaskId, WorkflowId};
use crate::status::WorkflowStatus;

pub(super) fn write(w: &mut Writer<'_>, h: &Header) {
    w.uint(1, u64::from(h.status.code()));
    w.id(2, h.def.0);
    w.text(3, Some(&h.name));
    w.int(4, i64::from(h.version));
    w.int(5, h.create_ms);
    w.int(6, h.end_ms);
    w.int(7, h.last_retried_ms);
    w.text(8, h.correlation_id.as_deref());
    w.uint(9, u64::from(h.priority));
    if &*h.task_to_domain != "{}" {
        w.text(10, Some(&h.task_to_domain));
    }
    if let Some(parent) = h.parent {
        w.id(11, parent.workflow.0);
        w.id(12, parent.task.0);
    }
    w.text(13, h.reason.as_deref());
    w.maybe(14, h.failed_task);
    for name in &h.failed_refs {
        w.text(15, Some(name));
    }
    for name in &h.failed_names {
        w.text(16, Some(name));
    }
    w.text(17, h.event.as_deref());
    w.text(18, h.created_by.as_deref());
    if let Some(from) = h.rerun_from {
        w.id(19, from.0);
    }
    w.uint(20, u64::from(h.next_no));
    w.uint(21, u64::from(h.next_message));
    w.flag(22, h.is_continuing);
    w.text(23, h.input_path.as_deref());
    w.text(24, h.idempotency_key.as_deref());
    w.text(25, h.limit_key.as_deref());
    w.flag(26, h.is_held);
}

pub(super) fn read(mut r: Reader<'_>) -> Result<Header, CodecError> {
    let mut h = Header::new(DefId::default(), "".into(), 0);
    let (mut parent, mut parent_task) = (None, None);
    while let Some((tag, field)) = r.next_field()? {
        match tag {
            1 => {
                h.status = WorkflowStatus::from_code(field.narrow()?)
                    .ok_or(CodecError { what: "workflow status" })?;
            }
            2 => h.def = DefId(field.id()?),
            3 => h.name = field.text()?,
            4 => h.version = i32::try_from(field.int()?).map_err(|_| CodecError { what: "version" })?,
            5 => h.create_ms = field.int()?,
            6 => h.end_ms = field.int()?,
            7 => h.last_retried_ms = field.int()?,
            8 => h.correlation_id = Some(field.text()?),
            9 => h.priority = field.narrow()?,
            10 => h.task_to_domain = field.json()?,
            11 => parent = Some(WorkflowId(field.id()?)),
            12 => parent_task = Some(TaskId(field.id()?)),
            13 => h.reason = Some(field.text()?),
            14 => h.failed_task = field.maybe()?,
            15 => h.failed_refs.push(field.text()?),
            16 => h.failed_names.push(field.text()?),
            17 => h.event = Some(field.text()?),
            18 => h.created_by = Some(field.text()?),
            19 => h.rerun_from = Some(WorkflowId(field.id()?)),
            20 => h.next_no = field.narrow()?,
            21 => h.next_message = field.narrow()?,
            22 => h.is_continuing = field.flag()?,
            23 => h.input_path = Some(field.text()?),
            24 => h.idempotency_key = Some(field.text()?),
            25 => h.limit_key = Some(field.text()?),
            26 => h.is_held = field.flag()?,
            _ => {}
        }
    }
    h.parent = parent.zip(parent_task).map(|(workflow, task)| Parent { workflow, task });
    Ok(h)
}
