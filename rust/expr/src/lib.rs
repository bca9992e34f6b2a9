//! Untrusted languages with fuel: `${...}` templates, JSON paths, JavaScript, jq, JSON Schema.
//!
//! Everything in here runs text that a definition's author wrote, on data that a client sent. So every evaluation
//! has a budget with a name, none recurses over depth a user controls, and none can see anything but its input:
//! values arrive through [`Scope`], time and seed through [`script::Given`]. Nothing here reads a clock.
//!
//! [`Template`] is compiled once with a definition and resolved per task; [`Path`] is what stands inside its
//! references; [`script::Scripts`] evaluates the JavaScript of INLINE, LAMBDA, SWITCH, DECISION and `DO_WHILE`.

mod error;
pub mod jq;
mod path;
pub mod schema;
mod scope;
pub mod script;
pub mod secrets;
mod template;
mod text;
mod value_param;

pub use error::ExprError;
pub use path::{Path, PathError};
pub use scope::Scope;
pub use template::{Mention, Template, resolve_string};
pub use text::{text_form, truthy};
pub use value_param::evaluate_value_param;

/// Bytes one resolution may produce (quality H10-H14).
pub const OUTPUT_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Nesting a resolved value may have: what a payload may have.
pub const OUTPUT_DEPTH_MAX: usize = fastcond_json::DEPTH_MAX;

/// How deep references may stand inside references (quality H10-H14).
pub const SUBSTITUTION_DEPTH_MAX: usize = 32;

/// Bytes of payload one resolution may read, all paths together: some tenths of a second.
pub const WORK_BYTES_MAX: usize = 256 * 1024 * 1024;
