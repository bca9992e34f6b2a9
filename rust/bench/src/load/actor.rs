//! One connection of the client and what it is in the middle of.

use std::collections::VecDeque;
use std::time::Instant;

use crate::http::response::Response;
use crate::load::messages::{Lease, leases};
use crate::socket::Socket;

/// The statuses by which a server says that it is full.
const TOO_MANY_REQUESTS: u16 = 429;
const UNAVAILABLE: u16 = 503;

/// What a connection does in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Starts executions.
    Starter,
    /// Polls tasks and reports them, under this number.
    Worker(usize),
    /// Makes the three requests of an execution in turn, whatever the answers say.
    Looper,
}

/// The request that waits for its answer; a connection has one at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// None: an idle starter.
    Nothing,
    /// The start of the execution of this number.
    Start(usize),
    /// Work; the number is the execution a looper is at.
    Poll(Option<usize>),
    /// That a task of this execution be taken as done.
    Update(usize),
}

impl Asked {
    /// The request in words, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Start(_) => "start",
            Self::Poll(_) => "poll",
            Self::Update(_) => "update",
        }
    }

    /// Reads an answer to what was asked; an error says why it makes no sense.
    pub fn read(self, response: &Response<'_>) -> Result<Answer, String> {
        if matches!(response.status, TOO_MANY_REQUESTS | UNAVAILABLE) && self != Self::Nothing {
            return Ok(Answer::Refused { has_retry_after: response.has_retry_after });
        }
        if !(200..300).contains(&response.status) {
            let text: String = String::from_utf8_lossy(&response.body).chars().take(500).collect();
            return Err(format!("{} was answered {}: {text}", self.name(), response.status));
        }
        let work = || leases(&response.body).map_err(|error| format!("{}: {error}", self.name()));
        match self {
            Self::Nothing => Err("an answer nobody asked for".to_owned()),
            Self::Start(number) => {
                Ok(Answer::Started(number, String::from_utf8_lossy(&response.body).into_owned()))
            }
            Self::Poll(Some(number)) => Ok(Answer::Looped(number)),
            Self::Poll(None) => Ok(Answer::Work(work()?)),
            // `POST /tasks` echoes the id as text; update-v2 gives the next task as JSON or nothing.
            Self::Update(number) if response.body.first() != Some(&b'{') => {
                Ok(Answer::Updated(number, Vec::new()))
            }
            Self::Update(number) => Ok(Answer::Updated(number, work()?)),
        }
    }
}

/// What an answer says, read with the request in mind.
#[derive(Debug)]
pub enum Answer {
    /// The execution of this number has this id.
    Started(usize, String),
    /// Work; possibly none.
    Work(Vec<Lease>),
    /// A looper's poll was answered.
    Looped(usize),
    /// A result of this execution was taken; more work may have come along.
    Updated(usize, Vec<Lease>),
    /// The server is full; it may have said when to come again.
    Refused {
        /// Whether the answer has a Retry-After.
        has_retry_after: bool,
    },
}

/// One connection of the client.
#[derive(Debug)]
pub struct Actor {
    /// What it does.
    pub role: Role,
    /// The connection; `None` when the server has closed it and nothing was asked since.
    pub socket: Option<Socket>,
    /// What waits for an answer.
    pub asked: Asked,
    /// Since when; a start counts from when it was due.
    pub asked_at: Instant,
    /// The number of the task type last asked for.
    pub polled: usize,
    /// Tasks handed out and not begun.
    pub backlog: VecDeque<Lease>,
    /// The task whose result is under way, with the number of its execution, in case it is refused.
    pub reporting: Option<(usize, Lease)>,
}

impl Actor {
    /// Makes an idle actor.
    pub fn new(role: Role, socket: Socket, now: Instant) -> Self {
        Self {
            role,
            socket: Some(socket),
            asked: Asked::Nothing,
            asked_at: now,
            polled: 0,
            backlog: VecDeque::new(),
            reporting: None,
        }
    }
}
