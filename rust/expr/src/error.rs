//! Why an expression cannot be evaluated.

use std::fmt;

/// A bound that an evaluation ran into; the task whose input this was cannot run.
///
/// Malformed references and missing values are not errors: they resolve to text or null (S-8.5, S-8.13, S-8.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExprError {
    /// The result has more than [`crate::OUTPUT_BYTES_MAX`] bytes.
    OutputTooLarge,
    /// The result nests deeper than a payload may.
    OutputTooDeep,
    /// References inside references nest deeper than [`crate::SUBSTITUTION_DEPTH_MAX`].
    SubstitutionTooDeep,
    /// Reading the values took more than [`crate::WORK_BYTES_MAX`].
    TooMuchWork,
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutputTooLarge => "expression result is larger than 10 MiB",
            Self::OutputTooDeep => "expression result is nested too deeply",
            Self::SubstitutionTooDeep => "references are nested too deeply",
            Self::TooMuchWork => "expression takes too much work",
        })
    }
}

impl std::error::Error for ExprError {}
