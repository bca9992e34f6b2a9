//! Whether more is begun than can be finished, and how much may be begun then.
//!
//! A backlog is not overload: workers may be slow or away, and a million executions may be begun tonight to be worked on
//! tomorrow. Overload is when the server itself has no time left, workers are at work, and executions are begun faster
//! than they end all the same. Then starts are let in at the pace at which executions end, a little slower
//! until the surplus is gone, and a little faster after that, to find out whether the pace can rise.

use std::time::Duration;

/// How long is counted before something is concluded.
const WINDOW: Duration = Duration::from_millis(100);
/// Busy for more than this share of a window, in percent, is having no time left.
const BUSY_PERCENT: u128 = 80;
/// Workers are at work when at least one call for so many starts is not a start.
const STARTS_PER_WORK: u64 = 20;
/// Executions that may be begun beyond those that end before it is called a surplus.
const SURPLUS_MIN: u64 = 1_000;
/// A surplus is too much when it takes so many windows to be worked off.
const SURPLUS_WINDOWS: u64 = 5;
/// Windows without a surplus or without need after which everybody is let in again.
const CALM_WINDOWS: u32 = 10;

/// What happened in a stretch of time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// How long it was.
    pub(super) elapsed: Duration,
    /// How much of that the busier of engine and event loop worked.
    pub(super) busy: Duration,
    /// Executions begun.
    pub(super) begun: u64,
    /// Starts refused.
    pub(super) refused: u64,
    /// Executions that ended, parts of others not counted.
    pub(super) ended: u64,
    /// Calls of workers and everybody else.
    pub(super) work: u64,
}

impl Seen {
    fn add(&mut self, more: &Self) {
        self.elapsed += more.elapsed;
        self.busy += more.busy;
        self.begun += more.begun;
        self.refused += more.refused;
        self.ended += more.ended;
        self.work += more.work;
    }

    /// Half of the time was left.
    fn is_idle(&self) -> bool {
        self.busy * 2 < self.elapsed
    }

    fn is_strained(&self) -> bool {
        let is_busy = self.busy.as_nanos() * 100 >= self.elapsed.as_nanos() * BUSY_PERCENT;
        is_busy && self.has_workers() && self.ended > 0
    }

    fn has_workers(&self) -> bool {
        self.work * STARTS_PER_WORK >= self.begun + self.refused
    }
}

/// How fast executions may be begun.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    window: Seen,
    /// Executions begun beyond those that ended, since the server is strained.
    surplus: u64,
    /// Starts let in per window; none while everybody is.
    pace: Option<u64>,
    /// Executions that end in a window, as of late.
    usual: u64,
    /// Windows in which there was no need of it.
    calm: u32,
    /// Parts of a start that were not let in yet, in nanoseconds of a window.
    rest: u128,
}

impl Pressure {
    /// Takes in what happened; how many more starts may be let in for it.
    pub(super) fn note(&mut self, seen: &Seen) -> u64 {
        let gained = self.pace.map_or(0, |pace| {
            let parts = u128::from(pace) * seen.elapsed.as_nanos() + self.rest;
            self.rest = parts % WINDOW.as_nanos();
            u64::try_from(parts / WINDOW.as_nanos()).unwrap_or(u64::MAX)
        });
        self.window.add(seen);
        if self.window.elapsed >= WINDOW {
            let window = std::mem::take(&mut self.window);
            self.conclude(&window);
        }
        gained
    }

    fn conclude(&mut self, window: &Seen) {
        let grown = (self.surplus + window.begun).saturating_sub(window.ended);
        if self.pace.is_none() {
            self.surplus = if window.is_strained() { grown } else { 0 };
            if self.surplus <= SURPLUS_MIN.max(window.ended * SURPLUS_WINDOWS) {
                return;
            }
            (self.calm, self.rest) = (0, 0);
        } else {
            self.surplus = grown;
        }
        let is_wanted = window.begun + window.refused > window.ended + window.ended / 8;
        self.calm = if is_wanted && !window.is_idle() && window.has_workers() { 0 } else { self.calm + 1 };
        self.usual = if self.pace.is_none() { window.ended } else { (3 * self.usual + window.ended) / 4 };
        let usual = self.usual;
        // Workers have enough while a window's worth waits.
        let is_enough = self.surplus > usual;
        let pace = if is_enough { usual * 3 / 4 } else { usual + usual / 8 + 1 };
        self.pace = (self.calm < CALM_WINDOWS).then_some(pace);
        if self.pace.is_none() {
            self.surplus = 0;
        }
    }

    /// Whether starts are let in one by one.
    pub(super) fn is_on(&self) -> bool {
        self.pace.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pressure, Seen, WINDOW};

    /// A tenth of a second at full strain.
    fn strained(begun: u64, ended: u64) -> Seen {
        Seen { elapsed: WINDOW, busy: WINDOW, begun, refused: 0, ended, work: 2 * ended }
    }

    fn after(windows: u32, seen: Seen) -> Pressure {
        let mut pressure = Pressure::default();
        for _ in 0..windows {
            pressure.note(&seen);
        }
        pressure
    }

    #[test]
    fn a_strained_server_that_begins_more_than_it_ends_lets_starts_in_one_by_one() {
        assert!(!after(2, strained(3_600, 1_200)).is_on());
        assert!(after(3, strained(3_600, 1_200)).is_on());
    }

    #[test]
    fn backlogs_of_other_kinds_are_nobodys_fault() {
        // As much ends as begins.
        assert!(!after(100, strained(1_200, 1_200)).is_on());
        // Nobody works, or hardly anybody.
        assert!(!after(100, Seen { work: 0, ended: 0, ..strained(3_600, 0) }).is_on());
        assert!(!after(100, Seen { work: 150, ended: 75, ..strained(3_600, 75) }).is_on());
        // There is time left: whoever is slow, it is not the server.
        assert!(!after(100, Seen { busy: WINDOW / 2, ..strained(3_600, 1_200) }).is_on());
    }

    /// Plays windows with so many starts offered and so many ends possible; what was begun and ended.
    fn play_on(
        pressure: &mut Pressure,
        windows: u32,
        offered: u64,
        possible: u64,
        backlog: &mut u64,
    ) -> (u64, u64) {
        let (mut begun_in_all, mut ended_in_all, mut credit) = (0, 0, 0);
        for _ in 0..windows * 10 {
            let begun = if pressure.is_on() { credit.min(offered / 10) } else { offered / 10 };
            credit = 0;
            *backlog += begun;
            let ended = (*backlog).min(possible / 10);
            *backlog -= ended;
            let refused = offered / 10 - begun;
            let elapsed = WINDOW / 10;
            credit += pressure.note(&Seen { elapsed, busy: elapsed, begun, refused, ended, work: 2 * ended });
            (begun_in_all, ended_in_all) = (begun_in_all + begun, ended_in_all + ended);
        }
        (begun_in_all, ended_in_all)
    }

    #[test]
    fn what_can_be_done_is_done_and_the_surplus_goes_away() {
        let (mut pressure, mut backlog) = (Pressure::default(), 0);
        let (begun, ended) = play_on(&mut pressure, 100, 3_600, 1_200, &mut backlog);
        assert!(pressure.is_on());
        assert!(ended >= 100 * 1_200 * 9 / 10, "{ended} ended");
        assert!(begun - ended < 3_000, "{begun} begun, {ended} ended");
        // Nobody offers more than can be done: after a second or so everybody is let in again.
        play_on(&mut pressure, 30, 600, 1_200, &mut backlog);
        assert!(!pressure.is_on());
    }

    #[test]
    fn a_backlog_may_grow_once_the_workers_are_gone() {
        let (mut pressure, mut backlog) = (Pressure::default(), 0);
        play_on(&mut pressure, 30, 3_600, 1_200, &mut backlog);
        assert!(pressure.is_on());
        play_on(&mut pressure, 11, 3_600, 0, &mut backlog);
        assert!(!pressure.is_on());
    }

    #[test]
    fn the_pace_rises_when_more_can_be_done() {
        let (mut pressure, mut backlog) = (Pressure::default(), 0);
        play_on(&mut pressure, 30, 3_600, 600, &mut backlog);
        let (_, ended) = play_on(&mut pressure, 50, 3_600, 1_200, &mut backlog);
        assert!(ended >= 50 * 1_200 * 3 / 4, "{ended} ended");
    }
}
