//! What records contain, found: task rows and words follow the rows, and are the same when they are made anew.

mod home;

use std::path::Path;
use std::sync::Arc;

use fastcond_store::search::Over;
use fastcond_store::{Archive, ArchiveOptions, Batch, Contents, Doc, Id, Kept, Row, SearchQuery, TaskDoc};
use home::Home;
use rusqlite::Connection;

const STORE: Id = *b"a store for test";

/// Records of these tests are text: one line per task, `number name status`, and a last line of words.
fn describe(record: &[u8], _: u32, _: bool) -> Contents {
    let text = String::from_utf8(record.to_vec()).expect("a record of these tests");
    let mut lines: Vec<&str> = text.lines().collect();
    let words = lines.pop().unwrap_or_default().to_owned();
    let tasks = lines.into_iter().map(|line| {
        let [no, name, status]: [&str; 3] =
            line.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let no: u32 = no.parse().expect("a number");
        TaskDoc {
            id: [u8::try_from(no).expect("few tasks"); 16],
            no,
            task_type: name.into(),
            name: name.into(),
            reference: format!("{name}_ref").into(),
            status: if status == "DONE" { "COMPLETED" } else { "SCHEDULED" },
            scheduled_ms: 1_000 + i64::from(no),
            start_ms: 0,
            update_ms: 0,
            end_ms: 0,
            domain: None,
            reason: None,
        }
    });
    Contents { tasks: tasks.collect(), text: words }
}

impl Home {
    fn open(&self, tasks: bool, words: bool) -> Archive {
        let contents = (tasks || words).then_some(Kept { describe, tasks, words });
        Archive::open(&self.path(), STORE, ArchiveOptions { contents, ..ArchiveOptions::default() })
            .expect("a sound archive")
    }
}

fn row(number: u8, open: bool, record: &str) -> Row {
    let doc = Doc {
        id: [number; 16],
        name: format!("flow {number}"),
        status: if open { "RUNNING" } else { "COMPLETED" }.to_owned(),
        start_ms: i64::from(number),
        ..Doc::default()
    };
    let record = Arc::new(record.as_bytes().to_vec());
    Row { id: doc.id, open, next_due: None, ready: Vec::new(), flags: 0, doc, record }
}

fn write(archive: &mut Archive, covered: u64, upserts: Vec<Row>, removes: Vec<Id>) {
    archive.write_batch(&Batch { covered, upserts, removes, ..Batch::default() }).expect("written");
}

/// The executions with words, as digits.
fn with_words(archive: &Archive, text: &str) -> String {
    let query = SearchQuery::parse("", text, "startTime", 0, 1_000).expect("a query");
    let (total, docs) = archive.reader().expect("a reader").search(&query).expect("sound");
    assert_eq!(total, docs.len() as u64);
    docs.iter().map(|doc| doc.id[0].to_string()).collect()
}

/// The tasks a query finds, as execution and number.
fn tasks(archive: &Archive, query: &str, sort: &str) -> Vec<(u8, u32)> {
    let query = SearchQuery::parse_over(Over::Tasks, query, "*", sort).expect("a query").page(0, 1_000);
    let (total, hits) = archive.reader().expect("a reader").search_tasks(&query).expect("sound");
    assert_eq!(total, hits.len() as u64);
    hits.into_iter().map(|hit| (hit.execution[0], hit.no)).collect()
}

/// All that a table holds, its row numbers aside.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).expect("a second connection");
    let sql = "SELECT execution || ' ' || no || ' ' || name || ' ' || status || ' ' || row_check FROM tasks
        ORDER BY execution, no";
    let mut statement = connection.prepare(sql).expect("a statement");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

#[test]
fn words_and_tasks_follow_the_rows() {
    let home = Home::new();
    let mut archive = home.open(true, true);
    write(
        &mut archive,
        1,
        vec![row(1, true, "0 a OPEN\nred apple"), row(2, false, "0 a DONE\n1 b DONE\nred pear")],
        vec![],
    );
    assert_eq!(with_words(&archive, "red"), "12");
    assert_eq!(with_words(&archive, "app*"), "1");
    assert_eq!(with_words(&archive, "\"red pear\" OR apple"), "12");
    assert_eq!(tasks(&archive, "status = SCHEDULED", ""), [(1, 0)]);
    assert_eq!(tasks(&archive, "taskType IN (a,b)", "taskDefName:DESC"), [(2, 1), (2, 0), (1, 0)]);
    // It goes on: the changed task is found as it is now; words follow when there is another task, or at the end.
    write(&mut archive, 2, vec![row(1, true, "0 a DONE\nblue plum")], vec![]);
    assert_eq!(tasks(&archive, "status = COMPLETED AND workflowType = 'flow 1'", ""), [(1, 0)]);
    assert_eq!((with_words(&archive, "apple"), with_words(&archive, "plum")), ("1".into(), String::new()));
    write(&mut archive, 3, vec![row(1, true, "0 a DONE\n3 c OPEN\nblue plum")], vec![]);
    assert_eq!((with_words(&archive, "apple"), with_words(&archive, "plum")), (String::new(), "1".into()));
    write(&mut archive, 4, vec![row(1, false, "3 c DONE\ngreen")], vec![[2; 16]]);
    assert_eq!(tasks(&archive, "", ""), [(1, 3)]);
    assert_eq!(with_words(&archive, "red OR plum OR green"), "1");
    assert_eq!(with_words(&archive, "plum OR pear"), "");
    archive.verify().expect("sound");
}

#[test]
fn made_anew_they_are_what_they_were() {
    let home = Home::new();
    let mut archive = home.open(true, true);
    let rows = |open: bool| {
        (1..=200)
            .map(move |n| row(n, open && n % 3 == 0, &format!("0 a DONE\n{n} t{} OPEN\nword{n} all", n % 7)))
    };
    write(&mut archive, 1, rows(true).collect(), vec![]);
    write(&mut archive, 2, rows(false).filter(|row| row.id[0] % 2 == 0).collect(), vec![[9; 16], [11; 16]]);
    let found = |archive: &Archive| {
        let words: Vec<_> = ["all", "word7", "word9", "word1*"].map(|text| with_words(archive, text)).into();
        (words, tasks(archive, "taskType = t3", "scheduledTime"))
    };
    let before = (found(&archive), dump(&home.path()));
    drop(archive);
    let archive = home.open(false, false);
    let connection = Connection::open(home.path()).expect("a second connection");
    let left: u32 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'words%' OR name LIKE 'tasks%'",
            [],
            |row| row.get(0),
        )
        .expect("a count");
    assert_eq!(left, 0, "what is switched off is gone");
    // A filling that a crash cut short left this behind.
    connection
        .execute_batch("CREATE TABLE tasks_draft (x); CREATE VIRTUAL TABLE words_draft USING fts5 (x)")
        .expect("made");
    drop((archive, connection));
    let archive = home.open(true, true);
    assert_eq!(archive.indexed(), 198);
    assert_eq!((found(&archive), dump(&home.path())), before);
    archive.verify().expect("sound");
    drop(archive);
    assert_eq!(home.open(true, true).indexed(), 0, "once is enough");
}

#[test]
fn a_changed_task_row_is_named() {
    let home = Home::new();
    let mut archive = home.open(true, false);
    write(&mut archive, 1, vec![row(1, false, "4 a DONE\nx")], vec![]);
    drop(archive);
    let other = Connection::open(home.path()).expect("a second connection");
    other.execute("UPDATE tasks SET status = 'FAILED'", []).expect("changed");
    drop(other);
    let contents = Some(Kept { describe, tasks: true, words: false });
    let error = Archive::open(&home.path(), STORE, ArchiveOptions { contents, ..ArchiveOptions::default() })
        .expect_err("a damaged row");
    assert!(error.to_string().contains("tasks"), "{error}");
}

/// H20-H24: nothing that is typed becomes an operator of the index, or a fault.
#[test]
fn free_text_of_any_kind_is_answered() {
    let home = Home::new();
    let mut archive = home.open(true, true);
    write(&mut archive, 1, vec![row(1, false, "0 a DONE\nplain words")], vec![]);
    let pieces = [
        "\"", "*", "(", ")", "AND", "OR", "NOT", "NEAR(", "^", ":", "text:", "{", "}", "-", "+", ",", "\0",
        " ", "e\u{301}", "\u{301}", "\u{e000}", "plain", "'", ";", "\\", "%", "_", "1",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    let reader = archive.reader().expect("a reader");
    for _ in 0..5_000 {
        let text: String = (0..next(8)).map(|_| pieces[next(pieces.len())]).collect();
        for over in [Over::Executions, Over::Tasks] {
            let Ok(query) = SearchQuery::parse_over(over, "", &text, "") else { continue };
            let query = query.page(0, 10);
            let answered = match over {
                Over::Executions => reader.search(&query).map(|(total, _)| total),
                Over::Tasks => reader.search_tasks(&query).map(|(total, _)| total),
            };
            answered.unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
        }
    }
}
