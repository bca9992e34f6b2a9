//! The event loop of the client: one thread, one request at a time on each connection.
//!
//! Here is when things happen; what is said on a connection, and what an answer means, is in `talk`.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::load::actor::{Actor, Role};
use crate::load::config::{RunConfig, Target};
use crate::load::errands::Errands;
use crate::load::ledger::Ledger;
use crate::load::messages::Messages;
use crate::load::outcome::{Latencies, Outcome, Refusals};
use crate::load::progress::Progress;
use crate::load::schedule::{LINE_MAX, Schedule};
use crate::load::series::Series;
use crate::load::watch::{Idle, Watch};
use crate::poller::{Poller, Readiness};
use crate::profile::Profile;
use crate::socket::Socket;
use crate::ticker::Ticker;

mod talk;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for readiness, so that the clock is looked at now and then.
const WAIT_MAX: Duration = Duration::from_millis(20);
/// How long a connection keeps quiet after a refusal.
const REST: Duration = Duration::from_millis(20);
/// How long idle polls get to be taken before the server is watched.
const RAMP: Duration = Duration::from_secs(3);
/// Shortest period of the clock of an open loop; starts that fall due within one are sent together.
const TICK_MIN: Duration = Duration::from_micros(200);
/// The poller's number of that clock; connections count from zero.
const TOKEN_TICKER: u64 = u64::MAX;

/// Drives the server until all that was started has finished, or the time for that is over.
pub fn drive(config: &RunConfig, name: &str) -> io::Result<Outcome> {
    let mut driver = Driver::new(config, name)?;
    driver.open()?;
    driver.begin()?;
    if let Profile::IdlePolls(_) = config.profile {
        driver.watch_idle()?;
    }
    while !driver.is_over(Instant::now()) {
        driver.turn()?;
    }
    driver.close()
}

struct Driver<'a> {
    config: &'a RunConfig,
    address: SocketAddr,
    messages: Messages,
    poller: Poller,
    actors: Vec<Actor>,
    /// Starters that wait until they may start.
    idle: Vec<usize>,
    /// Connections that were refused, and until when they keep quiet.
    resting: VecDeque<(Instant, usize)>,
    /// When starts fall due; `None` in a closed loop.
    schedule: Option<Schedule>,
    ticker: Option<Ticker>,
    errands: Errands,
    ledger: Ledger,
    latencies: Latencies,
    series: Series,
    progress: Progress,
    refusals: Refusals,
    begun: Instant,
    last_result: Instant,
    is_starting: bool,
    early: u64,
    idle_watched: Option<Idle>,
    ready: Vec<Readiness>,
    requests: u64,
    polls_empty: u64,
    reconnects: u64,
}

impl<'a> Driver<'a> {
    fn new(config: &'a RunConfig, name: &str) -> io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            config,
            address: config.url.resolve()?,
            messages: Messages::new(config, name),
            poller: Poller::new()?,
            actors: Vec::new(),
            idle: Vec::new(),
            resting: VecDeque::new(),
            schedule: None,
            ticker: None,
            errands: Errands::new(config.workers, config.types),
            ledger: Ledger::new(config.profile.tasks(), config.sample_max),
            latencies: Latencies::default(),
            series: Series::begin(config.slice, &config.pids, now)?,
            progress: Progress::on_terminal(now),
            refusals: Refusals::default(),
            begun: now,
            last_result: now,
            is_starting: true,
            early: 0,
            idle_watched: None,
            ready: Vec::new(),
            requests: 0,
            polls_empty: 0,
            reconnects: 0,
        })
    }

    /// Makes the connections; as many for one target as for the other.
    fn open(&mut self) -> io::Result<()> {
        let starters = (0..self.config.starters).map(|_| Role::Starter);
        let workers = (0..self.config.workers).map(Role::Worker);
        let roles: Vec<Role> = match self.config.target {
            Target::Conductor => starters.chain(workers).collect(),
            Target::Null => vec![Role::Looper; self.config.starters + self.config.workers],
        };
        for (index, role) in roles.into_iter().enumerate() {
            let socket = Socket::connect(self.address, CONNECT_TIMEOUT, index as u64, &self.poller)?;
            self.actors.push(Actor::new(role, socket, Instant::now()));
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        self.begun = Instant::now();
        self.last_result = self.begun;
        self.series = Series::begin(self.config.slice, &self.config.pids, self.begun)?;
        if let Some(per_s) = self.config.rate {
            let (window, limit) = (self.config.start_window, self.config.executions_max);
            self.schedule = Some(Schedule::new(self.begun, per_s, window, limit, LINE_MAX));
            let ticker = Ticker::every(Duration::from_secs_f64(1.0 / per_s).max(TICK_MIN))?;
            self.poller.add(&ticker, TOKEN_TICKER)?;
            self.ticker = Some(ticker);
        }
        // Workers first, so that the first executions find someone waiting.
        for index in (0..self.actors.len()).rev() {
            self.ask_next(index, self.begun)?;
        }
        Ok(())
    }

    /// Waits until something is to be done, and does it.
    fn turn(&mut self) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.poller.wait(Some(WAIT_MAX), &mut ready)?;
        for readiness in &ready {
            self.serve(*readiness)?;
        }
        self.ready = ready;
        self.wake_resting()?;
        self.wake_starters()?;
        let now = Instant::now();
        self.progress.advance(now, &self.ledger);
        self.series.advance(now, &self.ledger)
    }

    /// Watches what polls that find nothing cost the server, once they have all been taken.
    fn watch_idle(&mut self) -> io::Result<()> {
        self.turn_until(Instant::now() + RAMP)?;
        let watch = Watch::begin(&self.config.pids)?;
        self.turn_until(Instant::now() + self.config.start_window)?;
        self.idle_watched = Some(watch.end(&self.config.pids)?);
        self.last_result = Instant::now();
        Ok(())
    }

    fn turn_until(&mut self, end: Instant) -> io::Result<()> {
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// Stops starting when its time is over; says whether the run has ended.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.is_starting && !self.has_more_to_start(now) {
            self.is_starting = false;
            // Dropping it takes it out of the poller.
            self.ticker = None;
        }
        let deadline = self.begun + self.config.start_window + self.config.drain_max;
        now >= deadline || (!self.is_starting && self.ledger.is_balanced())
    }

    fn has_more_to_start(&self, now: Instant) -> bool {
        if let Some(schedule) = &self.schedule {
            return schedule.is_open();
        }
        let enough = self.config.executions_max.is_some_and(|max| self.ledger.begun() >= max);
        now < self.begun + self.config.start_window && !enough
    }

    /// Takes the next start that may be sent; the moment is when it was due.
    fn next_start(&mut self, now: Instant) -> Option<Instant> {
        if let Some(schedule) = &mut self.schedule {
            return schedule.take();
        }
        let looping = self.config.target == Target::Null;
        let may_start = self.is_starting
            && (looping || self.ledger.unfinished() < self.config.inflight)
            && self.config.executions_max.is_none_or(|max| self.ledger.begun() < max);
        may_start.then_some(now)
    }

    fn wake_starters(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if let Some(schedule) = &mut self.schedule {
            schedule.advance(now);
        }
        while let Some(index) = self.idle.pop() {
            let Some(due) = self.next_start(now) else {
                self.idle.push(index);
                return Ok(());
            };
            self.ask_start(index, due)?;
        }
        Ok(())
    }

    fn wake_resting(&mut self) -> io::Result<()> {
        let now = Instant::now();
        while let Some((until, index)) = self.resting.front().copied()
            && until <= now
        {
            self.resting.pop_front();
            self.ask_next(index, now)?;
        }
        Ok(())
    }

    /// The run is over: what is left in line was never sent.
    fn close(mut self) -> io::Result<Outcome> {
        if let Some(schedule) = &mut self.schedule {
            schedule.give_up();
        }
        let sent = self.ledger.begun() as u64;
        let plan = self.schedule.as_ref();
        self.progress.close();
        Ok(Outcome {
            series: self.series.close(Instant::now(), &self.ledger)?,
            offered: plan.map_or(sent, Schedule::offered),
            missed: plan.map_or(0, Schedule::missed),
            elapsed: self.last_result.saturating_duration_since(self.begun),
            ledger: self.ledger,
            latencies: self.latencies,
            early: self.early,
            idle: self.idle_watched.filter(|_| !self.config.pids.is_empty()),
            refusals: self.refusals,
            requests: self.requests,
            polls_empty: self.polls_empty,
            reconnects: self.reconnects,
        })
    }
}
