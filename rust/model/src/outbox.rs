//! Messages of one execution that are not known to have arrived.

use crate::ids::WorkflowId;
use crate::message::{Message, Outgoing};
use std::collections::{BTreeMap, VecDeque};

/// Messages by number, oldest first. Numbers rise, so finding one costs a search by halves, and the oldest leaves
/// first, so letting one go costs next to nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// Commands under way to each child.
    commands: BTreeMap<WorkflowId, u32>,
}

impl Outbox {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Every message, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Outgoing> {
        self.waiting.iter()
    }

    /// The message of that number.
    pub fn get(&self, number: u32) -> Option<&Outgoing> {
        self.place(number).ok().map(|at| &self.waiting[at])
    }

    /// Takes a message in; one of the same number is replaced.
    pub fn insert(&mut self, message: Outgoing) {
        self.remove(message.number);
        if let Some(child) = commanded(&message) {
            *self.commands.entry(child).or_default() += 1;
        }
        let at = self.place(message.number).unwrap_or_else(|at| at);
        self.waiting.insert(at, message);
    }

    /// Lets a message go; false when there is none of that number.
    pub fn remove(&mut self, number: u32) -> bool {
        let Some(message) = self.place(number).ok().and_then(|at| self.waiting.remove(at)) else {
            return false;
        };
        if let Some(child) = commanded(&message)
            && let Some(count) = self.commands.get_mut(&child)
        {
            *count -= 1;
            if *count == 0 {
                self.commands.remove(&child);
            }
        }
        true
    }

    /// Whether a cancellation or a resumption is under way to that child.
    pub fn has_command_for(&self, child: WorkflowId) -> bool {
        self.commands.contains_key(&child)
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        match self.waiting.back() {
            Some(last) if last.number < number => Err(self.waiting.len()),
            _ => self.waiting.binary_search_by_key(&number, |message| message.number),
        }
    }
}

fn commanded(out: &Outgoing) -> Option<WorkflowId> {
    match &out.message {
        Message::Cancel { child, .. } | Message::Resume { child } => Some(*child),
        Message::Start { .. } | Message::Ended { .. } | Message::Revived { .. } | Message::Event { .. } => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Outbox, Outgoing, WorkflowId};

    #[test]
    fn numbers_stay_in_order_and_commands_are_known_until_the_last_has_arrived() {
        let mut outbox = Outbox::default();
        let child = WorkflowId(7);
        for number in [2, 5, 9, 4, 5] {
            outbox.insert(Outgoing { number, message: Message::Resume { child } });
        }
        assert_eq!(outbox.iter().map(|out| out.number).collect::<Vec<_>>(), [2, 4, 5, 9]);
        assert!(outbox.get(5).is_some() && outbox.get(6).is_none());
        assert!(outbox.has_command_for(child) && !outbox.has_command_for(WorkflowId(8)));
        assert!(!outbox.remove(6));
        assert!(outbox.remove(4) && outbox.remove(2) && outbox.remove(9));
        assert!(outbox.has_command_for(child));
        assert!(outbox.remove(5) && !outbox.has_command_for(child) && outbox.is_empty());
        assert_eq!(outbox, Outbox::default());
    }
}
