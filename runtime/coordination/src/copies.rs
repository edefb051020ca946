//! Copies of what the cluster's topics hold, on this worker's disk: for a cluster that slept longer
//! than its brokers keep records. They are read only where a topic has forgotten what it held.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where copies are kept; `None`: nowhere.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    dir: Option<PathBuf>,
    /// A failure is told once, until it works again.
    told: Arc<AtomicBool>,
}

impl Copies {
    /// Copies in that directory.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { dir, told: Arc::default() }
    }

    /// Whether copies are kept at all.
    pub fn are_kept(&self) -> bool {
        self.dir.is_some()
    }

    fn path(&self, topic: &str) -> Option<PathBuf> {
        // A name of a topic is a name of a file, behind something that is no dot.
        self.dir.as_ref().map(|dir| dir.join(format!("copy-of-{topic}.json")))
    }

    /// Replaces the copy of a topic. A failure is logged: the topic itself is what counts.
    pub async fn write(&self, topic: &str, what: &impl Serialize) {
        let Some(path) = self.path(topic) else { return };
        let text = serde_json::to_vec(what).unwrap_or_default();
        let place = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || {
            let dir = path.parent().map_or_else(PathBuf::new, PathBuf::from);
            std::fs::create_dir_all(&dir)?;
            // Another worker may keep its copies in the same place.
            let next = path.with_extension(format!("{}.new", std::process::id()));
            let mut file = std::fs::File::create(&next)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&next, &path)
        });
        let written = written.await.map_err(std::io::Error::other).and_then(|written| written);
        let failed = written.is_err();
        let told = self.told.swap(failed, Ordering::AcqRel);
        if let Err(error) = written
            && !told
        {
            tracing::warn!(
                file = place, %error,
                "cannot keep a copy of a topic of the cluster: if all who keep one are down for \
                 longer than the brokers keep records, what only that topic says is lost. Make room \
                 or give access there"
            );
        }
    }

    /// The copy of a topic, if there is one that can be read.
    pub async fn read<T: DeserializeOwned>(&self, topic: &str) -> Option<T> {
        let path = self.path(topic)?;
        let text = tokio::fs::read(&path).await.ok()?;
        match serde_json::from_slice(&text) {
            Ok(copy) => {
                tracing::warn!(
                    topic, file = %path.display(),
                    "the topic has forgotten what it held, and no snapshot of it is there; going \
                     on from the copy on this worker's disk"
                );
                Some(copy)
            }
            Err(error) => {
                // Not written over: somebody may make sense of it.
                let aside = path.with_extension("unreadable");
                let moved = tokio::fs::rename(&path, &aside).await.is_ok();
                tracing::error!(file = %path.display(), %error, moved, "a copy cannot be read");
                None
            }
        }
    }
}
