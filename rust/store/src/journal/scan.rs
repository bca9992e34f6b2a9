//! Reading the records of one segment, and looking for proof behind a bad one. Pure: bytes in, verdict out.

use super::record::{self, HEADER_BYTES, Seed};
use super::segment::HEADER_BLOCK;

/// The valid records at the start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The last valid position, one below the segment's first when there is none.
    pub last: u64,
    /// The offset behind it.
    pub end: usize,
    /// The highest position that the records and seals read prove durable.
    pub proof: u64,
}

/// What valid records behind the end of a walk say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Beyond {
    /// The highest position they prove durable, 0 when there are none.
    pub proof: u64,
    /// How many valid records there are.
    pub records: u64,
}

/// Walks a segment from its first record up to `until` (a position that is not read any more) or the first bad record.
pub(crate) fn walk(segment: &[u8], seed: Seed, first: u64, until: u64) -> Walk {
    let mut walk = Walk { last: first - 1, end: HEADER_BLOCK.min(segment.len()), proof: first - 1 };
    while walk.last + 1 < until {
        let Some(parsed) = record::parse(&segment[walk.end..], seed) else { break };
        if parsed.seal || parsed.position != walk.last + 1 {
            break;
        }
        walk.last = parsed.position;
        walk.end += parsed.bytes;
        walk.proof = walk.proof.max(parsed.durable);
    }
    walk
}

/// Looks at every place behind a walk where a record could start.
///
/// A record of an earlier life of the file fails the seed; one that merely looks like a header fails the plausible range
/// of positions, which text payloads cannot forge because a position always has zero bytes.
pub(crate) fn beyond(segment: &[u8], seed: Seed, walk: Walk) -> Beyond {
    let mut beyond = Beyond { proof: 0, records: 0 };
    let room = segment.len().saturating_sub(walk.end) / HEADER_BYTES;
    let plausible = walk.last..=walk.last + room as u64 + 1;
    let mut at = walk.end;
    while let Some(claim) = segment.get(at..).and_then(record::claim) {
        let candidate = plausible.contains(&claim.position) && claim.durable <= claim.position;
        match candidate.then(|| record::parse(&segment[at..], seed)).flatten() {
            Some(parsed) => {
                beyond.proof = beyond.proof.max(parsed.durable);
                beyond.records += u64::from(!parsed.seal);
                at += parsed.bytes;
            }
            None => at += 8,
        }
    }
    beyond
}
