//! One fresh realm: built-ins, `$`, the script, its result.

use std::cell::Cell;

use fastcond_json::Raw;
use rquickjs::context::EvalOptions;
use rquickjs::{Array, Context, Ctx, Error, Function, Runtime, Value};

use super::exact::ExactIntegers;
use super::failure::ScriptError;
use super::result::Writer;
use super::{Form, Given};

const PRELUDE: &str = include_str!("prelude.js");
const SHIMS: &str = include_str!("shims.js");

/// Names that only make sense as Java methods of `$`; a script without them is spared the shims.
const SHIM_NAMES: [&str; 9] =
    ["get", "put", "size", "containsKey", "keySet", "values", "isEmpty", "contains", "getOrDefault"];

/// The name of the script in stack traces; no other frame has it.
pub(super) const SCRIPT_NAME: &str = "script";

pub(super) struct Realm<'r> {
    context: Context,
    fuel: &'r Cell<u32>,
    shims: bool,
}

impl<'r> Realm<'r> {
    pub(super) fn open(runtime: &Runtime, fuel: &'r Cell<u32>, source: &str) -> Result<Self, ScriptError> {
        let context = Context::custom::<Intrinsics>(runtime).map_err(|_| ScriptError::OutOfMemory)?;
        let shims = SHIM_NAMES.iter().any(|name| source.contains(name));
        Ok(Self { context, fuel, shims })
    }

    pub(super) fn run(
        &self,
        source: &str,
        dollar: &str,
        given: &Given,
        form: Form,
    ) -> Result<Raw, ScriptError> {
        self.context.with(|ctx| match form {
            Form::SyntaxOnly => self.read_only(&ctx, source),
            Form::Program => self.result(&ctx, source.to_owned(), dollar, given),
            Form::FunctionBody => self.result(&ctx, format!("(function(){{{source}\n}})()"), dollar, given),
        })
    }

    fn result(&self, ctx: &Ctx<'_>, source: String, dollar: &str, given: &Given) -> Result<Raw, ScriptError> {
        let exact = ExactIntegers::of(dollar);
        let outcome = self.prepare(ctx, dollar, given).and_then(|kept| {
            let value: Value<'_> = ctx.eval_with_options(source, options())?;
            Ok((kept, value))
        });
        let (kept, value) = outcome.map_err(|error| self.failure(ctx, &error))?;
        let mut writer = Writer::new(&kept, &exact).map_err(|error| self.failure(ctx, &error))?;
        match writer.write(&value) {
            Ok(()) => Ok(writer.finish()),
            Err(super::result::Stop::TooLarge) => Err(ScriptError::OutputTooLarge),
            Err(super::result::Stop::Failed(error)) => Err(self.failure(ctx, &error)),
        }
    }

    /// Installs `$`, time and chance; gives the built-ins kept for reading the result.
    fn prepare<'js>(&self, ctx: &Ctx<'js>, dollar: &str, given: &Given) -> Result<Array<'js>, Error> {
        let prelude: Function<'js> = ctx.eval_with_options(PRELUDE, trusted())?;
        let value = ctx.json_parse(dollar)?;
        if self.shims {
            let shims: Function<'js> = ctx.eval_with_options(SHIMS, trusted())?;
            shims.call::<_, ()>((value.clone(),))?;
        }
        ctx.globals().set("$", value)?;
        prelude.call((milliseconds(given.now_ms), folded(given.seed)))
    }

    /// The whole source must be read before its first statement, which throws, is run.
    fn read_only(&self, ctx: &Ctx<'_>, source: &str) -> Result<Raw, ScriptError> {
        match ctx.eval_with_options::<(), _>(format!("throw 0;{source}"), options()) {
            Ok(()) => Ok(Raw::null()),
            Err(error) => {
                let thrown = ctx.catch();
                if thrown.as_int() == Some(0) {
                    return Ok(Raw::null());
                }
                ctx.throw(thrown);
                Err(self.failure(ctx, &error))
            }
        }
    }

    fn failure(&self, ctx: &Ctx<'_>, error: &Error) -> ScriptError {
        if self.fuel.get() == 0 { ScriptError::OutOfTime } else { ScriptError::read(ctx, error) }
    }
}

/// Everything the language itself has; no performance clock, no DOM.
type Intrinsics = (
    rquickjs::context::intrinsic::Eval,
    rquickjs::context::intrinsic::Date,
    rquickjs::context::intrinsic::RegExpCompiler,
    rquickjs::context::intrinsic::RegExp,
    rquickjs::context::intrinsic::Json,
    rquickjs::context::intrinsic::Proxy,
    rquickjs::context::intrinsic::MapSet,
    rquickjs::context::intrinsic::TypedArrays,
    rquickjs::context::intrinsic::Promise,
);

fn options() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(SCRIPT_NAME.to_owned());
    options
}

fn trusted() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.filename = Some("prelude".to_owned());
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
