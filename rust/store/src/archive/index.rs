//! The indexes that only a search needs, and a file kept without them.
//!
//! A row pays for each of them when it is written and when its status changes. Somebody who never searches can leave
//! them away; nothing else reads them: the index of ids and the one of open executions, which a restart reads, always
//! stay. What is there is seen from the file itself, so that a rebuild that was interrupted goes on at the next start.

use rusqlite::{Connection, params};

/// Their names and what they order, as the first migration makes them.
const INDEXES: [(&str, &str); 5] = [
    ("executions_start", "executions (start_ms)"),
    ("executions_name", "executions (name, start_ms)"),
    ("executions_status", "executions (status, start_ms)"),
    ("executions_correlation", "executions (correlation_id) WHERE correlation_id IS NOT NULL"),
    ("executions_parent", "executions (parent_id) WHERE parent_id IS NOT NULL"),
];

/// Makes the indexes that are missing, or drops them all; how many rows were indexed anew.
pub(super) fn settle(connection: &Connection, is_wanted: bool) -> rusqlite::Result<u64> {
    if is_wanted {
        return complete(connection);
    }
    for (name, _) in INDEXES {
        connection.execute_batch(&format!("DROP INDEX IF EXISTS {name}"))?;
    }
    Ok(0)
}

fn complete(connection: &Connection) -> rusqlite::Result<u64> {
    let mut missing = Vec::new();
    let mut is_there =
        connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1")?;
    for (name, what) in INDEXES {
        if !is_there.exists(params![name])? {
            missing.push((name, what));
        }
    }
    if missing.is_empty() {
        return Ok(0);
    }
    // Sorted runs beyond the page cache go to temporary files: the memory of a rebuild is bounded whatever its size.
    connection.pragma_update(None, "temp_store", "FILE")?;
    for (name, what) in missing {
        connection.execute_batch(&format!("CREATE INDEX {name} ON {what}"))?;
        // One index at a time in the write-ahead log.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let rows: i64 = connection.query_row("SELECT count(*) FROM executions", [], |row| row.get(0))?;
    Ok(rows.unsigned_abs())
}
