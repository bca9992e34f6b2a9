//! Decide: what shall become true of one execution, given one command.
//!
//! [`decide`] is the only door. It reads a [`Live`] execution and a [`Command`], and either refuses without having
//! changed anything, or changes the execution in place and says what changed. It neither waits nor fails for outside
//! reasons; time, randomness and the registry arrive in [`Given`].

pub mod command;
mod commands;
pub mod deadline;
mod decide;
pub mod graph;
pub mod live;
mod names;
mod scope;
pub mod step;
pub mod tasks;
pub mod validate;
pub mod view;
mod wait_time;

pub use command::{Command, Given, Outcome, Rejection, Rerun, RerunFrom, Skip, TaskEvent, Transition};
pub use commands::arrived::removal_reason;
pub use commands::retry::{child_to_resume, is_retryable};
pub use commands::start::limit_of;
pub use decide::{begin, decide};
pub use graph::{Definitions, Graph};
pub use live::Live;
