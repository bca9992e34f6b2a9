//! `${...}` templates, compiled once with a definition and resolved per task (S-8.2 to S-8.20).
//!
//! A compiled template is a run of constant bytes with holes. A hole that is a whole string takes the bytes of the
//! value it names, with their type; a hole inside a string takes their text form.

mod reference;
mod string;

use fastcond_json::{Raw, as_str, depth_exceeds, push_compact, push_string, string_values};

use crate::error::ExprError;
use crate::path::Work;
use crate::scope::Scope;
use crate::{OUTPUT_BYTES_MAX, OUTPUT_DEPTH_MAX};
use reference::Target;
use string::{Part, Pattern};

/// A value with references in its strings, ready to be resolved.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    /// JSON text copied as it is.
    Constant(String),
    /// A string value with references.
    String(Pattern),
}

/// A reference as written at the top level of a string, for the checks at registration (S-2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mention<'a> {
    /// What stands between the braces.
    pub text: &'a str,
    /// The name it starts with: `workflow` or a task reference name. None when that is not known before run time.
    pub first_segment: Option<&'a str>,
    /// Whether it compiles as a path. Text with references inside is compiled at run time and counts as compiling.
    pub is_well_formed: bool,
}

impl Template {
    /// Compiles checked JSON text; cannot fail, for what is malformed is text or null (S-8.5, S-8.13).
    ///
    /// Only string values are looked at, never keys (S-8.2). Whitespace between tokens is dropped.
    pub fn compile(text: &str) -> Self {
        let mut compact = String::with_capacity(text.len());
        push_compact(&mut compact, text);
        let mut pieces = Vec::new();
        let mut copied = 0;
        for range in string_values(&compact) {
            let literal = &compact[range.clone()];
            // An escape may hide a dollar sign, so such a literal is decoded before it is judged.
            if !literal.contains("${") && !literal.contains("\\u") {
                continue;
            }
            let decoded = as_str(literal).unwrap_or_default();
            if !decoded.contains("${") {
                continue;
            }
            push_constant(&mut pieces, &compact[copied..range.start]);
            match Pattern::compile(&decoded).constant() {
                Ok(text) => push_constant(&mut pieces, &Raw::string(&text)),
                Err(pattern) => pieces.push(Piece::String(pattern)),
            }
            copied = range.end;
        }
        push_constant(&mut pieces, &compact[copied..]);
        Self { pieces }
    }

    /// Compiles one string, given as itself rather than as JSON.
    pub fn of_string(text: &str) -> Self {
        let piece = match Pattern::compile(text).constant() {
            Ok(text) => Piece::Constant(Raw::string(&text).to_string()),
            Err(pattern) => Piece::String(pattern),
        };
        Self { pieces: vec![piece] }
    }

    /// Whether nothing in it depends on a scope.
    pub fn is_constant(&self) -> bool {
        self.pieces.iter().all(|piece| matches!(piece, Piece::Constant(_)))
    }

    /// The references at the top level of its strings, in order. Names that are always known
    /// (`CPEWF_TASK_ID` and its like) and blank references are left out.
    pub fn references(&self) -> impl Iterator<Item = Mention<'_>> {
        self.pieces
            .iter()
            .flat_map(|piece| match piece {
                Piece::Constant(_) => &[],
                Piece::String(pattern) => pattern.parts(),
            })
            .filter_map(Part::mention)
    }

    /// Appends the resolved value as JSON text.
    ///
    /// On an error `out` is as it was.
    pub fn resolve(&self, scope: &dyn Scope, out: &mut String) -> Result<(), ExprError> {
        let start = out.len();
        let resolved = self.write(scope, out, start).and_then(|()| {
            if depth_exceeds(&out[start..], OUTPUT_DEPTH_MAX) {
                Err(ExprError::OutputTooDeep)
            } else {
                Ok(())
            }
        });
        if resolved.is_err() {
            out.truncate(start);
        }
        resolved
    }

    /// The resolved value as shared text.
    pub fn resolve_raw(&self, scope: &dyn Scope) -> Result<Raw, ExprError> {
        let mut out = String::new();
        self.resolve(scope, &mut out)?;
        Ok(Raw::of_checked(out))
    }

    fn write(&self, scope: &dyn Scope, out: &mut String, start: usize) -> Result<(), ExprError> {
        let all = || scope.all();
        let work = Work::new(&all);
        for piece in &self.pieces {
            match piece {
                Piece::Constant(text) => out.push_str(text),
                Piece::String(pattern) => write_string(pattern, scope, &work, out)?,
            }
            if out.len() - start > OUTPUT_BYTES_MAX {
                return Err(ExprError::OutputTooLarge);
            }
        }
        Ok(())
    }
}

/// Resolves one string value: typed when it is a single reference, else a string (S-8.9).
pub fn resolve_string(text: &str, scope: &dyn Scope) -> Result<Raw, ExprError> {
    if !text.contains("${") {
        return Ok(Raw::string(text));
    }
    Template::of_string(text).resolve_raw(scope)
}

fn write_string(
    pattern: &Pattern,
    scope: &dyn Scope,
    work: &Work<'_>,
    out: &mut String,
) -> Result<(), ExprError> {
    let Some(reference) = pattern.whole() else {
        push_string(out, &pattern.render(scope, work)?);
        return Ok(());
    };
    match reference.target(scope, work)? {
        Target::Json(json) => out.push_str(&json),
        Target::Text(text) => push_string(out, &text),
    }
    Ok(())
}

fn push_constant(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Constant(run)) => run.push_str(text),
        _ => pieces.push(Piece::Constant(text.to_owned())),
    }
}
