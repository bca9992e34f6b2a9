//! The door: bytes from outside become checked JSON text, or a reason why not.

use std::borrow::Cow;

use crate::error::{JsonError, JsonErrorKind};
use crate::limits::{DEPTH_CEILING, Limits};
use crate::scan::{non_space, string_stop};
use crate::text::{hex4, unescaped};

/// Objects up to this size are searched for duplicates pair by pair; larger ones are sorted.
const PAIRWISE_KEYS_MAX: usize = 12;

/// Checks that `bytes` are exactly one JSON value within `limits` and gives its text without outer whitespace.
///
/// Stricter than RFC 8259 where a later reader could disagree about the meaning (quality H1-H4): a duplicate key
/// (escapes do not disguise it), an escape that names half of a surrogate pair and a byte order mark are errors.
/// Works in one pass with a stack of its own, so nesting costs no call depth; duplicates cost O(n log n) at worst
/// and no hashing, so chosen keys cannot slow it down.
pub fn check<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError { offset: limits.bytes, kind: JsonErrorKind::TooLarge });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(JsonError { offset: error.valid_up_to(), kind: JsonErrorKind::InvalidUtf8 });
        }
    };
    if text.starts_with('\u{feff}') {
        return Err(JsonError { offset: 0, kind: JsonErrorKind::ByteOrderMark });
    }
    let start = non_space(bytes, 0);
    let mut checker = Checker {
        text,
        bytes,
        at: start,
        depth_max: limits.depth.min(DEPTH_CEILING),
        limits,
        keys: Vec::new(),
        frames: Vec::new(),
    };
    checker.value()?;
    let end = checker.at;
    match non_space(bytes, end) {
        after if after == bytes.len() => Ok(&text[start..end]),
        after => Err(JsonError { offset: after, kind: JsonErrorKind::TrailingBytes }),
    }
}

struct SeenKey<'a> {
    name: Cow<'a, str>,
    offset: usize,
}

enum Frame {
    Array,
    Object { first_key: usize },
}

struct Checker<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_max: usize,
    limits: &'a Limits,
    /// Keys of all open objects, innermost last; each frame knows where its own begin.
    keys: Vec<SeenKey<'a>>,
    frames: Vec<Frame>,
}

impl Checker<'_> {
    fn error<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError { offset: self.at, kind })
    }

    fn unexpected<T>(&self) -> Result<T, JsonError> {
        if self.at >= self.bytes.len() {
            self.error(JsonErrorKind::UnexpectedEnd)
        } else {
            self.error(JsonErrorKind::UnexpectedByte)
        }
    }

    fn skip_space(&mut self) {
        self.at = non_space(self.bytes, self.at);
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Reads one value with everything inside it.
    fn value(&mut self) -> Result<(), JsonError> {
        loop {
            self.skip_space();
            let opened = self.begin()?;
            if !opened && self.finish()? {
                return Ok(());
            }
        }
    }

    /// Reads a scalar or an empty container; says true when a container was opened and a value must follow.
    fn begin(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| false),
            Some(b'{') => self.open(Frame::Object { first_key: self.keys.len() }, b'}'),
            Some(b'[') => self.open(Frame::Array, b']'),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.literal("true").map(|()| false),
            Some(b'f') => self.literal("false").map(|()| false),
            Some(b'n') => self.literal("null").map(|()| false),
            Some(b'N' | b'I' | b'+' | b'.') => self.error(JsonErrorKind::BadNumber),
            _ => self.unexpected(),
        }
    }

    fn open(&mut self, frame: Frame, close: u8) -> Result<bool, JsonError> {
        if self.frames.len() >= self.depth_max {
            return self.error(JsonErrorKind::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        let is_object = matches!(frame, Frame::Object { .. });
        self.frames.push(frame);
        if is_object {
            self.key()?;
        }
        Ok(true)
    }

    /// After a value: closes what ends here. Says true when the outermost value is complete.
    fn finish(&mut self) -> Result<bool, JsonError> {
        loop {
            let Some(frame) = self.frames.last() else { return Ok(true) };
            let first_key = match *frame {
                Frame::Array => None,
                Frame::Object { first_key } => Some(first_key),
            };
            self.skip_space();
            match (self.peek(), first_key) {
                (Some(b','), None) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(b','), Some(_)) => {
                    self.at += 1;
                    self.skip_space();
                    self.key()?;
                    return Ok(false);
                }
                (Some(b']'), None) => {}
                (Some(b'}'), Some(first_key)) => self.refuse_duplicates(first_key)?,
                _ => return self.unexpected(),
            }
            self.at += 1;
            self.frames.pop();
        }
    }

    fn key(&mut self) -> Result<(), JsonError> {
        let offset = self.at;
        if self.peek() != Some(b'"') {
            return self.unexpected();
        }
        let escaped = self.string()?;
        let inner = &self.text[offset + 1..self.at - 1];
        let name = if escaped { unescaped(inner) } else { Cow::Borrowed(inner) };
        self.keys.push(SeenKey { name, offset });
        if self.keys.len() > self.limits.keys_open {
            return Err(JsonError { offset, kind: JsonErrorKind::TooManyKeys });
        }
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.unexpected();
        }
        self.at += 1;
        Ok(())
    }

    fn refuse_duplicates(&mut self, first_key: usize) -> Result<(), JsonError> {
        let keys = &mut self.keys[first_key..];
        let twin = if keys.len() <= PAIRWISE_KEYS_MAX {
            (1..keys.len())
                .find(|&i| keys[..i].iter().any(|k| k.name == keys[i].name))
                .map(|i| keys[i].offset)
        } else {
            keys.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            keys.windows(2).find(|w| w[0].name == w[1].name).map(|w| w[0].offset.max(w[1].offset))
        };
        self.keys.truncate(first_key);
        twin.map_or(Ok(()), |offset| Err(JsonError { offset, kind: JsonErrorKind::DuplicateKey }))
    }

    /// Reads a string; says whether it has escapes.
    fn string(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        self.at += 1;
        loop {
            self.at = string_stop(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.error(JsonErrorKind::ControlCharacter),
                None => return self.error(JsonErrorKind::UnexpectedEnd),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match hex4(self.bytes, self.at + 2) {
                Some(0xD800..0xDC00) => {
                    let paired = self.bytes.get(self.at + 6) == Some(&b'\\')
                        && self.bytes.get(self.at + 7) == Some(&b'u')
                        && hex4(self.bytes, self.at + 8).is_some_and(|low| (0xDC00..0xE000).contains(&low));
                    if !paired {
                        return self.error(JsonErrorKind::LoneSurrogate);
                    }
                    self.at += 12;
                }
                Some(0xDC00..0xE000) => return self.error(JsonErrorKind::LoneSurrogate),
                Some(_) => self.at += 6,
                None => return self.error(JsonErrorKind::BadEscape),
            },
            Some(_) => return self.error(JsonErrorKind::BadEscape),
            None => return self.error(JsonErrorKind::UnexpectedEnd),
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.error(JsonErrorKind::BadNumber) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return self.error(JsonErrorKind::BadNumber);
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > self.limits.number_chars {
            return Err(JsonError { offset: start, kind: JsonErrorKind::NumberTooLong });
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.error(JsonErrorKind::UnexpectedByte);
        }
        self.at += word.len();
        Ok(())
    }
}
