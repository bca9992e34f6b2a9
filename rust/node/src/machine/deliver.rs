//! Messages between executions: delivered one by one, each a command on its receiver (design: exactly once there).

use super::Machine;
use fastcond_engine::Command;
use fastcond_engine::command::Start;
use fastcond_model::{Message, Parent, WorkflowId};

/// Messages delivered in one go before new calls are looked at.
pub const DELIVERIES_MAX: usize = 256;

impl Machine {
    /// Delivers waiting messages, at most `most`.
    pub fn deliver(&mut self, most: usize) {
        for _ in 0..most {
            let Some((sender, number)) = self.outbox.pop_front() else { return };
            let message = self.find(sender).and_then(|live| {
                live.execution.outbox.iter().find(|m| m.number == number).map(|m| m.message.clone())
            });
            let Some(message) = message else { continue };
            self.deliver_one(sender, message);
            if self.take_read_fault().is_some() {
                // Who cannot be read has not got the message: it stays, and is sent again after the next start.
                continue;
            }
            // The sender may have been removed meanwhile; then nobody remembers the message.
            let _ = self.command(sender, Command::Arrived { number });
        }
    }

    /// Puts the unconfirmed messages of an execution in line, at recovery.
    pub fn resend(&mut self, sender: WorkflowId) {
        let numbers: Vec<u32> = match self.find(sender) {
            Some(live) => live.execution.outbox.iter().map(|m| m.number).collect(),
            None => return,
        };
        self.outbox.extend(numbers.into_iter().map(|number| (sender, number)));
    }

    /// Whether messages wait.
    pub fn has_mail(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn deliver_one(&mut self, sender: WorkflowId, message: Message) {
        let receiver = message.receiver();
        let command = match message {
            Message::Start { id, task, def, input, correlation_id, task_to_domain, priority } => {
                // The id is fixed, so an execution that is there is this one (S-3.8).
                if !self.load(id) {
                    let graph = self.snapshot_of(&def);
                    let parent = task.map(|no| Parent { workflow: sender, task: sender.task(no) });
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
                    });
                }
                return;
            }
            Message::Cancel { reason, .. } => {
                Command::Terminate { reason: Some(reason.to_string()), is_from_parent: true }
            }
            Message::Ended { task, status, output, reason, .. } => {
                Command::ChildEnded { task, status, output, reason }
            }
            Message::Revived { task, .. } => Command::ChildRevived { task },
            Message::Resume { .. } => Command::Retry { resumes_children: true, is_from_parent: true },
        };
        // A receiver that is gone, or refuses, has nothing to do with the message any more.
        let _ = self.command(receiver, command);
    }
}
