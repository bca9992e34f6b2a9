//! What can go wrong: a fault while running, or a refusal to open.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure of the store itself, never of a caller's request.
///
/// It can be cloned because one failed sync answers everybody who waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreFault {
    /// A system call on a file of the store failed.
    #[error("{act} failed on {}: {cause}", file.display())]
    Io {
        /// What was tried, as a verb.
        act: &'static str,
        /// The file or folder it was tried on.
        file: PathBuf,
        /// The answer of the operating system.
        cause: Arc<io::Error>,
    },
    /// Stored bytes do not match their checksum or break the format.
    #[error("{} is damaged at offset {offset}: {what}", file.display())]
    Damage {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file the first damaged record starts.
        offset: u64,
        /// What is wrong, in a sentence.
        what: String,
    },
    /// A row of the archive does not match its checksum.
    #[error("{} is damaged: table {table}, {key}: {what}", file.display())]
    DamagedRow {
        /// The damaged file.
        file: PathBuf,
        /// The table of the row.
        table: &'static str,
        /// The row, as a reader of the table would look it up.
        key: String,
        /// What is wrong, in a sentence.
        what: &'static str,
    },
    /// SQLite refused an operation on the archive.
    #[error("{act} failed on {}: {cause}", file.display())]
    Sqlite {
        /// What was tried, as a verb.
        act: &'static str,
        /// The archive file.
        file: PathBuf,
        /// SQLite's own words.
        cause: Arc<rusqlite::Error>,
    },
}

impl StoreFault {
    /// Wraps an I/O error with what was tried on which file.
    pub(crate) fn io(act: &'static str, file: &Path, cause: io::Error) -> Self {
        Self::Io { act, file: file.to_path_buf(), cause: Arc::new(cause) }
    }

    /// Names a damaged place in a file.
    pub(crate) fn damage(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damage { file: file.to_path_buf(), offset, what: what.into() }
    }

    /// True when the disk or a quota is full, which an operator can cure without losing anything.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { cause, .. } => {
                matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Sqlite { cause, .. } => cause.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Damage { .. } | Self::DamagedRow { .. } => false,
        }
    }

    /// True when stored bytes are wrong, so that opening again would not help.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damage { .. } | Self::DamagedRow { .. } => true,
            // A value of the wrong type or length in a table we wrote is damage as well.
            Self::Sqlite { cause, .. } => {
                matches!(
                    **cause,
                    rusqlite::Error::FromSqlConversionFailure(..)
                        | rusqlite::Error::IntegralValueOutOfRange(..)
                        | rusqlite::Error::InvalidColumnType(..)
                        | rusqlite::Error::Utf8Error(..)
                ) || matches!(
                    cause.sqlite_error_code(),
                    Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
                )
            }
            Self::Io { .. } => false,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the folder.
    #[error("the store {} is in use by another process ({holder})", folder.display())]
    Locked {
        /// The folder of the store.
        folder: PathBuf,
        /// What the other process wrote into the lock file, normally its process id.
        holder: String,
    },
    /// The file was written by a newer release; older code must not guess.
    #[error("{} has format {found}, this release reads up to {ours}: run the newer release", file.display())]
    NewerFormat {
        /// The file that carries the format number.
        file: PathBuf,
        /// The number found.
        found: u64,
        /// The highest number this release understands.
        ours: u64,
    },
    /// The folder or file holds something that is not this store.
    #[error("{} does not belong to this store: {what}", file.display())]
    Foreign {
        /// The offending file.
        file: PathBuf,
        /// What gave it away.
        what: String,
    },
    /// Records that must exist are not there.
    #[error("the journal in {} lacks position {position}: {what}", folder.display())]
    Missing {
        /// The folder of the journal.
        folder: PathBuf,
        /// The first position that is missing.
        position: u64,
        /// How we know that it existed.
        what: String,
    },
    /// A file could not be used, or is damaged.
    #[error(transparent)]
    Fault(#[from] StoreFault),
}
