//! Finding the next interesting byte: eight at a time, and faster than that across long strings.
//!
//! The masks may flag a false byte only above a true one in the same word, and callers look at the lowest flag
//! only, so the answer is exact.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

const fn equal_to(word: u64, byte: u8) -> u64 {
    let diff = word ^ (ONES * byte as u64);
    diff.wrapping_sub(ONES) & !diff & HIGH
}

const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * bound as u64) & !word & HIGH
}

#[inline]
fn find(bytes: &[u8], from: usize, mask: impl Fn(u64) -> u64, stop: impl Fn(u8) -> bool) -> usize {
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let flags = mask(u64::from_le_bytes(*chunk));
        if flags != 0 {
            return at + (flags.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < bytes.len() && !stop(bytes[at]) {
        at += 1;
    }
    at.min(bytes.len())
}

/// Bytes of a string looked at word by word before it counts as long.
const SHORT_BYTES: usize = 32;

/// Index of the first quote, backslash or control character at or after `from`, else the length.
#[inline]
pub(crate) fn string_stop(bytes: &[u8], from: usize) -> usize {
    let near = bytes.len().min(from.saturating_add(SHORT_BYTES));
    let at = find(
        &bytes[..near],
        from,
        |w| equal_to(w, b'"') | equal_to(w, b'\\') | below(w, 0x20),
        |b| b == b'"' || b == b'\\' || b < 0x20,
    );
    if at < near || near == bytes.len() { at } else { long_string_stop(bytes, near) }
}

#[inline(never)]
fn long_string_stop(bytes: &[u8], from: usize) -> usize {
    let end = memchr::memchr2(b'"', b'\\', &bytes[from..]).map_or(bytes.len(), |ahead| from + ahead);
    let run = &bytes[from..end];
    // Without a branch per byte this is a few vector instructions per block.
    if run.iter().fold(0, |found, byte| found | u8::from(*byte < 0x20)) != 0 {
        return from + run.iter().position(|byte| *byte < 0x20).unwrap_or_default();
    }
    end
}

/// Index of the first quote or backslash at or after `from`, else the length.
#[inline]
fn quote_or_backslash(bytes: &[u8], from: usize) -> usize {
    let near = bytes.len().min(from.saturating_add(SHORT_BYTES));
    let short = &bytes[..near];
    let at = find(short, from, |w| equal_to(w, b'"') | equal_to(w, b'\\'), |b| b == b'"' || b == b'\\');
    if at < near || near == bytes.len() {
        return at;
    }
    memchr::memchr2(b'"', b'\\', &bytes[near..]).map_or(bytes.len(), |ahead| near + ahead)
}

/// Index of the first quote at or after `from`, which must lie between tokens; else the length.
pub(crate) fn next_string(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |w| equal_to(w, b'"'), |b| b == b'"')
}

/// Index of the first quote, bracket or brace at or after `from`, else the length.
///
/// One comparison serves `[` and `{` (and `]`, `}`): they differ in bit 0x20. The bytes this confuses with them
/// are control characters that checked text does not have between values.
#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch per byte would keep the block from becoming vector code"
)]
fn structural(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |w| {
            let folded = w | (ONES * 0x20);
            equal_to(w, b'"') | equal_to(folded, b'{') | equal_to(folded, b'}')
        },
        |b| {
            let folded = b | 0x20;
            (b == b'"') | (folded == b'{') | (folded == b'}')
        },
    )
}

/// Index of the first byte at or after `from` that is not JSON whitespace, else the length.
#[inline]
pub(crate) fn non_space(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() && matches!(bytes[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

/// End of the string whose opening quote is at `open`: the index after its closing quote.
#[inline]
pub(crate) fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    loop {
        at = quote_or_backslash(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(_) => at += 2,
            None => return bytes.len(),
        }
    }
}

/// End of the value that starts at `start`.
#[inline]
pub(crate) fn value_end(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => string_end(bytes, start),
        Some(b'{' | b'[') => container_end(bytes, start),
        Some(_) => scalar_end(bytes, start),
        None => bytes.len(),
    }
}

fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        at = structural(bytes, at);
        match bytes.get(at) {
            Some(b'"') => at = string_end(bytes, at),
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(_) => {
                at += 1;
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            None => return bytes.len(),
        }
    }
}

fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() && !matches!(bytes[at], b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | b':') {
        at += 1;
    }
    // Never stand still, whatever the text: a caller's loop ends because this advances.
    at.max(start + 1).min(bytes.len())
}

/// Whether arrays and objects nest deeper than `limit` in checked text.
pub(crate) fn deeper_than(bytes: &[u8], limit: usize) -> bool {
    // Each level costs two bytes, so a short text cannot be deep.
    if bytes.len() / 2 <= limit {
        return false;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        at = structural(bytes, at);
        match bytes.get(at) {
            Some(b'"') => at = string_end(bytes, at),
            Some(b'{' | b'[') => {
                depth += 1;
                if depth > limit {
                    return true;
                }
                at += 1;
            }
            Some(_) => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            None => return false,
        }
    }
}
