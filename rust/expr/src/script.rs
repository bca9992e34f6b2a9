//! JavaScript for INLINE, LAMBDA, SWITCH, DECISION, `DO_WHILE` and event conditions (S-8.24 to S-8.26, B-32.3).
//!
//! The program sees one binding, `$`, a plain object made from JSON text, and the language's own built-ins. There
//! are no host objects: no console, timers, modules, files or sockets. Time and chance come from [`Given`], so the
//! same call gives the same answer on every machine. Every call runs in a fresh realm; nothing a script does to
//! globals or prototypes is seen by the next.
//!
//! Numbers: `$` holds doubles, as scripts expect. An integer of `$` that a double cannot hold keeps its digits when
//! it is passed through unchanged: a result equal to it as a double is written with the digits it came with, unless
//! two integers of `$` share that double. Results that are whole numbers within 64 bits are written as integers,
//! `BigInt` results with all their digits, NaN and infinities as null.
//!
//! Bounds (quality H15-H19): [`FUEL`], [`HEAP_BYTES_MAX`], [`STACK_BYTES_MAX`], [`OUTPUT_BYTES_MAX`] and
//! [`SOURCE_BYTES_MAX`]. Fuel counts back-jumps and calls and needs no clock. It does not see inside one built-in
//! operation (sorting a long array, multiplying huge `BigInt`s), whose cost only the heap bounds; whoever owns a
//! clock adds one with [`Scripts::with_watch`].

mod exact;
mod failure;
mod realm;
mod result;

use std::cell::Cell;
use std::rc::Rc;

use fastcond_json::Raw;
use rquickjs::Runtime;

pub use failure::ScriptError;
use realm::Realm;

/// Looks the engine takes at the budget before it stops a script: about 50 ms of plain interpreted code.
///
/// The engine looks once per 10,000 back-jumps and calls. Calibrated with an empty loop and a loop of calls on a
/// 2.x GHz server core, optimised build: 10,000 turns take 60 to 250 microseconds, so 50 ms lie between 200 and 800.
pub const FUEL: u32 = 400;

/// Heap one script may use.
pub const HEAP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Stack one script may use.
pub const STACK_BYTES_MAX: usize = 256 * 1024;

/// JSON text one script may return.
pub const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// Nesting a result may have.
pub const OUTPUT_DEPTH_MAX: usize = fastcond_json::DEPTH_MAX - 8;

/// Length of a script.
pub const SOURCE_BYTES_MAX: usize = 1024 * 1024;

/// Calls served by one runtime before it is replaced, so that no slow leak outlives them.
const CALLS_PER_RUNTIME: u32 = 10_000;

/// What a script may know about the moment it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The answer of `Date.now()` and `new Date()`, in epoch milliseconds.
    pub now_ms: i64,
    /// Seeds `Math.random()`.
    pub seed: u64,
}

/// Evaluates scripts; belongs to one thread.
///
/// The runtime underneath is made on first use, kept between calls, and replaced after a script that ran out of
/// budget, ran out of memory or left work behind.
#[derive(Default)]
pub struct Scripts {
    engine: Option<Engine>,
    watch: Option<Rc<dyn Fn() -> bool>>,
}

struct Engine {
    runtime: Runtime,
    fuel: Rc<Cell<u32>>,
    calls: u32,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts").field("is_warm", &self.engine.is_some()).finish_non_exhaustive()
    }
}

/// How a source is run.
#[derive(Clone, Copy)]
enum Form {
    /// As a program: the value of its last statement is the result.
    Program,
    /// As the body of a function that is called: `return` gives the result.
    FunctionBody,
    /// Not at all: only read.
    SyntaxOnly,
}

impl Scripts {
    /// Makes an evaluator; costs nothing until it is used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an evaluator that also asks `overtime` at every look at the budget and stops the script when it says
    /// true. The clock stays with the caller, who starts it before a call.
    pub fn with_watch(overtime: impl Fn() -> bool + 'static) -> Self {
        Self { engine: None, watch: Some(Rc::new(overtime)) }
    }

    /// Evaluates a program; `dollar` is the JSON text of `$`. The value of the last statement is the result.
    pub fn evaluate(&mut self, source: &str, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        self.run(source, dollar, given, Form::Program)
    }

    /// Calls the body of a function, as LAMBDA does (S-36.3): `return` gives the result.
    pub fn call_lambda(&mut self, source: &str, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        self.run(source, dollar, given, Form::FunctionBody)
    }

    /// Reads a program without running it.
    pub fn check_syntax(&mut self, source: &str) -> Result<(), ScriptError> {
        self.run(source, "null", &Given { now_ms: 0, seed: 0 }, Form::SyntaxOnly).map(|_| ())
    }

    fn run(&mut self, source: &str, dollar: &str, given: &Given, form: Form) -> Result<Raw, ScriptError> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(ScriptError::Syntax { message: "script is larger than 1 MiB".to_owned(), line: 0 });
        }
        let mut engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::start(self.watch.clone())?,
        };
        engine.fuel.set(FUEL);
        engine.calls += 1;
        let outcome = Realm::open(&engine.runtime, &engine.fuel, source)
            .and_then(|realm| realm.run(source, dollar, given, form));
        let spent = matches!(outcome, Err(ScriptError::OutOfTime | ScriptError::OutOfMemory));
        if !spent && engine.calls < CALLS_PER_RUNTIME && !engine.runtime.is_job_pending() {
            self.engine = Some(engine);
        }
        outcome
    }
}

impl Engine {
    fn start(watch: Option<Rc<dyn Fn() -> bool>>) -> Result<Self, ScriptError> {
        let runtime = Runtime::new().map_err(|_| ScriptError::OutOfMemory)?;
        runtime.set_memory_limit(HEAP_BYTES_MAX);
        runtime.set_max_stack_size(STACK_BYTES_MAX);
        let fuel = Rc::new(Cell::new(FUEL));
        let left = fuel.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let overtime = left.get() == 0 || watch.as_ref().is_some_and(|overtime| overtime());
            left.set(if overtime { 0 } else { left.get() - 1 });
            overtime
        })));
        Ok(Self { runtime, fuel, calls: 0 })
    }
}
