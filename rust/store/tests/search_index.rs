//! An archive without the indexes of searches: what a restart reads is there, and they can be made later.

mod home;

use std::path::Path;

use fastcond_store::{
    Archive, ArchiveOptions, Batch, Doc, Id, NameQuery, OpenError, Row, SearchQuery, Written,
};
use home::Home;
use rusqlite::Connection;

const STORE: Id = *b"a store for test";
/// Rows that a batch of these tests writes.
const ROWS: u32 = 3_000;

impl Home {
    fn open(&self, search_index: bool) -> Archive {
        open(&self.path(), STORE, search_index).expect("a sound archive")
    }
}

fn open(path: &Path, store: Id, search_index: bool) -> Result<Archive, OpenError> {
    Archive::open(path, store, ArchiveOptions { search_index, ..ArchiveOptions::default() })
}

fn id(number: u32) -> Id {
    let mut id = [0; 16];
    // Scattered, as real ids are.
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    id
}

/// Every third one is open; names, states and correlation ids repeat.
fn row(number: u32) -> Row {
    let open = number.is_multiple_of(3);
    let doc = Doc {
        id: id(number),
        name: format!("name {}", number % 7),
        version: 1,
        status: if open { "RUNNING" } else { "COMPLETED" }.to_owned(),
        correlation_id: number.is_multiple_of(2).then(|| format!("c{}", number % 50)),
        parent_id: (number % 5 == 1).then(|| id(number - 1)),
        start_ms: i64::from(number / 2),
        end_ms: if open { 0 } else { 9_000 },
        update_ms: 9_000,
        ..Doc::default()
    };
    let record = format!("record {number}").into_bytes().into();
    Row { id: doc.id, open, next_due: None, ready: Vec::new(), flags: 0, doc, record }
}

fn write(archive: &mut Archive, covered: u64, numbers: std::ops::Range<u32>) -> Written {
    let upserts = numbers.map(row).collect();
    archive.write_batch(&Batch { covered, upserts, ..Batch::default() }).expect("written")
}

/// Names and texts of all indexes of a file.
fn indexes(path: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(path).expect("a second connection");
    let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn names(path: &Path) -> Vec<String> {
    indexes(path).into_iter().map(|(name, _)| name).collect()
}

/// What searches of every kind find.
fn found(archive: &Archive) -> Vec<Vec<Id>> {
    let reader = archive.reader().expect("a reader");
    let search = |query: &str| {
        let query = SearchQuery::parse(query, "*", "", 0, 100).expect("a query");
        reader.search(&query).expect("sound").1.into_iter().map(|doc| doc.id).collect()
    };
    vec![
        search(""),
        search("status = RUNNING"),
        search("workflowType = 'name 3'"),
        search("correlationId = c4"),
        reader
            .ids_by_name(NameQuery { name: "name 2", version: None, status: None, started: None })
            .expect("sound"),
        reader.ids_by_correlation("name 4", "c4", None).expect("sound"),
        reader.ids_by_parent(&id(5)).expect("sound"),
    ]
}

#[test]
fn without_search_only_the_indexes_of_a_restart_are_kept() {
    let home = Home::new();
    let mut archive = home.open(false);
    write(&mut archive, 1, 0..ROWS);
    assert_eq!(names(&home.path()), ["executions_id", "executions_open"]);
    assert_eq!(archive.indexed(), 0);
    drop(archive);
    let archive = home.open(false);
    archive.verify().expect("sound");
    let reader = archive.reader().expect("a reader");
    assert_eq!(reader.scan_open(|_| {}).expect("sound"), u64::from(ROWS / 3));
    assert_eq!(reader.load(&id(17)).expect("sound").as_deref(), Some(&b"record 17"[..]));
    let prefix = id(17)[..6].try_into().expect("six bytes");
    assert_eq!(reader.load_prefix(prefix).expect("sound").len(), 1);
}

#[test]
fn switched_on_again_it_finds_what_it_would_have_found_all_along() {
    let (home, other) = (Home::new(), Home::new());
    let mut always = other.open(true);
    let mut archive = home.open(true);
    for archive in [&mut always, &mut archive] {
        write(archive, 1, 0..ROWS / 2);
    }
    drop(archive);
    let mut archive = home.open(false);
    for archive in [&mut always, &mut archive] {
        // Some of them are written for the second time.
        write(archive, 2, ROWS / 3..ROWS);
    }
    drop(archive);
    let archive = home.open(true);
    assert_eq!(archive.indexed(), u64::from(ROWS));
    assert_eq!(archive.written(), Written { covered: 2, durable: 2 });
    assert_eq!(indexes(&home.path()), indexes(&other.path()));
    assert_eq!(found(&archive), found(&always));
    archive.verify().expect("indexes and rows agree");
    drop(archive);
    assert_eq!(home.open(true).indexed(), 0, "once is enough");
}

#[test]
fn a_rebuild_that_was_interrupted_goes_on() {
    let home = Home::new();
    let mut archive = home.open(true);
    write(&mut archive, 1, 0..ROWS);
    drop(archive);
    let all = indexes(&home.path());
    let other = Connection::open(home.path()).expect("a second connection");
    other.execute_batch("DROP INDEX executions_status; DROP INDEX executions_parent").expect("dropped");
    drop(other);
    let archive = home.open(true);
    assert_eq!((archive.indexed(), indexes(&home.path())), (u64::from(ROWS), all));
}

#[test]
fn the_archive_of_another_store_is_left_as_it_is() {
    let home = Home::new();
    drop(home.open(true));
    let before = indexes(&home.path());
    open(&home.path(), *b"some other store", false).expect_err("it is not ours");
    assert_eq!(indexes(&home.path()), before);
}
