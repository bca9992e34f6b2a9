//! The value of a script as JSON text (S-8.24, B-32.3).
//!
//! Not `JSON.stringify`: a script could have replaced it or taught its objects `toJSON`, and the rules differ
//! (undefined members stay as null, functions go, big integers keep their digits).

use std::borrow::Cow;

use fastcond_json::{Number, Raw, push_string};
use rquickjs::convert::Coerced;
use rquickjs::function::This;
use rquickjs::{Array, Error, Function, Object, String as JsString, Type, Value};

use super::exact::ExactIntegers;
use super::{OUTPUT_BYTES_MAX, OUTPUT_DEPTH_MAX};

/// Why writing ended early.
pub(super) enum Stop {
    /// Too many bytes or too deep, endless structures included.
    TooLarge,
    /// The engine failed: a getter threw, memory ran out.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Built-ins as they were before the script ran.
pub(super) struct Kept<'js> {
    /// `String.prototype.toWellFormed`
    pub(super) well_formed: Function<'js>,
    /// `Date.prototype.toISOString` and `Date`, where the realm has dates.
    pub(super) date: Option<(Function<'js>, Value<'js>)>,
}

pub(super) struct Writer<'js, 'd> {
    out: String,
    depth: usize,
    exact: &'d ExactIntegers<'d>,
    kept: Kept<'js>,
}

impl<'js, 'd> Writer<'js, 'd> {
    pub(super) fn new(kept: Kept<'js>, exact: &'d ExactIntegers<'d>) -> Self {
        Self { out: String::new(), depth: 0, exact, kept }
    }

    pub(super) fn finish(self) -> Raw {
        Raw::of_checked(self.out)
    }

    /// Appends one value; recursion is bounded by the depth a result may have.
    pub(super) fn write(&mut self, value: &Value<'js>) -> Result<(), Stop> {
        match value.type_of() {
            Type::Bool => self.push(if value.as_bool() == Some(true) { "true" } else { "false" }),
            Type::Int | Type::Float => {
                let text = self.number(value.as_number().unwrap_or(f64::NAN));
                self.push(&text)
            }
            Type::BigInt => {
                let Coerced(digits): Coerced<String> = value.get()?;
                self.push(&digits)
            }
            Type::String => self.string(value.as_string()),
            Type::Array => self.array(value.as_array()),
            Type::Object | Type::Exception | Type::Promise | Type::Proxy => self.object(value.as_object()),
            Type::Function | Type::Constructor => self.push("{}"),
            Type::Uninitialized
            | Type::Undefined
            | Type::Null
            | Type::Symbol
            | Type::Module
            | Type::Unknown => self.push("null"),
        }
    }

    fn push(&mut self, text: &str) -> Result<(), Stop> {
        self.out.push_str(text);
        if self.out.len() > OUTPUT_BYTES_MAX { Err(Stop::TooLarge) } else { Ok(()) }
    }

    fn number(&self, double: f64) -> Cow<'d, str> {
        if let Some(digits) = self.exact.digits(double) {
            return Cow::Borrowed(digits);
        }
        match integer(double) {
            Some(integer) => Cow::Owned(integer.to_string()),
            None => Number::from_f64(double)
                .map_or(Cow::Borrowed("null"), |number| Cow::Owned(number.to_string())),
        }
    }

    fn string(&mut self, text: Option<&JsString<'js>>) -> Result<(), Stop> {
        let Some(text) = text else { return self.push("null") };
        let decoded = match text.to_string() {
            // Half a surrogate pair has no UTF-8 form; it becomes the replacement character.
            Err(Error::Utf8(_)) => self.kept.well_formed.call::<_, String>((This(text.clone()),))?,
            decoded => decoded?,
        };
        if self.out.len() + decoded.len() > OUTPUT_BYTES_MAX {
            return Err(Stop::TooLarge);
        }
        push_string(&mut self.out, &decoded);
        self.push("")
    }

    fn enter(&mut self, open: &str) -> Result<(), Stop> {
        if self.depth == OUTPUT_DEPTH_MAX {
            return Err(Stop::TooLarge);
        }
        self.depth += 1;
        self.push(open)
    }

    fn leave(&mut self, close: &str) -> Result<(), Stop> {
        self.depth -= 1;
        self.push(close)
    }

    fn array(&mut self, array: Option<&Array<'js>>) -> Result<(), Stop> {
        let Some(array) = array else { return self.push("null") };
        // The length is 32-bit unsigned, which the engine gives as a double when it is large.
        let length: f64 = array.as_object().get("length")?;
        self.enter("[")?;
        for index in 0..array_positions(length) {
            if index > 0 {
                self.push(",")?;
            }
            let element: Value<'js> = array.get(index)?;
            self.write(&element)?;
        }
        self.leave("]")
    }

    fn object(&mut self, object: Option<&Object<'js>>) -> Result<(), Stop> {
        let Some(object) = object else { return self.push("null") };
        if let Some((iso_text, date)) = &self.kept.date
            && object.is_instance_of(date)
        {
            // Fails for what only pretends to be a date, and for a date that is none.
            let Ok(text) = iso_text.call::<_, String>((This(object.clone()),)) else {
                object.ctx().catch();
                return self.push("null");
            };
            return self.push(&Raw::string(&text));
        }
        self.enter("{")?;
        let mut first = true;
        for key in object.keys::<JsString<'js>>() {
            let key = key?;
            let value: Value<'js> = object.get(key.as_value().clone())?;
            if value.is_function() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.push(",")?;
            }
            self.string(Some(&key))?;
            self.push(":")?;
            self.write(&value)?;
        }
        self.leave("}")
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "array lengths are 32-bit unsigned"
)]
fn array_positions(length: f64) -> usize {
    length as usize
}

/// The integer a double is, when it is one within 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "the guard admits only doubles that are 64-bit integers")]
fn integer(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() < 9.223_372_036_854_775e18).then_some(double as i64)
}
