//! Executions whose definition limits how many of a key may run at once (S-53.5).

use super::Machine;
use fastcond_engine::{Command, Live, limit_of};
use fastcond_model::WorkflowId;
use fastcond_queue::LimitKey;

fn limit_key(live: &Live) -> Option<LimitKey> {
    let header = &live.execution.header;
    Some((header.name.clone(), header.limit_key.clone()?))
}

impl Machine {
    /// Keeps the line of a limit key in step with an execution's record.
    pub fn follow_limit(&mut self, live: &Live) {
        let Some(key) = limit_key(live) else { return };
        let (id, header) = (live.execution.id.0, &live.execution.header);
        if header.status.is_terminal() {
            self.admissions.forget(&key, id);
        } else if header.is_held {
            let limit = limit_of(&live.graph.def).unwrap_or(usize::MAX);
            self.admissions.wait(&key, header.create_ms, id, limit);
        } else {
            self.admissions.run(&key, id);
        }
    }

    /// An execution is removed.
    pub fn forget_limit(&mut self, live: &Live) {
        if let Some(key) = limit_key(live) {
            self.admissions.forget(&key, live.execution.id.0);
        }
    }

    /// Lets those begin that wait and may, at most `most`.
    pub fn admit_waiting(&mut self, most: usize) {
        for _ in 0..most {
            let Some(id) = self.admissions.admit_next() else { return };
            // One that cannot be read just now holds its place as running, and begins at the next start of the server.
            let _ = self.command(WorkflowId(id), Command::Admit);
        }
    }
}
