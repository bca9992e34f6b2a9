//! Why a connection is refused.

use std::fmt;

/// The end of a connection: what the peer sent cannot be read safely.
///
/// The reason is fixed text and never repeats what the peer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status to answer with before closing.
    pub status: u16,
    /// What is wrong, for the answer's message and the log.
    pub reason: &'static str,
}

impl Refusal {
    /// Makes a refusal for bytes that break the grammar.
    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self { status: 400, reason }
    }

    /// Makes a refusal with a status of its own.
    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}
