//! JSON text as payload: checked once, read lazily, numbers kept exactly as written.
//!
//! A payload enters through [`check`] (or [`Raw::parse`]) and is text from then on. The readers in this crate
//! ([`get`], [`get_path`], [`members`], [`elements`], the `as_*` functions) walk that text and hand out slices of
//! it; nothing is parsed twice and no number changes its digits. [`Value`] is the tree for the places that must
//! compute with a payload (expressions, definitions); the hot path does not build one.
//!
//! Order of use: bytes from outside go to `check`, its answer goes to everything else. The readers are total: on
//! text that was never checked they give a wrong answer, never a panic and never an endless loop.
//!
//! Deliberately missing: comments, trailing commas, `NaN`, and any repair of bad input.

mod check;
mod error;
mod limits;
mod merge;
mod number;
mod raw;
mod read;
mod scan;
mod text;
mod value;
mod write;

pub use check::check;
pub use error::{JsonError, JsonErrorKind};
pub use limits::{BYTES_MAX, DEPTH_CEILING, DEPTH_MAX, KEYS_OPEN_MAX, Limits, NUMBER_CHARS_MAX};
pub use merge::{merged, with_defaults};
pub use number::Number;
pub use raw::Raw;
pub use read::{
    Elements, Key, Kind, Members, StringValues, as_bool, as_f64, as_i64, as_str, depth_exceeds, elements,
    get, get_path, kind, members, string_values,
};
pub use text::{push_compact, push_string};
pub use value::{Map, Value};
pub use write::{ArrayWriter, ObjectWriter};
