//! A folder of an archive that goes when the test is over.

use std::path::PathBuf;

pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The archive's file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("archive.sqlite")
    }
}
