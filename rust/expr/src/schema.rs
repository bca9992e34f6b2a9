//! JSON Schema for payloads (S-92.6): a schema and a document in, what violates it out.
//!
//! A schema sees itself and the document. References lead within the schema or to the dialects themselves; nothing is
//! fetched. Patterns run on an automaton, linear in the text. Messages name places and rules, never values: a value may
//! be somebody's secret, and a message ends up as a task's reason.
//!
//! What a schema costs has no bound of its own: `allOf` over references doubles the work at every level, and a reference
//! to itself has no end. As for jq, only a process of its own can bound that, so a server validates where its scripts
//! run ([`crate::script::Host`]).

use crate::script::ScriptError;
use fastcond_json::{ArrayWriter, Raw};
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;
use std::collections::BTreeMap;

/// Length of a schema.
pub const SOURCE_BYTES_MAX: usize = 256 * 1024;

/// Violations that are named; the rest is not looked for.
pub const VIOLATIONS_MAX: usize = 10;

/// Bytes one compiled pattern may take, and what its matching may keep.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// Compiled schemas that are kept; one more empties the shelf.
const KEPT_MAX: usize = 64;

/// Characters of one message: it names keys, and a document may have long ones.
const MESSAGE_CHARS_MAX: usize = 200;

/// Schemas that were compiled already, by their text.
#[derive(Debug, Default)]
pub struct Schemas {
    compiled: BTreeMap<String, Validator>,
}

impl Schemas {
    /// The list of texts that say what violates the schema, and where.
    pub fn violations(&mut self, schema: &str, document: &str) -> Result<Raw, ScriptError> {
        if !self.compiled.contains_key(schema) {
            let validator = compiled(schema)?;
            if self.compiled.len() >= KEPT_MAX {
                self.compiled.clear();
            }
            self.compiled.insert(schema.to_owned(), validator);
        }
        let validator = &self.compiled[schema];
        let document = parsed(document).map_err(|why| ScriptError::Thrown {
            message: format!("the payload cannot be validated: {why}"),
            line: 0,
        })?;
        let mut out = String::new();
        let mut list = ArrayWriter::begin(&mut out);
        for error in validator.iter_errors(&document).take(VIOLATIONS_MAX) {
            let (place, rule) = (error.instance_path().to_string(), error.masked().to_string());
            let place = if place.is_empty() { "/" } else { &place };
            list.str(&format!("{place}: {rule}").chars().take(MESSAGE_CHARS_MAX).collect::<String>());
        }
        list.end();
        Ok(Raw::of_checked(out))
    }
}

fn compiled(schema: &str) -> Result<Validator, ScriptError> {
    let refused = |why: String| ScriptError::Syntax {
        message: format!("the schema cannot be used: {why}").chars().take(500).collect(),
        line: 0,
    };
    if schema.len() > SOURCE_BYTES_MAX {
        return Err(refused("it is larger than 256 KiB".to_owned()));
    }
    let value = parsed(schema).map_err(refused)?;
    let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
    jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(&value)
        .map_err(|error| refused(error.to_string()))
}

/// The text as a tree; nesting is bounded by the reader itself.
fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
