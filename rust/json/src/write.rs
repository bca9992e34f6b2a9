//! Writing objects and arrays straight to text, without an allocation per field.

use crate::text::push_string;

/// Writes one object into a string.
///
/// Field names given to `raw`, `str`, `i64` and `bool` are our own and written as they are; names that come from a
/// user go through [`ObjectWriter::entry`]. Call [`ObjectWriter::end`] last: an unfinished object is not JSON.
#[derive(Debug)]
#[must_use = "an object without end() is not JSON"]
pub struct ObjectWriter<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Starts an object at the end of `out`.
    pub fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
    }

    /// Writes a field name and gives the string to append its value to.
    #[inline]
    pub fn field(&mut self, name: &str) -> &mut String {
        debug_assert!(
            !name.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\'),
            "field name needs escaping"
        );
        self.separate();
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    /// Writes a field whose value is JSON text.
    #[inline]
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.field(name).push_str(json);
        self
    }

    /// Writes a string field.
    #[inline]
    pub fn str(&mut self, name: &str, text: &str) -> &mut Self {
        push_string(self.field(name), text);
        self
    }

    /// Writes a string field unless there is none: modelled properties are left out, never null.
    #[inline]
    pub fn str_if_some(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.str(name, text);
        }
        self
    }

    /// Writes an integer field.
    #[inline]
    pub fn i64(&mut self, name: &str, number: i64) -> &mut Self {
        self.field(name).push_str(itoa::Buffer::new().format(number));
        self
    }

    /// Writes a boolean field.
    #[inline]
    pub fn bool(&mut self, name: &str, value: bool) -> &mut Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// Writes a member whose key may hold anything, with JSON text as value.
    pub fn entry(&mut self, key: &str, json: &str) -> &mut Self {
        self.separate();
        push_string(self.out, key);
        self.out.push(':');
        self.out.push_str(json);
        self
    }

    /// Starts an object as the value of a field; end it before going on.
    pub fn object(&mut self, name: &str) -> ObjectWriter<'_> {
        ObjectWriter::begin(self.field(name))
    }

    /// Starts an array as the value of a field; end it before going on.
    pub fn array(&mut self, name: &str) -> ArrayWriter<'_> {
        ArrayWriter::begin(self.field(name))
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// Writes one array into a string.
#[derive(Debug)]
#[must_use = "an array without end() is not JSON"]
pub struct ArrayWriter<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> ArrayWriter<'a> {
    /// Starts an array at the end of `out`.
    pub fn begin(out: &'a mut String) -> Self {
        out.push('[');
        Self { out, first: true }
    }

    /// Makes room for an element and gives the string to append it to.
    #[inline]
    pub fn element(&mut self) -> &mut String {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        self.out
    }

    /// Writes an element that is JSON text.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.element().push_str(json);
        self
    }

    /// Writes a string element.
    pub fn str(&mut self, text: &str) -> &mut Self {
        push_string(self.element(), text);
        self
    }

    /// Starts an object as an element; end it before going on.
    pub fn object(&mut self) -> ObjectWriter<'_> {
        ObjectWriter::begin(self.element())
    }

    /// Closes the array.
    pub fn end(self) {
        self.out.push(']');
    }
}
