//! Where a chunked body ends: one state per kind of byte, so that any cut between reads is as good as none.

use crate::ascii::{is_token, is_value};
use crate::limits::{BODY_BYTES_RESERVED, CHUNK_EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX};
use crate::refusal::Refusal;

/// The longest chunk size that is read, in hex digits.
const SIZE_DIGITS_MAX: u8 = 16;

/// How far a chunked body has been read.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    expected: Expected,
    extension_bytes: usize,
    trailer_bytes: usize,
}

/// What the next byte has to be.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Size { value: u64, digits: u8 },
    Extension { size: usize },
    SizeEnd { size: usize },
    Content { missing: usize },
    ContentReturn,
    ContentEnd,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    BodyEnd,
    Nothing,
}

impl Chunks {
    /// Starts before the first chunk size.
    pub(crate) const fn new() -> Self {
        let expected = Expected::Size { value: 0, digits: 0 };
        Self { expected, extension_bytes: 0, trailer_bytes: 0 }
    }

    /// Says whether the body is whole.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.expected, Expected::Nothing)
    }

    /// Reads on, appends content to `body`, and says how many bytes were used: all, unless the body ends
    /// before.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        body_bytes: usize,
    ) -> Result<usize, Refusal> {
        let mut at = 0;
        while at < input.len() && !self.is_done() {
            if let Expected::Content { missing } = self.expected {
                let part = &input[at..input.len().min(at + missing)];
                body.extend_from_slice(part);
                at += part.len();
                self.expected = match missing - part.len() {
                    0 => Expected::ContentReturn,
                    missing => Expected::Content { missing },
                };
            } else {
                self.expected = self.step(input[at], body, body_bytes)?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Takes one byte of framing.
    fn step(&mut self, byte: u8, body: &mut Vec<u8>, body_bytes: usize) -> Result<Expected, Refusal> {
        match (self.expected, byte) {
            (Expected::Size { digits: 1.., value }, b'\r' | b';') => {
                let size = chunk_size(value, body.len(), body_bytes)?;
                Ok(if byte == b';' { Expected::Extension { size } } else { Expected::SizeEnd { size } })
            }
            (Expected::Size { value, digits }, _) => size_digit(value, digits, byte),
            (Expected::Extension { size }, b'\r') => Ok(Expected::SizeEnd { size }),
            (Expected::Extension { .. }, _) => {
                self.extension_bytes += 1;
                if self.extension_bytes > CHUNK_EXTENSION_BYTES_MAX || !is_value(byte) {
                    return Err(Refusal::bad("chunk extension is malformed"));
                }
                Ok(self.expected)
            }
            (Expected::SizeEnd { size: 0 }, b'\n') => Ok(Expected::TrailerStart),
            (Expected::SizeEnd { size: missing }, b'\n') => {
                body.reserve(missing.min(BODY_BYTES_RESERVED));
                Ok(Expected::Content { missing })
            }
            (Expected::ContentReturn, b'\r') => Ok(Expected::ContentEnd),
            (Expected::ContentEnd, b'\n') => Ok(Expected::Size { value: 0, digits: 0 }),
            (Expected::BodyEnd, b'\n') => Ok(Expected::Nothing),
            (
                Expected::TrailerStart
                | Expected::TrailerName
                | Expected::TrailerValue
                | Expected::TrailerEnd,
                _,
            ) => self.trailer(byte),
            (
                Expected::SizeEnd { .. }
                | Expected::ContentReturn
                | Expected::ContentEnd
                | Expected::BodyEnd
                | Expected::Content { .. }
                | Expected::Nothing,
                _,
            ) => Err(Refusal::bad("chunk is not followed by a line end")),
        }
    }

    /// Takes one byte of the trailers, which are checked like fields and then ignored.
    fn trailer(&mut self, byte: u8) -> Result<Expected, Refusal> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(Refusal::new(431, "trailers too large"));
        }
        match (self.expected, byte) {
            (Expected::TrailerStart, b'\r') => Ok(Expected::BodyEnd),
            (Expected::TrailerName, b':') => Ok(Expected::TrailerValue),
            (Expected::TrailerStart | Expected::TrailerName, _) if is_token(byte) => {
                Ok(Expected::TrailerName)
            }
            (Expected::TrailerValue, b'\r') => Ok(Expected::TrailerEnd),
            (Expected::TrailerValue, _) if is_value(byte) => Ok(Expected::TrailerValue),
            (Expected::TrailerEnd, b'\n') => Ok(Expected::TrailerStart),
            _ => Err(Refusal::bad("trailer is malformed")),
        }
    }
}

fn size_digit(value: u64, digits: u8, byte: u8) -> Result<Expected, Refusal> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => return Err(Refusal::bad("chunk size is not a hex number")),
    };
    if digits == SIZE_DIGITS_MAX {
        return Err(Refusal::bad("chunk size overflows"));
    }
    Ok(Expected::Size { value: value << 4 | u64::from(digit), digits: digits + 1 })
}

fn chunk_size(value: u64, held: usize, body_bytes: usize) -> Result<usize, Refusal> {
    match usize::try_from(value) {
        Ok(size) if size <= body_bytes - held => Ok(size),
        _ => Err(Refusal::new(413, "body too large")),
    }
}
