//! A message of ours is known to have arrived: it leaves the outbox.

use crate::step::Step;

/// Removes the message.
pub fn run(step: &mut Step<'_, '_>, number: u32) {
    step.arrived(number);
}
