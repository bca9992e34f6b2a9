//! One engine for one call: built-ins, `$`, the script, its result.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use fastcond_json::Raw;
use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::{Array, Context, Ctx, Error, Function, Object, Runtime, Value};

use super::exact::ExactIntegers;
use super::failure::ScriptError;
use super::result::{Kept, Stop, Writer};
use super::{Call, FUEL, Form, Given, HEAP_BYTES_MAX, STACK_BYTES_MAX, Watch};

const PRELUDE: &str = include_str!("prelude.js");
const SHIMS: &str = include_str!("shims.js");

/// Names that only make sense as Java methods of `$`; a script without them is spared the shims.
const SHIM_NAMES: [&str; 8] =
    ["get", "put", "size", "containsKey", "keySet", "values", "isEmpty", "contains"];

/// Names that need the full set of built-ins; a script without them gets a realm at half the cost.
const FULL_NAMES: [&str; 14] = [
    "Date", "random", "Map", "Set", "Weak", "Int8", "Int16", "Int32", "Uint", "Float", "Int64", "Buffer",
    "DataView", "Atomics",
];

/// The name of the script in stack traces; no other frame has it.
pub(super) const SCRIPT_NAME: &str = "script";

/// What every realm has: enough for any syntax to be safe.
type Lean = (
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::Promise,
);

/// Everything the language itself has; no performance clock, no DOM.
type Full = (Lean, intrinsic::Date, intrinsic::MapSet, intrinsic::TypedArrays);

pub(super) struct Realm {
    context: Context,
    fuel: Rc<Cell<u32>>,
    is_full: bool,
    has_shims: bool,
}

impl Realm {
    /// Makes an engine with the built-ins `source` names and puts its bounds in force.
    pub(super) fn open(source: &str, watch: Option<Arc<dyn Watch>>) -> Result<Self, ScriptError> {
        let names = |list: &[&str]| list.iter().any(|name| source.contains(name));
        let is_full = names(&FULL_NAMES);
        let runtime = Runtime::new().map_err(|_| ScriptError::OutOfMemory)?;
        runtime.set_memory_limit(HEAP_BYTES_MAX);
        runtime.set_max_stack_size(STACK_BYTES_MAX);
        let fuel = Rc::new(Cell::new(FUEL));
        let left = fuel.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let is_over = left.get() == 0 || watch.as_ref().is_some_and(|watch| watch.is_over());
            left.set(if is_over { 0 } else { left.get() - 1 });
            is_over
        })));
        let context =
            if is_full { Context::custom::<Full>(&runtime) } else { Context::custom::<Lean>(&runtime) };
        let context = context.map_err(|_| ScriptError::OutOfMemory)?;
        Ok(Self { context, fuel, is_full, has_shims: names(&SHIM_NAMES) })
    }

    pub(super) fn run(&self, call: &Call<'_>) -> Result<Raw, ScriptError> {
        let Call { form, source, dollar, given } = *call;
        self.context.with(|ctx| match form {
            Form::SyntaxOnly => self.read_only(&ctx, source),
            Form::Program => self.result(&ctx, source.to_owned(), dollar, &given),
            Form::FunctionBody => self.result(&ctx, format!("(function(){{{source}\n}})()"), dollar, &given),
            Form::Jq | Form::Schema => {
                unreachable!("not JavaScript: `Scripts::answer` has sent it elsewhere")
            }
        })
    }

    fn result(&self, ctx: &Ctx<'_>, source: String, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        let exact = ExactIntegers::of(dollar);
        let outcome = self.prepare(ctx, dollar, given).and_then(|kept| {
            let value: Value<'_> = ctx.eval_with_options(source, named(SCRIPT_NAME, false))?;
            Ok((kept, value))
        });
        let (kept, value) = outcome.map_err(|error| self.failure(ctx, &error))?;
        let mut writer = Writer::new(kept, &exact);
        match writer.write(&value) {
            Ok(()) => Ok(writer.finish()),
            Err(Stop::TooLarge) => Err(ScriptError::OutputTooLarge),
            Err(Stop::Failed(error)) => Err(self.failure(ctx, &error)),
        }
    }

    /// Installs `$`, time and chance; keeps the built-ins that reading the result needs, before a script can
    /// replace them.
    fn prepare<'js>(&self, ctx: &Ctx<'js>, dollar: &str, given: &Given) -> Result<Kept<'js>, Error> {
        let globals = ctx.globals();
        let value = ctx.json_parse(dollar)?;
        if self.has_shims {
            let shims: Function<'js> = ctx.eval_with_options(SHIMS, named("shims", true))?;
            shims.call::<_, ()>((value.clone(),))?;
        }
        globals.set("$", value)?;
        let string: Object<'js> = globals.get::<_, Object<'js>>("String")?.get("prototype")?;
        let well_formed = string.get("toWellFormed")?;
        if !self.is_full {
            globals.get::<_, Object<'js>>("Math")?.remove("random")?;
            return Ok(Kept { well_formed, date: None });
        }
        let prelude: Function<'js> = ctx.eval_with_options(PRELUDE, named("prelude", true))?;
        let date: Array<'js> = prelude.call((milliseconds(given.now_ms), folded(given.seed)))?;
        Ok(Kept { well_formed, date: Some((date.get(0)?, date.get(1)?)) })
    }

    /// The whole source must be read before its first statement, which throws, is run.
    fn read_only(&self, ctx: &Ctx<'_>, source: &str) -> Result<Raw, ScriptError> {
        let Err(error) =
            ctx.eval_with_options::<(), _>(format!("throw 0;{source}"), named(SCRIPT_NAME, false))
        else {
            return Ok(Raw::null());
        };
        let thrown = ctx.catch();
        if thrown.as_int() == Some(0) {
            return Ok(Raw::null());
        }
        if matches!(error, Error::Exception) {
            ctx.throw(thrown);
        }
        Err(self.failure(ctx, &error))
    }

    fn failure(&self, ctx: &Ctx<'_>, error: &Error) -> ScriptError {
        let failure = ScriptError::read(ctx, error);
        // Reading the exception can run the script's own getters, so the budget is looked at last.
        if self.fuel.get() == 0 { ScriptError::OutOfTime } else { failure }
    }
}

fn named(name: &str, is_strict: bool) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = is_strict;
    options.filename = Some(name.to_owned());
    options
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JavaScript's time value is a double; exact for 285,000 years"
)]
fn milliseconds(now_ms: i64) -> f64 {
    now_ms as f64
}

#[expect(clippy::cast_possible_truncation, reason = "both halves of the seed are folded into 32 bits")]
fn folded(seed: u64) -> u32 {
    (seed ^ (seed >> 32)) as u32
}
