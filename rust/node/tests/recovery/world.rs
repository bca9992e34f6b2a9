//! A machine over a real store, and the crashes between them.
//!
//! The world stands for the threads of the server: it makes records durable, lets replies go, writes batches once their
//! records are durable, and tells the machine. A crash keeps the durable records and any number of those after them.

use crate::client;
use crate::definitions;
use crate::truth::Truth;
use fastcond_node::machine::recovery::Recovering;
use fastcond_node::machine::shelf::NoShelf;
use fastcond_node::machine::{Machine, Options};
use fastcond_node::reply::{Reply, ReplyTo};
use fastcond_store::{Batch, Settings, Store, SyncMode, frame, payloads};
use std::collections::{BTreeMap, VecDeque};
use tempfile::TempDir;

/// Batches the archive may be behind.
const BATCHES_MAX: usize = 3;

/// Records of one run; more come from a loop that never rests.
const RECORDS_MAX: u64 = 30_000;

/// How a run goes, in percent per turn; a few words more than the seed.
#[derive(Clone, Copy, Debug)]
pub struct Swarm {
    /// Seed of everything random.
    pub seed: u64,
    /// Turns before the workers take over.
    pub turns: usize,
    /// Executions kept in memory.
    pub cached_max: usize,
    /// Records become durable.
    pub acknowledge: usize,
    /// A batch is made.
    pub batch: usize,
    /// A batch is written.
    pub write: usize,
    /// The machine hears that batches are written; 0 is never.
    pub note: usize,
    /// The process dies.
    pub crash: usize,
    /// A deliberate fault of the world, to see that the checks notice.
    pub sabotage: Option<Sabotage>,
}

/// What a broken server would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The last group is acknowledged before it is in the journal.
    AcknowledgesEarly,
    /// Batches lack one of their rows.
    SkipsRows,
    /// Batches lack their log lines.
    SkipsLogs,
    /// Removed executions stay in the archive.
    KeepsRemoved,
    /// The machine is told that batches are written that are not.
    NotesEarly,
}

/// What the client asked under a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// For tasks.
    Tasks,
    /// For something else.
    Other,
}

/// The world of one run.
pub struct World {
    /// How it goes.
    pub swarm: Swarm,
    /// Its randomness.
    pub random: client::Random,
    /// What the durable records make true.
    pub truth: Truth,
    /// Tasks the client was given and has not finished.
    pub held: Vec<client::Taken>,
    /// The clock.
    pub now_ms: i64,
    /// Crashes so far.
    pub crashes: usize,
    folder: TempDir,
    store: Option<Store>,
    machine: Option<Machine>,
    /// A machine that never forgets anything and does the same, until the first crash.
    twin: Option<Machine>,
    volatile: Vec<Vec<u8>>,
    /// Frames that a broken server acknowledges before they are in the journal.
    late: Vec<u8>,
    waiting: Vec<(ReplyTo, Reply)>,
    asked: BTreeMap<u64, Asked>,
    tickets: u64,
    batches: VecDeque<Batch>,
    written: u64,
}

impl World {
    /// An empty store with all definitions registered.
    pub fn new(swarm: Swarm) -> Self {
        // In memory when there is such a place: what syncs promise is tested elsewhere, here they only take time.
        let folder =
            tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
        let mut world = Self {
            swarm,
            random: client::Random::new(swarm.seed),
            truth: Truth::default(),
            held: Vec::new(),
            now_ms: client::START_MS,
            crashes: 0,
            folder,
            store: None,
            machine: None,
            twin: None,
            volatile: Vec::new(),
            late: Vec::new(),
            waiting: Vec::new(),
            asked: BTreeMap::new(),
            tickets: 0,
            batches: VecDeque::new(),
            written: 0,
        };
        world.open();
        world.call(Asked::Other, "taskdefs.create", &[], &definitions::tasks());
        world.call(Asked::Other, "workflowdefs.update", &[], &definitions::workflows());
        world.call(Asked::Other, "events.create", &[], &definitions::handler());
        world.settle();
        world
    }

    /// The machine that runs.
    pub fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("the machine runs")
    }

    /// The client asks something; the answer reaches it once it is durable.
    pub fn call(&mut self, asked: Asked, verb: &str, params: &[(&str, &str)], body: &str) {
        self.tickets += 1;
        let ticket = self.tickets;
        self.asked.insert(ticket, asked);
        for machine in self.machine.iter_mut().chain(&mut self.twin) {
            client::call(machine, ticket, verb, params, body);
        }
    }

    /// Everything due now happens, as at the end of each turn of the engine thread.
    pub fn settle(&mut self) {
        let mut outputs = Vec::new();
        for machine in self.machine.iter_mut().chain(&mut self.twin) {
            machine.set_now(self.now_ms);
            machine.tick();
            outputs.push(machine.take_output());
        }
        let output = outputs.swap_remove(0);
        for twin in outputs {
            // G27: the same calls, the same bytes; and nobody can tell that executions left memory and came back.
            assert_eq!(
                (&*output.frames, &output.replies),
                (&*twin.frames, &twin.replies),
                "the twin does otherwise"
            );
        }
        self.volatile.extend(payloads(&output.frames).map(<[u8]>::to_vec));
        self.waiting.extend(output.replies);
        let records = self.truth.position + self.volatile.len() as u64;
        assert!(records < RECORDS_MAX, "executions set each other off without end: {records} records");
    }

    /// What is waiting becomes durable, and its replies go out.
    pub fn acknowledge(&mut self) {
        let records = std::mem::take(&mut self.volatile);
        self.keep(&records);
        for (to, reply) in std::mem::take(&mut self.waiting) {
            let ReplyTo::Ticket(ticket) = to else { panic!("nobody asked as {to:?}") };
            assert!(reply.status < 500, "{}", String::from_utf8_lossy(&reply.body));
            if self.asked.remove(&ticket) == Some(Asked::Tasks) && reply.status < 300 {
                self.held.extend(client::taken(&reply));
            }
        }
    }

    fn keep(&mut self, records: &[Vec<u8>]) {
        let mut frames = Vec::new();
        for payload in records {
            frame(&mut frames, payload);
            self.truth.take(payload).expect("records follow each other");
        }
        if self.swarm.sabotage == Some(Sabotage::AcknowledgesEarly) {
            std::mem::swap(&mut frames, &mut self.late);
        }
        let store = self.store.as_mut().expect("the store is open");
        store.journal.append_group(&mut frames).expect("the journal takes records");
        assert!(
            self.swarm.sabotage.is_some() || store.journal.last() == self.truth.position,
            "positions agree"
        );
    }

    /// Changes go to the archive, once their records are durable.
    pub fn make_batch(&mut self) {
        if self.batches.len() < BATCHES_MAX {
            let mut batch = self.machine().make_batch();
            match self.swarm.sabotage {
                Some(Sabotage::SkipsRows) => drop(batch.upserts.pop()),
                Some(Sabotage::SkipsLogs) => batch.logs.clear(),
                Some(Sabotage::KeepsRemoved) => batch.removes.clear(),
                Some(Sabotage::NotesEarly) => {
                    let covered = batch.covered;
                    self.machine().note_archived(covered);
                }
                Some(Sabotage::AcknowledgesEarly) | None => {}
            }
            self.batches.push_back(batch);
        }
    }

    /// The archive writes the next batch it may write.
    pub fn write_batch(&mut self) {
        if self.batches.front().is_some_and(|batch| batch.covered <= self.truth.position) {
            let batch = self.batches.pop_front().expect("the front was just seen");
            let store = self.store.as_mut().expect("the store is open");
            let written = store.archive.write_batch(&batch).expect("the archive takes batches");
            store.journal.segments().release_to(written.durable).expect("segments can be given back");
            self.written = written.covered;
        }
    }

    /// The machine hears what is written.
    pub fn note(&mut self) {
        let written = self.written;
        self.machine().note_archived(written);
    }

    /// The process dies: what was acknowledged is kept, and any number of records after it. Everybody forgets the rest.
    pub fn crash(&mut self) {
        let mut records = std::mem::take(&mut self.volatile);
        records.truncate(self.random.below(records.len() + 1));
        self.keep(&records);
        self.late.clear();
        self.waiting.clear();
        self.asked.clear();
        self.batches.clear();
        (self.machine, self.twin) = (None, None);
        self.store = None;
        self.crashes += 1;
        self.now_ms += i64::try_from(self.random.below(20_000)).expect("a small number");
        self.open();
    }

    /// Opens the store and recovers, twice: looking at the first machine closely, going on with the second untouched.
    fn open(&mut self) {
        for is_last in [false, true] {
            let settings = Settings {
                sync: SyncMode::Normal,
                segment_bytes: 64 << 10,
                ..Settings::new(self.folder.path())
            };
            let store = Store::open(&settings).expect("the store is sound");
            let seed = self.random.next();
            let mut machine = self.recover(&store, seed);
            self.truth.check_recovered(&machine).expect("derived state follows from the records");
            self.truth.check_kept(&mut machine).expect("definitions and logs are kept");
            self.written = store.archive.written().covered;
            if is_last {
                (self.store, self.machine) = (Some(store), Some(machine));
                if self.crashes == 0 {
                    let twin = Machine::new(Options::default(), Box::new(NoShelf), seed, self.now_ms);
                    self.twin = Some(twin);
                }
            } else {
                self.truth.check_executions(&mut machine).expect("executions are as the records say");
                assert!(machine.take_output().frames.is_empty(), "recovery changes nothing");
            }
        }
    }

    fn recover(&self, store: &Store, seed: u64) -> Machine {
        let reader = store.reader().expect("the archive can be read");
        // Every other seed: what is over leaves memory before the archive has it.
        let forgets_finished = self.swarm.note > 0 && self.swarm.seed.is_multiple_of(2);
        let options = Options { cached_max: self.swarm.cached_max, forgets_finished, ..Options::default() };
        let mut machine = Machine::new(options, Box::new(reader), seed, self.now_ms);
        let mut recovering = Recovering::new(&mut machine);
        store.recover(&mut recovering).expect("the store can be read");
        recovering.finish().expect("the records can be read");
        machine
    }

    /// Compares the running machine with its records; what that loads may leave memory again.
    pub fn check(&mut self) {
        self.acknowledge();
        let written = self.written;
        let machine = self.machine.as_mut().expect("the machine runs");
        self.truth.check_derived(machine).expect("derived state follows from the records");
        self.truth.check_kept(machine).expect("definitions and logs are kept");
        self.truth.check_executions(machine).expect("executions are as the records say");
        if self.swarm.note > 0 {
            machine.note_archived(written);
        }
    }

    /// Whether a batch waits to be written.
    pub fn written_behind(&self) -> bool {
        !self.batches.is_empty()
    }

    /// Executions in memory.
    pub fn in_memory(&mut self) -> usize {
        self.machine().executions.len()
    }
}
