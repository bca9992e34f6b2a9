//! `/api/event`: event handlers (rest-api 7), and the door through which queues deliver (S-80).

use super::Verb::{Act, Tell};
use super::{Params, Verb, typed};
use crate::machine::events::Delivery;
use crate::machine::{Machine, records};
use crate::reply::{Failure, Reply};
use fastcond_engine::validate::Violation;
use fastcond_json::{ArrayWriter, Limits, Raw};
use fastcond_model::def::EventHandler;
use std::sync::Arc;

/// Actions one handler may have: all of them are carried out in one go.
const ACTIONS_MAX: usize = 1_000;
/// Length of the id of a message from outside.
const MESSAGE_ID_BYTES_MAX: usize = 1_024;

/// Verbs of this resource.
pub const VERBS: &[(&str, Verb)] = &[
    ("events.create", Act(create)),
    ("events.update", Act(update)),
    ("events.delete", Act(delete)),
    ("events.list", Tell(|m| list(m.registry.events.all()))),
    ("events.of_event", Act(of_event)),
    ("events.deliver", Act(deliver)),
];

fn written(handler: &EventHandler) -> String {
    serde_json::to_string(handler).expect("a handler read from JSON can be written")
}

fn list<'a>(handlers: impl Iterator<Item = &'a Arc<EventHandler>>) -> Reply {
    let mut out = String::new();
    let mut list = ArrayWriter::begin(&mut out);
    for handler in handlers {
        list.raw(&written(handler));
    }
    list.end();
    Reply::json(out)
}

/// A handler as sent, with all it must have (rest-api 15); what its actions say is not looked at.
fn checked(body: &[u8], method: &str) -> Result<EventHandler, Failure> {
    let handler: EventHandler = typed(body)?;
    let mut found = Vec::new();
    let mut need = |field: &str, is_given: bool, message: &str| {
        if !is_given {
            let (path, message) = (field.to_owned(), message.to_owned());
            found.push(Violation { path, message, invalid_value: None });
        }
    };
    let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    need("name", is_given(&handler.name), "Missing event handler name");
    need("event", is_given(&handler.event), "Missing event location");
    need("actions", !handler.actions.is_empty(), "No actions specified. Please specify at-least one action");
    need(
        "actions",
        handler.actions.len() <= ACTIONS_MAX,
        &format!("A handler has at most {ACTIONS_MAX} actions"),
    );
    if found.is_empty() { Ok(handler) } else { Err(Failure::invalid(&format!("{method}.arg0"), found)) }
}

fn store(machine: &mut Machine, handler: EventHandler) {
    let name = handler.name.clone().unwrap_or_default();
    machine.put_thing(records::EVENT_HANDLER, &name, Some(written(&handler).into_bytes()));
    machine.registry.put_event_handler(handler);
}

fn missing(name: &str) -> Failure {
    Failure::not_found(format!("EventHandler with name {name} not found!"))
}

fn create(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let handler = checked(body, "addEventHandler")?;
    let name = handler.name.as_deref().unwrap_or_default();
    if machine.registry.events.get(name).is_some() {
        return Err(Failure::conflict(format!("EventHandler with name {name} already exists!")));
    }
    store(machine, handler);
    Ok(Reply::done())
}

fn update(machine: &mut Machine, _: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let handler = checked(body, "updateEventHandler")?;
    let name = handler.name.as_deref().unwrap_or_default();
    if machine.registry.events.get(name).is_none() {
        return Err(missing(name));
    }
    store(machine, handler);
    Ok(Reply::done())
}

fn delete(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let name = params.need("name")?;
    if !machine.registry.events.delete(name) {
        return Err(missing(name));
    }
    machine.put_thing(records::EVENT_HANDLER, name, None);
    Ok(Reply::done())
}

fn of_event(machine: &mut Machine, params: &Params, _: &[u8]) -> Result<Reply, Failure> {
    let event = params.need("event")?;
    let active_only = params.flag("activeOnly", true)?;
    let handlers = machine.registry.events.all();
    Ok(list(handlers.filter(|h| h.event.as_deref() == Some(event) && (h.active || !active_only))))
}

/// A message of a queue: the answer means that it was acted on, durably, and need not come again.
fn deliver(machine: &mut Machine, params: &Params, body: &[u8]) -> Result<Reply, Failure> {
    let id = params.need("messageId")?;
    if id.is_empty() || id.len() > MESSAGE_ID_BYTES_MAX {
        return Err(Failure::bad_request(format!(
            "messageId: a message needs an id of at most {MESSAGE_ID_BYTES_MAX} bytes"
        )));
    }
    let text = || Raw::string(&String::from_utf8_lossy(body));
    let payload = Raw::parse(body, &Limits::default()).unwrap_or_else(|_| text());
    let delivery = Delivery { event: params.need("event")?.into(), id: id.into(), payload };
    machine.handle_event(&delivery).map_err(|fault| Failure::unreadable(&fault))?;
    machine.deliver(crate::machine::deliver::DELIVERIES_MAX);
    machine.serve_waiting();
    Ok(Reply::done())
}
