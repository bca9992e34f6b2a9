//! The bytes of one record, and the framing that a caller writes straight into its buffer.
//!
//! ```text
//! 0..4    payload length; the top bit marks a seal
//! 4..8    CRC-32 over everything else here, seeded with the store id and the segment number
//! 8..16   position
//! 16..24  the highest position known durable before this record was written
//! 24..    payload, padded with zeros to a multiple of 8
//! ```
//!
//! All numbers are little-endian. The seed is what keeps the old bytes of a recycled segment, or of another store, from
//! being read as new ones. The caller fills in payload and length; position, durable mark and checksum are stamped by
//! the journal at append time, because only there are they known.

/// Bytes in front of every payload.
pub const HEADER_BYTES: usize = 24;

/// The largest payload of one record. A caller that could exceed it must refuse the work earlier.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 29;

const ALIGNMENT: usize = 8;
const SEAL_BIT: u32 = 1 << 31;

/// Where a record began in the caller's buffer; give it back to [`end_record`].
#[derive(Debug)]
#[must_use = "a record that is not ended breaks the whole buffer"]
pub struct RecordMark(usize);

/// Starts a record at the end of the buffer; the caller then appends the payload.
///
/// The buffer holds nothing but whole records: it starts empty and each record is ended before the next begins.
pub fn begin_record(buffer: &mut Vec<u8>) -> RecordMark {
    assert_eq!(buffer.len() % ALIGNMENT, 0, "a record begins where the last one ended");
    let mark = RecordMark(buffer.len());
    buffer.extend_from_slice(&[0; HEADER_BYTES]);
    mark
}

/// Ends the record begun at `mark`: everything appended since is its payload.
#[expect(clippy::needless_pass_by_value, reason = "a mark is used once: a record ends once")]
pub fn end_record(buffer: &mut Vec<u8>, mark: RecordMark) {
    let RecordMark(start) = mark;
    let length = buffer.len() - start - HEADER_BYTES;
    assert!(length <= PAYLOAD_BYTES_MAX, "a record of {length} bytes is over the bound");
    let length = u32::try_from(length).expect("bounded above");
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer.resize(buffer.len().next_multiple_of(ALIGNMENT), 0);
}

/// Appends one whole record to the buffer.
pub fn frame(buffer: &mut Vec<u8>, payload: &[u8]) {
    let mark = begin_record(buffer);
    buffer.extend_from_slice(payload);
    end_record(buffer, mark);
}

/// The payloads of a buffer of whole frames, in order.
pub fn payloads(frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = frames;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (frame, after) = rest.split_at(frame_bytes(rest));
        rest = after;
        let length = (u32_at(frame, 0) & !SEAL_BIT) as usize;
        Some(&frame[HEADER_BYTES..HEADER_BYTES + length])
    })
}

/// The checksum state every record of one segment starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(u32);

impl Seed {
    pub(crate) fn new(store: &[u8; 16], segment: u64) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(store);
        hasher.update(&segment.to_le_bytes());
        Self(hasher.finalize())
    }

    fn checksum(self, record: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.0);
        hasher.update(&record[..4]);
        hasher.update(&record[8..]);
        hasher.finalize()
    }
}

/// How many bytes the frame at the start of `frames` takes.
pub(crate) fn frame_bytes(frames: &[u8]) -> usize {
    let length = u32_at(frames, 0) & !SEAL_BIT;
    (HEADER_BYTES + length as usize).next_multiple_of(ALIGNMENT)
}

/// How many records a buffer of whole frames holds.
pub(crate) fn count_frames(frames: &[u8]) -> usize {
    let (mut count, mut start) = (0, 0);
    while start < frames.len() {
        start += frame_bytes(&frames[start..]);
        count += 1;
    }
    assert_eq!(start, frames.len(), "a buffer holds whole records");
    count
}

/// Gives the frames consecutive positions after `last`, the durable mark and their checksums; returns the new last.
pub(crate) fn stamp(frames: &mut [u8], seed: Seed, last: u64, durable: u64) -> u64 {
    let (mut position, mut start) = (last, 0);
    while start < frames.len() {
        let end = start + frame_bytes(&frames[start..]);
        position += 1;
        let record = &mut frames[start..end];
        record[8..16].copy_from_slice(&position.to_le_bytes());
        record[16..24].copy_from_slice(&durable.to_le_bytes());
        let checksum = seed.checksum(record);
        record[4..8].copy_from_slice(&checksum.to_le_bytes());
        start = end;
    }
    position
}

/// A seal: proof, after the last record, that everything up to `durable` is durable. It takes no position.
pub(crate) fn seal(seed: Seed, last: u64, durable: u64) -> [u8; HEADER_BYTES] {
    let mut record = [0; HEADER_BYTES];
    record[..4].copy_from_slice(&SEAL_BIT.to_le_bytes());
    record[8..16].copy_from_slice(&last.to_le_bytes());
    record[16..24].copy_from_slice(&durable.to_le_bytes());
    let checksum = seed.checksum(&record);
    record[4..8].copy_from_slice(&checksum.to_le_bytes());
    record
}

/// A record whose checksum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The record's position; for a seal that of the record before it.
    pub position: u64,
    /// The highest position known durable when this was written.
    pub durable: u64,
    /// Whether this is a seal.
    pub seal: bool,
    /// Payload length.
    pub length: usize,
    /// Bytes the whole record takes.
    pub bytes: usize,
}

/// What stands in a header, before its checksum is looked at.
pub(crate) struct Claim {
    pub position: u64,
    pub durable: u64,
}

/// Reads the claim of the header at the start of `bytes`.
pub(crate) fn claim(bytes: &[u8]) -> Option<Claim> {
    (bytes.len() >= HEADER_BYTES).then(|| Claim { position: u64_at(bytes, 8), durable: u64_at(bytes, 16) })
}

/// Reads the record at the start of `bytes`, or `None` when there is no valid one.
pub(crate) fn parse(bytes: &[u8], seed: Seed) -> Option<Parsed> {
    let Claim { position, durable } = claim(bytes)?;
    let word = u32_at(bytes, 0);
    let (seal, length) = (word & SEAL_BIT != 0, (word & !SEAL_BIT) as usize);
    let total = (HEADER_BYTES + length).next_multiple_of(ALIGNMENT);
    let plausible = length <= PAYLOAD_BYTES_MAX && total <= bytes.len() && !(seal && length > 0);
    let ordered = if seal { durable <= position } else { durable < position };
    if !plausible || !ordered || seed.checksum(&bytes[..total]) != u32_at(bytes, 4) {
        return None;
    }
    Some(Parsed { position, durable, seal, length, bytes: total })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
