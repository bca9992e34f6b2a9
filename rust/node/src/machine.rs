//! The server as a value: executions, queues, timers and parked polls behind one door.
//!
//! Everything that happens goes: set the clock, make a call (or let timers fire), take what came out. What came out is
//! journal records and the replies that may be given once those records are durable.

pub mod admitting;
pub mod commit;
pub mod contents;
pub mod deliver;
pub mod events;
pub mod keys;
pub mod limits;
pub mod polling;
pub mod records;
pub mod recovery;
pub mod registry;
pub mod rows;
mod secrets;
pub mod shelf;
pub mod stats;
pub mod timers;
pub mod trial;
pub mod waits;

use crate::reply::{Reply, ReplyTo};
use fastcond_engine::{Graph, Live};
use fastcond_expr::script::Scripts;
use fastcond_expr::secrets::Secrets;
use fastcond_model::WorkflowId;
use fastcond_queue::{
    Admissions, Concurrency, ParkedPolls, PollData, QueueId, RateLimit, ReadyQueues, TaskKey, TimerHandle,
    TimingWheel,
};
use fastcond_store::{Frames, PayloadFiles, StoreFault};
use registry::Registry;
use shelf::Shelf;
use stats::Stats;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

/// A buffer of frames that grew beyond this is given back instead of being kept.
const FRAMES_KEPT_BYTES: usize = 4 << 20;

/// Ids are random already: their low half is the hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half are meant")]
    fn write_u128(&mut self, id: u128) {
        let (low, high) = (id as u64, (id >> 64) as u64);
        self.0 = low ^ high.rotate_left(29);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// A map keyed by ids.
pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// An execution in memory.
#[derive(Debug)]
pub struct Entry {
    /// The execution.
    pub live: Live,
    /// Changed since it was last given to the archive, or since its row was made.
    pub is_dirty: bool,
    /// Place of its row among those that wait for the next batch.
    pub row: Option<usize>,
    /// Journal position of the last batch it went to the archive with.
    pub batched: u64,
    /// Stands in the line of those that may leave memory.
    pub may_leave: bool,
}

/// Executions in memory by what their ids share with the ids of their tasks.
#[derive(Debug, Default)]
struct Prefixes {
    first: IdMap<u64, u128>,
    more: BTreeMap<u64, Vec<u128>>,
}

impl Prefixes {
    fn insert(&mut self, id: WorkflowId) {
        match self.first.entry(id.prefix()) {
            MapEntry::Vacant(place) => {
                place.insert(id.0);
            }
            MapEntry::Occupied(held) if *held.get() == id.0 => {}
            MapEntry::Occupied(_) => {
                let more = self.more.entry(id.prefix()).or_default();
                if !more.contains(&id.0) {
                    more.push(id.0);
                }
            }
        }
    }

    fn remove(&mut self, id: WorkflowId) {
        let prefix = id.prefix();
        let more = self.more.get_mut(&prefix);
        if self.first.get(&prefix) == Some(&id.0) {
            match more.and_then(Vec::pop) {
                Some(next) => self.first.insert(prefix, next),
                None => self.first.remove(&prefix),
            };
        } else if let Some(more) = more {
            more.retain(|other| *other != id.0);
        }
        if self.more.get(&prefix).is_some_and(Vec::is_empty) {
            self.more.remove(&prefix);
        }
    }

    fn of(&self, prefix: u64) -> impl Iterator<Item = WorkflowId> {
        let more = self.more.get(&prefix).into_iter().flatten();
        self.first.get(&prefix).into_iter().chain(more).map(|id| WorkflowId(*id))
    }
}

/// What is kept for searches; what is not is refused.
#[derive(Clone, Copy, Debug)]
pub struct SearchKept {
    /// Indexes of executions; the others need them.
    pub executions: bool,
    /// Rows of tasks. They cost an execution a tenth.
    pub tasks: bool,
    /// Words of payloads and names, for free text. It costs an execution about as much as its sockets do.
    pub words: bool,
}

impl Default for SearchKept {
    fn default() -> Self {
        Self { executions: true, tasks: false, words: false }
    }
}

/// What may be set of a machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of this server in error bodies.
    pub instance: String,
    /// Executions kept in memory beyond those that must be.
    pub cached_max: usize,
    /// Executions that are over leave memory at once, but for their records. Needs an archive that takes them.
    pub forgets_finished: bool,
    /// What the archive keeps for searches.
    pub search: SearchKept,
    /// How long a batch poll may ask to wait, in milliseconds (S-51.1).
    pub poll_ms_max: i64,
    /// Environment entries that expressions may read (S-8.8).
    pub environment: Vec<(String, String)>,
    /// How long it is remembered what was done about an event (S-80.6).
    pub events_kept_ms: i64,
    /// Folder of the payloads that clients keep outside of executions; none offers no such place (S-91.3).
    pub payload_dir: Option<PathBuf>,
    /// Secrets that tasks may be given (S-8.20).
    pub secrets: Secrets,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            instance: "unknown".to_owned(),
            cached_max: 50_000,
            forgets_finished: false,
            search: SearchKept::default(),
            poll_ms_max: 5_000,
            environment: Vec::new(),
            events_kept_ms: events::KEPT_MS,
            payload_dir: None,
            secrets: Secrets::default(),
        }
    }
}

/// The server as a value.
pub struct Machine {
    /// What may be set.
    pub options: Options,
    /// The clock of the current call; never goes back.
    pub now_ms: i64,
    /// Definitions.
    pub registry: Registry,
    /// Executions in memory.
    pub executions: IdMap<u128, Box<Entry>>,
    /// Queued tasks.
    pub queues: ReadyQueues,
    /// Last polls (S-51.7).
    pub poll_data: PollData,
    /// Counts.
    pub stats: Stats,
    /// Payloads outside of executions.
    pub payloads: Option<Arc<PayloadFiles>>,
    scripts: Scripts,
    shelf: Box<dyn Shelf>,
    random: u64,
    timers: TimingWheel<u128>,
    armed: IdMap<u128, (i64, TimerHandle)>,
    delayed: BTreeSet<(i64, QueueId)>,
    parked: ParkedPolls,
    polls: IdMap<u64, polling::Poll>,
    /// The parked polls of each connection.
    polls_of: IdMap<u64, Vec<u64>>,
    next_poll: u64,
    waits: waits::Waits,
    is_stopping: bool,
    concurrency: Concurrency,
    admissions: Admissions,
    rates: RateLimit,
    holding: IdMap<TaskKey, Arc<str>>,
    waiting_for_slot: HashMap<Arc<str>, BTreeSet<QueueId>>,
    prefixes: Prefixes,
    hungry: Vec<QueueId>,
    recovered_keys: IdMap<u128, Vec<TaskKey>>,
    outbox: VecDeque<(WorkflowId, u32)>,
    undelivered: Vec<(WorkflowId, u32)>,
    deliver_again_ms: i64,
    frames: Frames,
    position: u64,
    replies: Vec<(ReplyTo, Reply)>,
    pending: rows::Pending,
    asks: Vec<shelf::Ask>,
    read_fault: Option<StoreFault>,
    trimmed_ms: i64,
    forget_events_ms: i64,
    trials: VecDeque<Box<trial::Trial>>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine")
            .field("executions", &self.executions.len())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// What came out of calls: make the frames durable, then give the replies.
#[derive(Debug, Default)]
pub struct Output {
    /// Framed journal records.
    pub frames: Frames,
    /// Replies that wait for them.
    pub replies: Vec<(ReplyTo, Reply)>,
    /// Position of the last record made so far.
    pub position: u64,
    /// Questions only the archive can answer.
    pub asks: Vec<shelf::Ask>,
}

impl Machine {
    /// A machine that knows what `shelf` holds; `seed` must be fresh randomness.
    pub fn new(options: Options, shelf: Box<dyn Shelf>, seed: u64, now_ms: i64) -> Self {
        Self::with_scripts(options, shelf, seed, now_ms, Scripts::new())
    }

    /// The same with script engines that also obey a clock (H19).
    pub fn with_scripts(
        options: Options,
        shelf: Box<dyn Shelf>,
        seed: u64,
        now_ms: i64,
        scripts: Scripts,
    ) -> Self {
        Self {
            registry: Registry::new(options.environment.clone(), options.secrets.clone()),
            payloads: options.payload_dir.clone().map(|dir| Arc::new(PayloadFiles::new(dir))),
            options,
            now_ms,
            executions: IdMap::default(),
            queues: ReadyQueues::new(),
            poll_data: PollData::new(),
            stats: Stats::default(),
            scripts,
            shelf,
            random: seed,
            timers: TimingWheel::new(now_ms),
            armed: IdMap::default(),
            delayed: BTreeSet::new(),
            parked: ParkedPolls::new(),
            polls: IdMap::default(),
            polls_of: IdMap::default(),
            next_poll: 0,
            waits: waits::Waits::default(),
            is_stopping: false,
            concurrency: Concurrency::new(),
            admissions: Admissions::default(),
            rates: RateLimit::new(),
            holding: IdMap::default(),
            waiting_for_slot: HashMap::new(),
            prefixes: Prefixes::default(),
            hungry: Vec::new(),
            recovered_keys: IdMap::default(),
            outbox: VecDeque::new(),
            undelivered: Vec::new(),
            deliver_again_ms: now_ms,
            frames: Frames::default(),
            position: 0,
            replies: Vec::new(),
            pending: rows::Pending::default(),
            asks: Vec::new(),
            read_fault: None,
            trimmed_ms: now_ms,
            // Not at once: a start has enough to read.
            forget_events_ms: now_ms + events::FORGET_MORE_MS,
            trials: VecDeque::new(),
        }
    }

    /// Sets the clock; a clock that went back is held.
    pub fn set_now(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// The next number of the machine's random sequence.
    pub fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.random;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A fresh execution id.
    pub fn new_id(&mut self) -> WorkflowId {
        let seed = u128::from(self.random()) << 64 | u128::from(self.random());
        WorkflowId::from_seed(self.now_ms, seed)
    }

    /// Gives an answer.
    pub fn reply(&mut self, to: ReplyTo, reply: Reply) {
        if to != ReplyTo::Nobody {
            self.replies.push((to, reply));
        }
    }

    /// Takes what came out so far.
    pub fn take_output(&mut self) -> Output {
        Output {
            frames: std::mem::take(&mut self.frames),
            replies: std::mem::take(&mut self.replies),
            position: self.position,
            asks: std::mem::take(&mut self.asks),
        }
    }

    /// Takes an emptied buffer of frames back, so that the next records need not grow a new one.
    pub fn reuse(&mut self, frames: Frames) {
        assert!(frames.is_empty(), "an emptied buffer");
        if self.frames.is_empty() && frames.capacity() <= FRAMES_KEPT_BYTES {
            self.frames = frames;
        }
    }

    /// Puts a question to the archive, behind everything that happened so far.
    pub fn ask(&mut self, ask: shelf::Ask) {
        self.asks.push(ask);
    }

    /// Script engines, for checks at registration.
    pub fn scripts(&mut self) -> &mut Scripts {
        &mut self.scripts
    }

    /// Log lines of a task, oldest first.
    pub fn logs(&self, task: [u8; 16]) -> Result<Vec<fastcond_store::LogLine>, StoreFault> {
        let mut lines = self.shelf.logs(task)?;
        for line in self.pending.logs_of(task) {
            if !lines.iter().any(|known| known.seq == line.seq) {
                lines.push(line.clone());
            }
        }
        lines.sort_by_key(|line| (line.created_ms, line.seq));
        Ok(lines)
    }

    /// The execution that a task id belongs to.
    pub fn owner_of(&mut self, task: fastcond_model::TaskId) -> Option<(WorkflowId, fastcond_model::TaskNo)> {
        let named = |ids: &mut dyn Iterator<Item = WorkflowId>| {
            let mut found = ids.filter_map(|id| id.number_of(task).map(|no| (id, no)));
            found.next()
        };
        let in_memory = named(&mut self.prefixes.of(task.prefix()));
        let (id, no) = if let Some(found) = in_memory {
            found
        } else {
            let stored = self.shelf.ids_with_prefix(task.prefix_bytes());
            named(&mut self.read(stored).unwrap_or_default().into_iter())?
        };
        let has_task = self.find(id)?.execution.tasks.get(no).is_some();
        has_task.then_some((id, no))
    }

    /// Bytes of journal records that wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.frames.len()
    }

    /// Loads an execution into memory; false when there is none of that id.
    pub fn load(&mut self, id: WorkflowId) -> bool {
        if self.executions.contains_key(&id.0) {
            return true;
        }
        if self.pending.removed.contains(&id.0) {
            return false;
        }
        let found = if self.pending.is_resting(id) { self.wake(id) } else { self.fetch(id) };
        let Some(entry) = found else { return false };
        self.make_room();
        self.keep(id, entry);
        self.pending.note_loaded(id.0);
        true
    }

    fn fetch(&mut self, id: WorkflowId) -> Option<Entry> {
        let loaded = self.shelf.load(id);
        let record = self.read(loaded).flatten()?;
        let live = self.revived(&record)?;
        Some(Entry { live, is_dirty: false, row: None, batched: 0, may_leave: true })
    }

    /// The live form of a record.
    fn revived(&mut self, record: &[u8]) -> Option<Live> {
        let execution = fastcond_model::codec::apply(None, record).expect("an archived record is readable");
        let graph = self.snapshot_of(&execution.header.def)?;
        let mut live = Live::new(execution, graph);
        live.resume_work();
        Some(live)
    }

    /// What the archive answered; a fault fails the call that is being carried out.
    fn read<T>(&mut self, answer: Result<T, StoreFault>) -> Option<T> {
        match answer {
            Ok(value) => Some(value),
            Err(fault) => {
                self.read_fault.get_or_insert(fault);
                None
            }
        }
    }

    /// Whether the call that is being carried out met a fault of the archive.
    pub fn has_read_fault(&self) -> bool {
        self.read_fault.is_some()
    }

    /// The fault of the archive that the last call met.
    pub fn take_read_fault(&mut self) -> Option<StoreFault> {
        self.read_fault.take()
    }

    /// Takes an execution into memory.
    fn keep(&mut self, id: WorkflowId, entry: Entry) {
        self.prefixes.insert(id);
        self.executions.insert(id.0, Box::new(entry));
    }

    /// Lets an execution go from memory.
    fn let_go(&mut self, id: WorkflowId) -> Option<Box<Entry>> {
        self.prefixes.remove(id);
        self.executions.remove(&id.0)
    }

    /// The execution of that id, from memory or the archive.
    pub fn find(&mut self, id: WorkflowId) -> Option<&Live> {
        self.load(id).then(|| &self.executions[&id.0].live)
    }

    /// The snapshot an execution runs on; none when the archive cannot be read, which is noted.
    pub fn snapshot_of(&mut self, def: &fastcond_model::DefId) -> Option<Arc<Graph>> {
        if let Some(graph) = self.registry.snapshot(*def) {
            return Some(graph);
        }
        let text = if let Some(text) = self.pending.snapshot(&def.key()) {
            text
        } else {
            let stored = self.shelf.definition(&def.key());
            self.read(stored)?.expect("a snapshot is stored before an execution uses it")
        };
        Some(self.registry.adopt_snapshot(&text, true))
    }
}
