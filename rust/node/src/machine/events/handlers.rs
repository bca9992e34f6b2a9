//! The registered event handlers, found by the event they wait for (S-80.2, S-80.4).

use fastcond_model::def::EventHandler;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every handler, by name and by event.
#[derive(Debug, Default)]
pub struct Handlers {
    by_name: BTreeMap<String, Arc<EventHandler>>,
    /// Names of active handlers by their event, its environment names filled in.
    active: BTreeMap<String, BTreeSet<String>>,
}

impl Handlers {
    /// Every handler, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<EventHandler>> {
        self.by_name.values()
    }

    /// One handler.
    pub fn get(&self, name: &str) -> Option<&Arc<EventHandler>> {
        self.by_name.get(name)
    }

    /// Stores a handler; `environment` fills the names in its event.
    pub fn put(&mut self, handler: EventHandler, environment: &BTreeMap<String, String>) {
        let name = handler.name.clone().unwrap_or_default();
        self.delete(&name);
        if handler.active {
            let event = filled(handler.event.as_deref().unwrap_or_default(), environment);
            self.active.entry(event).or_default().insert(name.clone());
        }
        self.by_name.insert(name, Arc::new(handler));
    }

    /// Deletes a handler; false when there is none.
    pub fn delete(&mut self, name: &str) -> bool {
        if self.by_name.remove(name).is_none() {
            return false;
        }
        self.active.retain(|_, names| {
            names.remove(name);
            !names.is_empty()
        });
        true
    }

    /// Whether an active handler waits for exactly this event.
    pub fn is_heard(&self, event: &str) -> bool {
        self.active.contains_key(event)
    }

    /// The active handlers of exactly this event, by name.
    pub fn waiting_for(&self, event: &str) -> Vec<Arc<EventHandler>> {
        let names = self.active.get(event).into_iter().flatten();
        names.filter_map(|name| self.by_name.get(name).cloned()).collect()
    }
}

/// An event with `${NAME}` replaced by what the environment says; names that it does not know stay (S-80.2).
fn filled(event: &str, environment: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(event.len());
    let mut rest = event;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let known =
            after.split_once('}').and_then(|(name, left)| environment.get(name).map(|value| (value, left)));
        rest = if let Some((value, left)) = known {
            out.push_str(value);
            left
        } else {
            out.push_str("${");
            after
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{Handlers, filled};
    use fastcond_model::def::EventHandler;
    use std::collections::BTreeMap;

    fn handler(name: &str, event: &str, active: bool) -> EventHandler {
        EventHandler {
            name: Some(name.to_owned()),
            event: Some(event.to_owned()),
            active,
            ..EventHandler::default()
        }
    }

    #[test]
    fn names_of_the_environment_are_filled_in_and_others_stay_s_80_2() {
        let environment = BTreeMap::from([("STACK".to_owned(), "prod".to_owned())]);
        for (event, wanted) in [
            ("conductor:w:${STACK}", "conductor:w:prod"),
            ("${STACK}${STACK}", "prodprod"),
            ("a:${OTHER}:${STACK}", "a:${OTHER}:prod"),
            ("a:${STACK", "a:${STACK"),
            ("plain", "plain"),
        ] {
            assert_eq!(filled(event, &environment), wanted);
        }
    }

    #[test]
    fn only_active_handlers_of_exactly_that_event_wait_for_it_s_80_4() {
        let mut handlers = Handlers::default();
        for (name, event, active) in
            [("b", "e", true), ("a", "e", true), ("c", "e", false), ("d", "e2", true)]
        {
            handlers.put(handler(name, event, active), &BTreeMap::new());
        }
        let names = |handlers: &Handlers| -> Vec<String> {
            handlers.waiting_for("e").iter().map(|h| h.name.clone().unwrap_or_default()).collect()
        };
        assert_eq!(names(&handlers), ["a", "b"]);
        handlers.put(handler("a", "e2", true), &BTreeMap::new());
        assert_eq!(names(&handlers), ["b"]);
        assert!(handlers.delete("b") && !handlers.delete("b"));
        assert!(!handlers.is_heard("e") && handlers.is_heard("e2"));
    }
}
