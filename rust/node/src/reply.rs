//! Answers as HTTP knows them, errors included (rest-api 2).

use fastcond_engine::Rejection;
use fastcond_engine::validate::Violation;
use fastcond_json::ObjectWriter;
use fastcond_store::StoreFault;
use fastcond_wire::Form;

/// Where an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// A call of the event loop.
    Ticket(u64),
    /// A request that never left Rust.
    Request {
        /// Connection.
        conn: u64,
        /// Number on the connection.
        seq: u64,
        /// How its answer is framed.
        form: Form,
    },
    /// Nobody waits.
    Nobody,
}

impl ReplyTo {
    /// The connection that waits, if one of ours does.
    pub fn connection(self) -> Option<u64> {
        match self {
            Self::Request { conn, .. } => Some(conn),
            Self::Ticket(_) | Self::Nobody => None,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content type; none with an empty body.
    pub content_type: Option<&'static str>,
    /// Body.
    pub body: Vec<u8>,
}

/// Exactly this, without charset (sdk-clients rule 8).
pub const JSON: &str = "application/json";
/// JSON texts, one per line.
pub const NDJSON: &str = "application/x-ndjson";
/// Text answers.
pub const TEXT: &str = "text/plain;charset=UTF-8";

impl Reply {
    /// JSON with status 200.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: Some(JSON), body: body.into() }
    }

    /// JSON texts, one per line, with status 200.
    pub fn ndjson(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type: Some(NDJSON), body: body.into() }
    }

    /// Bare text with status 200; empty text is an empty body.
    pub fn text(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status: 200, content_type: (!body.is_empty()).then_some(TEXT), body }
    }

    /// 200 without a body.
    pub fn done() -> Self {
        Self { status: 200, content_type: None, body: Vec::new() }
    }

    /// 204.
    pub fn nothing() -> Self {
        Self { status: 204, content_type: None, body: Vec::new() }
    }

    /// An error in the contract's shape.
    pub fn failure(failure: &Failure, instance: &str) -> Self {
        let mut out = String::new();
        failure.write(ObjectWriter::begin(&mut out), instance);
        Self { status: failure.status, content_type: Some(JSON), body: out.into_bytes() }
    }
}

/// Why a call was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// What went wrong, for the caller.
    pub message: String,
    /// Whether trying again may help.
    pub is_retryable: bool,
    /// Violated validation rules.
    pub violations: Vec<Violation>,
}

impl Failure {
    /// A failure with that status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), is_retryable: false, violations: Vec::new() }
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 503: the store does not take writes.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { is_retryable: true, ..Self::new(503, message) }
    }

    /// 500: the archive could not be read; what was asked for may well be there.
    pub fn unreadable(fault: &StoreFault) -> Self {
        Self { is_retryable: true, ..Self::new(500, fault.to_string()) }
    }

    /// Writes it in the contract's shape; `instance` is the name of this server.
    pub fn write(&self, mut object: ObjectWriter<'_>, instance: &str) {
        object.i64("status", i64::from(self.status));
        object.str("message", &self.message);
        if self.violations.is_empty() {
            object.str("instance", instance);
        }
        object.bool("retryable", self.is_retryable);
        if !self.violations.is_empty() {
            let mut list = object.array("validationErrors");
            for violation in &self.violations {
                let mut item = list.object();
                item.str("path", &violation.path).str("message", &violation.message);
                item.str_if_some("invalidValue", violation.invalid_value.as_deref());
                item.end();
            }
            list.end();
        }
        object.end();
    }

    /// 400 with the violated rules; `prefix` is the position the contract puts before each path.
    pub fn invalid(prefix: &str, violations: Vec<Violation>) -> Self {
        let violations = violations
            .into_iter()
            .map(|v| {
                let path = if v.path.is_empty() { prefix.to_owned() } else { format!("{prefix}.{}", v.path) };
                Violation { path, ..v }
            })
            .collect();
        Self { violations, ..Self::new(400, "Validation failed, check below errors for detail.") }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::NotFound(message) => Self::not_found(message),
            Rejection::Conflict(message) => Self::conflict(message),
            Rejection::BadRequest(message) => Self::bad_request(message),
            Rejection::Full(message) => Self { is_retryable: true, ..Self::new(429, message) },
        }
    }
}
