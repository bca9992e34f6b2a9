//! The requests that share one sync: their records, and whom to answer afterwards.

use crate::http::request::Request;

#[cfg(test)]
mod tests;

/// Bytes of records after which a group takes no further request.
pub const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Length and checksum before each record.
const HEADER_BYTES: usize = 8;

/// Answer to a request with a body: text of the length of an id.
const POST_REPLY: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 36\r\n\r\n\
    00000000-0000-4000-8000-000000000000";

/// Answer to a request without one.
const GET_REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n\
    {\"taskId\":\"00000000-0000-4000-8000-000000000000\"}";

/// Someone who waits for the group to be durable.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    /// The connection, by its index.
    pub connection: usize,
    is_get: bool,
}

impl Reply {
    /// The whole answer, head included.
    pub fn bytes(&self) -> &'static [u8] {
        if self.is_get { GET_REPLY } else { POST_REPLY }
    }
}

/// The requests that share one sync.
#[derive(Debug, Default)]
pub struct Group {
    records: Vec<u8>,
    replies: Vec<Reply>,
}

impl Group {
    /// Adds the record of a request: length, CRC-32, body.
    pub fn add(&mut self, connection: usize, request: &Request<'_>) {
        let body = request.body;
        let length = u32::try_from(body.len()).expect("bodies are bounded far below 4 GiB");
        self.records.reserve(HEADER_BYTES + body.len());
        self.records.extend_from_slice(&length.to_le_bytes());
        self.records.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
        self.records.extend_from_slice(body);
        self.replies.push(Reply { connection, is_get: request.is_get });
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Whether the group should be made durable before more is added.
    pub fn is_full(&self) -> bool {
        self.records.len() >= BYTES_MAX
    }

    /// The bytes to log.
    pub fn records(&self) -> &[u8] {
        &self.records
    }

    /// Everyone who waits, in order of arrival.
    pub fn replies(&self) -> &[Reply] {
        &self.replies
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.replies.clear();
    }
}
