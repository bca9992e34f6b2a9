//! The words by which profiles are named on the command line and in reports.

use std::str::FromStr;

use super::{Profile, TASKS_MAX};

/// Bytes of payload at most; the null server takes no larger body.
const PAYLOAD_BYTES_MAX: usize = 4_000_000;
/// Seconds of a timer at most: an hour and a run are enough.
const TIMER_S_MAX: usize = 3_600;
/// Executions that are parked at most.
const PARKED_MAX: usize = 20_000_000;
/// Polls at most: each is a connection, and one address has no more than these.
const IDLE_POLLS_MAX: usize = 60_000;

const WANT: &str = "want exec, overload, sub, or with a size: chain, fork, dyn, loop (1 to 10000), payload (bytes, to 4000k), \
     timers (seconds, to 3600), parked (to 20m), idlepolls (to 60k): fork10, fork:10, fork10k";

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exec => f.write_str("exec"),
            Self::Overload => f.write_str("overload"),
            Self::Payload(bytes) => write!(f, "payload:{bytes}"),
            Self::Chain(tasks) => write!(f, "chain:{tasks}"),
            Self::Fork(width) => write!(f, "fork:{width}"),
            Self::Dynamic(width) => write!(f, "dyn:{width}"),
            Self::Loop(iterations) => write!(f, "loop:{iterations}"),
            Self::Sub => f.write_str("sub"),
            Self::Timers(seconds) => write!(f, "timers:{seconds}"),
            Self::Parked(executions) => write!(f, "parked:{executions}"),
            Self::IdlePolls(polls) => write!(f, "idlepolls:{polls}"),
        }
    }
}

impl FromStr for Profile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "exec" => return Ok(Self::Exec),
            "overload" => return Ok(Self::Overload),
            "sub" => return Ok(Self::Sub),
            _ => {}
        }
        let at = text.find(|c: char| !c.is_ascii_lowercase()).ok_or(WANT)?;
        let (kind, size) = (&text[..at], size(text[at..].trim_start_matches(':')).ok_or(WANT)?);
        let up_to = |max| if size <= max { Ok(size) } else { Err(WANT) };
        match kind {
            "chain" => up_to(TASKS_MAX).map(Self::Chain),
            "fork" => up_to(TASKS_MAX).map(Self::Fork),
            "dyn" => up_to(TASKS_MAX).map(Self::Dynamic),
            "loop" => up_to(TASKS_MAX).map(Self::Loop),
            "payload" => up_to(PAYLOAD_BYTES_MAX).map(Self::Payload),
            "timers" => up_to(TIMER_S_MAX).and_then(|s| u32::try_from(s).map(Self::Timers).map_err(|_| WANT)),
            "parked" => up_to(PARKED_MAX).map(Self::Parked),
            "idlepolls" => up_to(IDLE_POLLS_MAX).map(Self::IdlePolls),
            _ => Err(WANT),
        }
    }
}

/// A size of at least one, with `k` for thousands and `m` for millions.
fn size(text: &str) -> Option<usize> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1_000),
        b'm' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let count: usize = digits.parse().ok()?;
    count.checked_mul(unit).filter(|size| *size > 0)
}
