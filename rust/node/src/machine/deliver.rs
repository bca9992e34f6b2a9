//! Messages: delivered one by one, each a command on its receiver (design: exactly once there), or an event for its
//! handlers. The outboxes of all executions are the internal queue of events, `conductor:`.

use super::Machine;
use super::events::Delivery;
use fastcond_engine::Command;
use fastcond_engine::command::Start;
use fastcond_json::Raw;
use fastcond_model::{Message, Parent, TaskId, WorkflowId, WorkflowStatus};

/// Messages delivered in one go before new calls are looked at.
pub const DELIVERIES_MAX: usize = 256;

/// How deep sub-workflows may stand in sub-workflows (quality H13).
pub const NESTING_MAX: usize = 64;

/// How long the machine waits with what it could not do because the archive could not be read.
pub const READ_AGAIN_MS: i64 = 1_000;

impl Machine {
    /// Delivers waiting messages, at most `most`.
    pub fn deliver(&mut self, most: usize) {
        if !self.undelivered.is_empty() && self.now_ms >= self.deliver_again_ms {
            self.outbox.extend(self.undelivered.drain(..));
        }
        self.admit_waiting(most);
        for _ in 0..most {
            let Some((sender, number)) = self.outbox.pop_front() else { return };
            self.deliver_number(sender, number);
        }
    }

    /// Delivers what an execution has to say before it is removed: nobody would remember it afterwards. Children it
    /// has not begun are not begun any more.
    pub fn deliver_last_words(&mut self, sender: WorkflowId) {
        let Some(live) = self.find(sender) else { return };
        let words = live.execution.outbox.iter();
        let words = words.filter(|m| !matches!(m.message, Message::Start { task: Some(_), .. }));
        let numbers: Vec<u32> = words.map(|m| m.number).collect();
        for number in numbers {
            self.deliver_number(sender, number);
        }
    }

    fn deliver_number(&mut self, sender: WorkflowId, number: u32) {
        self.take_read_fault();
        let message =
            self.find(sender).and_then(|live| live.execution.outbox.get(number).map(|m| m.message.clone()));
        let mut has_receiver = false;
        if let Some(message) = message {
            let receiver = message.receiver();
            self.deliver_one(sender, message);
            has_receiver = self.read_fault.is_none() && receiver.is_some_and(|id| self.load(id));
        } else if self.read_fault.is_none() {
            // It has arrived already, or its sender was removed.
            return;
        }
        if self.take_read_fault().is_some() {
            // Who cannot be read has not got the message.
            self.undelivered.push((sender, number));
            self.deliver_again_ms = self.now_ms + READ_AGAIN_MS;
            return;
        }
        // The sender may have been removed meanwhile; then nobody remembers the message.
        let _ = self.command(sender, Command::Arrived { number, has_receiver });
    }

    /// Puts the unconfirmed messages of an execution in line, at recovery.
    pub fn resend(&mut self, sender: WorkflowId) {
        let numbers: Vec<u32> = match self.find(sender) {
            Some(live) => live.execution.outbox.iter().map(|m| m.number).collect(),
            None => return,
        };
        self.outbox.extend(numbers.into_iter().map(|number| (sender, number)));
    }

    /// Whether an execution has as many others above it as there may be.
    fn is_deep(&mut self, id: WorkflowId) -> bool {
        let mut at = id;
        for _ in 1..NESTING_MAX {
            let parent = self.find(at).and_then(|live| live.execution.header.parent);
            let Some(parent) = parent else { return false };
            at = parent.workflow;
        }
        true
    }

    /// A child that would stand too deep is not begun: its task fails instead.
    fn refuse_child(&mut self, parent: WorkflowId, task: TaskId, child: WorkflowId) {
        let reason = format!("sub-workflows may stand at most {NESTING_MAX} deep in one another");
        let (status, output) = (WorkflowStatus::Failed, Raw::empty_object());
        let ended = Command::ChildEnded { task, child, status, output, reason: Some(reason.into()) };
        let _ = self.command(parent, ended);
    }

    /// Whether messages wait.
    pub fn has_mail(&self) -> bool {
        !self.outbox.is_empty() || !self.undelivered.is_empty()
    }

    fn deliver_one(&mut self, sender: WorkflowId, message: Message) {
        let Some(receiver) = message.receiver() else { return self.deliver_event(message) };
        let command = match message {
            Message::Start { id, task, def, input, correlation_id, task_to_domain, priority } => {
                // The id is fixed, so an execution that is there is this one (S-3.8).
                if !self.load(id) && self.read_fault.is_none() {
                    let Some(graph) = self.snapshot_of(&def) else { return };
                    let parent = task.map(|no| Parent { workflow: sender, task: sender.task(no) });
                    if let Some(parent) = parent.filter(|_| self.is_deep(sender)) {
                        self.refuse_child(sender, parent.task, id);
                        return;
                    }
                    if self.read_fault.is_some() {
                        return;
                    }
                    self.start(Start {
                        id,
                        graph,
                        input,
                        correlation_id,
                        priority,
                        task_to_domain,
                        parent,
                        event: None,
                        created_by: None,
                        input_path: None,
                        idempotency_key: None,
                    });
                }
                return;
            }
            Message::Cancel { reason, .. } => {
                let reason = Some(reason.to_string());
                Command::Terminate { reason, is_from_parent: true, runs_failure_workflow: false }
            }
            Message::Ended { task, status, output, reason, .. } => {
                Command::ChildEnded { task, child: sender, status, output, reason }
            }
            Message::Revived { task, .. } => Command::ChildRevived { task, child: sender },
            Message::Resume { .. } => Command::Retry { resumes_children: true, is_from_parent: true },
            Message::Event { .. } => return,
        };
        // A receiver that is gone, or refuses, has nothing to do with the message any more.
        let _ = self.command(receiver, command);
    }

    /// Shows an event to its handlers; one that cannot be handled now stays in its outbox, for the fault is noted.
    fn deliver_event(&mut self, message: Message) {
        let Message::Event { event, id, payload } = message else { return };
        if let Err(fault) = self.handle_event(&Delivery { event, id, payload }) {
            self.read_fault.get_or_insert(fault);
        }
    }
}
