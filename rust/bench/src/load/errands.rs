//! Which task type a worker asks for next, when there are more types than workers.
//!
//! A fleet has a worker for every type. A few connections that polled a thousand types in turn would measure their own
//! polls that find nothing, so they go where work is: one poll for each start, in the order of the starts. Where there
//! are enough workers, each stays with its type and truly waits there.

use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// The errands of the workers of one run.
#[derive(Debug)]
pub struct Errands {
    types: usize,
    /// Types with work that nobody was sent for, and workers without an errand: one of the two is always empty. `None`
    /// where every worker stays with its type.
    sent: Option<(VecDeque<usize>, Vec<usize>)>,
}

impl Errands {
    /// Makes errands for this many workers and types.
    pub fn new(workers: usize, types: usize) -> Self {
        Self { types, sent: (workers < types).then(Default::default) }
    }

    /// The type this worker shall ask for; `None` when it has to wait for [`Errands::started`].
    pub fn next(&mut self, index: usize, worker: usize) -> Option<usize> {
        match &mut self.sent {
            None => Some(worker % self.types),
            Some((open, free)) => {
                let errand = open.pop_front();
                if errand.is_none() {
                    free.push(index);
                }
                errand
            }
        }
    }

    /// The execution of this number was started; a worker that may go and ask comes back, by its index.
    pub fn started(&mut self, execution: usize) -> Option<usize> {
        let (open, free) = self.sent.as_mut()?;
        open.push_back(execution % self.types);
        free.pop()
    }

    /// A poll of this type found nothing although something was started: someone has to ask again.
    pub fn failed(&mut self, task_type: usize) {
        if let Some((open, _)) = &mut self.sent {
            open.push_front(task_type);
        }
    }
}
