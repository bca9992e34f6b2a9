//! NOOP (S-41): completes at once.

use super::{Behaviour, PLAIN, fill_nothing};
use fastcond_model::TaskStatus;

pub(super) static NOOP: Behaviour = Behaviour {
    word: "NOOP",
    fill: fill_nothing,
    run: |step, no, _| step.settle(no, TaskStatus::Completed, None),
    ..PLAIN
};
