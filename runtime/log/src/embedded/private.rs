//! Files and directories for nobody but their owner: records are whatever connectors move, and the
//! configurations of connectors, with their secrets, are records as well. What is there already
//! stays as its owner has it.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Of a new directory: its owner may do all.
const DIR_MODE: u32 = 0o700;
/// Of a new file: its owner may read and write.
const FILE_MODE: u32 = 0o600;

/// Creates a directory, and those above it that are missing.
pub(super) fn create_dir_all(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
}

/// Options to open a file, or to create it where they say so.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE);
    options
}
