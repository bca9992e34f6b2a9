//! Which bytes may stand where in a head, as tables.

/// Maps each byte of a token to its lower-case form and every other byte to zero.
pub(crate) const TOKEN: [u8; 256] = token();

/// Says which bytes a field value may hold: everything visible, space, tab, and bytes above ASCII.
pub(crate) const VALUE: [bool; 256] = value();

const fn token() -> [u8; 256] {
    let mut table = [0; 256];
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = others[at];
        at += 1;
    }
    let mut byte = 0u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
}

const fn value() -> [bool; 256] {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte == b'\t' as usize;
        byte += 1;
    }
    table[0x7F] = false;
    table
}

/// Says whether a byte may stand in a token, such as a method or a field name.
pub(crate) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize] != 0
}

/// Says whether a byte may stand in a field value.
pub(crate) const fn is_value(byte: u8) -> bool {
    VALUE[byte as usize]
}

/// Cuts spaces and tabs off both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
