//! jq for `JSON_JQ_TRANSFORM` (S-39): one filter, one document in, all its results out.
//!
//! The filter sees its input and nothing else: no modules, no environment, no further inputs, no way to end the
//! process. `now` is the moment of [`Given`]; `localtime` and `strflocaltime` are refused, because their answer
//! would depend on the machine.
//!
//! Numbers keep their digits when they pass through; whole results of arithmetic within 64 bits are written as
//! integers, NaN and infinities as null.
//!
//! The interpreter has no fuel: what one step of it may take in time, memory and stack only a process of its own
//! can bound. So a server evaluates jq where its scripts run ([`crate::script::Host`]), and this function is for
//! that process, and for tests. What it bounds itself: the length of the filter, and the number, size and nesting
//! of results; between two results it asks a [`Watch`].

mod result;

use std::fmt::Write as _;

use fastcond_json::Raw;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Compiler, Ctx, DataT, Error, Lut, RunPtr, Vars, data::HasLut};
use jaq_json::{Val, read};

use crate::script::{Given, OUTPUT_BYTES_MAX, ScriptError, Watch};

/// Length of a filter: reading one takes stack in proportion to its nesting.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;

/// Characters of a message that are kept: it may quote the document.
const MESSAGE_CHARS_MAX: usize = 500;

/// What jq 1.5 defines and the interpreter's own library does not, or not with all its spellings.
const EXTRA: &str = r#"
def leaf_paths: paths(scalars);
def from_entries: reduce .[] as $e ({};
    ($e | .key // .k // .name // .Name // .Key // .K | if type == "string" then . else tojson end) as $key
    | .[$key] = ($e | if has("value") then .value elif has("v") then .v else .Value end));
def replaced($old; $new): split($old) | join($new);
def row(text): [.[] | if isstring then text elif . == null then "" elif . >= [] then error("a row holds no lists or objects")
    else tojson end];
def @csv: row("\"" + replaced("\""; "\"\"") + "\"") | join(",");
def @tsv: row(replaced("\\"; "\\\\") | replaced("\t"; "\\t") | replaced("\n"; "\\n") | replaced("\r"; "\\r")) | join("\t");
"#;

/// The kind of data that filters work on here: JSON, and the moment beside it.
struct Document;

#[derive(Clone, Copy)]
struct Moment<'a> {
    table: &'a Lut<Document>,
    now_ms: i64,
}

impl DataT for Document {
    type V<'a> = Val;
    type Data<'a> = Moment<'a>;
}

impl<'a> HasLut<'a, Document> for Moment<'a> {
    fn lut(&self) -> &'a Lut<Document> {
        self.table
    }
}

/// Evaluates a filter on a document; the answer is the JSON list of all results.
pub fn evaluate(
    source: &str,
    document: &str,
    given: &Given,
    watch: Option<&dyn Watch>,
) -> Result<Raw, ScriptError> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(syntax("the filter is larger than 64 KiB"));
    }
    let filter = compiled(source)?;
    let input = read::parse_single(document.as_bytes()).map_err(|error| thrown(&error.to_string()))?;
    let moment = Moment { table: &filter.lut, now_ms: given.now_ms };
    let mut out = String::from("[");
    for outcome in filter.id.run((Ctx::<Document>::new(moment, Vars::new([])), input)) {
        let value = outcome.map_err(|exception| match exception.get_err() {
            Ok(error) => thrown(&message(error.into_val())),
            Err(_) => thrown("the filter stops outside of what it may stop"),
        })?;
        if out.len() > 1 {
            out.push(',');
        }
        result::write(&mut out, &value)?;
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(ScriptError::OutputTooLarge);
        }
        if watch.is_some_and(Watch::is_over) {
            return Err(ScriptError::OutOfTime);
        }
    }
    out.push(']');
    Ok(Raw::of_checked(out))
}

fn compiled(source: &str) -> Result<jaq_core::Filter<Document>, ScriptError> {
    let extra = load::parse(EXTRA, |parser| parser.defs()).unwrap_or_default();
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).chain(extra);
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code: source, path: () })
        .map_err(|errors| syntax(&unreadable(source, &errors)))?;
    Compiler::default().with_funs(functions()).compile(modules).map_err(|errors| {
        let undefined = errors.iter().flat_map(|(_, found)| found);
        let named: Vec<String> =
            undefined.map(|(name, what)| format!("undefined {} {name}", what.as_str())).collect();
        syntax(&named.join(", "))
    })
}

/// The interpreter's functions, those that look at the world replaced.
fn functions() -> impl Iterator<Item = Fun<Document>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.map(|function| {
        let ours: RunPtr<Document> = match function.0 {
            "now" => |cv| {
                #[expect(clippy::cast_precision_loss, reason = "seconds are a double in jq")]
                let seconds = cv.0.data().now_ms as f64 / 1000.0;
                bome(Ok(Val::from(seconds)))
            },
            "env" | "localtime" => |_| bome(Err(Error::str("this function is not available"))),
            "halt" | "strflocaltime" => |mut cv| {
                cv.0.pop_var();
                bome(Err(Error::str("this function is not available")))
            },
            _ => return function,
        };
        let arguments = v(function.1.len());
        run::<Document>((function.0, arguments, ours))
    })
}

/// What cannot be read, by what was expected and the line where.
fn unreadable(source: &str, errors: &load::Errors<&str, ()>) -> String {
    let mut text = String::new();
    for (_, error) in errors {
        let found: Vec<(String, &str)> = match error {
            load::Error::Io(imports) => {
                imports.iter().map(|(at, _)| ("no import of modules".to_owned(), *at)).collect()
            }
            load::Error::Lex(found) => {
                found.iter().map(|(expected, at)| (expected.as_str().to_owned(), *at)).collect()
            }
            load::Error::Parse(found) => {
                found.iter().map(|(expected, at)| (expected.as_str().to_owned(), *at)).collect()
            }
        };
        for (expected, at) in found {
            let separator = if text.is_empty() { "" } else { ", " };
            let offset = (at.as_ptr() as usize).saturating_sub(source.as_ptr() as usize);
            let line = source.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}line {line}: expected {expected}");
        }
    }
    text
}

/// A text that was thrown as it is, anything else as JSON.
fn message(thrown: Val) -> String {
    match thrown {
        Val::TStr(text) => String::from_utf8_lossy(&text).into_owned(),
        other => other.to_string(),
    }
}

fn syntax(message: &str) -> ScriptError {
    ScriptError::Syntax { message: shortened(message), line: 0 }
}

fn thrown(message: &str) -> ScriptError {
    ScriptError::Thrown { message: shortened(message), line: 0 }
}

fn shortened(message: &str) -> String {
    message.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
