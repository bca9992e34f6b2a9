//! Variables update by an operator (S-64.3): merged, then looked at.

use crate::command::Rejection;
use crate::step::Step;
use fastcond_json::{Raw, merged};

/// Merges variables into a running or paused execution.
pub fn run(step: &mut Step<'_, '_>, variables: &Raw) -> Result<(), Rejection> {
    if step.live.execution.header.status.is_terminal() {
        return Err(Rejection::Conflict(
            "Workflow is in terminal state, variables cannot be updated.".to_owned(),
        ));
    }
    let all = merged(&step.live.execution.variables, variables);
    step.set_variables(Raw::of_checked(all));
    step.go_on();
    Ok(())
}
