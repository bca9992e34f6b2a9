//! Integers that a double cannot hold, remembered by the double they become.

use std::collections::BTreeMap;

use fastcond_json::as_i64;

/// Digits below which every integer fits a double exactly.
const SAFE_DIGITS: usize = 16;

/// The integers of one document that lose digits as doubles.
#[derive(Debug, Default)]
pub(super) struct ExactIntegers<'a> {
    /// None where two integers become the same double: then the double itself is the honest answer.
    by_bits: BTreeMap<u64, Option<&'a str>>,
}

impl<'a> ExactIntegers<'a> {
    /// Collects from checked JSON text in one pass.
    pub(super) fn of(json: &'a str) -> Self {
        let bytes = json.as_bytes();
        let mut found = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at = string_end(bytes, at),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    while at < bytes.len()
                        && matches!(bytes[at], b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
                    {
                        at += 1;
                    }
                    if at - start >= SAFE_DIGITS {
                        found.remember(&json[start..at]);
                    }
                }
                _ => at += 1,
            }
        }
        found
    }

    fn remember(&mut self, text: &'a str) {
        if text.contains(['.', 'e', 'E']) {
            return;
        }
        let Ok(double) = text.parse::<f64>() else { return };
        if survives(text, double) {
            return;
        }
        self.by_bits
            .entry(double.to_bits())
            .and_modify(|known| *known = known.filter(|known| *known == text))
            .or_insert(Some(text));
    }

    /// The digits this double came from, if it came from an integer it cannot hold.
    pub(super) fn digits(&self, double: f64) -> Option<&'a str> {
        self.by_bits.get(&double.to_bits()).copied().flatten()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "only compared; a saturated cast differs and is remembered"
)]
fn survives(text: &str, double: f64) -> bool {
    // The largest double below 2^63; above it a cast saturates and equality would be chance.
    double.abs() < 9.223_372_036_854_775e18 && as_i64(text) == Some(double as i64)
}

fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}
