//! Executions as REST JSON (data-model section 4).

pub mod masking;
pub mod run;
pub mod summary;
pub mod task;
pub mod workflow;
