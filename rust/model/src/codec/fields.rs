//! Tagged fields: `varint(tag << 1 | is_bytes)`, then a varint or a length and bytes; tag 0 ends a record.

use fastcond_json::Raw;
use std::fmt;
use std::sync::Arc;

/// A record that cannot be read: damaged, or written by something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodecError {
    /// What was being read.
    pub what: &'static str,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unreadable record: {}", self.what)
    }
}

impl std::error::Error for CodecError {}

/// Appends fields to a buffer; zero, none and false are left out.
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Writes behind what `out` holds.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// A bare varint without tag.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(low_byte(value) | 0x80);
            value >>= 7;
        }
        self.out.push(low_byte(value));
    }

    /// An unsigned field; 0 is left out.
    pub fn uint(&mut self, tag: u32, value: u64) {
        if value != 0 {
            self.varint(u64::from(tag) << 1);
            self.varint(value);
        }
    }

    /// An unsigned field of one optional number; none is left out, 0 is kept.
    pub fn maybe(&mut self, tag: u32, value: Option<u32>) {
        if let Some(value) = value {
            self.uint(tag, u64::from(value) + 1);
        }
    }

    /// A signed field; 0 is left out.
    pub fn int(&mut self, tag: u32, value: i64) {
        self.uint(tag, ((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// A flag; false is left out.
    pub fn flag(&mut self, tag: u32, value: bool) {
        self.uint(tag, u64::from(value));
    }

    /// Bytes, kept even when empty.
    pub fn bytes(&mut self, tag: u32, value: &[u8]) {
        self.varint(u64::from(tag) << 1 | 1);
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// Text, when there is one.
    pub fn text(&mut self, tag: u32, value: Option<&str>) {
        if let Some(value) = value {
            self.bytes(tag, value.as_bytes());
        }
    }

    /// An id.
    pub fn id(&mut self, tag: u32, value: u128) {
        self.bytes(tag, &value.to_be_bytes());
    }

    /// A record as one field: `write` fills it.
    pub fn record(&mut self, tag: u32, write: impl FnOnce(&mut Writer<'_>)) {
        self.varint(u64::from(tag) << 1 | 1);
        // Most records are shorter than 128 bytes: reserve one length byte and widen when wrong.
        let start = self.out.len();
        self.out.push(0);
        write(&mut Writer { out: self.out });
        let len = self.out.len() - start - 1;
        if len < 0x80 {
            self.out[start] = low_byte(len as u64);
        } else {
            let mut prefix = Vec::with_capacity(5);
            Writer { out: &mut prefix }.varint(len as u64);
            self.out.splice(start..=start, prefix);
        }
    }
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// One field as read.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// A number.
    Number(u64),
    /// Bytes, or a record.
    Bytes(&'a [u8]),
}

/// Reads fields from a slice.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A bare varint without tag.
    pub fn varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for (at, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(CodecError { what: "number" })
    }

    /// The next field, none at the end.
    pub fn next_field(&mut self) -> Result<Option<(u32, Field<'a>)>, CodecError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let tag = u32::try_from(key >> 1).map_err(|_| CodecError { what: "tag" })?;
        if key & 1 == 0 {
            return Ok(Some((tag, Field::Number(self.varint()?))));
        }
        let len = usize::try_from(self.varint()?).map_err(|_| CodecError { what: "length" })?;
        if len > self.rest.len() {
            return Err(CodecError { what: "length" });
        }
        let (value, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(Some((tag, Field::Bytes(value))))
    }
}

impl<'a> Field<'a> {
    /// The number, or an error naming `what`.
    pub fn uint(self) -> Result<u64, CodecError> {
        match self {
            Self::Number(n) => Ok(n),
            Self::Bytes(_) => Err(CodecError { what: "a number field" }),
        }
    }

    /// The number in a narrower type.
    pub fn narrow<T: TryFrom<u64>>(self) -> Result<T, CodecError> {
        T::try_from(self.uint()?).map_err(|_| CodecError { what: "a number in range" })
    }

    /// An optional number of [`Writer::maybe`].
    pub fn maybe(self) -> Result<Option<u32>, CodecError> {
        let n = self.uint()?.checked_sub(1).ok_or(CodecError { what: "an optional number" })?;
        u32::try_from(n).map(Some).map_err(|_| CodecError { what: "a number in range" })
    }

    /// A signed number.
    pub fn int(self) -> Result<i64, CodecError> {
        let n = self.uint()?;
        Ok((n >> 1).cast_signed() ^ -(n & 1).cast_signed())
    }

    /// A flag.
    pub fn flag(self) -> Result<bool, CodecError> {
        Ok(self.uint()? != 0)
    }

    /// Bytes.
    pub fn bytes(self) -> Result<&'a [u8], CodecError> {
        match self {
            Self::Bytes(b) => Ok(b),
            Self::Number(_) => Err(CodecError { what: "a bytes field" }),
        }
    }

    /// A record.
    pub fn record(self) -> Result<Reader<'a>, CodecError> {
        Ok(Reader::new(self.bytes()?))
    }

    /// UTF-8 text.
    pub fn str(self) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| CodecError { what: "text" })
    }

    /// Shared text.
    pub fn text(self) -> Result<Arc<str>, CodecError> {
        self.str().map(Arc::from)
    }

    /// JSON text that was checked when it was stored.
    pub fn json(self) -> Result<Raw, CodecError> {
        Ok(Raw::of_checked(self.str()?))
    }

    /// An id.
    pub fn id(self) -> Result<u128, CodecError> {
        let bytes: [u8; 16] = self.bytes()?.try_into().map_err(|_| CodecError { what: "an id" })?;
        Ok(u128::from_be_bytes(bytes))
    }
}
