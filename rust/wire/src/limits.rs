//! How much a peer may send, by name.

/// Bytes of a request target.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a method name.
pub const METHOD_BYTES_MAX: usize = 32;
/// Bytes of a request line with its line end: method, target, version and two spaces.
pub const REQUEST_LINE_BYTES_MAX: usize = METHOD_BYTES_MAX + 1 + TARGET_BYTES_MAX + 1 + 8 + 2;
/// Bytes of all chunk extensions of one request together.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 4 * 1024;
/// Bytes of all trailers of one request together.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Bytes held back once as many requests wait for their replies as [`Limits::pipelined`] allows.
///
/// A reader that pauses then needs room for about one more read.
pub const HELD_BYTES_MAX: usize = 1024 * 1024;
/// Bytes set aside for a body before it arrives; a larger one grows as it comes, whatever its head announced.
pub const BODY_BYTES_RESERVED: usize = 256 * 1024;

/// What one connection may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, from the method to the empty line.
    pub head_bytes: usize,
    /// Field lines of a head.
    pub headers: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Requests that may wait for their replies at once; at least one.
    pub pipelined: usize,
}

impl Default for Limits {
    /// 32 KiB and 100 fields (H38); 10 MiB of payload (H1-H4) and 64 KiB around it; 64 requests.
    fn default() -> Self {
        Self { head_bytes: 32 * 1024, headers: 100, body_bytes: 10 * 1024 * 1024 + 64 * 1024, pipelined: 64 }
    }
}
