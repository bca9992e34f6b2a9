//! The door: one command in, what shall become true out.

use crate::command::{Command, Given, Rejection, Start, Transition};
use crate::commands;
use crate::live::Live;
use crate::step::Step;

/// Starts an execution (S-3).
pub fn begin(start: Start, given: &mut Given<'_>) -> (Live, Transition) {
    commands::start::run(start, given)
}

/// Decides one command on one execution.
///
/// On `Err` the execution is exactly as before. On `Ok` it has its new state and revision, and the transition says
/// which parts of it a store must make durable before anything is shown to anyone.
pub fn decide(live: &mut Live, command: Command, given: &mut Given<'_>) -> Result<Transition, Rejection> {
    let mut step = Step::new(live, given);
    match command {
        Command::HandOut { task, worker } => commands::hand_out::run(&mut step, task, worker),
        Command::Report(report) => commands::report::run(&mut step, *report)?,
        Command::Tick => commands::tick::run(&mut step),
        Command::Decide => step.go_on(),
        Command::Admit => commands::start::admit(&mut step),
        Command::Pause => commands::pause::run(&mut step)?,
        Command::Resume => commands::resume::run(&mut step)?,
        Command::Terminate { reason, is_from_parent, runs_failure_workflow } => {
            commands::terminate::run(&mut step, reason, is_from_parent, runs_failure_workflow)?;
        }
        Command::Retry { resumes_children, is_from_parent } => {
            commands::retry::run(&mut step, resumes_children, is_from_parent)?;
        }
        Command::Restart { graph } => commands::restart::run(&mut step, graph)?,
        Command::Rerun(rerun) => commands::rerun::run(&mut step, *rerun)?,
        Command::Skip(skip) => commands::skip::run(&mut step, *skip)?,
        Command::ResetCallbacks => commands::reset_callbacks::run(&mut step)?,
        Command::ChildEnded { task, child, status, output, reason } => {
            commands::child_ended::run(&mut step, (task, child), status, &output, reason);
        }
        Command::ChildRevived { task, child } => commands::child_revived::run(&mut step, task, child),
        Command::Arrived { number, has_receiver } => commands::arrived::run(&mut step, number, has_receiver),
        Command::Post { id, payload } => commands::post::run(&mut step, id, &payload)?,
        Command::PutVariables { variables } => commands::put_variables::run(&mut step, &variables)?,
    }
    Ok(step.finish())
}
