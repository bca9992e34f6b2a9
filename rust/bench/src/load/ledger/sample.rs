//! Ids of some executions, evenly spread over a run whose length is not known beforehand.

#[cfg(test)]
mod tests;

/// At most twice as many ids as are wanted, of numbers that are multiples of a stride.
#[derive(Debug)]
pub struct Sample {
    wanted: usize,
    stride: usize,
    kept: Vec<(usize, Box<str>)>,
}

impl Sample {
    /// Keeps an even spread of `wanted` ids.
    pub fn new(wanted: usize) -> Self {
        Self { wanted, stride: 1, kept: Vec::new() }
    }

    /// An execution of this number has this id.
    pub fn offer(&mut self, number: usize, id: &str) {
        if self.wanted == 0 || !number.is_multiple_of(self.stride) {
            return;
        }
        self.kept.push((number, id.into()));
        if self.kept.len() >= 2 * self.wanted {
            self.stride *= 2;
            self.kept.retain(|(number, _)| number.is_multiple_of(self.stride));
        }
    }

    /// The ids, in order of their numbers.
    pub fn ids(&self) -> Vec<&str> {
        let mut ids: Vec<_> = self.kept.iter().map(|(number, id)| (*number, &**id)).collect();
        ids.sort_unstable();
        let count = ids.len().min(self.wanted);
        (0..count).map(|nth| ids[nth * ids.len() / count].1).collect()
    }
}
