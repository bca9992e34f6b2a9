//! Scripts that run somewhere else: what is asked, and who answers.

use fastcond_json::Raw;

use super::{Given, ScriptError};

/// How a source is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a program: the value of its last statement is the result.
    Program,
    /// As the body of a function that is called: `return` gives the result.
    FunctionBody,
    /// Not at all: only read.
    SyntaxOnly,
    /// As a jq filter over `dollar`: the list of its results is the result ([`crate::jq`]).
    Jq,
    /// As a JSON Schema for `dollar`: the list of what violates it is the result ([`crate::schema`]).
    Schema,
}

/// One call of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// How it is run.
    pub form: Form,
    /// The source, at most [`super::SOURCE_BYTES_MAX`].
    pub source: &'a str,
    /// JSON text of `$`.
    pub dollar: &'a str,
    /// Time and chance.
    pub given: Given,
}

/// Runs scripts where they can be ended from outside, whatever they do.
pub trait Host {
    /// The answer that [`super::Scripts::answer`] gives there, or the error that stands for its end.
    fn answer(&mut self, call: &Call<'_>) -> Result<Raw, ScriptError>;
}
