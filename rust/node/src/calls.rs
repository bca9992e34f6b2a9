//! Calls by verb: parameters and body in, an answer out. One file per resource, one row per verb.
//!
//! Parameters are texts from path and query; what they must be is checked here, so that every door (hot routes, the
//! event loop's routes, tests) refuses alike.

mod admin;
mod bodies;
mod bulk;
mod bulk_start;
mod default_queues;
mod environment;
mod events;
mod execute;
mod metadata;
mod operate;
mod params;
mod payloads;
mod queues;
mod search;
mod search_tasks;
mod task;
mod trial;
mod workflow;

pub use bulk_start::LINES_MAX as BULK_STARTS_MAX;
pub use params::Params;
pub use task::TYPES_MAX as POLL_TYPES_MAX;

use crate::machine::Machine;
use crate::reply::{Failure, Reply, ReplyTo};
use fastcond_json::{Limits, Raw, check};
use serde::de::DeserializeOwned;

/// Carries out a call that is answered at once.
pub type Act = fn(&mut Machine, &Params, &[u8]) -> Result<Reply, Failure>;
/// Answers a call that takes nothing and cannot fail.
pub type Tell = fn(&mut Machine) -> Reply;
/// Carries out a call that may be answered later.
pub type Begin = fn(&mut Machine, ReplyTo, &Params, &[u8]) -> Result<(), Failure>;

/// What a verb does.
#[derive(Clone, Copy)]
pub enum Verb {
    /// Answered at once, whatever is asked.
    Tell(Tell),
    /// Answered at once.
    Act(Act),
    /// Answered at once or later.
    Begin(Begin),
}

impl std::fmt::Debug for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tell(_) => "Tell",
            Self::Act(_) => "Act",
            Self::Begin(_) => "Begin",
        })
    }
}

const TABLES: &[&[(&str, Verb)]] = &[
    metadata::VERBS,
    workflow::VERBS,
    operate::VERBS,
    execute::VERBS,
    task::VERBS,
    queues::VERBS,
    events::VERBS,
    default_queues::VERBS,
    search::VERBS,
    search_tasks::VERBS,
    bulk::VERBS,
    environment::VERBS,
    payloads::VERBS,
    admin::VERBS,
    trial::VERBS,
];

/// The verb of a name.
pub fn verb(name: &str) -> Option<Verb> {
    TABLES.iter().copied().flatten().find(|(known, _)| *known == name).map(|(_, verb)| *verb)
}

/// Every verb name.
pub fn verbs() -> impl Iterator<Item = &'static str> {
    TABLES.iter().copied().flatten().map(|(name, _)| *name)
}

impl Machine {
    /// Carries out one call; its answer appears among the replies, now or later.
    pub fn call(&mut self, to: ReplyTo, verb: Verb, params: &Params, body: &[u8]) {
        self.take_read_fault();
        let failed = match verb {
            Verb::Tell(tell) => {
                let reply = tell(self);
                return self.reply(to, reply);
            }
            Verb::Act(act) => match act(self, params, body) {
                Ok(reply) => return self.reply(to, reply),
                Err(failure) => failure,
            },
            Verb::Begin(begin) => match begin(self, to, params, body) {
                Ok(()) => return,
                Err(failure) => failure,
            },
        };
        // What could not be read was not found: the caller is told the truth.
        let failed = match self.take_read_fault() {
            Some(fault) => Failure::unreadable(&fault),
            None => failed,
        };
        let reply = Reply::failure(&failed, &self.options.instance);
        self.reply(to, reply);
    }
}

/// The text of a JSON body, checked (quality H1 to H4).
pub fn json_text(body: &[u8]) -> Result<&str, Failure> {
    check(body, &Limits::default()).map_err(|e| {
        let at = e.offset;
        Failure::bad_request(format!("JSON body cannot be read at byte {at}: {e}"))
    })
}

/// A typed JSON body.
pub fn typed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    typed_text(json_text(body)?)
}

fn typed_text<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| Failure::bad_request(format!("JSON body cannot be used: {e}")))
}

/// A JSON object as body.
pub fn object(body: &[u8]) -> Result<Raw, Failure> {
    let text = json_text(body)?;
    if fastcond_json::kind(text) != fastcond_json::Kind::Object {
        return Err(Failure::bad_request("the body must be a JSON object"));
    }
    Ok(Raw::of_checked(text))
}
