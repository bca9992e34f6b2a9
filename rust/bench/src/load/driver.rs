//! The event loop of the client: one thread, one request at a time on each connection.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::http::response::{self, Response};
use crate::load::actor::{Actor, Answer, Asked, Role};
use crate::load::ledger::{Handed, Ledger};
use crate::load::messages::{Lease, Messages};
use crate::load::{RunConfig, Target};
use crate::poller::{Poller, Readiness};
use crate::socket::{Received, Socket};
use crate::waits::Waits;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for readiness, so that the clock is looked at now and then.
const WAIT_MAX: Duration = Duration::from_millis(20);

/// Latencies seen by the client.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Start call.
    pub start: Waits,
    /// Poll that came back with work, the wait for it included.
    pub poll: Waits,
    /// Report of a result.
    pub update: Waits,
    /// From sending the start to the acknowledgement of the last result.
    pub execution: Waits,
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    /// The client's books.
    pub ledger: Ledger,
    /// What it waited.
    pub latencies: Latencies,
    /// From the first start to the last acknowledgement.
    pub elapsed: Duration,
    /// Requests answered.
    pub requests: u64,
    /// Polls that came back with nothing.
    pub polls_empty: u64,
    /// Connections made again because the server had closed them.
    pub reconnects: u64,
}

/// Drives the server until all that was started has finished, or the time for that is over.
pub fn drive(config: &RunConfig, name: &str) -> io::Result<Outcome> {
    let mut driver = Driver::new(config, name)?;
    driver.open()?;
    driver.begin()?;
    let mut ready = Vec::new();
    while !driver.is_over(Instant::now()) {
        driver.poller.wait(Some(WAIT_MAX), &mut ready)?;
        for readiness in &ready {
            driver.serve(*readiness)?;
        }
        driver.wake_starters()?;
    }
    let elapsed = driver.last_result.saturating_duration_since(driver.begun);
    Ok(Outcome {
        ledger: driver.ledger,
        latencies: driver.latencies,
        elapsed,
        requests: driver.requests,
        polls_empty: driver.polls_empty,
        reconnects: driver.reconnects,
    })
}

struct Driver<'a> {
    config: &'a RunConfig,
    address: SocketAddr,
    messages: Messages,
    poller: Poller,
    actors: Vec<Actor>,
    /// Starters that wait for an execution to finish.
    parked: Vec<usize>,
    ledger: Ledger,
    latencies: Latencies,
    begun: Instant,
    last_result: Instant,
    is_starting: bool,
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
            parked: Vec::new(),
            ledger: Ledger::new(config.profile.tasks()),
            latencies: Latencies::default(),
            begun: now,
            last_result: now,
            is_starting: true,
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
        // Workers first, so that the first executions find someone waiting.
        for index in (0..self.actors.len()).rev() {
            self.ask_next(index, self.begun)?;
        }
        Ok(())
    }

    /// Stops starting when its time is over; says whether the run has ended.
    fn is_over(&mut self, now: Instant) -> bool {
        let window_ended = now >= self.begun + self.config.start_window;
        let enough = self.config.executions_max.is_some_and(|max| self.ledger.begun() >= max);
        if self.is_starting && (window_ended || enough) {
            self.is_starting = false;
        }
        let deadline = self.begun + self.config.start_window + self.config.drain_max;
        !self.is_starting && (self.ledger.is_balanced() || now >= deadline)
    }

    fn may_start(&self) -> bool {
        let looping = self.config.target == Target::Null;
        self.is_starting
            && (looping || self.ledger.unfinished() < self.config.inflight)
            && self.config.executions_max.is_none_or(|max| self.ledger.begun() < max)
    }

    fn wake_starters(&mut self) -> io::Result<()> {
        while self.may_start() {
            let Some(index) = self.parked.pop() else { return Ok(()) };
            self.ask_next(index, Instant::now())?;
        }
        Ok(())
    }

    fn serve(&mut self, readiness: Readiness) -> io::Result<()> {
        let index = usize::try_from(readiness.token).expect("tokens are indexes");
        if readiness.writable {
            self.flush(index)?;
        }
        if readiness.readable {
            self.receive(index)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) -> io::Result<()> {
        let actor = &mut self.actors[index];
        let Some(socket) = actor.socket.as_mut() else { return Ok(()) };
        match socket.receive()? {
            Received::Nothing => return Ok(()),
            Received::Closed if actor.asked == Asked::Nothing => {
                actor.socket = None;
                return Ok(());
            }
            Received::Closed => {
                let asked = actor.asked.name();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("the server closed the connection instead of answering a {asked}"),
                ));
            }
            Received::Bytes => {}
        }
        let parsed = response::parse(socket.unparsed()).map_err(invalid)?;
        let Some(response) = parsed else { return Ok(()) };
        let answer = actor.asked.read(&response).map_err(invalid)?;
        let Response { consumed, closes, .. } = response;
        if closes {
            actor.socket = None;
        } else if let Some(socket) = actor.socket.as_mut() {
            socket.consume(consumed);
        }
        self.settle(index, answer)
    }

    /// Books an answer and asks for what comes next on that connection.
    fn settle(&mut self, index: usize, answer: Answer) -> io::Result<()> {
        let now = Instant::now();
        let waited = now.saturating_duration_since(self.actors[index].asked_at);
        self.requests += 1;
        match answer {
            Answer::Started(number, id) => {
                self.latencies.start.record(waited);
                self.ledger.started(number, &id);
                if self.actors[index].role == Role::Looper {
                    return self.ask_poll(index, Some(number), now);
                }
            }
            Answer::Looped(number) => {
                self.latencies.poll.record(waited);
                // The null server has no tasks: the result is of the size a real one would have.
                let id = "00000000-0000-4000-8000-000000000000";
                let lease = Lease { task_id: id.into(), workflow_id: id.into(), execution: Some(number) };
                return self.ask_update(index, number, &lease, now);
            }
            Answer::Work(leases) if leases.is_empty() => self.polls_empty += 1,
            Answer::Work(leases) => {
                self.latencies.poll.record(waited);
                self.actors[index].backlog.extend(leases);
            }
            Answer::Updated(number, leases) => {
                self.latencies.update.record(waited);
                self.last_result = now;
                if let Some(took) = self.ledger.reported(number, now) {
                    self.latencies.execution.record(took);
                }
                self.actors[index].backlog.extend(leases);
            }
        }
        self.ask_next(index, now)
    }

    /// Sends the next request of a connection that waits for nothing.
    fn ask_next(&mut self, index: usize, now: Instant) -> io::Result<()> {
        self.actors[index].asked = Asked::Nothing;
        match self.actors[index].role {
            Role::Starter | Role::Looper if !self.may_start() => {
                self.parked.push(index);
                Ok(())
            }
            Role::Starter | Role::Looper => {
                let number = self.ledger.begin(now);
                self.ask(index, Asked::Start(number), now, |messages, out| messages.start(out, number))
            }
            Role::Worker(_) => {
                while let Some(lease) = self.actors[index].backlog.pop_front() {
                    if let Handed::Work(number) = self.ledger.handed(&lease) {
                        return self.ask_update(index, number, &lease, now);
                    }
                }
                self.ask_poll(index, None, now)
            }
        }
    }

    fn ask_poll(&mut self, index: usize, looping: Option<usize>, now: Instant) -> io::Result<()> {
        self.ask(index, Asked::Poll(looping), now, |messages, out| messages.poll(out, index))
    }

    fn ask_update(&mut self, index: usize, number: usize, lease: &Lease, now: Instant) -> io::Result<()> {
        self.ask(index, Asked::Update(number), now, |messages, out| messages.update(out, lease, index))
    }

    fn ask(
        &mut self,
        index: usize,
        asked: Asked,
        now: Instant,
        write: impl FnOnce(&Messages, &mut Vec<u8>),
    ) -> io::Result<()> {
        let actor = &mut self.actors[index];
        actor.asked = asked;
        actor.asked_at = now;
        let socket = match &mut actor.socket {
            Some(socket) => socket,
            closed @ None => {
                self.reconnects += 1;
                closed.insert(Socket::connect(self.address, CONNECT_TIMEOUT, index as u64, &self.poller)?)
            }
        };
        write(&self.messages, socket.outgoing());
        socket.flush(&self.poller)
    }

    fn flush(&mut self, index: usize) -> io::Result<()> {
        match &mut self.actors[index].socket {
            Some(socket) => socket.flush(&self.poller),
            None => Ok(()),
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
