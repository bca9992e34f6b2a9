//! Reference names inside loops (S-1.10).

use crate::live::{Live, Place};
use std::sync::Arc;

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
