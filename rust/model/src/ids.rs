//! Ids: UUID text on the wire, 128 bits inside.
//!
//! A task id is computed from its workflow's id and the task's number, and back. So nothing keeps an index from task
//! to workflow: the first 60 bits (version digit aside) of a task id are those of its workflow.

use std::fmt;

/// Bits that a UUID uses for its version and variant digits.
const VERSION_MASK: u128 = 0xf << 76;
const VARIANT_MASK: u128 = 0x3 << 62;
const LOW_MASK: u64 = (1 << 62) - 1;
/// An odd multiplier and its inverse modulo 2^62, so that numbers and id tails map one to one.
const SPREAD: u64 = 0x1e37_79b9_7f4a_7c15 & LOW_MASK;
const SPREAD_INVERSE: u64 = inverse_mod_2_62(SPREAD);

const fn inverse_mod_2_62(odd: u64) -> u64 {
    let mut x: u64 = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x & LOW_MASK
}

/// The number of a task instance within its execution; never reused, not even by restart.
pub type TaskNo = u32;

/// The id of an execution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WorkflowId(pub u128);

/// The id of a task instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TaskId(pub u128);

/// The content hash of a definition snapshot: equal definitions share one id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct DefId(pub u128);

fn low_half(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).expect("half of the bits")
}

fn with_version(bits: u128, version: u128) -> u128 {
    (bits & !VERSION_MASK & !VARIANT_MASK) | (version << 76) | (0x2 << 62)
}

impl WorkflowId {
    /// A version 4 UUID whose first 48 bits are the start time, so that a store appends instead of scattering.
    ///
    /// `seed` must be fresh randomness; all bits but version, variant and the time come from it.
    pub fn from_seed(now_ms: i64, seed: u128) -> Self {
        let time = (u128::from(now_ms.max(0).unsigned_abs()) & 0xffff_ffff_ffff) << 80;
        Self(with_version(time | (seed & (u128::MAX >> 48)), 4))
    }

    /// The name-based (version 3) id of a child: one per parent, task and attempt (S-1.11).
    pub fn of_child(parent: Self, task: TaskId, retry_count: u32) -> Self {
        let name = format!("subworkflow:{parent}:{task}:{retry_count}");
        Self(with_version(u128::from_be_bytes(md5::compute(name.as_bytes()).0), 3))
    }

    /// The name-based id of an execution started once by some other act (failure workflow, START_WORKFLOW).
    pub fn of_act(kind: &str, owner: Self, act: u64) -> Self {
        let name = format!("{kind}:{owner}:{act}");
        Self(with_version(u128::from_be_bytes(md5::compute(name.as_bytes()).0), 4))
    }

    /// The name-based id of the execution that an action of an event handler starts: by the handler's name, the event,
    /// the message and the number of the action (S-80.6, S-80.8).
    pub fn of_event(handler: &str, event: &str, message: &str, action: usize) -> Self {
        let name = format!("event:{}:{}:{handler}{event}{message}:{action}", handler.len(), event.len());
        Self(with_version(u128::from_be_bytes(md5::compute(name.as_bytes()).0), 4))
    }

    /// The id of this execution's task number `no`.
    pub fn task(self, no: TaskNo) -> TaskId {
        let low = low_half(self.0) & LOW_MASK;
        let tail = (u64::from(no) + 1).wrapping_mul(SPREAD) & LOW_MASK ^ low;
        let high = self.0 & !u128::from(u64::MAX);
        TaskId(with_version(high | u128::from(tail), 4))
    }

    /// The number of `task` if it is a task of this execution by construction.
    pub fn number_of(self, task: TaskId) -> Option<TaskNo> {
        let mixed = low_half(task.0 ^ self.0) & LOW_MASK;
        let no = TaskNo::try_from((mixed.wrapping_mul(SPREAD_INVERSE) & LOW_MASK).checked_sub(1)?).ok()?;
        (self.task(no) == task).then_some(no)
    }

    /// What this id shares with the ids of all its tasks.
    pub fn prefix(self) -> u64 {
        ((self.0 & !VERSION_MASK) >> 64) as u64
    }

    /// Big-endian bytes, the order in which ids sort in a store.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads canonical UUID text (any letter case); anything else names no execution.
    pub fn parse(text: &str) -> Option<Self> {
        parse_uuid(text.as_bytes()).map(Self)
    }
}

impl TaskId {
    /// What this id shares with its workflow's id.
    pub fn prefix(self) -> u64 {
        ((self.0 & !VERSION_MASK) >> 64) as u64
    }

    /// The first 48 bits: what a store's index is searched by.
    pub fn prefix_bytes(self) -> [u8; 6] {
        let b = self.0.to_be_bytes();
        [b[0], b[1], b[2], b[3], b[4], b[5]]
    }

    /// Reads canonical UUID text (any letter case); anything else names no task.
    pub fn parse(text: &str) -> Option<Self> {
        parse_uuid(text.as_bytes()).map(Self)
    }
}

impl DefId {
    /// The hash of a definition's canonical JSON text.
    pub fn of(text: &str) -> Self {
        Self(u128::from_be_bytes(md5::compute(text.as_bytes()).0))
    }

    /// The key under which a store keeps the definition.
    pub fn key(self) -> String {
        format!("{:032x}", self.0)
    }
}

fn parse_uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut bits = 0u128;
    for (at, &byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        bits = bits << 4 | u128::from(char::from(byte).to_digit(16)?);
    }
    Some(bits)
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes an id as UUID text into a fixed buffer: 36 bytes, lower case.
pub fn uuid_text(bits: u128) -> [u8; 36] {
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (place, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            at += 1;
        }
        out[at] = HEX[usize::from(byte >> 4)];
        out[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out
}

/// Appends an id as UUID text.
pub fn push_uuid(out: &mut String, bits: u128) {
    out.push_str(std::str::from_utf8(&uuid_text(bits)).expect("digits and dashes are ASCII"));
}

macro_rules! id_text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&uuid_text(self.0)).expect("digits and dashes are ASCII"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}
id_text!(WorkflowId, TaskId, DefId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_lead_back_to_number_and_workflow() {
        let w = WorkflowId::from_seed(1_700_000_000_000, 0x1234_5678_9abc_def0_1122_3344_5566_7788);
        for no in [0, 1, 2, 77, 1_000_000, u32::MAX] {
            let id = w.task(no);
            assert_eq!(w.number_of(id), Some(no));
            assert_eq!(id.prefix(), w.prefix());
            assert_eq!(TaskId::parse(&id.to_string()), Some(id));
            assert_eq!(&id.to_string()[14..15], "4");
        }
        let other = WorkflowId::from_seed(1_700_000_000_000, 5);
        assert_eq!(other.number_of(w.task(3)), None);
    }

    #[test]
    fn child_ids_follow_parent_task_and_attempt() {
        // S-1.11: the same attempt gives the same child, the next attempt another.
        let w = WorkflowId::from_seed(1, 2);
        let a = WorkflowId::of_child(w, w.task(0), 0);
        assert_eq!(a, WorkflowId::of_child(w, w.task(0), 0));
        assert_ne!(a, WorkflowId::of_child(w, w.task(0), 1));
        assert_eq!(&a.to_string()[14..15], "3");
        assert_eq!(a.number_of(a.task(9)), Some(9));
    }

    #[test]
    fn odd_texts_name_nothing() {
        for text in ["", "x", "00000000-0000-4000-8000-00000000000", "00000000_0000-4000-8000-000000000000"] {
            assert_eq!(WorkflowId::parse(text), None, "{text}");
        }
    }
}
