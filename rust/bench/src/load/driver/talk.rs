//! What is said on a connection, and what an answer means for the run.

use std::io;
use std::time::{Duration, Instant};

use super::{CONNECT_TIMEOUT, Driver, REST, TOKEN_TICKER};
use crate::http::response::{self, Response};
use crate::load::actor::{Answer, Asked, Role};
use crate::load::ledger::Handed;
use crate::load::messages::{Lease, Messages};
use crate::poller::Readiness;
use crate::socket::{Received, Socket};
use crate::ticker::Ticker;

/// What a server may lose of a moment: it keeps milliseconds, cut off at both ends.
const CLOCK_GRAIN: Duration = Duration::from_millis(2);

impl Driver<'_> {
    pub(super) fn serve(&mut self, readiness: Readiness) -> io::Result<()> {
        if readiness.token == TOKEN_TICKER {
            // It may have been dropped after this readiness was seen.
            return self.ticker.as_ref().map_or(Ok(()), Ticker::acknowledge);
        }
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
        let asked = actor.asked.name();
        let received = socket.receive().map_err(|error| {
            io::Error::new(error.kind(), format!("waiting for the answer to a {asked}: {error}"))
        });
        match received? {
            Received::Nothing => return Ok(()),
            Received::Closed if actor.asked == Asked::Nothing => {
                actor.socket = None;
                return Ok(());
            }
            Received::Closed => {
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
                self.series.record_start(waited);
                self.ledger.started(number, &id);
                if self.config.profile.tasks() == 0 {
                    self.last_result = now;
                }
                if self.actors[index].role == Role::Looper {
                    return self.ask_poll(index, 0, Some(number), now);
                }
                if let Some(worker) = self.errands.started(number) {
                    self.ask_next(worker, now)?;
                }
            }
            Answer::Looped(number) => {
                self.latencies.poll.record(waited);
                // The null server has no tasks: the result is of the size a real one would have.
                let id = "00000000-0000-4000-8000-000000000000";
                let lease = Lease { task_id: id.into(), workflow_id: id.into(), execution: Some(number) };
                return self.ask_update(index, number, lease, now);
            }
            Answer::Work(leases) if leases.is_empty() => {
                self.polls_empty += 1;
                self.errands.failed(self.actors[index].polled);
            }
            Answer::Work(leases) => {
                self.latencies.poll.record(waited);
                self.note_timers(&leases, now);
                self.actors[index].backlog.extend(leases);
            }
            Answer::Updated(number, leases) => {
                self.latencies.update.record(waited);
                self.last_result = now;
                if let Some(took) = self.ledger.reported(number, now) {
                    self.latencies.execution.record(took);
                    self.series.record_execution(took);
                }
                self.actors[index].reporting = None;
                self.actors[index].backlog.extend(leases);
            }
            Answer::Refused { has_retry_after } => {
                return self.settle_refusal(index, has_retry_after, now);
            }
        }
        self.ask_next(index, now)
    }

    /// Notes how late tasks behind a timer were handed out. The server cannot have set its timer before the start was
    /// sent, so the figure is an upper bound, and a task that comes before it is early.
    fn note_timers(&mut self, leases: &[Lease], now: Instant) {
        let Some(timer) = self.config.profile.timer() else { return };
        for sent in leases.iter().filter_map(|lease| self.ledger.sent(lease.execution?)) {
            let waited = now.saturating_duration_since(sent);
            self.latencies.late.record(waited.saturating_sub(timer));
            self.early += u64::from(waited + CLOCK_GRAIN < timer);
        }
    }

    /// Books a refusal. A start is given up, anything else is tried again after a rest.
    fn settle_refusal(&mut self, index: usize, has_retry_after: bool, now: Instant) -> io::Result<()> {
        match self.actors[index].asked {
            Asked::Start(number) => {
                // From when it was sent: that no connection was free before is the doing of this side.
                let sent = self.ledger.refused(number);
                self.refusals.starts.record(now.saturating_duration_since(sent));
                self.refusals.starts_with_retry_after += u64::from(has_retry_after);
                if self.schedule.is_some() {
                    // The schedule decides when the next one comes, not the server.
                    return self.ask_next(index, now);
                }
            }
            Asked::Poll(_) => {
                self.refusals.polls += 1;
                self.errands.failed(self.actors[index].polled);
            }
            Asked::Update(_) => self.refusals.updates += 1,
            Asked::Nothing => {}
        }
        self.actors[index].asked = Asked::Nothing;
        self.resting.push_back((now + REST, index));
        Ok(())
    }

    /// Sends the next request of a connection that waits for nothing.
    pub(super) fn ask_next(&mut self, index: usize, now: Instant) -> io::Result<()> {
        self.actors[index].asked = Asked::Nothing;
        match self.actors[index].role {
            Role::Starter | Role::Looper => {
                if let Some(due) = self.next_start(now) {
                    return self.ask_start(index, due);
                }
                self.idle.push(index);
                Ok(())
            }
            Role::Worker(worker) => {
                // A result that was refused goes first.
                if let Some((number, lease)) = self.actors[index].reporting.take() {
                    return self.ask_update(index, number, lease, now);
                }
                while let Some(lease) = self.actors[index].backlog.pop_front() {
                    if let Handed::Work(number) = self.ledger.handed(&lease) {
                        return self.ask_update(index, number, lease, now);
                    }
                }
                match self.errands.next(index, worker) {
                    Some(task_type) => self.ask_poll(index, task_type, None, now),
                    None => Ok(()),
                }
            }
        }
    }

    /// Sends a start that was due at `due`; it is timed from then.
    pub(super) fn ask_start(&mut self, index: usize, due: Instant) -> io::Result<()> {
        let sent = Instant::now();
        if self.schedule.is_some() {
            self.latencies.lag.record(sent.saturating_duration_since(due));
        }
        let number = self.ledger.begin(due, sent);
        self.ask(index, Asked::Start(number), due, |messages, out| messages.start(out, number))
    }

    fn ask_poll(
        &mut self,
        index: usize,
        task_type: usize,
        looping: Option<usize>,
        now: Instant,
    ) -> io::Result<()> {
        self.actors[index].polled = task_type;
        self.ask(index, Asked::Poll(looping), now, |messages, out| match looping {
            None => messages.poll(out, index, task_type),
            Some(_) => messages.lease(out, index),
        })
    }

    fn ask_update(&mut self, index: usize, number: usize, lease: Lease, now: Instant) -> io::Result<()> {
        self.ask(index, Asked::Update(number), now, |messages, out| messages.update(out, &lease, index))?;
        self.actors[index].reporting = Some((number, lease));
        Ok(())
    }

    /// Sends a request that is timed from `since`.
    fn ask(
        &mut self,
        index: usize,
        asked: Asked,
        since: Instant,
        write: impl FnOnce(&Messages, &mut Vec<u8>),
    ) -> io::Result<()> {
        let actor = &mut self.actors[index];
        actor.asked = asked;
        actor.asked_at = since;
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
