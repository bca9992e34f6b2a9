//! One string with references: finding them, and filling them in.

use std::borrow::Cow;

use super::Mention;
use super::reference::{Reference, Target};
use crate::error::ExprError;
use crate::path::Work;
use crate::scope::Scope;
use crate::text::text_form;
use crate::{OUTPUT_BYTES_MAX, SUBSTITUTION_DEPTH_MAX};

/// A string cut into text and references.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

/// Text as written, or a reference.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Reference {
        /// What stands between the braces, as written.
        source: String,
        reference: Reference,
    },
}

impl Part {
    /// The reference as registration sees it.
    pub(super) fn mention(&self) -> Option<Mention<'_>> {
        let Self::Reference { source, reference } = self else { return None };
        let (first_segment, is_well_formed) = reference.judged(source)?;
        Some(Mention { text: source, first_segment, is_well_formed })
    }
}

impl Pattern {
    pub(super) fn compile(text: &str) -> Self {
        Self::compile_nested(text, 0)
    }

    /// Recursion is bounded: past the cap the reference becomes one that always fails.
    pub(super) fn compile_nested(text: &str, depth: usize) -> Self {
        let bytes = text.as_bytes();
        let closing = closing_braces(bytes);
        let mut parts = Vec::new();
        let mut copied = 0;
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            let dollar = at + found;
            let escaped = dollar > 0 && bytes[dollar - 1] == b'$';
            let close = closing[dollar + 1];
            if escaped || close == 0 {
                // `$${` never starts a reference (S-8.4); without its brace `${` is text (S-8.5).
                at = dollar + 2;
                continue;
            }
            if copied < dollar {
                parts.push(Part::Text(text[copied..dollar].to_owned()));
            }
            let source = &text[dollar + 2..close];
            let reference = if depth >= SUBSTITUTION_DEPTH_MAX {
                Reference::TooDeep
            } else if source.contains("${") {
                Reference::Nested(Self::compile_nested(source, depth + 1))
            } else {
                Reference::of(source)
            };
            parts.push(Part::Reference { source: source.to_owned(), reference });
            copied = close + 1;
            at = copied;
        }
        if copied < text.len() {
            parts.push(Part::Text(text[copied..].to_owned()));
        }
        Self { parts }
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The finished text when there is nothing to resolve, else the pattern back.
    pub(super) fn constant(self) -> Result<String, Self> {
        if self.parts.iter().any(|part| matches!(part, Part::Reference { .. })) {
            return Err(self);
        }
        let text: String = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Reference { .. } => None,
            })
            .collect();
        Ok(without_escapes(text))
    }

    /// The reference, when the string is exactly one and nothing else (S-8.9).
    pub(super) fn whole(&self) -> Option<&Reference> {
        match &self.parts[..] {
            [Part::Reference { reference, .. }] => Some(reference),
            _ => None,
        }
    }

    /// The string with every reference replaced by its text form; refuses to grow past what a resolution may give.
    pub(super) fn render(&self, scope: &dyn Scope, work: &Work<'_>) -> Result<String, ExprError> {
        let mut out = String::new();
        for part in &self.parts {
            let text = match part {
                Part::Text(text) => Cow::Borrowed(text.as_str()),
                Part::Reference { reference, .. } => match reference.target(scope, work)? {
                    Target::Text(text) => text,
                    Target::Json(json) => Cow::Owned(text_form(&json).into_owned()),
                },
            };
            if out.len() + text.len() > OUTPUT_BYTES_MAX {
                return Err(ExprError::OutputTooLarge);
            }
            out.push_str(&text);
        }
        Ok(without_escapes(out))
    }
}

/// Turns every `$${` into `${`: the last act on a string that is not a single reference (S-8.4).
fn without_escapes(text: String) -> String {
    if text.contains("$${") { text.replace("$${", "${") } else { text }
}

/// For every `{` the place of its matching `}`, in one pass; zero where there is none.
fn closing_braces(bytes: &[u8]) -> Vec<usize> {
    let mut closing = vec![0; bytes.len()];
    let mut open = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                if let Some(start) = open.pop() {
                    closing[start] = at;
                }
            }
            _ => {}
        }
    }
    closing
}
