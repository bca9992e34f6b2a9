//! Which task is handed out next: ready queues with priority, delay and ageing.
//!
//! **Order.** Among due messages the higher priority goes first, then the earlier due time, then the earlier
//! insertion. One step of priority is worth [`AGEING_MS_PER_STEP`] of waiting: a message that has been due
//! for a minute per step longer goes before the higher priority. So priority decides among messages of about
//! the same age, and nothing waits for ever (S-50.9). Because the worth of a step does not depend on the
//! moment of asking, a message's place never has to be computed again.
//!
//! **Delay.** A message that is not due yet waits apart, by due time, and moves over when a call shows a
//! later time. A message once seen due stays due, even if the clock is set back afterwards.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{HashMap, HashTable};

use crate::TaskKey;
use crate::names::{QueueId, QueueKey, QueueRef};
use crate::slab::Slab;

/// How much longer a message must have been due to go before one that is one priority step higher.
pub const AGEING_MS_PER_STEP: i64 = 60_000;

/// How many queue names [`ReadyQueues::try_intern`] lets the set grow to.
///
/// Names asked for by pollers alone are not backed by any stored task, so they need a bound of their own.
pub const QUEUES_MAX: usize = 100_000;

/// A queued task as it left its queue; [`ReadyQueues::put_back`] restores its exact place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The task to hand out.
    pub task: TaskKey,
    /// When it became due, or will.
    pub due_ms: i64,
    /// The priority of its execution, 0 to 99, higher first.
    pub priority: u8,
    /// Its place in the line of everything ever pushed.
    pub order: u64,
}

/// All ready queues of one server; a task is in at most one of them.
#[derive(Debug, Default)]
pub struct ReadyQueues {
    names: BTreeMap<QueueKey, QueueId>,
    /// The same for look-ups, which every push and poll makes; never walked, so that the order of hashes shows nowhere.
    by_name: HashMap<QueueKey, QueueId>,
    queues: Vec<Queue>,
    free: Vec<u32>,
    entries: Slab<Entry>,
    index: HashTable<u32>,
    next_order: u64,
    next_turn: u64,
    clock_ms: i64,
}

/// One queue: what is due in hand-out order, and what is delayed in due order.
#[derive(Debug, Default)]
struct Queue {
    key: Option<QueueKey>,
    generation: u32,
    due: BTreeSet<Place>,
    delayed: BTreeSet<Place>,
    /// When it last had its turn among several, counted in turns; 0 if never.
    turn: u64,
}

/// What is remembered per queued task: 40 bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    workflow: [u64; 2],
    task: u32,
    queue: u32,
    due_ms: i64,
    stamp: Stamp,
}

/// Priority, place in line and "is in the due set" in one word: `[255 - priority: 8][order: 55][is due: 1]`.
///
/// Without the last bit it sorts as the tie-break among equal ranks: higher priority, then earlier insertion.
#[derive(Debug, Clone, Copy)]
struct Stamp(u64);

/// A position in a queue's ordered set: 20 bytes. Packed, because a million of them are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C, packed(4))]
struct Place {
    rank: i64,
    tie: u64,
    slot: u32,
}

impl Stamp {
    const ORDER_BITS: u32 = 55;

    fn new(priority: u8, order: u64) -> Self {
        assert!(order < 1 << Self::ORDER_BITS, "fewer than 2^55 pushes in the life of a process");
        Self(u64::from(u8::MAX - priority) << (Self::ORDER_BITS + 1) | order << 1)
    }

    fn priority(self) -> u8 {
        u8::MAX - self.0.to_be_bytes()[0]
    }

    const fn order(self) -> u64 {
        (self.0 >> 1) & ((1 << Self::ORDER_BITS) - 1)
    }

    const fn is_due(self) -> bool {
        self.0 & 1 == 1
    }

    const fn tie(self) -> u64 {
        self.0 & !1
    }

    const fn with_due(self, due: bool) -> Self {
        Self(self.tie() | due as u64)
    }
}

impl Entry {
    fn key(&self) -> TaskKey {
        let [high, low] = self.workflow;
        TaskKey { workflow: u128::from(high) << 64 | u128::from(low), task: self.task }
    }

    fn message(&self) -> Message {
        let (priority, order) = (self.stamp.priority(), self.stamp.order());
        Message { task: self.key(), due_ms: self.due_ms, priority, order }
    }

    fn place(&self, slot: u32) -> Place {
        let head_start =
            if self.stamp.is_due() { i64::from(self.stamp.priority()) * AGEING_MS_PER_STEP } else { 0 };
        Place { rank: self.due_ms.saturating_sub(head_start), tie: self.stamp.tie(), slot }
    }
}

impl Queue {
    fn set_of(&mut self, stamp: Stamp) -> &mut BTreeSet<Place> {
        if stamp.is_due() { &mut self.due } else { &mut self.delayed }
    }

    fn len(&self) -> usize {
        self.due.len() + self.delayed.len()
    }
}

impl<T: Copy> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Names and ids.
impl ReadyQueues {
    /// Makes an empty set of queues.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the id of a queue, making the queue if nobody named it before.
    ///
    /// For pushes: each name is backed by a stored task, so no bound is needed here.
    pub fn intern(&mut self, key: &QueueKey) -> QueueId {
        match self.find(&key.by_ref()) {
            Some(id) => id,
            None => self.add(key.clone()),
        }
    }

    /// Gives the id of a queue somebody only polls, or nothing if [`QUEUES_MAX`] names are held already.
    pub fn try_intern(&mut self, name: &QueueRef<'_>) -> Option<QueueId> {
        match self.find(name) {
            Some(id) => Some(id),
            None if self.names.len() >= QUEUES_MAX => None,
            None => Some(self.add(name.to_key())),
        }
    }

    /// Gives the id of a queue that exists, without allocating.
    pub fn find(&self, name: &QueueRef<'_>) -> Option<QueueId> {
        self.by_name.get(name).copied()
    }

    /// Gives the key of a queue, unless it has been trimmed.
    pub fn key(&self, id: QueueId) -> Option<&QueueKey> {
        self.queue(id)?.key.as_ref()
    }

    /// Counts the queues that have a name, empty ones included.
    pub fn queue_count(&self) -> usize {
        self.names.len()
    }

    /// Forgets empty queues that `keep` does not ask for, and gives memory back. Returns how many were
    /// forgotten.
    ///
    /// `keep` names the queues somebody else still holds an id of, such as those with a parked poll.
    pub fn trim(&mut self, mut keep: impl FnMut(QueueId) -> bool) -> usize {
        let before = self.names.len();
        let (queues, free, by_name) = (&mut self.queues, &mut self.free, &mut self.by_name);
        self.names.retain(|key, id| {
            let queue = &mut queues[id.index as usize];
            if queue.len() > 0 || keep(*id) {
                return true;
            }
            *queue = Queue { generation: queue.generation.wrapping_add(1), ..Queue::default() };
            free.push(id.index);
            by_name.remove(key);
            false
        });
        self.entries.release_when_empty();
        let entries = &self.entries;
        self.index.shrink_to(entries.len(), |&slot| hash(entries.get(slot).key()));
        before - self.names.len()
    }

    /// Sorts queues by whose turn it is: the one whose last turn is longest ago comes first, and among those
    /// that never had one the order stays.
    ///
    /// Whoever takes from several queues asks here for the order and notes a turn of each that gave something;
    /// then a queue that always has work comes last again and again, and starves no other.
    pub fn sort_by_turn(&self, queues: &mut [QueueId]) {
        queues.sort_by_key(|id| self.queue(*id).map_or(0, |queue| queue.turn));
    }

    /// Notes that a queue had its turn.
    pub fn note_turn(&mut self, queue: QueueId) {
        self.next_turn += 1;
        let turn = self.next_turn;
        if let Some(queue) = self.queue_mut(queue) {
            queue.turn = turn;
        }
    }

    fn add(&mut self, key: QueueKey) -> QueueId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.queues.push(Queue::default());
            u32::try_from(self.queues.len() - 1).expect("fewer than 2^32 queues")
        });
        let queue = &mut self.queues[index as usize];
        queue.key = Some(key.clone());
        let id = QueueId { index, generation: queue.generation };
        self.by_name.insert(key.clone(), id);
        self.names.insert(key, id);
        id
    }

    fn queue(&self, id: QueueId) -> Option<&Queue> {
        self.queues.get(id.index as usize).filter(|queue| queue.generation == id.generation)
    }

    fn queue_mut(&mut self, id: QueueId) -> Option<&mut Queue> {
        self.queues.get_mut(id.index as usize).filter(|queue| queue.generation == id.generation)
    }
}

/// Putting in and taking out.
impl ReadyQueues {
    /// Tells the queues the time, so that pushes that are due already go straight to the due side.
    pub fn observe(&mut self, now_ms: i64) {
        self.clock_ms = now_ms;
    }

    /// Queues a task at the end of its line; a task that is queued anywhere already moves. Returns whether it
    /// is new.
    pub fn push(&mut self, queue: QueueId, task: TaskKey, due_ms: i64, priority: u8) -> bool {
        let known = self.remove(task).is_some();
        let order = self.next_order;
        self.next_order += 1;
        self.put(queue, Message { task, due_ms, priority, order });
        !known
    }

    /// Puts a popped message back where it was.
    pub fn put_back(&mut self, queue: QueueId, message: Message) {
        self.remove(message.task);
        self.put(queue, message);
    }

    /// Takes up to `n` due messages, in order, and returns how many were taken.
    pub fn pop_due(&mut self, queue: QueueId, now_ms: i64, n: usize, out: &mut Vec<Message>) -> usize {
        self.settle(queue, now_ms);
        let before = out.len();
        while out.len() - before < n {
            let Some(place) = self.queue_mut(queue).and_then(|queue| queue.due.pop_first()) else { break };
            out.push(self.drop_entry(place.slot).message());
        }
        out.len() - before
    }

    /// Takes a task out of whichever queue holds it.
    pub fn remove(&mut self, task: TaskKey) -> Option<(QueueId, Message)> {
        let slot = self.slot_of(task)?;
        let entry = *self.entries.get(slot);
        let queue = &mut self.queues[entry.queue as usize];
        let held = queue.set_of(entry.stamp).remove(&entry.place(slot));
        assert!(held, "an indexed task is in its queue's set");
        let id = QueueId { index: entry.queue, generation: queue.generation };
        Some((id, self.drop_entry(slot).message()))
    }

    /// Gives a queued task a new due time, keeping its place among equals. Returns whether it was queued.
    pub fn postpone(&mut self, task: TaskKey, due_ms: i64) -> bool {
        match self.remove(task) {
            Some((queue, message)) => {
                self.put(queue, Message { due_ms, ..message });
                true
            }
            None => false,
        }
    }

    /// Makes a delayed task due at `now_ms`; one that is due already keeps its place. Returns whether it was
    /// queued.
    pub fn make_due_now(&mut self, task: TaskKey, now_ms: i64) -> bool {
        match self.message(task) {
            Some(message) if message.due_ms > now_ms => self.postpone(task, now_ms),
            found => found.is_some(),
        }
    }

    /// Makes the first delayed task of a queue due at `now_ms` and says which, for a slot that became free.
    pub fn make_first_due_now(&mut self, queue: QueueId, now_ms: i64) -> Option<TaskKey> {
        self.settle(queue, now_ms);
        let slot = self.queue(queue)?.delayed.first()?.slot;
        let task = self.entries.get(slot).key();
        self.postpone(task, now_ms);
        Some(task)
    }

    fn put(&mut self, queue: QueueId, message: Message) {
        let Message { task, due_ms, priority, order } = message;
        let stamp = Stamp::new(priority, order).with_due(due_ms <= self.clock_ms);
        let workflow = halves(task.workflow);
        let entry = Entry { workflow, task: task.task, queue: queue.index, due_ms, stamp };
        let slot = self.entries.insert(entry);
        let held = self.queue_mut(queue).expect("messages go to queues that exist");
        held.set_of(stamp).insert(entry.place(slot));
        let entries = &self.entries;
        self.index.insert_unique(hash(task), slot, |&slot| hash(entries.get(slot).key()));
    }

    fn drop_entry(&mut self, slot: u32) -> Entry {
        let entry = self.entries.remove(slot);
        let indexed = self.index.find_entry(hash(entry.key()), |&held| held == slot);
        indexed.expect("a queued task is indexed").remove();
        entry
    }

    /// Moves what `now_ms` makes due from the delayed to the due side; each message moves once.
    fn settle(&mut self, queue: QueueId, now_ms: i64) {
        self.clock_ms = now_ms;
        let Some(held) =
            self.queues.get_mut(queue.index as usize).filter(|held| held.generation == queue.generation)
        else {
            return;
        };
        while let Some(place) = held.delayed.first().copied() {
            if place.rank > now_ms {
                break;
            }
            held.delayed.pop_first();
            let entry = self.entries.get_mut(place.slot);
            entry.stamp = entry.stamp.with_due(true);
            held.due.insert(entry.place(place.slot));
        }
    }

    fn slot_of(&self, task: TaskKey) -> Option<u32> {
        self.index.find(hash(task), |&slot| self.entries.get(slot).key() == task).copied()
    }
}

/// Looking.
impl ReadyQueues {
    /// Says whether a task is queued, due or delayed.
    pub fn contains(&self, task: TaskKey) -> bool {
        self.slot_of(task).is_some()
    }

    /// Shows a queued task's message.
    pub fn message(&self, task: TaskKey) -> Option<Message> {
        self.slot_of(task).map(|slot| self.entries.get(slot).message())
    }

    /// Says when a queue next has something due: the past if something is due already.
    pub fn next_due(&self, queue: QueueId) -> Option<i64> {
        let queue = self.queue(queue)?;
        let first = queue.due.first().or_else(|| queue.delayed.first())?;
        Some(self.entries.get(first.slot).due_ms)
    }

    /// Counts a queue's messages, delayed ones included.
    pub fn size(&self, queue: QueueId) -> usize {
        self.queue(queue).map_or(0, Queue::len)
    }

    /// Walks over all named queues in name order with their sizes.
    pub fn sizes(&self) -> impl Iterator<Item = (QueueId, &QueueKey, usize)> {
        self.names.iter().map(|(key, &id)| (id, key, self.size(id)))
    }

    /// Shows up to `n` messages without taking them: the due ones in hand-out order, then the delayed by due
    /// time.
    pub fn peek(&mut self, queue: QueueId, now_ms: i64, n: usize, out: &mut Vec<Message>) {
        self.settle(queue, now_ms);
        if let Some(held) = self.queue(queue) {
            let places = held.due.iter().chain(&held.delayed).take(n);
            out.extend(places.map(|place| self.entries.get(place.slot).message()));
        }
    }

    /// Counts all messages of all queues.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether no task is queued anywhere.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves are what is wanted")]
const fn halves(workflow: u128) -> [u64; 2] {
    [(workflow >> 64) as u64, workflow as u64]
}

/// Mixes a task key. Ids come from the server's own seed, so nobody outside can choose colliding ones.
fn hash(task: TaskKey) -> u64 {
    let [high, low] = halves(task.workflow);
    let number = u64::from(task.task).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (high ^ number).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(29);
    let mixed = (low ^ mixed).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 32
}

const _: () = assert!(size_of::<Entry>() == 40 && size_of::<Place>() == 20);
