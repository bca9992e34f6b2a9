//! One file per command: what it checks first, what it changes.

pub mod arrived;
pub mod child_ended;
pub mod child_revived;
pub mod hand_out;
pub mod pause;
pub mod post;
pub mod put_variables;
pub mod report;
pub mod rerun;
pub mod reset_callbacks;
pub mod restart;
pub mod resume;
pub mod retry;
pub mod skip;
pub mod start;
pub mod terminate;
pub mod tick;
