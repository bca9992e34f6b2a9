//! G8 over crash images: whatever a crash leaves, what was acknowledged is there, in order and without a hole.

mod common;

use common::{Dice, framed, open, options, payload, read_from};
use fastcond_store::disk::{Keep, MemoryDisk};
use fastcond_store::{Journal, JournalOptions, SyncMode};

const KEEPS: [Keep; 5] = [Keep::All, Keep::Synced, Keep::Subset, Keep::Torn, Keep::LostGrowth];

/// What a client knows at some moment, as counted in operations of the disk.
#[derive(Debug, Clone)]
struct Moment {
    operations: usize,
    /// Records acknowledged: the first `acked` of the ledger.
    acked: u64,
    /// Records the archive covers durably.
    covered: u64,
}

/// A run of a journal, with the history a crash test needs.
struct Run {
    disk: MemoryDisk,
    options: JournalOptions,
    life: u64,
    /// The payload of every position that must be there, or was at least tried.
    ledger: Vec<Vec<u8>>,
    moments: Vec<Moment>,
}

impl Run {
    /// Goes on from a disk whose journal holds exactly the ledger.
    fn new(disk: MemoryDisk, options: JournalOptions, life: u64, ledger: Vec<Vec<u8>>, covered: u64) -> Self {
        let acked = ledger.len() as u64;
        let moments = vec![Moment { operations: 0, acked, covered }];
        Self { disk, options, life, ledger, moments }
    }

    fn note(&mut self, acked: u64, covered: u64) {
        self.moments.push(Moment { operations: self.disk.operations(), acked, covered });
    }

    fn covered(&self) -> u64 {
        self.moments.last().expect("never empty").covered
    }

    /// Appends groups, seals, gives segments back and prepares spares, by the dice.
    fn work(&mut self, journal: &mut Journal<MemoryDisk>, groups: usize, dice: &mut Dice) {
        for _ in 0..groups {
            let mut group = Vec::new();
            for _ in 0..=dice.below(5) {
                let position = self.ledger.len() as u64 + 1;
                self.ledger.push(payload(self.life, position));
                group.extend_from_slice(&framed(self.ledger.last().expect("just pushed")));
            }
            let last = journal.append_group(&mut group).expect("a healthy disk");
            assert_eq!(last, self.ledger.len() as u64);
            if self.options.sync == SyncMode::Normal && dice.below(4) == 0 {
                journal.sync().expect("a healthy disk");
            }
            // In normal mode only what is synced is promised to survive a power loss.
            let last = journal.synced();
            self.note(last, self.covered());
            match dice.below(8) {
                0 => journal.seal().expect("a healthy disk"),
                1 => {
                    let covered = self.covered() + dice.below(last - self.covered() + 1);
                    // The archive is durable there first; only then may segments go.
                    self.note(last, covered);
                    journal.segments().release_to(covered).expect("a healthy disk");
                }
                2 => {
                    journal.segments().prepare_spare().expect("a healthy disk");
                }
                _ => {}
            }
        }
    }

    fn moment_at(&self, at: usize) -> &Moment {
        self.moments.iter().rev().find(|moment| moment.operations <= at).expect("one stands at 0")
    }

    /// Opens a crash image and checks it; gives back what a next life starts from.
    fn check(&self, at: usize, keep: Keep, seed: u64) -> (MemoryDisk, Vec<Vec<u8>>, u64) {
        let what = format!("life {} at {at} of {} {keep:?} seed {seed}", self.life, self.disk.operations());
        let Moment { acked, covered, .. } = *self.moment_at(at);
        let image = self.disk.crash(at, keep, seed);
        let (journal, recovery) =
            open(&image, self.options.clone(), covered).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(recovery.last >= acked, "{what}: {acked} was acknowledged, {} is the last", recovery.last);
        let records = read_from(&recovery, covered + 1).unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = (covered + 1..=recovery.last).map(|position| (position, self.at(position)));
        assert!(records.iter().cloned().eq(expected), "{what}: the records are not those written");
        assert_eq!((journal.last(), journal.synced()), (recovery.last, recovery.last), "{what}");
        drop(journal);
        let (_, again) =
            open(&image, self.options.clone(), covered).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(
            read_from(&again, covered + 1).expect("read before"),
            records,
            "{what}: opening changed the records"
        );
        assert!(again.cut.is_none(), "{what}: a cut tail came back");
        let ledger = self.ledger[..usize::try_from(recovery.last).expect("small")].to_vec();
        (image, ledger, covered)
    }

    fn at(&self, position: u64) -> Vec<u8> {
        self.ledger[usize::try_from(position - 1).expect("small")].clone()
    }
}

/// One life from nothing, images of it, lives from some of those, images of them, and so on.
fn crash_again_and_again(seed: u64, options: &JournalOptions, lives: u64, images_per_life: usize) -> usize {
    let mut dice = Dice(seed);
    let (mut disk, mut ledger, mut covered, mut images) = (MemoryDisk::new(), Vec::new(), 0, 0);
    for life in 0..lives {
        let mut run = Run::new(disk, options.clone(), life, ledger, covered);
        let (mut journal, _) = open(&run.disk, run.options.clone(), covered).expect("a healthy disk");
        run.note(run.ledger.len() as u64, covered);
        let groups = 10 + usize::try_from(dice.below(30)).expect("small");
        run.work(&mut journal, groups, &mut dice);
        drop(journal);
        let operations = run.disk.operations() as u64;
        let mut last = None;
        for _ in 0..images_per_life {
            let at = usize::try_from(dice.below(operations + 1)).expect("small");
            let keep = KEEPS[usize::try_from(dice.below(KEEPS.len() as u64)).expect("small")];
            last = Some(run.check(at, keep, dice.next()));
            images += 1;
        }
        (disk, ledger, covered) = last.expect("at least one image");
    }
    images
}

#[test]
fn acknowledged_records_survive_every_crash_image() {
    let mut images = 0;
    for seed in 0..24 {
        let segment_bytes =
            [4096 + 600, 4096 + 2048, 16 << 10, 64 << 10][usize::try_from(seed % 4).expect("small")];
        for sync in [SyncMode::Full, SyncMode::Normal] {
            images += crash_again_and_again(seed, &JournalOptions { sync, ..options(segment_bytes) }, 6, 40);
        }
    }
    assert_eq!(images, 24 * 2 * 6 * 40);
}

#[test]
fn every_operation_of_a_short_life_may_be_the_last() {
    let mut run = Run::new(MemoryDisk::new(), options(4096 + 1500), 1, Vec::new(), 0);
    let (mut journal, _) = open(&run.disk, run.options.clone(), 0).expect("a healthy disk");
    run.work(&mut journal, 30, &mut Dice(7));
    journal.close().expect("a healthy disk");
    for at in 0..=run.disk.operations() {
        for keep in KEEPS {
            for seed in 0..3 {
                run.check(at, keep, seed);
            }
        }
    }
}

/// F1: a crash during recovery, at each of its operations, and then another recovery.
#[test]
fn recovery_may_crash_at_every_operation() {
    let mut run = Run::new(MemoryDisk::new(), options(4096 + 3000), 1, Vec::new(), 0);
    let (mut journal, _) = open(&run.disk, run.options.clone(), 0).expect("a healthy disk");
    run.work(&mut journal, 12, &mut Dice(3));
    let moment = run.moments.last().expect("never empty").clone();
    let mut images = 0;
    for (index, keep) in KEEPS.into_iter().enumerate() {
        let image = run.disk.crash(run.disk.operations(), keep, index as u64);
        let (_, recovery) =
            open(&image, run.options.clone(), moment.covered).expect("acknowledged and intact");
        let expected = read_from(&recovery, moment.covered + 1).expect("readable");
        for at in 0..=image.operations() {
            for (seed, keep) in KEEPS.into_iter().enumerate() {
                let second = image.crash(at, keep, seed as u64);
                let (_, recovery) = open(&second, run.options.clone(), moment.covered)
                    .unwrap_or_else(|error| panic!("crash at {at} {keep:?}: {error}"));
                let found = read_from(&recovery, moment.covered + 1).expect("readable");
                assert!(
                    expected.starts_with(&found) && recovery.last >= moment.acked,
                    "crash at {at} {keep:?}"
                );
                images += 1;
            }
        }
    }
    assert!(images > 100, "{images}");
}

/// A tail that was cut cannot come back, even when the next life writes records of the same lengths.
#[test]
fn cut_tail_never_comes_back() {
    let disk = MemoryDisk::new();
    let (mut journal, _) = open(&disk, options(64 << 10), 0).expect("a healthy disk");
    journal.append_group(&mut framed(b"one")).expect("a healthy disk");
    let before = disk.operations();
    let mut group = [framed(b"two, lost"), framed(b"three, lost"), framed(b"four, lost")].concat();
    journal.append_group(&mut group).expect("a healthy disk");
    let path = std::path::Path::new(common::DIR).join("0000000001-00000000000000000001.journal");
    let image = disk.crash(before + 1, Keep::All, 0);
    let mut bytes = image.contents(&path).expect("the segment");
    // Record two is torn, three and four are whole on the disk.
    bytes[4096 + 32 + 24] ^= 0xff;
    image.corrupt(&path, bytes).expect("the segment");
    let (mut journal, recovery) = open(&image, options(64 << 10), 0).expect("a torn tail");
    let cut = recovery.cut.clone().expect("a cut");
    assert_eq!((cut.position, cut.offset, cut.records_beyond, recovery.last), (2, 4096 + 32, 2, 1));
    journal.append_group(&mut framed(b"two, new!")).expect("a healthy disk");
    let image = image.crash(image.operations(), Keep::All, 0);
    let (_, recovery) = open(&image, options(64 << 10), 0).expect("intact");
    assert_eq!(
        read_from(&recovery, 1).expect("readable"),
        [(1, b"one".to_vec()), (2, b"two, new!".to_vec())]
    );
}

/// What survives only in the page cache of a dead process is made durable before anybody builds on it.
#[test]
fn unsynced_record_that_recovery_shows_is_durable() {
    let disk = MemoryDisk::new();
    let options = JournalOptions { sync: SyncMode::Normal, ..options(64 << 10) };
    let (mut journal, _) = open(&disk, options.clone(), 0).expect("a healthy disk");
    journal.append_group(&mut [framed(b"one"), framed(b"two")].concat()).expect("a healthy disk");
    drop(journal);
    let (_, recovery) = open(&disk, options.clone(), 0).expect("a healthy disk");
    assert_eq!(recovery.last, 2);
    let (_, recovery) = open(&disk.crash(disk.operations(), Keep::Synced, 0), options, 0).expect("intact");
    assert_eq!(recovery.last, 2);
}

/// D2: without a sync per group a power loss takes the unsynced tail, and nothing else; the archive may be ahead.
#[test]
fn normal_mode_loses_only_what_was_not_synced() {
    let disk = MemoryDisk::new();
    let options = JournalOptions { sync: SyncMode::Normal, ..options(64 << 10) };
    let (mut journal, _) = open(&disk, options.clone(), 0).expect("a healthy disk");
    journal.append_group(&mut framed(b"one")).expect("a healthy disk");
    journal.sync().expect("a healthy disk");
    journal.append_group(&mut framed(b"two")).expect("a healthy disk");
    assert_eq!((journal.last(), journal.synced()), (2, 1));
    let lost = disk.crash(disk.operations(), Keep::Synced, 0);
    let (_, recovery) = open(&lost, options.clone(), 0).expect("intact");
    assert_eq!(read_from(&recovery, 1).expect("readable"), [(1, b"one".to_vec())]);
    let lost = disk.crash(disk.operations(), Keep::Synced, 0);
    let (mut journal, recovery) = open(&lost, options.clone(), 2).expect("the archive holds what is missing");
    assert_eq!((recovery.last, journal.last()), (2, 2));
    journal.append_group(&mut framed(b"three")).expect("a healthy disk");
    journal.sync().expect("a healthy disk");
    let (_, recovery) = open(&lost.crash(lost.operations(), Keep::Synced, 0), options, 2).expect("intact");
    assert_eq!(read_from(&recovery, 3).expect("readable"), [(3, b"three".to_vec())]);
}

/// The archive's position may itself be in the page cache only: the journal below it is synced all the same.
#[test]
fn records_below_the_archive_are_durable_after_recovery() {
    let disk = MemoryDisk::new();
    let options = JournalOptions { sync: SyncMode::Normal, ..options(64 << 10) };
    let (mut journal, _) = open(&disk, options.clone(), 0).expect("a healthy disk");
    let texts = [&b"one"[..], b"two", b"three", b"four"];
    journal.append_group(&mut texts.map(framed).concat()).expect("a healthy disk");
    drop(journal);
    open(&disk, options.clone(), 3).expect("a healthy disk");
    // Power loss takes the archive, whose position was never durable, back to nothing.
    let (_, recovery) = open(&disk.crash(disk.operations(), Keep::Synced, 0), options, 0).expect("intact");
    let found: Vec<_> =
        read_from(&recovery, 1).expect("readable").into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(found, texts);
}

/// Neither a seal nor a record vouches for what was written but not synced.
#[test]
fn marks_vouch_only_for_what_was_synced() {
    let disk = MemoryDisk::new();
    let options = JournalOptions { sync: SyncMode::Normal, ..options(64 << 10) };
    let (mut journal, _) = open(&disk, options.clone(), 0).expect("a healthy disk");
    for text in [b"one", b"two"] {
        journal.append_group(&mut framed(text)).expect("a healthy disk");
    }
    journal.seal().expect("a healthy disk");
    journal.sync().expect("a healthy disk");
    journal.append_group(&mut framed(b"three")).expect("a healthy disk");
    journal.append_group(&mut framed(b"four")).expect("a healthy disk");
    journal.seal().expect("a healthy disk");
    for lost in 2..4_usize {
        let image = disk.crash(disk.operations(), Keep::All, 0);
        let path = std::path::Path::new(common::DIR).join("0000000001-00000000000000000001.journal");
        let mut bytes = image.contents(&path).expect("the segment");
        bytes[4096 + 32 * lost] ^= 1;
        image.corrupt(&path, bytes).expect("the segment");
        let (_, recovery) = open(&image, options.clone(), 0).expect("only the unsynced tail is torn");
        assert_eq!(recovery.last, lost as u64);
    }
}

/// Segments are used again and again; a run over many lives of each file reads back only its own records.
#[test]
fn recycled_segments_keep_nothing_of_their_past() {
    let disk = MemoryDisk::new();
    let (mut journal, _) = open(&disk, options(4096 + 1024), 0).expect("a healthy disk");
    let text = |position: u64| vec![u8::try_from(position % 256).expect("small"); 200];
    for position in 1..=400 {
        journal.append_group(&mut framed(&text(position))).expect("a healthy disk");
        journal.segments().release_to(position - 1).expect("a healthy disk");
    }
    let names = fastcond_store::disk::Disk::list(&disk, std::path::Path::new(common::DIR)).expect("a folder");
    assert!(names.len() <= 4, "{names:?}");
    drop(journal);
    let (_, recovery) = open(&disk, options(4096 + 1024), 399).expect("intact");
    assert_eq!(read_from(&recovery, 400).expect("readable"), [(400, text(400))]);
}
