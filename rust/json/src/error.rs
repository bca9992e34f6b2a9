//! Why a text is not accepted as JSON.

use std::fmt;

/// A refusal by [`crate::check`]: what is wrong and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset of the offence, counted from the start of the input.
    pub offset: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

/// The closed list of reasons to refuse a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// The input ends in the middle of a value, or is empty.
    UnexpectedEnd,
    /// A byte that the grammar does not allow at this place.
    UnexpectedByte,
    /// The input is not UTF-8.
    InvalidUtf8,
    /// The input starts with a byte order mark.
    ByteOrderMark,
    /// A number that the grammar does not allow (`01`, `1.`, `+1`, `NaN`).
    BadNumber,
    /// A backslash followed by something that is not an escape.
    BadEscape,
    /// A `\u` escape that names half of a surrogate pair.
    LoneSurrogate,
    /// A raw control character inside a string.
    ControlCharacter,
    /// The same key twice in one object, however it is escaped.
    DuplicateKey,
    /// Something follows the value.
    TrailingBytes,
    /// Nesting beyond [`crate::Limits::depth`].
    TooDeep,
    /// More bytes than [`crate::Limits::bytes`].
    TooLarge,
    /// A number longer than [`crate::Limits::number_chars`].
    NumberTooLong,
    /// More members than [`crate::Limits::keys_open`].
    TooManyKeys,
}

impl JsonErrorKind {
    /// Says the reason in words for a client.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "unexpected end of input",
            Self::UnexpectedByte => "unexpected character",
            Self::InvalidUtf8 => "not valid UTF-8",
            Self::ByteOrderMark => "byte order mark is not allowed",
            Self::BadNumber => "malformed number",
            Self::BadEscape => "malformed escape sequence",
            Self::LoneSurrogate => "escape names half of a surrogate pair",
            Self::ControlCharacter => "control character in a string must be escaped",
            Self::DuplicateKey => "duplicate key in an object",
            Self::TrailingBytes => "unexpected characters after the value",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => "too large",
            Self::NumberTooLong => "number has too many characters",
            Self::TooManyKeys => "object has too many keys",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind.as_str(), self.offset)
    }
}

impl std::error::Error for JsonError {}
