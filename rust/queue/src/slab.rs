//! Storage by slot number that grows by whole chunks, so that growing never copies what is already there.

/// Slots per chunk.
const CHUNK: usize = 1024;

/// Values under slot numbers; freed slots are used again, last freed first.
///
/// A freed slot keeps its old value until it is used again: owners know which slots they hold, or mark the
/// value.
#[derive(Debug, Clone)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    free: Vec<u32>,
    len: usize,
}

impl<T: Copy> Slab<T> {
    /// Makes an empty slab that holds no memory.
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Counts the values held.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Stores a value and says where.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.len += 1;
        if let Some(slot) = self.free.pop() {
            *self.get_mut(slot) = value;
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("a chunk with room was just made sure of");
        chunk.push(value);
        // The last number is kept back: owners use it for "no slot".
        let slot = u32::try_from(full + chunk.len() - 1).expect("slot numbers fit 32 bits");
        assert!(slot < u32::MAX, "slot numbers fit 32 bits");
        slot
    }

    /// Frees a slot the caller holds and hands back its value.
    pub(crate) fn remove(&mut self, slot: u32) -> T {
        self.len -= 1;
        self.free.push(slot);
        *self.get(slot)
    }

    /// Looks at a slot; the caller holds it or checks the value's mark.
    pub(crate) fn get(&self, slot: u32) -> &T {
        &self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// Looks at a slot that may never have existed.
    pub(crate) fn find(&self, slot: u32) -> Option<&T> {
        self.chunks.get(slot as usize / CHUNK)?.get(slot as usize % CHUNK)
    }

    /// Changes a slot the caller holds.
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK]
    }

    /// Gives all memory back if nothing is held.
    pub(crate) fn release_when_empty(&mut self) {
        if self.len == 0 {
            *self = Self::new();
        }
    }
}
