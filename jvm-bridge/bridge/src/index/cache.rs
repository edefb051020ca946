//! What is known of locations, in files: one for each hash.
//!
//! A file that can't be read, or is of another format, counts as none and is written anew.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::found::{Plugin, Problem};

/// To be raised whenever the same archives could lead to other contents, so also when the table of
/// Kafka's own classes changes.
const FORMAT: u32 = 1;
/// Larger files are not ours.
const SIZE_MAX: u64 = 64 << 20;

/// What is known of a location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) plugins: Vec<Plugin>,
    pub(crate) problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Loaded {
    format: u32,
    hash: String,
    plugins: Vec<Plugin>,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Saved<'a> {
    format: u32,
    hash: &'a str,
    plugins: &'a [Plugin],
    problems: &'a [Problem],
}

/// The cache can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write {path}: {source}")]
pub struct CacheError {
    path: PathBuf,
    source: std::io::Error,
}

/// The directory of the cache.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.directory.join(format!("{hash}.json"))
    }

    /// What is known of the location with this hash.
    pub(crate) fn load(&self, hash: &str) -> Option<Facts> {
        let path = self.path(hash);
        if std::fs::metadata(&path).ok()?.len() > SIZE_MAX {
            return None;
        }
        let bytes = std::fs::read(&path).ok()?;
        let loaded: Option<Loaded> = serde_json::from_slice(&bytes).ok();
        let loaded = loaded.filter(|loaded| loaded.format == FORMAT && loaded.hash == hash);
        if loaded.is_none() {
            tracing::debug!(path = %path.display(), "ignoring a cache file of another format");
        }
        loaded.map(|Loaded { plugins, problems, .. }| Facts { plugins, problems })
    }

    /// Replaces what is known. A reader sees the file from before or this one.
    pub(crate) fn save(&self, hash: &str, facts: &Facts) -> Result<(), CacheError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let Facts { plugins, problems } = facts;
        let saved = Saved { format: FORMAT, hash, plugins, problems };
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.path(hash);
        let new = self.directory.join(format!(".{hash}.{}.{number}", std::process::id()));
        let result = std::fs::create_dir_all(&self.directory)
            .and_then(|()| Ok(serde_json::to_vec_pretty(&saved)?))
            .and_then(|bytes| write(&new, &bytes))
            .and_then(|()| std::fs::rename(&new, &path));
        result.map_err(|source| {
            // What is left of the attempt, if anything.
            drop(std::fs::remove_file(&new));
            CacheError { path, source }
        })
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(bytes)
}
