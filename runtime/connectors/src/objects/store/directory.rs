//! Objects as files: each is written beside its place, synced and renamed, so that it is there whole or not at all.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gantry_api::{Bytes, Error};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::{Fault, object_path};

/// So much is written at once.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// A directory that objects are files of.
#[derive(Clone, Debug)]
pub(in crate::objects) struct Directory {
    root: Arc<Path>,
    bucket: Arc<Path>,
    /// Part of the names of temporary files.
    owner: Arc<str>,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Writing {
    file: File,
    temporary: PathBuf,
    place: PathBuf,
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Fault {
    let text = format!("{what} {} failed: {error}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            Fault::Never(Error::connect(format!(
                "{text}; the worker's user must be able to write there (store.url)"
            )))
        }
        _ => Fault::Again(Error::retriable(text)),
    }
}

impl Directory {
    pub(super) fn new(root: &Path, bucket: &str, owner: &str) -> Self {
        Self { root: root.into(), bucket: root.join(bucket).into(), owner: owner.into() }
    }

    pub(super) async fn check(&self) -> Result<(), Fault> {
        match fs::metadata(&self.root).await {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                return Err(Fault::Never(Error::connect(format!(
                    "store.url names {}, which is no directory",
                    self.root.display()
                ))));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Fault::Never(Error::connect(format!(
                    "store.url names {}, which is not there: make the directory, or mount what it is on",
                    self.root.display()
                ))));
            }
            Err(error) => return Err(failed("reading", &self.root, &error)),
        }
        make_directory(&self.bucket, &self.root).await
    }

    pub(super) async fn begin(&self, key: &str) -> Result<Writing, Fault> {
        let key = object_path(key)?;
        let place = self.bucket.join(key.as_ref());
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            return Err(Fault::Never(Error::data(format!("{key} is no name of a file"))));
        };
        make_directory(parent, &self.root).await?;
        // Hidden, as readers of a directory take all other files.
        let temporary = parent.join(format!(".{}.{}.tmp", name.to_string_lossy(), self.owner));
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).open(&temporary).await;
        let file = opened.map_err(|error| failed("writing", &temporary, &error))?;
        Ok(Writing { file, temporary, place })
    }
}

/// Makes a directory and those above it, up to one that is there; all are durable.
async fn make_directory(path: &Path, root: &Path) -> Result<(), Fault> {
    if fs::metadata(path).await.is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    fs::create_dir_all(path).await.map_err(|error| failed("making", path, &error))?;
    for made in path.ancestors().take_while(|made| made.starts_with(root)) {
        let synced = match File::open(made).await {
            Ok(directory) => directory.sync_all().await,
            Err(error) => Err(error),
        };
        synced.map_err(|error| failed("syncing", made, &error))?;
    }
    Ok(())
}

impl Writing {
    pub(super) async fn write(&mut self, block: &Bytes) -> Result<(), Fault> {
        let written = self.file.write_all(block).await;
        written.map_err(|error| failed("writing", &self.temporary, &error))
    }

    /// Makes it durable, and gives it its name.
    pub(super) async fn finish(&mut self) -> Result<(), Fault> {
        let fault = |error| failed("writing", &self.temporary, &error);
        self.file.flush().await.map_err(fault)?;
        self.file.sync_all().await.map_err(fault)?;
        let renamed = fs::rename(&self.temporary, &self.place).await;
        renamed.map_err(|error| failed("renaming", &self.temporary, &error))?;
        if let Some(parent) = self.place.parent() {
            let synced = match File::open(parent).await {
                Ok(directory) => directory.sync_all().await,
                Err(error) => Err(error),
            };
            synced.map_err(|error| failed("syncing", parent, &error))?;
        }
        Ok(())
    }

    pub(super) async fn abort(&self) {
        // It is overwritten by the next attempt, or is to be deleted by hand.
        if let Err(error) = fs::remove_file(&self.temporary).await
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(file = %self.temporary.display(), %error, "a temporary file could not be removed");
        }
    }
}
