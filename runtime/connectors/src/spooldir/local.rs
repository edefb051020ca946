//! A directory of this machine.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::config::Paths;
use super::place::{Entry, Goal, OpenFile, Place, Stat};

/// A flag names its owner in so many bytes at most.
const OWNER_BYTES_MAX: u64 = 1024;

/// `input.path`, and where its files go.
#[derive(Debug)]
pub(crate) struct Local {
    paths: Paths,
    /// What stands in the flags of this connector, by which it knows them after it was killed.
    owner: String,
}

impl Local {
    pub(crate) fn new(paths: Paths, connector: &str) -> Self {
        Self { paths, owner: format!("gantry {connector}\n") }
    }
}

impl OpenFile for File {
    fn stat(&mut self) -> io::Result<Stat> {
        Ok(stat_of(&self.metadata()?))
    }
    fn seek(&mut self, to: u64) -> io::Result<()> {
        Seek::seek(self, SeekFrom::Start(to)).map(drop)
    }
}

fn stat_of(metadata: &fs::Metadata) -> Stat {
    let modified_ms =
        metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
    Stat { length: metadata.len(), modified_ms, inode: Some(metadata.ino()) }
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Local {
    fn path(&self, entry: &Entry) -> PathBuf {
        self.paths.input.join(entry.path())
    }
    fn flag(&self, entry: &Entry) -> PathBuf {
        self.paths.input.join(entry.path() + &self.paths.extension)
    }

    fn walk(&self, folder: Option<&str>, take: &mut dyn FnMut(Entry)) -> io::Result<()> {
        let path =
            folder.map_or_else(|| self.paths.input.clone(), |folder| self.paths.input.join(folder));
        let mut folders = Vec::new();
        for file in fs::read_dir(&path)? {
            let file = file?;
            let Some(name) = file.file_name().to_str().map(str::to_owned) else {
                tracing::warn!(path = %file.path().display(), "a name that is not UTF-8 is passed over");
                continue;
            };
            // Links to files count as files, links to folders are not followed.
            if self.paths.is_recursive && file.file_type()?.is_dir() {
                let below =
                    folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
                let path = self.paths.input.join(&below);
                if Some(&path) != self.paths.finished.as_ref() && path != self.paths.error {
                    folders.push(below);
                }
            } else if self.paths.pattern.matches(&name)
                // A flag is no file, whatever the pattern says.
                && !name.ends_with(&self.paths.extension)
                && let Some(metadata) = if_there(fs::metadata(file.path()))?
                && metadata.is_file()
            {
                take(Entry { name, folder: folder.map(str::to_owned), stat: stat_of(&metadata) });
            }
        }
        for folder in folders {
            if_there(self.walk(Some(&folder), take))?;
        }
        Ok(())
    }

    /// Removes the folders that led to a file, as far as they are empty.
    fn clear_folders(&self, entry: &Entry) {
        if self.paths.keeps_folders {
            return;
        }
        let mut folder = entry.folder.as_deref().map(Path::new);
        while let Some(path) = folder.filter(|path| *path != OsStr::new("")) {
            if let Err(error) = fs::remove_dir(self.paths.input.join(path)) {
                if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) {
                    tracing::warn!(folder = %path.display(), %error, "could not remove a folder of input.path");
                }
                return;
            }
            folder = path.parent();
        }
    }
}

/// Moves a file, also to another file system.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
        other => return other,
    }
    let name = to.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let part = to.with_file_name(format!(".{name}.moving"));
    fs::copy(from, &part)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, to)?;
    fs::remove_file(from)
}

impl Place for Local {
    fn list(&mut self, take: &mut dyn FnMut(Entry)) -> io::Result<()> {
        self.walk(None, take)
    }

    fn stat(&mut self, entry: &Entry) -> io::Result<Option<Stat>> {
        Ok(if_there(fs::metadata(self.path(entry)))?.map(|metadata| stat_of(&metadata)))
    }

    fn open(&mut self, entry: &Entry) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(File::open(self.path(entry))?))
    }

    fn claim(&mut self, entry: &Entry) -> io::Result<bool> {
        let path = self.flag(entry);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(self.owner.as_bytes())?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let mut owner = String::new();
                let Some(file) = if_there(File::open(&path))? else { return Ok(false) };
                let read = file.take(OWNER_BYTES_MAX).read_to_string(&mut owner);
                Ok(read.is_ok() && owner == self.owner)
            }
            Err(error) => Err(error),
        }
    }

    fn release(&mut self, entry: &Entry) -> io::Result<()> {
        if_there(fs::remove_file(self.flag(entry))).map(drop)
    }

    fn put_away(&mut self, entry: &Entry, goal: &Goal) -> io::Result<String> {
        let mut folder = match (goal, &self.paths.finished) {
            (Goal::Finished(day), Some(finished)) => match day {
                Some(day) => finished.join(day),
                None => finished.clone(),
            },
            _ => self.paths.error.clone(),
        };
        if let Some(below) = &entry.folder {
            folder.push(below);
        }
        fs::create_dir_all(&folder)?;
        let to = folder.join(&entry.name);
        rename(&self.path(entry), &to)?;
        self.clear_folders(entry);
        Ok(to.display().to_string())
    }

    fn delete(&mut self, entry: &Entry) -> io::Result<()> {
        fs::remove_file(self.path(entry))?;
        self.clear_folders(entry);
        Ok(())
    }

    fn full_path(&self, entry: &Entry) -> String {
        self.path(entry).display().to_string()
    }
}

/// Whether a directory is there and can be written to, as the user of this process.
pub(crate) fn check_directory(path: &Path) -> Result<(), String> {
    if !path.is_absolute() {
        return Err(format!("File '{}' is not an absolute path.", path.display()));
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(format!("'{}' must be a directory.", path.display())),
        Err(error) => return Err(format!("'{}' must be a directory: {error}", path.display())),
    }
    // What a user may do here, only trying tells.
    let probe = path.join(format!(".permission{}.testing", std::process::id()));
    let tried = File::create(&probe).and_then(|_| fs::remove_file(&probe));
    if let Err(error) = tried {
        return Err(format!("File '{}' should be writable: {error}", path.display()));
    }
    match fs::read_dir(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("File '{}' should be readable: {error}", path.display())),
    }
}
