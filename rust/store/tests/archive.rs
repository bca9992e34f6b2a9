//! The archive: batches are atomic with the position they cover, rows are checked, look-ups find what they should.

mod home;

use std::path::{Path, PathBuf};

use fastcond_store::{
    Archive, ArchiveOptions, Batch, Doc, Id, LogLine, NameQuery, OpenError, Row, StoreFault, Thing, Written,
};
use home::Home;
use rusqlite::Connection;

const STORE: Id = *b"a store for test";

fn id(number: u8) -> Id {
    let mut id = [number; 16];
    id[15] = 0;
    id
}

fn row(number: u8) -> Row {
    let doc = Doc {
        id: id(number),
        name: "order".to_owned(),
        version: 1,
        status: "RUNNING".to_owned(),
        start_ms: 1000 + i64::from(number),
        update_ms: 2000,
        ..Doc::default()
    };
    let record = format!("record {number}").into_bytes();
    Row {
        id: id(number),
        open: true,
        next_due: Some(i64::from(number)),
        ready: vec![number],
        flags: 7,
        doc,
        record: record.into(),
    }
}

fn finished(number: u8) -> Row {
    let mut row = row(number);
    (row.open, row.next_due, row.ready) = (false, None, Vec::new());
    (row.doc.status, row.doc.end_ms) = ("COMPLETED".to_owned(), 5000);
    row
}

fn upserts(covered: u64, rows: Vec<Row>) -> Batch {
    Batch { covered, upserts: rows, ..Batch::default() }
}

fn open(path: &Path) -> Result<Archive, OpenError> {
    Archive::open(path, STORE, ArchiveOptions::default())
}

impl Home {
    fn archive(&self) -> Archive {
        open(&self.path()).expect("a sound archive")
    }

    fn values(&self) -> PathBuf {
        self.folder.path().join("values")
    }

    /// The files of the value log and their bytes, by name.
    fn value_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let listing = std::fs::read_dir(self.values()).expect("a folder");
        let mut files: Vec<_> = listing.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).expect("a file"))).collect()
    }

    /// Gives another home the same value log.
    fn copy_values(&self, to: &Self) {
        std::fs::create_dir_all(to.values()).expect("a folder");
        for (path, bytes) in self.value_files() {
            std::fs::write(to.values().join(path.file_name().expect("a name")), bytes).expect("a copy");
        }
    }
}

fn open_ids(archive: &Archive) -> Vec<Id> {
    let mut ids = Vec::new();
    archive.reader().expect("a reader").scan_open(|row| ids.push(row.id)).expect("sound rows");
    ids.sort_unstable();
    ids
}

#[test]
fn rows_and_covered_position_survive_reopening() {
    let home = Home::new();
    let mut archive = home.archive();
    assert_eq!(archive.written(), Written { covered: 0, durable: 0 });
    let written = archive.write_batch(&upserts(10, vec![row(1), row(2), finished(3)])).expect("written");
    assert_eq!(written, Written { covered: 10, durable: 0 });
    drop(archive);
    let archive = home.archive();
    assert_eq!(archive.written(), Written { covered: 10, durable: 10 });
    let reader = archive.reader().expect("a reader");
    assert_eq!(reader.load(&id(1)).expect("sound"), Some(b"record 1".to_vec()));
    assert_eq!(reader.load(&id(3)).expect("sound"), Some(b"record 3".to_vec()));
    assert_eq!(reader.load(&id(9)).expect("sound"), None);
    let mut rows = Vec::new();
    let count = reader
        .scan_open(|row| rows.push((row.id, row.next_due, row.ready.to_vec(), row.flags)))
        .expect("sound");
    rows.sort_unstable();
    assert_eq!((count, rows), (2, vec![(id(1), Some(1), vec![1], 7), (id(2), Some(2), vec![2], 7)]));
}

#[test]
fn upsert_replaces_and_remove_forgets() {
    let home = Home::new();
    let mut archive = home.archive();
    archive.write_batch(&upserts(1, vec![row(1), row(2), row(3)])).expect("written");
    let mut changed = finished(1);
    changed.record = vec![b'x'; 10_000].into();
    let batch = Batch { removes: vec![id(2), id(8)], ..upserts(2, vec![changed]) };
    archive.write_batch(&batch).expect("written");
    assert_eq!(open_ids(&archive), [id(3)]);
    let reader = archive.reader().expect("a reader");
    assert_eq!(reader.load(&id(1)).expect("sound").map(|record| record.len()), Some(10_000));
    assert_eq!(reader.load(&id(2)).expect("sound"), None);
    assert_eq!(
        reader.count_by_status().expect("sound"),
        [("COMPLETED".to_owned(), 1), ("RUNNING".to_owned(), 1)]
    );
    archive.verify().expect("sound");
}

/// A batch that fails half-way leaves neither its rows nor its position.
#[test]
fn failed_batch_leaves_nothing() {
    let home = Home::new();
    let mut archive = home.archive();
    archive.write_batch(&upserts(1, vec![row(1)])).expect("written");
    let other = Connection::open(home.path()).expect("a second connection");
    other
        .execute_batch("CREATE TRIGGER stop BEFORE INSERT ON things BEGIN SELECT RAISE(ABORT, 'no'); END")
        .expect("a trigger");
    let thing = Thing { kind: "k".to_owned(), key: "x".to_owned(), value: Some(vec![1]) };
    let batch = Batch { things: vec![thing], ..upserts(2, vec![row(2)]) };
    let fault = archive.write_batch(&batch).expect_err("the trigger");
    assert!(!fault.is_damage() && !fault.is_full(), "{fault}");
    assert_eq!(archive.written().covered, 1);
    other.execute_batch("DROP TRIGGER stop").expect("no trigger");
    assert_eq!(open_ids(&archive), [id(1)]);
    archive.write_batch(&batch).expect("written");
    drop(archive);
    assert_eq!(home.archive().written().covered, 2);
}

/// Copies of the files at any moment of writing: what opens is a whole prefix of the batches.
#[test]
fn file_copies_hold_whole_batches_only() {
    let home = Home::new();
    let mut archive = Archive::open(
        &home.path(),
        STORE,
        ArchiveOptions { checkpoint_bytes: 100_000, ..ArchiveOptions::default() },
    )
    .expect("a sound archive");
    let mut durable_before = 0;
    for batch in 1..=40_u8 {
        let rows = vec![row(batch), row(batch.wrapping_add(100)), finished(batch.wrapping_add(50))];
        let written = archive.write_batch(&upserts(batch.into(), rows)).expect("written");
        assert!(written.durable >= durable_before);
        durable_before = written.durable;
        // A torn log: cut the copy anywhere.
        let log = std::fs::read(home.path().with_extension("sqlite-wal")).expect("a log");
        let copy = Home::new();
        std::fs::copy(home.path(), copy.path()).expect("a copy");
        let cut = log.len() * usize::from(batch) / 41;
        std::fs::write(copy.path().with_extension("sqlite-wal"), &log[..cut]).expect("a copy");
        home.copy_values(&copy);
        if written.durable == 0 {
            // Before the first checkpoint the main file alone may hold nothing at all.
            continue;
        }
        let found = open(&copy.path()).expect("a prefix");
        let covered = found.written().covered;
        assert!((written.durable..=u64::from(batch)).contains(&covered), "{covered}");
        let ids = open_ids(&found);
        let expected = (1..=covered).flat_map(|batch| {
            let batch = u8::try_from(batch).expect("small");
            [id(batch), id(batch.wrapping_add(100))]
        });
        let mut expected: Vec<_> = expected.collect();
        // Later batches finish some of the executions that earlier ones opened.
        for batch in 1..=covered {
            let done = id(u8::try_from(batch).expect("small").wrapping_add(50));
            expected.retain(|open| *open != done);
        }
        expected.sort_unstable();
        assert_eq!(ids, expected, "covered {covered}");
        found.verify().expect("every record that a row names is there");
    }
    assert!(durable_before > 0, "the log never grew to its bound");
}

/// A position counts as durable only after a checkpoint, and not while a reader pins an older state.
#[test]
fn durable_position_follows_checkpoints() {
    let home = Home::new();
    let mut archive = home.archive();
    archive.write_batch(&upserts(5, vec![row(1)])).expect("written");
    assert_eq!(archive.written().durable, 0);
    assert_eq!(archive.checkpoint().expect("copied"), Written { covered: 5, durable: 5 });
    let pinning = Connection::open(home.path()).expect("a second connection");
    pinning.execute_batch("BEGIN; SELECT * FROM executions").expect("a read transaction");
    archive.write_batch(&upserts(6, vec![row(2)])).expect("written");
    archive.write_batch(&upserts(7, vec![row(3)])).expect("written");
    assert_eq!(archive.checkpoint().expect("copied in part").durable, 5);
    pinning.execute_batch("COMMIT").expect("the end of it");
    assert_eq!(archive.checkpoint().expect("copied").durable, 7);
}

#[test]
fn things_are_kept_by_kind_and_key() {
    let home = Home::new();
    let mut archive = home.archive();
    let thing = |kind: &str, key: &str, value: Option<&[u8]>| Thing {
        kind: kind.to_owned(),
        key: key.to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    let things = vec![
        thing("taskdef", "b", Some(b"1")),
        thing("taskdef", "a", Some(b"2")),
        thing("workflowdef", "a", Some(b"")),
        thing("taskdef", "gone", Some(b"3")),
        thing("taskdef", "b", Some(b"4")),
        thing("taskdef", "gone", None),
    ];
    archive.write_batch(&Batch { covered: 1, things, ..Batch::default() }).expect("written");
    let reader = archive.reader().expect("a reader");
    let expected = [("a".to_owned(), b"2".to_vec()), ("b".to_owned(), b"4".to_vec())];
    assert_eq!(reader.things("taskdef").expect("sound"), expected);
    assert_eq!(reader.thing("workflowdef", "a").expect("sound"), Some(Vec::new()));
    assert_eq!(reader.thing("taskdef", "gone").expect("sound"), None);
    let mut all = Vec::new();
    reader.scan_things("taskdef", |kind, key, _| all.push(format!("{kind}/{key}"))).expect("sound");
    assert_eq!(all, ["taskdef/a", "taskdef/b"]);
}

/// S-52.13: logs of a task, ordered by time; writing a line twice keeps one.
#[test]
fn logs_come_back_by_time_and_once() {
    let home = Home::new();
    let mut archive = home.archive();
    let line = |task: u8, seq: u64, created_ms: i64, text: &str| LogLine {
        task: id(task),
        seq,
        created_ms,
        worker: "w".to_owned(),
        log: text.as_bytes().to_vec(),
    };
    let logs = vec![
        line(1, 3, 30, "third"),
        line(1, 1, 10, "first"),
        line(2, 9, 5, "other"),
        line(1, 2, 10, "second"),
    ];
    archive.write_batch(&Batch { covered: 1, logs: logs.clone(), ..Batch::default() }).expect("written");
    archive
        .write_batch(&Batch { covered: 2, logs, removes: vec![id(1)], ..Batch::default() })
        .expect("written");
    let found = archive.reader().expect("a reader").logs(&id(1)).expect("sound");
    let texts: Vec<_> = found.iter().map(|line| String::from_utf8_lossy(&line.log).into_owned()).collect();
    assert_eq!(texts, ["first", "second", "third"]);
    assert_eq!(found[0], line(1, 1, 10, "first"));
}

/// Task ids begin like the id of their workflow: six bytes find it.
#[test]
fn prefix_finds_the_execution_of_a_task() {
    let home = Home::new();
    let mut archive = home.archive();
    let with_tail = |number: u8, tail: u8| {
        let mut row = row(number);
        row.id[6..].fill(tail);
        row.doc.id = row.id;
        row
    };
    let rows = vec![with_tail(1, 0), with_tail(1, 0xff), with_tail(2, 0), with_tail(255, 0xff)];
    archive.write_batch(&upserts(1, rows.clone())).expect("written");
    let reader = archive.reader().expect("a reader");
    let find = |prefix: [u8; 6]| -> Vec<Id> {
        reader.load_prefix(prefix).expect("sound").into_iter().map(|row| row.id).collect()
    };
    assert_eq!(find([1; 6]), [rows[0].id, rows[1].id]);
    assert_eq!(find([255; 6]), [rows[3].id]);
    assert_eq!(find([1, 1, 1, 1, 1, 2]), Vec::<Id>::new());
}

#[test]
fn ids_are_found_by_name_time_correlation_and_parent() {
    let home = Home::new();
    let mut archive = home.archive();
    let mut rows: Vec<_> = (1..=6).map(row).collect();
    rows[1].doc.version = 2;
    rows[2].doc.name = "refund".to_owned();
    rows[3] = finished(4);
    rows[3].doc.correlation_id = Some("c-1".to_owned());
    rows[4].doc.correlation_id = Some("c-1".to_owned());
    rows[4].doc.parent_id = Some(id(1));
    rows[5].doc.correlation_id = Some(String::new());
    archive.write_batch(&upserts(1, rows)).expect("written");
    let reader = archive.reader().expect("a reader");
    let all = NameQuery { name: "order", version: None, status: None, started: None };
    let ids = |query| reader.ids_by_name(query).expect("sound");
    assert_eq!(ids(all), [id(1), id(2), id(4), id(5), id(6)]);
    assert_eq!(ids(NameQuery { status: Some("RUNNING"), ..all }), [id(1), id(2), id(5), id(6)]);
    assert_eq!(ids(NameQuery { version: Some(2), ..all }), [id(2)]);
    assert_eq!(ids(NameQuery { version: Some(1), started: Some((1002, 1005)), ..all }), [id(4), id(5)]);
    assert_eq!(reader.ids_by_correlation("order", "c-1", None).expect("sound"), [id(4), id(5)]);
    assert_eq!(reader.ids_by_correlation("order", "c-1", Some("RUNNING")).expect("sound"), [id(5)]);
    assert_eq!(reader.ids_by_correlation("refund", "c-1", None).expect("sound"), Vec::<Id>::new());
    assert_eq!(reader.ids_by_correlation("order", "", None).expect("sound"), Vec::<Id>::new());
    assert_eq!(reader.ids_by_parent(&id(1)).expect("sound"), [id(5)]);
}

#[test]
fn archive_of_another_store_or_program_is_refused() {
    let home = Home::new();
    drop(home.archive());
    let error = Archive::open(&home.path(), *b"some other store", ArchiveOptions::default())
        .expect_err("another store");
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let home = Home::new();
    let other = Connection::open(home.path()).expect("a database");
    other.execute_batch("CREATE TABLE t (x); PRAGMA user_version = 1").expect("a table");
    drop(other);
    let error = open(&home.path()).expect_err("another program");
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let home = Home::new();
    std::fs::write(home.path(), vec![b'x'; 8192]).expect("a file");
    let OpenError::Fault(fault) = open(&home.path()).expect_err("no database") else { panic!("a fault") };
    assert!(fault.is_damage(), "{fault}");
}

/// G26: a schema of a newer release is refused as such.
#[test]
fn archive_of_a_newer_release_is_refused() {
    let home = Home::new();
    drop(home.archive());
    let other = Connection::open(home.path()).expect("a database");
    other.execute_batch("PRAGMA user_version = 99").expect("a version");
    drop(other);
    let error = open(&home.path()).expect_err("newer");
    assert!(matches!(error, OpenError::NewerFormat { found: 99, ours: 2, .. }), "{error}");
}

/// Columns changed behind our back are reported by whoever reads them, with table and row.
#[test]
fn changed_rows_name_table_and_id() {
    let changes = [
        ("UPDATE executions SET record = x'00'", "executions"),
        ("UPDATE executions SET next_due = 99", "executions"),
        ("UPDATE executions SET ready = NULL", "executions"),
        ("UPDATE executions SET status = 'FAILED'", "executions"),
        ("UPDATE executions SET reason = 'x'", "executions"),
        ("UPDATE executions SET id = x'00112233445566778899aabbccddeeff' WHERE open = 1", "executions"),
        ("UPDATE things SET value = x'00'", "things"),
        ("UPDATE task_logs SET created_ms = 1", "task_logs"),
        ("UPDATE store SET covered = 2", "store"),
        ("UPDATE executions SET value_at = 41 WHERE value_at IS NOT NULL", "executions"),
        ("UPDATE executions SET value_file = 2 WHERE value_at IS NOT NULL", "executions"),
        ("UPDATE executions SET value_len = 3000000000 WHERE value_at IS NOT NULL", "executions"),
        ("UPDATE value_files SET bytes = bytes - 1", "value_files"),
        ("UPDATE value_files SET dead = bytes", "value_files"),
    ];
    for (change, table) in changes {
        let home = Home::new();
        let mut archive = home.archive();
        let things = vec![Thing { kind: "k".to_owned(), key: "x".to_owned(), value: Some(vec![1]) }];
        let log = LogLine { task: id(1), seq: 1, created_ms: 5, worker: String::new(), log: vec![b'l'] };
        archive
            .write_batch(&Batch { things, logs: vec![log], ..upserts(3, vec![row(1), finished(2)]) })
            .expect("written");
        drop(archive);
        Connection::open(home.path()).expect("a database").execute_batch(change).expect(change);
        let error = open(&home.path()).expect_err(change);
        let OpenError::Fault(StoreFault::DamagedRow { table: named, file, .. }) = &error else {
            panic!("{change}: {error}")
        };
        assert_eq!((*named, file), (table, &home.path()), "{change}");
    }
}

#[test]
fn readers_check_what_they_read() {
    let home = Home::new();
    let mut archive = home.archive();
    archive.write_batch(&upserts(1, vec![row(1)])).expect("written");
    let reader = archive.reader().expect("a reader");
    let other = Connection::open(home.path()).expect("a second connection");
    other.execute_batch("UPDATE executions SET record = x'01', flags = 8, priority = 3").expect("changed");
    let damaged = |fault: StoreFault| {
        assert!(fault.is_damage(), "{fault}");
        assert!(fault.to_string().contains("01010101-0101-0101-0101-010101010100"), "{fault}");
    };
    damaged(reader.load(&id(1)).expect_err("the record"));
    damaged(reader.load_prefix([1; 6]).expect_err("the record"));
    damaged(reader.scan_open(|_| panic!("a damaged row was handed over")).expect_err("the head"));
    damaged(
        reader
            .search(&fastcond_store::SearchQuery { size: 5, ..Default::default() })
            .expect_err("the document"),
    );
}

/// F4: every byte of a small archive file: a change is refused, or everything in it still reads right.
#[test]
fn flipped_bytes_of_the_file_are_detected_or_harmless() {
    let home = Home::new();
    let mut archive = home.archive();
    let rows: Vec<_> =
        (1..=40).map(|number| if number % 3 == 0 { finished(number) } else { row(number) }).collect();
    archive.write_batch(&upserts(9, rows.clone())).expect("written");
    archive.checkpoint().expect("copied");
    drop(archive);
    let bytes = std::fs::read(home.path()).expect("the file");
    let (mut detected, mut harmless) = (0, 0);
    for at in (0..bytes.len()).step_by(83) {
        let copy = Home::new();
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        std::fs::write(copy.path(), changed).expect("a copy");
        home.copy_values(&copy);
        let Ok(archive) = open(&copy.path()) else {
            detected += 1;
            continue;
        };
        assert_eq!(archive.written().covered, 9, "byte {at}");
        let reader = archive.reader().expect("a reader");
        let mut open_rows = 0;
        reader
            .scan_open(|_| open_rows += 1)
            .unwrap_or_else(|fault| panic!("byte {at}: opened, then {fault}"));
        assert_eq!(open_rows, rows.iter().filter(|row| row.open).count(), "byte {at}");
        for row in &rows {
            let record =
                reader.load(&row.id).unwrap_or_else(|fault| panic!("byte {at}: opened, then {fault}"));
            assert_eq!(record.as_ref(), Some(&*row.record), "byte {at}");
        }
        harmless += 1;
    }
    assert!(detected > 100 && harmless > 0, "{detected} detected, {harmless} harmless");
}
