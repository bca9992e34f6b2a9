//! What goes over the socket: a length in four bytes, then a call or an answer; all numbers little-endian.
//!
//! A child says with every answer how much CPU time it has used in its life, so that the server need not look before
//! every call. One answer goes before the first call: the child is there.
//!
//! Both sides are of one build, so frames carry no version. The server trusts a child no further than its length
//! and its kind: what it calls a result is checked like JSON from anywhere.

use fastcond_expr::script::{Call, Form, Given, OUTPUT_BYTES_MAX, OUTPUT_DEPTH_MAX, ScriptError};
use fastcond_json::{Limits, Raw};
use std::time::Duration;

/// Length of an answer: a result, or a message, and what surrounds it.
const ANSWER_BYTES_MAX: usize = OUTPUT_BYTES_MAX + 4096;

/// The bytes of a call, its length first.
pub(super) fn call(call: &Call<'_>) -> Vec<u8> {
    let length = 1 + 8 + 8 + 4 + call.source.len() + call.dollar.len();
    let mut out = Vec::with_capacity(4 + length);
    push_length(&mut out, length);
    out.push(match call.form {
        Form::Program => 0,
        Form::FunctionBody => 1,
        Form::SyntaxOnly => 2,
        Form::Jq => 3,
        Form::Schema => 4,
    });
    out.extend_from_slice(&call.given.now_ms.to_le_bytes());
    out.extend_from_slice(&call.given.seed.to_le_bytes());
    push_length(&mut out, call.source.len());
    out.extend_from_slice(call.source.as_bytes());
    out.extend_from_slice(call.dollar.as_bytes());
    out
}

/// Reads what [`call`] wrote after the length.
pub(super) fn read_call(bytes: &[u8]) -> Option<Call<'_>> {
    let (form, rest) = bytes.split_first()?;
    let form = match form {
        0 => Form::Program,
        1 => Form::FunctionBody,
        2 => Form::SyntaxOnly,
        3 => Form::Jq,
        4 => Form::Schema,
        _ => return None,
    };
    let (now_ms, rest) = rest.split_first_chunk()?;
    let (seed, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (source, dollar) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let given = Given { now_ms: i64::from_le_bytes(*now_ms), seed: u64::from_le_bytes(*seed) };
    Some(Call {
        form,
        source: std::str::from_utf8(source).ok()?,
        dollar: std::str::from_utf8(dollar).ok()?,
        given,
    })
}

/// The bytes of an answer, its length first; `used` is the CPU time of the process.
pub(super) fn answer(result: &Result<Raw, ScriptError>, used: Duration) -> Vec<u8> {
    let (kind, line, text) = match result {
        Ok(raw) => (0, 0, &**raw),
        Err(ScriptError::Syntax { message, line }) => (1, *line, message.as_str()),
        Err(ScriptError::Thrown { message, line }) => (2, *line, message.as_str()),
        Err(ScriptError::OutOfTime) => (3, 0, ""),
        Err(ScriptError::OutOfMemory) => (4, 0, ""),
        Err(ScriptError::OutputTooLarge) => (5, 0, ""),
        Err(ScriptError::Lost { why }) => (6, 0, why.as_str()),
    };
    let mut out = Vec::with_capacity(17 + text.len());
    push_length(&mut out, 13 + text.len());
    out.extend_from_slice(&u64::try_from(used.as_micros()).unwrap_or(u64::MAX).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&line.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

/// Length of the answer that follows; none when no answer is that long.
pub(super) fn answer_length(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes)).ok().filter(|length| *length <= ANSWER_BYTES_MAX)
}

/// Reads what [`answer`] wrote after the length: the result, and the CPU time used so far where it can be read.
pub(super) fn read_answer(bytes: &[u8]) -> (Result<Raw, ScriptError>, Option<Duration>) {
    match bytes.split_first_chunk() {
        Some((used, rest)) => (read_result(rest), Some(Duration::from_micros(u64::from_le_bytes(*used)))),
        None => (read_result(&[]), None),
    }
}

fn read_result(bytes: &[u8]) -> Result<Raw, ScriptError> {
    let lost = || ScriptError::Lost { why: "the script process gave no answer that can be read".to_owned() };
    let (kind, rest) = bytes.split_first().ok_or_else(lost)?;
    let (line, text) = rest.split_first_chunk().ok_or_else(lost)?;
    let line = u32::from_le_bytes(*line);
    let message = || String::from_utf8_lossy(text).into_owned();
    Err(match kind {
        0 => {
            let limits = Limits { bytes: OUTPUT_BYTES_MAX, depth: OUTPUT_DEPTH_MAX, ..Limits::COMPOSED };
            return Raw::parse(text, &limits).map_err(|_| lost());
        }
        1 => ScriptError::Syntax { message: message(), line },
        2 => ScriptError::Thrown { message: message(), line },
        3 => ScriptError::OutOfTime,
        4 => ScriptError::OutOfMemory,
        5 => ScriptError::OutputTooLarge,
        6 => ScriptError::Lost { why: message() },
        _ => lost(),
    })
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(
        &u32::try_from(length).expect("payloads are bounded far below 4 GiB").to_le_bytes(),
    );
}
