//! Numbers that keep the digits they were written with.

use std::cmp::Ordering;
use std::fmt;

/// A JSON number: its text is the truth, `i64` and `f64` are readings of it.
///
/// Equality is by text (`1` is not `1.0`: clients tell them apart); [`Number::compare`] is by value.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Box<str>);

impl Number {
    /// Takes the text of a number that [`crate::check`] has accepted.
    pub(crate) fn of_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is written as an integer: no fraction, no exponent.
    pub fn is_integral(&self) -> bool {
        !self.0.bytes().any(|b| matches!(b, b'.' | b'e' | b'E'))
    }

    /// The integer, when written as one and within 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest double; none when it is beyond a double's range.
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The double as a number with a decimal point or exponent; none for infinities and NaN.
    pub fn from_f64(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self(format!("{number:?}").into()))
    }

    /// Orders by value: exactly for two integers, else as doubles; out-of-range numbers by their sign.
    pub fn compare(&self, other: &Self) -> Ordering {
        if self.is_integral() && other.is_integral() {
            return compare_integers(&self.0, &other.0);
        }
        let (a, b): (f64, f64) = (self.0.parse().unwrap_or(0.0), other.0.parse().unwrap_or(0.0));
        a.partial_cmp(&b).unwrap_or(Ordering::Equal)
    }
}

/// Orders two integer texts of any length.
fn compare_integers(a: &str, b: &str) -> Ordering {
    let split = |text: &str| (text.starts_with('-') && text != "-0", text.trim_start_matches('-').to_owned());
    let ((a_negative, a_digits), (b_negative, b_digits)) = (split(a), split(b));
    match (a_negative, b_negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (negative, _) => {
            let order = a_digits.len().cmp(&b_digits.len()).then_with(|| a_digits.cmp(&b_digits));
            if negative { order.reverse() } else { order }
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(itoa::Buffer::new().format(number).into())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
