//! How much JSON one payload may be (quality H1-H4).

/// Nesting a payload may have by default.
pub const DEPTH_MAX: usize = 128;

/// Nesting nobody may configure past: functions that recurse over a [`crate::Value`] are bounded by it.
pub const DEPTH_CEILING: usize = 512;

/// Bytes a payload may have by default: Conductor's own maximum, 10,240 KiB.
pub const BYTES_MAX: usize = 10 * 1024 * 1024;

/// Characters a number may have by default; more is an attack on whoever parses it next.
pub const NUMBER_CHARS_MAX: usize = 1_000;

/// Keys an object, together with the objects around it, may have by default.
pub const KEYS_OPEN_MAX: usize = 100_000;

/// The bounds [`crate::check`] holds a payload to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nested arrays and objects; values above [`DEPTH_CEILING`] count as the ceiling.
    pub depth: usize,
    /// Length of the whole text.
    pub bytes: usize,
    /// Length of one number.
    pub number_chars: usize,
    /// Members of one object and of the objects around it: what the duplicate check holds in memory at once.
    pub keys_open: usize,
}

impl Limits {
    /// The documented defaults.
    pub const DEFAULT: Self =
        Self { depth: DEPTH_MAX, bytes: BYTES_MAX, number_chars: NUMBER_CHARS_MAX, keys_open: KEYS_OPEN_MAX };

    /// Bounds for text this process composed itself out of checked parts: wider, still finite.
    pub const COMPOSED: Self = Self {
        depth: DEPTH_CEILING,
        bytes: usize::MAX,
        number_chars: NUMBER_CHARS_MAX,
        keys_open: usize::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
