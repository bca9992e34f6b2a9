//! Why a script gave no result.

use std::fmt;

use rquickjs::convert::Coerced;
use rquickjs::{Ctx, Error, Value};

use super::realm::SCRIPT_NAME;

/// Characters of a message that are kept: the script's author writes it, others store and read it.
const MESSAGE_CHARS_MAX: usize = 500;

/// A script that gave no result; `Display` is the message for `output.error` and reasons (B-32.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptError {
    /// The source is not JavaScript. Line 0 when unknown.
    Syntax {
        /// What the engine says.
        message: String,
        /// Line of the source, from 1.
        line: u32,
    },
    /// The script threw, or the engine threw for it (a missing name, a bad call, too deep a recursion).
    Thrown {
        /// Name and message of the error, or the text of what was thrown.
        message: String,
        /// Line of the source, from 1; 0 when unknown.
        line: u32,
    },
    /// The script used up [`super::FUEL`], or the watch stopped it. Worth a retry (S-36.2).
    OutOfTime,
    /// Its [`super::Host`] has no answer: it cannot be started, or ended during the call. Worth a retry.
    Lost {
        /// What happened to the host.
        why: String,
    },
    /// The script needed more than [`super::HEAP_BYTES_MAX`].
    OutOfMemory,
    /// The result has more than [`super::OUTPUT_BYTES_MAX`] bytes, nests too deeply, or never ends.
    OutputTooLarge,
}

impl ScriptError {
    /// Reads the pending exception; whatever it is, it is taken off the context.
    pub(super) fn read(ctx: &Ctx<'_>, error: &Error) -> Self {
        if matches!(error, Error::Allocation) {
            return Self::OutOfMemory;
        }
        if matches!(error, Error::InvalidString(_)) {
            return Self::Syntax { message: "SyntaxError: zero character in the source".to_owned(), line: 0 };
        }
        let has_exception = ctx.has_exception();
        let thrown = ctx.catch();
        if !has_exception {
            // A conversion that could not get memory reports nothing more.
            return match error {
                Error::Unknown => Self::OutOfMemory,
                other => Self::Thrown { message: shortened(&other.to_string()), line: 0 },
            };
        }
        let name = property(ctx, &thrown, "name").unwrap_or_default();
        let message = property(ctx, &thrown, "message");
        // Without memory for the message it stays empty.
        if name == "InternalError" && matches!(message.as_deref(), Some("out of memory" | "")) {
            return Self::OutOfMemory;
        }
        let stack = if thrown.is_error() {
            property(ctx, &thrown, "stack").unwrap_or_default()
        } else {
            String::new()
        };
        let line = script_line(&stack);
        let message = match message {
            Some(message) if thrown.is_error() => shortened(&format!("{name}: {message}")),
            Some(message) => shortened(&message),
            None => shortened(&text_of(ctx, &thrown)),
        };
        // A source that does not parse fails before any of its frames exists.
        if name == "SyntaxError" && stack.trim_start().starts_with(&format!("at {SCRIPT_NAME}:")) {
            return Self::Syntax { message, line };
        }
        Self::Thrown { message, line }
    }
}

/// A property as text; a getter that throws has no say.
fn property<'js>(ctx: &Ctx<'js>, of: &Value<'js>, name: &str) -> Option<String> {
    let found = of.as_object()?.get::<_, Option<Coerced<String>>>(name);
    if found.is_err() {
        ctx.catch();
    }
    found.ok()?.map(|Coerced(text)| text)
}

fn text_of<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> String {
    let Ok(Coerced(text)) = value.get::<Coerced<String>>() else {
        ctx.catch();
        return "a value without a text form was thrown".to_owned();
    };
    text
}

/// The line of the innermost frame that belongs to the script: `script:LINE:COLUMN`.
fn script_line(stack: &str) -> u32 {
    let marker = format!("{SCRIPT_NAME}:");
    stack
        .match_indices(&marker)
        .filter(|(at, _)| matches!(stack[..*at].chars().last(), Some(' ' | '(')))
        .find_map(|(at, _)| stack[at + marker.len()..].split([':', ')', '\n']).next()?.parse().ok())
        .unwrap_or(0)
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { message, line: 0 } | Self::Thrown { message, line: 0 } => {
                write!(f, "Error evaluating the script: {message}")
            }
            Self::Syntax { message, line } | Self::Thrown { message, line } => {
                write!(f, "Error evaluating the script at line {line}: {message}")
            }
            Self::OutOfTime => f.write_str("Script not evaluated within its time limit, interrupted."),
            Self::Lost { why } => write!(f, "Script not evaluated: {why}"),
            Self::OutOfMemory => f.write_str("Script needs more memory than it may use"),
            Self::OutputTooLarge => f.write_str("Script result is larger than 1 MiB or nested too deeply"),
        }
    }
}

impl std::error::Error for ScriptError {}
