//! A machine over a real store loses nothing acknowledged, whatever it was doing when it died (G8, G3, G16).
//!
//! Each run is a random client on a random schedule of acknowledgements, archive batches and crashes. After each crash
//! the store is opened and recovered twice; executions, queues, timers, slots, definitions, logs and messages are
//! compared with the fold of the journal's records. At the end good workers must bring everything to its end.
//!
//! `FASTCOND_TEST_SEED=7` runs one seed, `FASTCOND_TEST_SEEDS=5000` runs more of them.

#[path = "../client/mod.rs"]
mod client;

mod acts;
mod definitions;
mod truth;
mod world;

use client::Random;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use world::{Sabotage, Swarm, World};

/// Seeds of one configuration in the default run.
const SEEDS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// A random schedule; `cached_max` and the rest of the configuration are given.
fn swarm(seed: u64, cached_max: usize) -> Swarm {
    let mut random = Random::new(seed ^ 0x5eed);
    Swarm {
        seed,
        turns: 40 + random.below(80),
        cached_max,
        acknowledge: *random.pick(&[20, 60, 90]),
        batch: *random.pick(&[5, 30, 60]),
        write: *random.pick(&[10, 40, 90]),
        note: *random.pick(&[0, 10, 60, 100]),
        crash: *random.pick(&[2, 4, 8]),
        sabotage: None,
    }
}

/// One run; gives its crashes.
fn run(swarm: Swarm) -> usize {
    let mut world = World::new(swarm);
    for _ in 0..swarm.turns {
        world.turn();
    }
    world.crash();
    world.finish_everything();
    world.truth.check_families().expect("families are whole");
    world.truth.check_events().expect("events are acted on once");
    world.check();
    // What is over leaves memory once it is archived, whatever the cache may hold.
    world.make_batch();
    while world.written_behind() {
        world.write_batch();
    }
    world.note();
    assert_eq!(world.in_memory(), 0, "finished executions leave memory");
    world.crash();
    assert_eq!(world.in_memory(), 0, "nothing is open any more");
    world.crashes
}

fn run_seeds(cached_max: usize, change: impl Fn(&mut Swarm)) {
    let seeds = match number("FASTCOND_TEST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("FASTCOND_TEST_SEEDS").unwrap_or(SEEDS),
    };
    let mut crashes = 0;
    for seed in seeds.clone() {
        let mut swarm = swarm(seed, cached_max);
        change(&mut swarm);
        match catch_unwind(AssertUnwindSafe(|| run(swarm))) {
            Ok(count) => crashes += count,
            Err(panic) => {
                eprintln!("FASTCOND_TEST_SEED={seed} fails: {swarm:?}");
                resume_unwind(panic);
            }
        }
    }
    let count = usize::try_from(seeds.end - seeds.start).expect("a small number");
    assert!(crashes >= 2 * count, "{crashes} crashes in {count} runs");
}

#[test]
fn crashes_with_everything_evicted_lose_nothing() {
    run_seeds(0, |_| {});
}

#[test]
fn crashes_with_one_execution_cached_lose_nothing() {
    run_seeds(1, |swarm| swarm.seed += 1_000_000);
}

#[test]
fn crashes_with_everything_in_memory_lose_nothing() {
    run_seeds(50_000, |swarm| swarm.seed += 2_000_000);
}

#[test]
fn crashes_without_an_archive_lose_nothing() {
    run_seeds(0, |swarm| {
        swarm.seed += 3_000_000;
        swarm.batch = 0;
    });
}

/// The checks notice what a broken server would do (habit 9).
#[test]
fn checks_notice_each_deliberate_fault() {
    let faults = [
        Sabotage::AcknowledgesEarly,
        Sabotage::SkipsRows,
        Sabotage::SkipsLogs,
        Sabotage::KeepsRemoved,
        Sabotage::NotesEarly,
    ];
    // These panics are wanted; those of tests beside this one are not.
    let (this, hook) = (std::thread::current().id(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() != this {
            hook(panic);
        }
    }));
    let unnoticed: Vec<Sabotage> = faults
        .into_iter()
        .filter(|fault| {
            let broken = |seed| Swarm {
                sabotage: Some(*fault),
                batch: 60,
                write: 30,
                note: 60,
                crash: 8,
                ..swarm(seed, 0)
            };
            !(0..20).any(|seed| catch_unwind(AssertUnwindSafe(|| run(broken(seed)))).is_err())
        })
        .collect();
    drop(std::panic::take_hook());
    assert!(unnoticed.is_empty(), "nobody noticed {unnoticed:?}");
}
