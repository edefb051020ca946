//! The jars of the Java side: part of the binary, and on disk for the JVM to read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use gantry_api::{Error, Result};

/// Names and contents.
static JARS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/jars.rs"));

/// The same for the same jars.
const VERSION: &str = env!("GANTRY_JARS_VERSION");

/// The class path of the JVM, in order. What is not yet in `dir` is written there; another
/// version of the binary has a directory of its own.
pub(crate) fn class_path(dir: &Path) -> Result<Vec<PathBuf>> {
    let dir = dir.join(format!("java-{VERSION}"));
    fs::create_dir_all(&dir).map_err(|error| unwritable(&dir, &error))?;
    let write = |&(name, content): &(&str, &[u8])| {
        let path = dir.join(name);
        let there = fs::metadata(&path).is_ok_and(|found| found.len() == content.len() as u64);
        if !there {
            write_whole(&dir, &path, content).map_err(|error| unwritable(&path, &error))?;
        }
        Ok(path)
    };
    JARS.iter().map(write).collect()
}

/// Of two processes that write at once, each leaves a whole file.
fn write_whole(dir: &Path, path: &Path, content: &[u8]) -> std::io::Result<()> {
    let part = dir.join(format!(".{}.{}", std::process::id(), file_name(path)));
    let mut file = fs::File::create(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let path = path.display();
    Error::io(format!("The Java side of the bridge cannot be written to {path}"), error)
}
