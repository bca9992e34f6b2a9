//! Starts stand in a line of their own: what workers report goes first, and what has waited too long is refused.
//!
//! A start is the one request an overloaded server can do without: what it would begin could not be finished. Decided
//! in the order of arrival, three times as many starts as can be carried out would leave less than a fifth of the engine
//! to the workers. So each round of the engine carries out everything else first and then a few starts; while nothing
//! else is there, rounds follow each other at once, and no time is lost.
//!
//! Refusing follows `CoDel`: a line in which starts have stood too long for a while is too long, a burst is not.

use crate::calls::{Params, Verb};
use crate::reply::ReplyTo;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// A start that stands longer is late.
const LATE: Duration = Duration::from_millis(20);
/// When every start has been late for so long, late ones are refused.
const LATE_FOR: Duration = Duration::from_millis(100);
/// Starts in the line beyond which more are refused at once.
const STARTS_MAX: usize = 8_192;
/// Starts of a round in which workers were served.
const STARTS_BESIDE_WORK: usize = 8;
/// Share of the other calls of a round that starts may be, as a divisor.
const WORK_PER_START: usize = 8;
/// Starts of a round that has nothing else.
const STARTS_ALONE: usize = 64;

/// A call that is to be carried out.
pub(crate) struct Call {
    /// Who asked.
    pub(crate) to: ReplyTo,
    /// What to do.
    pub(crate) verb: Verb,
    /// Its parameters.
    pub(crate) params: Params,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// How many executions it starts at most.
    pub(crate) starts: usize,
}

/// What becomes of the first call in the line.
pub(super) enum Turn {
    /// It is carried out.
    Act(Call),
    /// It is refused: there are too many.
    Refuse(Call),
}

/// Starts that wait, and whatever came behind one on the same connection.
#[derive(Default)]
pub(super) struct Line {
    waiting: VecDeque<(Instant, Call)>,
    starts: usize,
    /// Calls in the line per connection: a connection's requests keep their order.
    held: HashMap<u64, usize>,
    /// Since when the first in line has always been late.
    late_since: Option<Instant>,
}

impl Line {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a call in if it has to stand in line; one that need not, or has no room, comes back.
    pub(super) fn take(&mut self, call: Call, now: Instant) -> Result<(), Turn> {
        let is_behind = call.to.connection().is_some_and(|conn| self.held.contains_key(&conn));
        if call.starts == 0 && !is_behind {
            return Err(Turn::Act(call));
        }
        let is_full = self.starts > 0 && self.starts + call.starts > STARTS_MAX;
        if call.starts > 0 && is_full && !is_behind {
            return Err(Turn::Refuse(call));
        }
        self.starts += call.starts;
        if let Some(conn) = call.to.connection() {
            *self.held.entry(conn).or_default() += 1;
        }
        self.waiting.push_back((now, call));
        Ok(())
    }

    /// How many starts a round may carry out beside so many other calls.
    pub(super) fn share(beside: usize) -> usize {
        if beside == 0 { STARTS_ALONE } else { STARTS_BESIDE_WORK.max(beside / WORK_PER_START) }
    }

    /// The first in line and what becomes of it; none when nobody waits.
    pub(super) fn next(&mut self, now: Instant) -> Option<Turn> {
        let (since, call) = self.waiting.pop_front()?;
        self.starts -= call.starts;
        if let Some(conn) = call.to.connection()
            && let Some(count) = self.held.get_mut(&conn)
        {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&conn);
            }
        }
        if now.saturating_duration_since(since) <= LATE {
            self.late_since = None;
            return Some(Turn::Act(call));
        }
        let late_since = *self.late_since.get_or_insert(now);
        let is_standing = now.saturating_duration_since(late_since) >= LATE_FOR;
        Some(if is_standing && call.starts > 0 { Turn::Refuse(call) } else { Turn::Act(call) })
    }

    /// A connection closed: what it asked for is of no use to anybody, but what it started is begun.
    pub(super) fn forget(&mut self, conn: u64) {
        if self.held.remove(&conn).is_none() {
            return;
        }
        self.waiting.retain(|(_, call)| call.starts > 0 || call.to.connection() != Some(conn));
        let left = self.waiting.iter().filter(|(_, call)| call.to.connection() == Some(conn)).count();
        if left > 0 {
            self.held.insert(conn, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, LATE, LATE_FOR, Line, STARTS_MAX, Turn};
    use crate::calls::{Params, verb};
    use crate::reply::ReplyTo;
    use fastcond_wire::Form;
    use std::time::{Duration, Instant};

    fn call(conn: u64, seq: u64, starts: usize) -> Call {
        let to = ReplyTo::Request { conn, seq, form: Form::LAST };
        let verb = verb("workflow.start").expect("a verb");
        Call { to, verb, params: Params::default(), body: Vec::new(), starts }
    }

    fn seq(call: &Call) -> u64 {
        let ReplyTo::Request { seq, .. } = call.to else { panic!("a request") };
        seq
    }

    /// Empties the line at one moment: numbers of the calls carried out and refused.
    fn drain(line: &mut Line, now: Instant) -> (Vec<u64>, Vec<u64>) {
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        while let Some(turn) = line.next(now) {
            match turn {
                Turn::Act(call) => done.push(seq(&call)),
                Turn::Refuse(call) => refused.push(seq(&call)),
            }
        }
        (done, refused)
    }

    #[test]
    fn only_starts_and_what_follows_them_on_a_connection_stand_in_line() {
        let (mut line, now) = (Line::default(), Instant::now());
        assert!(matches!(line.take(call(1, 0, 0), now), Err(Turn::Act(_))));
        assert!(line.take(call(1, 1, 1), now).is_ok());
        assert!(line.take(call(1, 2, 0), now).is_ok());
        assert!(matches!(line.take(call(2, 0, 0), now), Err(Turn::Act(_))));
        assert_eq!(drain(&mut line, now), (vec![1, 2], vec![]));
        assert!(line.is_empty() && line.held.is_empty() && line.starts == 0);
    }

    #[test]
    fn a_burst_is_carried_out_however_late() {
        let (mut line, began) = (Line::default(), Instant::now());
        (0..100).for_each(|at| assert!(line.take(call(at, at, 1), began).is_ok()));
        assert_eq!(drain(&mut line, began + Duration::from_secs(1)).0.len(), 100);
    }

    #[test]
    fn a_standing_line_refuses_late_starts_and_only_starts() {
        let (mut line, began) = (Line::default(), Instant::now());
        let late = |line: &mut Line, at: Duration, seq: u64| {
            assert!(line.take(call(seq, seq, 1), began + at).is_ok());
            drain(line, began + at + LATE + Duration::from_millis(1))
        };
        assert_eq!(late(&mut line, Duration::ZERO, 1), (vec![1], vec![]));
        assert_eq!(late(&mut line, LATE_FOR / 2, 2), (vec![2], vec![]));
        assert_eq!(late(&mut line, LATE_FOR, 3), (vec![], vec![3]));
        // What a worker says behind a start is heard in any case.
        let now = began + LATE_FOR * 2;
        assert!(line.take(call(7, 4, 1), now).is_ok() && line.take(call(7, 5, 0), now).is_ok());
        assert_eq!(drain(&mut line, now + LATE * 2), (vec![5], vec![4]));
        // One that came through in time ends the refusing.
        assert!(line.take(call(8, 6, 1), now).is_ok());
        assert_eq!(drain(&mut line, now), (vec![6], vec![]));
        assert_eq!(late(&mut line, LATE_FOR * 3, 7), (vec![7], vec![]));
    }

    #[test]
    fn the_line_is_bounded() {
        let (mut line, now) = (Line::default(), Instant::now());
        let count = STARTS_MAX as u64;
        (0..count).for_each(|at| assert!(line.take(call(at, at, 1), now).is_ok()));
        assert!(matches!(line.take(call(count, count, 1), now), Err(Turn::Refuse(_))));
        assert!(line.next(now).is_some());
        assert!(line.take(call(count, count, 1), now).is_ok());
    }

    #[test]
    fn a_closed_connection_leaves_its_starts_only() {
        let (mut line, now) = (Line::default(), Instant::now());
        for (conn, seq, starts) in [(1, 0, 1), (1, 1, 0), (2, 2, 1), (1, 3, 1)] {
            assert!(line.take(call(conn, seq, starts), now).is_ok());
        }
        line.forget(1);
        assert_eq!(drain(&mut line, now), (vec![0, 2, 3], vec![]));
        assert!(line.held.is_empty());
    }
}
