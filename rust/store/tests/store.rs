//! The folder as a whole: lock, identity, and recovery over archive and journal.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fastcond_store::disk::{Keep, MemoryDisk};
use fastcond_store::{Batch, Doc, OpenError, OpenRow, Recover, Row, Settings, Store, Thing, frame};

/// Names the folder for the process that the lock test starts.
const HOLDER_FOLDER: &str = "FASTCOND_STORE_TEST_FOLDER";

fn settings(folder: &Path) -> Settings {
    Settings { segment_bytes: 64 << 10, ..Settings::new(folder) }
}

fn row(number: u8) -> Row {
    let id = [number; 16];
    let doc = Doc { id, name: "order".to_owned(), status: "RUNNING".to_owned(), ..Doc::default() };
    Row {
        id,
        open: true,
        next_due: None,
        ready: vec![number],
        flags: 0,
        doc,
        record: vec![number; 100].into(),
    }
}

/// Writes down what recovery hands over, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Transcript(Vec<String>);

impl Recover for Transcript {
    fn covered(&mut self, position: u64) {
        self.0.push(format!("covered {position}"));
    }

    fn open_row(&mut self, row: OpenRow<'_>) {
        self.0.push(format!("open {}", row.id[0]));
    }

    fn families(&self) -> &'static [&'static str] {
        &["def"]
    }

    fn thing(&mut self, kind: &str, key: &str, value: &[u8]) {
        self.0.push(format!("thing {kind} {key} {}", String::from_utf8_lossy(value)));
    }

    fn record(&mut self, position: u64, payload: &[u8]) {
        self.0.push(format!("record {position} {}", String::from_utf8_lossy(payload)));
    }
}

fn recovered<D: fastcond_store::disk::Disk>(store: &Store<D>) -> Vec<String> {
    let mut transcript = Transcript::default();
    store.recover(&mut transcript).expect("sound");
    transcript.0
}

fn frames(texts: &[&str]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for text in texts {
        frame(&mut buffer, text.as_bytes());
    }
    buffer
}

#[test]
fn recovery_is_the_archive_and_then_the_journal_after_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = Store::open(&settings(folder.path())).expect("a new store");
    assert_eq!(recovered(&store), ["covered 0"]);
    store.journal.append_group(&mut frames(&["a", "b", "c"])).expect("a healthy disk");
    let things = vec![Thing { kind: "def".to_owned(), key: "order".to_owned(), value: Some(b"v1".to_vec()) }];
    let batch = Batch { covered: 2, upserts: vec![row(1)], things, ..Batch::default() };
    store.archive.write_batch(&batch).expect("written");
    let id = store.id;
    drop(store);
    for _ in 0..3 {
        let store = Store::open(&settings(folder.path())).expect("intact");
        assert_eq!(store.id, id);
        assert_eq!(recovered(&store), ["covered 2", "open 1", "thing def order v1", "record 3 c"]);
    }
}

/// The journal is given back only up to what the archive holds durably; then both together still hold everything.
#[test]
fn released_journal_and_archive_together_lose_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = MemoryDisk::new();
    let settings = Settings { segment_bytes: 4096 + 512, ..Settings::new(folder.path()) };
    let mut store = Store::open_on(disk.clone(), &settings).expect("a new store");
    for number in 1..=60_u8 {
        let text = format!("{number:0>100}");
        store.journal.append_group(&mut frames(&[&text])).expect("a healthy disk");
        if number % 7 == 0 {
            let covered = u64::from(number) - 2;
            store.archive.write_batch(&Batch { covered, ..Batch::default() }).expect("written");
        }
        if number % 21 == 0 {
            let durable = store.archive.checkpoint().expect("copied").durable;
            assert!(store.journal.segments().release_to(durable).expect("a healthy disk") > 0);
        }
    }
    let image = disk.crash(disk.operations(), Keep::Synced, 1);
    drop(store);
    let store = Store::open_on(image, &settings).expect("intact");
    let found = recovered(&store);
    assert_eq!(found[0], "covered 54");
    let expected: Vec<_> = (55..=60).map(|number| format!("record {number} {number:0>100}")).collect();
    assert_eq!(&found[1..], expected);
}

#[test]
fn second_opener_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&settings(folder.path())).expect("a new store");
    let error = Store::open(&settings(folder.path())).expect_err("in use");
    let OpenError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder, &format!("process {}", std::process::id()));
    drop(store);
    Store::open(&settings(folder.path())).expect("free again");
}

/// Run by the next test in a process of its own; does nothing by itself.
#[test]
fn lock_holder() {
    let Ok(folder) = std::env::var(HOLDER_FOLDER) else { return };
    let mut store = Store::open(&settings(Path::new(&folder))).expect("a free folder");
    store.journal.append_group(&mut frames(&["acknowledged"])).expect("a healthy disk");
    println!("\nholding");
    std::io::stdin().read_line(&mut String::new()).expect("killed before this returns");
}

/// F1: SIGKILL frees the folder, and what the dead process acknowledged is there.
#[test]
fn lock_dies_with_its_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "lock_holder", "--nocapture"])
        .env(HOLDER_FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let holds = lines.map_while(Result::ok).any(|line| line.trim() == "holding");
    assert!(holds, "the other process did not open the store");
    let error = Store::open(&settings(folder.path())).expect_err("in use");
    let OpenError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder, &format!("process {}", child.id()));
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    let store = Store::open(&settings(folder.path())).expect("free again");
    assert_eq!(recovered(&store), ["covered 0", "record 1 acknowledged"]);
}

/// G26: the layout of a newer release is refused as such.
#[test]
fn folder_of_a_newer_release_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(Store::open(&settings(folder.path())).expect("a new store"));
    let path = folder.path().join("store");
    let text = fs::read_to_string(&path).expect("an identity");
    fs::write(&path, text.replace("format 1", "format 2")).expect("changed");
    let error = Store::open(&settings(folder.path())).expect_err("newer");
    assert!(matches!(error, OpenError::NewerFormat { found: 2, ours: 1, .. }), "{error}");
}

/// F4: files of different stores in one folder are never mixed.
#[test]
fn mixed_folders_are_refused() {
    let open = |folder: &tempfile::TempDir| Store::open(&settings(folder.path()));
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    for folder in [&one, &two] {
        let mut store = open(folder).expect("a new store");
        store.journal.append_group(&mut frames(&["x"])).expect("a healthy disk");
    }
    fs::copy(two.path().join("store"), one.path().join("store")).expect("a copy");
    assert!(matches!(open(&one), Err(OpenError::Foreign { .. })));
    fs::remove_file(one.path().join("store")).expect("removed");
    assert!(matches!(open(&one), Err(OpenError::Foreign { .. })));
    fs::remove_file(two.path().join("archive.sqlite")).expect("removed");
    let store = open(&two).expect("the journal holds everything");
    assert_eq!(recovered(&store), ["covered 0", "record 1 x"]);
}

/// A process that dies between any two steps of making a store leaves a folder that opens.
#[test]
fn making_a_store_may_crash_at_every_operation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = MemoryDisk::new();
    drop(Store::open_on(disk.clone(), &settings(folder.path())).expect("a new store"));
    for at in 0..=disk.operations() {
        for keep in [Keep::All, Keep::Synced, Keep::Subset, Keep::Torn, Keep::LostGrowth] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let image_settings = Settings { segment_bytes: 8192, ..Settings::new(folder.path()) };
            let first = MemoryDisk::new();
            drop(Store::open_on(first.clone(), &image_settings).expect("a new store"));
            let image = first.crash(at.min(first.operations()), keep, at as u64);
            // The archive is a real file: before the identity was durable there was none.
            let names = fastcond_store::disk::Disk::list(&image, folder.path()).expect("a folder");
            if !names.iter().any(|name| name == "store") {
                fs::remove_file(folder.path().join("archive.sqlite")).expect("removed");
            }
            let store = Store::open_on(image, &image_settings)
                .unwrap_or_else(|error| panic!("crash at {at} {keep:?}: {error}"));
            assert_eq!(recovered(&store), ["covered 0"]);
        }
    }
}
