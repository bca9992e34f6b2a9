//! String literals and whitespace: writing and reading the text form.

use std::borrow::Cow;

use crate::scan::{non_space, string_end, string_stop};

/// Appends `text` as a quoted JSON string.
///
/// Runs that need no escape are copied as they are; only quotes, backslashes and control characters are escaped.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text);
    out.push('"');
}

/// Appends `text` escaped for the inside of a string literal, without the quotes.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut run = 0;
    loop {
        let stop = string_stop(bytes, run);
        out.push_str(&text[run..stop]);
        let Some(&byte) = bytes.get(stop) else { return };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            control => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
        run = stop + 1;
    }
}

/// Appends a checked JSON text without the whitespace between its tokens.
pub fn push_compact(out: &mut String, json: &str) {
    let bytes = json.as_bytes();
    let mut at = non_space(bytes, 0);
    let mut run = at;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(json.get(run..at).unwrap_or_default());
                at = non_space(bytes, at);
                run = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(json.get(run..).unwrap_or_default());
}

/// Decodes the inside of a checked string literal; borrows when nothing is escaped.
pub(crate) fn unescaped(inner: &str) -> Cow<'_, str> {
    let Some(first) = inner.find('\\') else { return Cow::Borrowed(inner) };
    let mut decoded = String::with_capacity(inner.len());
    decoded.push_str(&inner[..first]);
    let mut rest = &inner[first..];
    while let Some(slash) = rest.find('\\') {
        decoded.push_str(&rest[..slash]);
        let (character, length) = escape(&rest.as_bytes()[slash..]);
        decoded.push(character);
        rest = rest.get(slash + length..).unwrap_or_default();
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character an escape stands for and how many bytes it takes, a surrogate pair counting as one.
fn escape(bytes: &[u8]) -> (char, usize) {
    match bytes.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => unicode_escape(bytes),
        Some(&other) if other.is_ascii() => (char::from(other), 2),
        _ => (char::REPLACEMENT_CHARACTER, 1),
    }
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let Some(unit) = hex4(bytes, 2) else { return (char::REPLACEMENT_CHARACTER, 2) };
    if let Some(character) = char::from_u32(unit) {
        return (character, 6);
    }
    if bytes.get(6) == Some(&b'\\')
        && bytes.get(7) == Some(&b'u')
        && let Some(low) = hex4(bytes, 8)
        && (0xDC00..0xE000).contains(&low)
        && (0xD800..0xDC00).contains(&unit)
        && let Some(character) = char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
    {
        return (character, 12);
    }
    (char::REPLACEMENT_CHARACTER, 6)
}

/// The four hexadecimal digits at `at`, if they are there.
pub(crate) fn hex4(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |unit, &byte| Some(unit * 16 + char::from(byte).to_digit(16)?))
}
