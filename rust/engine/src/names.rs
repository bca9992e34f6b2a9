//! Names: reference names inside loops (S-1.10), and how long a name may be.

use crate::live::{Live, Place};
use std::sync::Arc;

/// Characters of a name: of a workflow, a task, a reference (quality H10, H20), as many as the original's tables hold.
pub const CHARS_MAX: usize = 255;

/// What is wrong with a name that is longer than it may be; it goes on after "a name that".
pub fn too_long(name: &str) -> Option<String> {
    let chars = name.chars().count();
    (chars > CHARS_MAX).then(|| format!("has {chars} characters, more than the {CHARS_MAX} that are allowed"))
}

/// The reference name of a step at a place: `name`, `name__3`, or `name__2__5` for a loop inside a loop (S-28.17).
pub fn at_place(live: &Live, base: &Arc<str>, place: Place) -> Arc<str> {
    let Some(first) = place.in_loop else { return base.clone() };
    let mut suffix: Vec<u32> = vec![place.iteration];
    let mut around = first;
    loop {
        let task = live.task(around);
        let Some(outer) = task.in_loop else { break };
        suffix.push(task.at_iteration);
        around = outer;
    }
    let mut name = base.to_string();
    for iteration in suffix.iter().rev() {
        name.push_str("__");
        name.push_str(&iteration.to_string());
    }
    name.into()
}
