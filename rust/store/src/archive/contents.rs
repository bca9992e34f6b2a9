//! What a search can ask of a record beside its document: its tasks as rows, and its words in a full-text index.
//!
//! Both are derived from the record and written in the transaction that writes it, so they are never older or newer than
//! it. The store does not know what a record means: whoever opens the archive gives the function that says
//! ([`Describe`]). Either table can be left away; what is there is seen from the file itself. A table that is wanted and
//! missing is filled under another name and renamed when it is whole, so that an interrupted filling begins anew.

use std::fmt::Write as _;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};

use super::check::Check;
use super::{Id, Row};

/// How many executions are filled in by one transaction.
pub(super) const FILLED_AT_ONCE: usize = 2_000;

/// A task's row is found by its place: the number of its execution's row, then its own in so many bits. Executions are
/// numbered as they come, so new rows go to the end of the table. Sixteen million tasks of one execution have rows.
pub(crate) const PLACE_BITS: u32 = 24;
const PLACE_MASK: i64 = (1 << PLACE_BITS) - 1;

/// Memory for words before SQLite writes them, and how many runs of them are merged into one: large and many, because
/// a batch comes once a second and merging is most of the cost.
const WORDS_SETTINGS: &str = "
INSERT INTO {words} ({words}, rank) VALUES ('hashsize', 8388608);
INSERT INTO {words} ({words}, rank) VALUES ('automerge', 16);";

/// One task, as searches know it. Times are epoch milliseconds, 0 when not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDoc {
    /// Its id, which begins as its execution's does.
    pub id: Id,
    /// Its number within the execution.
    pub no: u32,
    /// Its type.
    pub task_type: Arc<str>,
    /// Name of its definition.
    pub name: Arc<str>,
    /// Its reference name.
    pub reference: Arc<str>,
    /// Its status, as clients spell it.
    pub status: &'static str,
    /// When it was scheduled.
    pub scheduled_ms: i64,
    /// When it was first handed out.
    pub start_ms: i64,
    /// When it last changed.
    pub update_ms: i64,
    /// When it ended.
    pub end_ms: i64,
    /// The domain it was scheduled in.
    pub domain: Option<Arc<str>>,
    /// Why it is incomplete.
    pub reason: Option<Arc<str>>,
}

impl TaskDoc {
    fn check(&self) -> u32 {
        Check::new(&self.id)
            .number(self.no.into())
            .bytes(self.task_type.as_bytes())
            .bytes(self.name.as_bytes())
            .bytes(self.reference.as_bytes())
            .bytes(self.status.as_bytes())
            .number(self.scheduled_ms)
            .number(self.start_ms)
            .number(self.update_ms)
            .number(self.end_ms)
            .maybe(self.domain.as_deref().map(str::as_bytes))
            .maybe(self.reason.as_deref().map(str::as_bytes))
            .finish()
    }
}

/// What there is to find in one record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its tasks by number.
    pub tasks: Vec<TaskDoc>,
    /// The text whose words are found.
    pub text: String,
}

/// Says what there is to find in a record, given its row's flags too; the text may be empty unless words are wanted.
pub type Describe = fn(record: &[u8], flags: u32, words: bool) -> Contents;

/// Which of the tables are kept, and the function that says what is in them.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// What there is to find in a record.
    pub describe: Describe,
    /// Whether tasks have rows.
    pub tasks: bool,
    /// Whether words are indexed.
    pub words: bool,
}

/// The two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Tasks,
    Words,
}

impl Table {
    pub(super) const BOTH: [Table; 2] = [Table::Tasks, Table::Words];

    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Tasks => "tasks",
            Table::Words => "words",
        }
    }

    fn draft(self) -> &'static str {
        match self {
            Table::Tasks => "tasks_draft",
            Table::Words => "words_draft",
        }
    }

    pub(super) fn is_wanted(self, kept: Option<Kept>) -> bool {
        kept.is_some_and(|kept| match self {
            Table::Tasks => kept.tasks,
            Table::Words => kept.words,
        })
    }

    pub(super) fn exists(self, connection: &Connection) -> rusqlite::Result<bool> {
        connection
            .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
            .exists(params![self.name()])
    }

    /// Drops the table and what is left of a filling.
    pub(super) fn drop(self, connection: &Connection) -> rusqlite::Result<()> {
        let (name, draft) = (self.name(), self.draft());
        connection.execute_batch(&format!("DROP TABLE IF EXISTS {draft}; DROP TABLE IF EXISTS {name}"))
    }

    /// Makes the table under the name of a draft.
    fn begin(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&match self {
            Table::Tasks => format!(
                "CREATE TABLE {} (
                    place INTEGER PRIMARY KEY,
                    execution INTEGER GENERATED ALWAYS AS (place >> {PLACE_BITS}) VIRTUAL,
                    no INTEGER GENERATED ALWAYS AS (place & {PLACE_MASK}) VIRTUAL,
                    row_check INTEGER NOT NULL,
                    id BLOB NOT NULL,
                    type TEXT NOT NULL,
                    name TEXT NOT NULL,
                    reference TEXT NOT NULL,
                    status TEXT NOT NULL,
                    scheduled_ms INTEGER NOT NULL,
                    start_ms INTEGER NOT NULL,
                    update_ms INTEGER NOT NULL,
                    end_ms INTEGER NOT NULL,
                    domain TEXT,
                    reason TEXT
                ) STRICT",
                self.draft()
            ),
            Table::Words => format!(
                "CREATE VIRTUAL TABLE {name} USING fts5 (text, content = '', contentless_delete = 1);{}",
                WORDS_SETTINGS.replace("{words}", self.draft()),
                name = self.draft(),
            ),
        })
    }

    /// Gives a draft that is whole its name.
    fn finish(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(&format!("ALTER TABLE {} RENAME TO {}", self.draft(), self.name()))?;
        if self == Table::Tasks {
            connection.execute_batch(
                "CREATE INDEX tasks_name ON tasks (name, scheduled_ms);
                 CREATE INDEX tasks_status ON tasks (status, scheduled_ms);",
            )?;
        }
        Ok(())
    }
}

/// What the archive held of an execution before a row of it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    execution: i64,
    was_open: bool,
}

/// Keeps the tables in step with the rows of one transaction.
pub(super) struct Writer<'t> {
    describe: Describe,
    tasks: Option<TaskRows<'t>>,
    words: Option<WordRows<'t>>,
    find: CachedStatement<'t>,
}

impl<'t> Writer<'t> {
    /// For the tables that are kept; nothing if none is.
    pub(super) fn new(
        transaction: &'t Transaction<'_>,
        kept: Option<Kept>,
    ) -> rusqlite::Result<Option<Self>> {
        Self::named(transaction, kept, |table| table.is_wanted(kept).then(|| table.name()))
    }

    fn named(
        connection: &'t Connection,
        kept: Option<Kept>,
        name: impl Fn(Table) -> Option<&'static str>,
    ) -> rusqlite::Result<Option<Self>> {
        let (tasks, words) = (name(Table::Tasks), name(Table::Words));
        let Some(kept) = kept.filter(|_| tasks.is_some() || words.is_some()) else { return Ok(None) };
        Ok(Some(Self {
            describe: kept.describe,
            tasks: tasks.map(|name| TaskRows::new(connection, name)).transpose()?,
            words: words.map(|name| WordRows::new(connection, name)).transpose()?,
            find: connection.prepare_cached("SELECT row, open FROM executions WHERE id = ?1")?,
        }))
    }

    fn described(&self, record: &[u8], flags: u32) -> Contents {
        let mut contents = (self.describe)(record, flags, self.words.is_some());
        contents.tasks.retain(|task| i64::from(task.no) <= PLACE_MASK);
        contents
    }

    /// What there is of an execution, to be asked before its row changes.
    pub(super) fn before(&mut self, id: &Id) -> rusqlite::Result<Option<Before>> {
        let read = |row: &rusqlite::Row<'_>| Ok(Before { execution: row.get(0)?, was_open: row.get(1)? });
        self.find.query_row([id], read).optional()
    }

    /// An execution goes.
    pub(super) fn remove(&mut self, id: &Id) -> rusqlite::Result<()> {
        let Some(before) = self.before(id)? else { return Ok(()) };
        if let Some(tasks) = &mut self.tasks {
            tasks.remove_all.execute(places(before.execution))?;
        }
        if let Some(words) = &mut self.words {
            words.remove.execute([before.execution])?;
        }
        Ok(())
    }

    /// A row was written for the first time, under that number.
    pub(super) fn put_new(&mut self, execution: i64, record: &[u8], flags: u32) -> rusqlite::Result<()> {
        let contents = self.described(record, flags);
        if let Some(tasks) = &mut self.tasks {
            for task in &contents.tasks {
                tasks.put(execution, task, true)?;
            }
        }
        if let Some(words) = &mut self.words {
            words.put_new.execute(params![execution, contents.text])?;
        }
        Ok(())
    }

    /// A row was written over an older one. Of an execution that goes on, words change only with its tasks; it is what
    /// changes most often, and they are what costs most.
    pub(super) fn put(&mut self, before: Before, row: &Row) -> rusqlite::Result<()> {
        let contents = self.described(&row.record, row.flags);
        let has_other_tasks = match &mut self.tasks {
            Some(tasks) => tasks.replace(before.execution, &contents.tasks)?,
            None => true,
        };
        let is_running_on = before.was_open && row.open;
        if let Some(words) = self.words.as_mut().filter(|_| has_other_tasks || !is_running_on) {
            words.put.execute(params![before.execution, contents.text])?;
        }
        Ok(())
    }
}

fn place(execution: i64, no: u32) -> i64 {
    (execution << PLACE_BITS) | (i64::from(no) & PLACE_MASK)
}

/// The first and the last place of an execution.
fn places(execution: i64) -> [i64; 2] {
    [execution << PLACE_BITS, (execution << PLACE_BITS) | PLACE_MASK]
}

/// The statements on the table of words.
struct WordRows<'t> {
    put_new: CachedStatement<'t>,
    put: CachedStatement<'t>,
    remove: CachedStatement<'t>,
}

impl<'t> WordRows<'t> {
    fn new(connection: &'t Connection, table: &str) -> rusqlite::Result<Self> {
        Ok(Self {
            put_new: connection
                .prepare_cached(&format!("INSERT INTO {table} (rowid, text) VALUES (?1, ?2)"))?,
            put: connection.prepare_cached(&format!("REPLACE INTO {table} (rowid, text) VALUES (?1, ?2)"))?,
            remove: connection.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?,
        })
    }
}

/// The statements on the table of tasks.
struct TaskRows<'t> {
    put_new: CachedStatement<'t>,
    put: CachedStatement<'t>,
    known: CachedStatement<'t>,
    remove: CachedStatement<'t>,
    remove_all: CachedStatement<'t>,
}

impl<'t> TaskRows<'t> {
    fn new(connection: &'t Connection, table: &str) -> rusqlite::Result<Self> {
        let places = (1..=13).fold(String::new(), |mut places, number| {
            let comma = if number > 1 { ", " } else { "" };
            write!(places, "{comma}?{number}").expect("a string takes everything");
            places
        });
        let prepare = |sql: &str| connection.prepare_cached(&sql.replace("{table}", table));
        Ok(Self {
            // A row that cannot be put ends the batch in any case: told so, SQLite keeps no journal for this statement alone.
            put_new: prepare(&format!("INSERT OR ROLLBACK INTO {{table}} VALUES ({places})"))?,
            put: prepare(&format!("REPLACE INTO {{table}} VALUES ({places})"))?,
            known: prepare("SELECT no, row_check FROM {table} WHERE place BETWEEN ?1 AND ?2 ORDER BY place")?,
            remove: prepare("DELETE FROM {table} WHERE place = ?1")?,
            remove_all: prepare("DELETE FROM {table} WHERE place BETWEEN ?1 AND ?2")?,
        })
    }

    fn put(&mut self, execution: i64, task: &TaskDoc, is_new: bool) -> rusqlite::Result<()> {
        let statement = if is_new { &mut self.put_new } else { &mut self.put };
        statement.execute(params![
            place(execution, task.no),
            task.check(),
            task.id,
            &*task.task_type,
            &*task.name,
            &*task.reference,
            task.status,
            task.scheduled_ms,
            task.start_ms,
            task.update_ms,
            task.end_ms,
            task.domain.as_deref(),
            task.reason.as_deref(),
        ])?;
        Ok(())
    }

    /// Writes only what differs, so that an execution of many tasks costs what changed; whether it has other tasks now.
    fn replace(&mut self, execution: i64, tasks: &[TaskDoc]) -> rusqlite::Result<bool> {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let known: Vec<(u32, u32)> =
            self.known.query_map(places(execution), read)?.collect::<Result<_, _>>()?;
        let mut known = known.into_iter().peekable();
        let mut has_others = false;
        for task in tasks {
            while let Some((no, _)) = known.next_if(|(no, _)| *no < task.no) {
                self.remove.execute([place(execution, no)])?;
                has_others = true;
            }
            let before = known.next_if(|(no, _)| *no == task.no);
            if before.is_some_and(|(_, check)| check == task.check()) {
                continue;
            }
            has_others |= before.is_none();
            self.put(execution, task, before.is_none())?;
        }
        for (no, _) in known {
            self.remove.execute([place(execution, no)])?;
            has_others = true;
        }
        Ok(has_others)
    }
}

/// Fills the tables that are wanted and missing, some executions at a time; `read` gives those with a row number above
/// the one it is told, in order. Returns how many executions that were.
pub(super) fn fill(
    connection: &mut Connection,
    kept: Option<Kept>,
    read: impl Fn(&Connection, i64) -> rusqlite::Result<Vec<Stored>>,
) -> rusqlite::Result<u64> {
    let mut missing = Vec::new();
    for table in Table::BOTH {
        if !table.is_wanted(kept) {
            table.drop(connection)?;
        } else if !table.exists(connection)? {
            table.drop(connection)?;
            table.begin(connection)?;
            missing.push(table);
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    let (mut last, mut count) = (0, 0);
    loop {
        let stored = read(connection, last)?;
        let transaction = connection.transaction()?;
        if let Some(mut writer) =
            Writer::named(&transaction, kept, |table| missing.contains(&table).then(|| table.draft()))?
        {
            for one in &stored {
                writer.put_new(one.execution, &one.record, one.flags)?;
            }
        }
        let Some(newest) = stored.last() else {
            for table in missing {
                table.finish(&transaction)?;
            }
            transaction.commit()?;
            return Ok(count);
        };
        (last, count) = (newest.execution, count + stored.len() as u64);
        transaction.commit()?;
        // What was filled in leaves the write-ahead log, which would hold all of it otherwise.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
}

/// A record that is to be filled in.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) execution: i64,
    pub(super) flags: u32,
    pub(super) record: Vec<u8>,
}

/// The first row of the table of tasks that does not match its checksum.
pub(super) fn damaged_task(connection: &Connection) -> rusqlite::Result<Option<String>> {
    if !Table::Tasks.exists(connection)? {
        return Ok(None);
    }
    let mut statement = connection.prepare(
        "SELECT execution, no, row_check, id, type, name, reference, status, scheduled_ms, start_ms, update_ms,
            end_ms, domain, reason FROM tasks",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text = |column| row.get::<_, Option<String>>(column);
        let check = Check::new(&row.get::<_, Id>(3)?)
            .number(row.get(1)?)
            .bytes(text(4)?.unwrap_or_default().as_bytes())
            .bytes(text(5)?.unwrap_or_default().as_bytes())
            .bytes(text(6)?.unwrap_or_default().as_bytes())
            .bytes(text(7)?.unwrap_or_default().as_bytes())
            .number(row.get(8)?)
            .number(row.get(9)?)
            .number(row.get(10)?)
            .number(row.get(11)?)
            .maybe(text(12)?.as_deref().map(str::as_bytes))
            .maybe(text(13)?.as_deref().map(str::as_bytes));
        if check.finish() != row.get::<_, u32>(2)? {
            return Ok(Some(format!("{} {}", row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        }
    }
    Ok(None)
}
