//! JavaScript for INLINE, LAMBDA, SWITCH, DECISION, `DO_WHILE` and event conditions (S-8.24 to S-8.26, B-32.3).
//!
//! The program sees one binding, `$`, a plain object made from JSON text, and the language's own built-ins. There
//! are no host objects: no console, timers, modules, files or sockets. Time and chance come from [`Given`], so the
//! same call gives the same answer on every machine. Every call has an engine of its own, made for it and thrown
//! away after it: nothing a script does is seen by the next, and its heap is only its own. That costs a tenth of
//! a call more than reusing one (measured) and needs no reasoning about what may be left behind.
//!
//! Built-ins that cost much to set up or must be replaced (`Date`, `Math.random`, `Map`, `Set`, typed arrays) are
//! there when the source names them. A source that builds such a name from pieces does not find it.
//!
//! Numbers: `$` holds doubles, as scripts expect. An integer of `$` that a double cannot hold keeps its digits when
//! it is passed through unchanged: a result equal to it as a double is written with the digits it came with, unless
//! two integers of `$` share that double. Results that are whole numbers within 64 bits are written as integers,
//! `BigInt` results with all their digits, NaN and infinities as null.
//!
//! Bounds (quality H15-H19): [`FUEL`], [`HEAP_BYTES_MAX`], [`STACK_BYTES_MAX`], [`OUTPUT_BYTES_MAX`] and
//! [`SOURCE_BYTES_MAX`]. Fuel counts jumps and calls, needs no clock and gives the same verdict everywhere,
//! but weighs a call of a costly built-in like a cheap one. Whoever owns a clock therefore adds a [`Watch`].
//!
//! What neither bounds: one built-in that works long by itself, because the engine looks at its budget only between
//! operations. Joining, sorting or splicing `new Array(2**32 - 1)` takes minutes, and so does compiling a regular
//! expression of hundreds of kilobytes. Only a process of its own can be stopped there: a server gives a [`Host`]
//! that has one, and evaluates nothing on its own threads.

mod exact;
mod failure;
mod host;
mod realm;
mod result;

use std::sync::Arc;

use crate::jq;
use crate::schema::Schemas;
use fastcond_json::Raw;

pub use failure::ScriptError;
pub use host::{Call, Form, Host};
use realm::Realm;

/// Looks the engine takes at the budget before it stops a script: about 50 ms of plain interpreted code.
///
/// The engine looks once per 10,000 jumps and calls. Calibrated with an optimised build on a 2-core cloud
/// machine: 400 looks took 49 ms in a counting loop, 54 ms calling a small function, 8 ms in an empty loop, and
/// 5 to 9 s where every call built an exception. The last is why a [`Watch`] belongs beside it in production.
pub const FUEL: u32 = 400;

/// Heap one script may use.
pub const HEAP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Stack one script may use; the calling thread needs twice that.
pub const STACK_BYTES_MAX: usize = 256 * 1024;

/// JSON text one script may return.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// Nesting a result may have: it is put into an output map, which must still be a payload.
pub const OUTPUT_DEPTH_MAX: usize = fastcond_json::DEPTH_MAX - 8;

/// Length of a script.
pub const SOURCE_BYTES_MAX: usize = 1024 * 1024;

/// What a script may know about the moment it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The answer of `Date.now()` and `new Date()`, in epoch milliseconds.
    pub now_ms: i64,
    /// Seeds `Math.random()`.
    pub seed: u64,
}

/// A clock held by the caller, asked whenever the engine looks at its budget.
///
/// It only ever stops a script earlier than [`FUEL`] would, with the same error.
pub trait Watch: Send + Sync {
    /// A script starts now.
    fn start(&self);

    /// Whether the script that started last has had its time.
    fn is_over(&self) -> bool;
}

/// Evaluates scripts, here or where a [`Host`] does.
#[derive(Default)]
pub struct Scripts {
    watch: Option<Arc<dyn Watch>>,
    host: Option<Box<dyn Host>>,
    schemas: Schemas,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts")
            .field("has_watch", &self.watch.is_some())
            .field("has_host", &self.host.is_some())
            .field("schemas", &self.schemas)
            .finish()
    }
}

impl Scripts {
    /// Makes an evaluator bounded by fuel alone: deterministic, for simulation and tests.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an evaluator bounded by fuel and by the caller's clock.
    pub fn with_watch(watch: Arc<dyn Watch>) -> Self {
        Self { watch: Some(watch), ..Self::default() }
    }

    /// Makes an evaluator that evaluates nothing itself.
    pub fn hosted(host: Box<dyn Host>) -> Self {
        Self { host: Some(host), ..Self::default() }
    }

    /// Evaluates a program; `dollar` is the JSON text of `$`. The value of the last statement is the result.
    pub fn evaluate(&mut self, source: &str, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        self.answer(&Call { form: Form::Program, source, dollar, given: *given })
    }

    /// Calls the body of a function, as LAMBDA does (S-36.3): `return` gives the result.
    pub fn call_lambda(&mut self, source: &str, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        self.answer(&Call { form: Form::FunctionBody, source, dollar, given: *given })
    }

    /// Reads a program without running it.
    pub fn check_syntax(&mut self, source: &str) -> Result<(), ScriptError> {
        let given = Given { now_ms: 0, seed: 0 };
        self.answer(&Call { form: Form::SyntaxOnly, source, dollar: "null", given }).map(|_| ())
    }

    /// Runs a jq filter on a document; the list of its results is the answer (S-39.1).
    pub fn filter(&mut self, source: &str, document: &str, given: &Given) -> Result<Raw, ScriptError> {
        self.answer(&Call { form: Form::Jq, source, dollar: document, given: *given })
    }

    /// What of a document violates a JSON Schema: a list of texts, empty when nothing does (S-92.6).
    ///
    /// The error says why the schema, or the document, cannot be used for that at all.
    pub fn violations(&mut self, schema: &str, document: &str) -> Result<Raw, ScriptError> {
        let given = Given { now_ms: 0, seed: 0 };
        self.answer(&Call { form: Form::Schema, source: schema, dollar: document, given })
    }

    /// Answers a call of any form; reading only gives null.
    pub fn answer(&mut self, call: &Call<'_>) -> Result<Raw, ScriptError> {
        if call.source.len() > SOURCE_BYTES_MAX {
            return Err(ScriptError::Syntax { message: "script is larger than 1 MiB".to_owned(), line: 0 });
        }
        if let Some(host) = &mut self.host {
            return host.answer(call);
        }
        if let Some(watch) = &self.watch {
            watch.start();
        }
        if call.form == Form::Jq {
            return jq::evaluate(call.source, call.dollar, &call.given, self.watch.as_deref());
        }
        if call.form == Form::Schema {
            return self.schemas.violations(call.source, call.dollar);
        }
        Realm::open(call.source, self.watch.clone())?.run(call)
    }
}
