//! Events: what comes from a queue is shown to the handlers that wait for it, and they act (S-80).
//!
//! [`Machine::handle_event`] is the port behind which every queue stands. A queue hands over a [`Delivery`] as often as it
//! likes; it may forget the message once it is told `Ok` and what was written before is durable, and must deliver it again
//! after an error. The internal queue, `conductor:`, is the outboxes of the executions that published
//! (`machine/deliver.rs`): there, forgetting is a commit that follows the records of the actions in the journal. An
//! adapter of a broker delivers through the verb `events.deliver`, whose answer leaves once they are durable.
//!
//! What an action does and the note that it was done are one journal record. So a repetition finds either both or
//! neither, wherever the process died: per handler and message, each action is carried out once within the time that
//! notes are kept (G13).

mod act;
mod handlers;
mod ledger;
mod payload;

pub use handlers::Handlers;
pub use ledger::{FORGET_MORE_MS, KEPT_MS, Known};

use super::{Machine, records};
use act::Acting;
use fastcond_expr::script::Given;
use fastcond_expr::{evaluate_value_param, truthy};
use fastcond_json::{ObjectWriter, Raw};
use fastcond_model::def::EventHandler;
use fastcond_store::StoreFault;
use ledger::Done;
use std::sync::Arc;

/// A message as a queue delivers it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event: provider and address.
    pub event: Arc<str>,
    /// The message's own id, the same at every delivery.
    pub id: Arc<str>,
    /// What it says; text that is no JSON as a JSON string.
    pub payload: Raw,
}

/// What a condition came to.
enum Verdict {
    Passes,
    Skips,
    Breaks(String),
}

impl Machine {
    /// Lets every active handler of the event act on a message. After an error nothing is lost and the message must be
    /// delivered again.
    pub fn handle_event(&mut self, delivery: &Delivery) -> Result<(), StoreFault> {
        for handler in self.registry.events.waiting_for(&delivery.event) {
            self.handle_with(&handler, delivery)?;
        }
        Ok(())
    }

    fn handle_with(&mut self, handler: &EventHandler, delivery: &Delivery) -> Result<(), StoreFault> {
        let name = handler.name.as_deref().unwrap_or_default();
        let key = |number| ledger::key(name, &delivery.event, &delivery.id, number);
        // What the condition came to the first time stands; it may look at the clock.
        let first = self.event_action(&key(0))?;
        let verdict = match &first {
            Some(known) if known.is_action => Verdict::Passes,
            Some(_) => return Ok(()),
            None => self.judge(handler, &delivery.payload),
        };
        let done = |number, status, output| Done {
            handler: name,
            event: &delivery.event,
            message: &delivery.id,
            number,
            status,
            action: None,
            output,
        };
        match verdict {
            Verdict::Passes => {}
            Verdict::Skips => {
                let output = skipped(handler, &delivery.payload);
                self.together(|machine| machine.note_event_action(&done(0, "SKIPPED", output)));
                return Ok(());
            }
            Verdict::Breaks(why) => {
                self.together(|machine| machine.note_event_action(&done(0, "FAILED", exception(&why))));
                return Ok(());
            }
        }
        for (number, action) in handler.actions.iter().enumerate() {
            if self.event_action(&key(number))?.is_some() {
                continue;
            }
            let acting = Acting { delivery, handler: name, number };
            self.together(|machine| {
                let result = acting.run(machine, action);
                if let Some(fault) = machine.take_read_fault() {
                    return Err(fault);
                }
                let (status, output) = match result {
                    Ok(output) => ("COMPLETED", output),
                    Err(why) => ("FAILED", exception(&why)),
                };
                machine.note_event_action(&Done { action: action.action, ..done(number, status, output) });
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Whether a handler is to act (S-80.4).
    fn judge(&mut self, handler: &EventHandler, payload: &Raw) -> Verdict {
        let condition = handler.condition.as_deref().unwrap_or_default();
        if condition.trim().is_empty() {
            return Verdict::Passes;
        }
        let seen = payload::expanded(payload);
        let result = match handler.evaluator_type.as_deref() {
            Some("value-param") => Ok(evaluate_value_param(condition, &seen)),
            Some("python") => Err("Unknown evaluator: python".to_owned()),
            _ => {
                let given = Given { now_ms: self.now_ms, seed: self.random() };
                self.scripts().evaluate(condition, &seen, &given).map_err(|error| error.to_string())
            }
        };
        match result {
            Ok(value) if truthy(&value) => Verdict::Passes,
            Ok(_) => Verdict::Skips,
            Err(why) => Verdict::Breaks(why),
        }
    }

    /// Makes everything that is written meanwhile one journal record.
    fn together<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let (start, position) = (self.frames.buffer().len(), self.position);
        let result = act(self);
        let count = records::join(self.frames.buffer(), start);
        assert_eq!(self.position, position + count, "every record raises the position by one");
        self.position = position + count.min(1);
        result
    }
}

fn skipped(handler: &EventHandler, payload: &Raw) -> Raw {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.raw("msg", payload);
    object.str_if_some("condition", handler.condition.as_deref());
    object.end();
    Raw::of_checked(out)
}

fn exception(why: &str) -> Raw {
    let mut out = String::new();
    let mut object = ObjectWriter::begin(&mut out);
    object.str("exception", why);
    object.end();
    Raw::of_checked(out)
}
