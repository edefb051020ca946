//! Directories of an SFTP server.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::config::Server;
use super::file::{File, stat_of};
use super::keys;
use super::link::{Link, Shared};
use super::session::Refusal;
use super::wire::{Attributes, FOR_READING};
use crate::spooldir::config::Paths;
use crate::spooldir::fault::Mark;
use crate::spooldir::place::{Entry, Goal, OpenFile, Place, Stat};

/// A flag names its owner in so many bytes at most.
const OWNER_BYTES_MAX: u32 = 1024;
/// Folders are looked into so deep.
const DEPTH_MAX: usize = 64;

/// `input.path` of a server, and where its files go.
#[derive(Debug)]
pub(super) struct Remote {
    link: Shared,
    paths: Paths<String>,
    /// What stands in the flags of this connector, by which it knows them after it was killed.
    owner: String,
    /// A flag is written under this name, and gets its own when it is whole. Each task has another.
    draft: String,
    /// The connection on which such a name was looked for that an earlier one left.
    swept: u64,
}

fn join(folder: &str, name: &str) -> String {
    match folder.ends_with('/') {
        true => format!("{folder}{name}"),
        false => format!("{folder}/{name}"),
    }
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_away(error: &io::Error) -> bool {
    matches!(error.get_ref().and_then(|inner| inner.downcast_ref::<Mark>()), Some(Mark::Away(_)))
}

/// A request whose text the server's answer needs to be understood.
fn naming(path: &str, error: io::Error) -> io::Error {
    match is_away(&error) {
        true => error,
        false => io::Error::new(error.kind(), format!("{path}: {error}")),
    }
}

impl Remote {
    pub(super) fn new(server: Server, paths: Paths<String>, connector: &str, task: u32) -> Self {
        let mark = crc32c::crc32c(connector.as_bytes());
        Self {
            link: Arc::new(Mutex::new(Link::new(server))),
            draft: format!(".gantry-{mark:08x}-{task}{}", paths.extension),
            owner: format!("gantry {connector}\n"),
            paths,
            swept: 0,
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, entry: &Entry) -> String {
        join(&self.paths.input, &entry.path())
    }
    fn flag(&self, entry: &Entry) -> String {
        self.path(entry) + &self.paths.extension
    }
    fn draft(&self) -> String {
        join(&self.paths.input, &self.draft)
    }

    fn attributes(&self, path: &str) -> io::Result<Attributes> {
        let asked = path.to_owned();
        self.link()
            .ask(|wire| Box::pin(async move { wire.stat(asked.as_bytes()).await }))
            .map_err(|error| naming(path, error))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let asked = path.to_owned();
        self.link()
            .ask(|wire| Box::pin(async move { wire.remove(asked.as_bytes()).await }))
            .map_err(|error| naming(path, error))
    }

    fn rename(&self, from: &str, to: &str, over: bool) -> io::Result<()> {
        let (old, new) = (from.to_owned(), to.to_owned());
        self.link()
            .ask(|wire| {
                Box::pin(async move {
                    match over {
                        true => wire.rename_over(old.as_bytes(), new.as_bytes()).await,
                        false => wire.rename_new(old.as_bytes(), new.as_bytes()).await,
                    }
                })
            })
            .map_err(|error| naming(&format!("{from} to {to}"), error))
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        let asked = path.to_owned();
        self.link()
            .ask(|wire| Box::pin(async move { wire.make_directory(asked.as_bytes()).await }))
            .map_err(|error| naming(path, error))
    }

    /// Makes a folder, with those that lead to it.
    fn make_directories(&self, path: &str) -> io::Result<()> {
        if if_there(self.attributes(path))?.is_some_and(Attributes::is_directory) {
            return Ok(());
        }
        if let Some((above, _)) = path.trim_end_matches('/').rsplit_once('/')
            && !above.is_empty()
        {
            self.make_directories(above)?;
        }
        match self.make_directory(path) {
            // Another task may have made it meanwhile.
            Err(error)
                if !is_away(&error)
                    && self.attributes(path).is_ok_and(Attributes::is_directory) =>
            {
                tracing::debug!(path, %error, "the folder was made by somebody else");
                Ok(())
            }
            made => made,
        }
    }

    /// All files of a directory. The time for an answer is that for each part of the list.
    fn files(&self, path: &str) -> io::Result<Vec<(Bytes, Attributes)>> {
        let path = path.to_owned();
        let mut link = self.link();
        let opened =
            link.ask(|wire| Box::pin(async move { wire.open_directory(path.as_bytes()).await }))?;
        let mut all = Vec::new();
        loop {
            let handle = opened.clone();
            match link.go_on(|wire| Box::pin(async move { wire.next_files(&handle).await }))? {
                Some(files) => all.extend(files),
                None => return Ok(all),
            }
        }
    }

    fn walk(
        &self,
        folder: Option<&str>,
        depth: usize,
        take: &mut dyn FnMut(Entry),
    ) -> io::Result<()> {
        let path = folder
            .map_or_else(|| self.paths.input.clone(), |folder| join(&self.paths.input, folder));
        let files = self.files(&path).map_err(|error| naming(&path, error))?;
        let mut folders = Vec::new();
        for (name, mut attributes) in files {
            let Ok(name) = std::str::from_utf8(&name).map(str::to_owned) else {
                tracing::warn!(folder = path, name = %String::from_utf8_lossy(&name), "a name that is not UTF-8 is passed over");
                continue;
            };
            let below = folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
            let full = join(&self.paths.input, &below);
            // Links to files count as files, links to folders are not followed.
            if self.paths.is_recursive && attributes.is_directory() {
                if depth < DEPTH_MAX && !self.is_goal(&full) {
                    folders.push(below);
                }
                continue;
            }
            // A flag is no file, whatever the pattern says.
            if !self.paths.pattern.matches(&name) || name.ends_with(&self.paths.extension) {
                continue;
            }
            if attributes.is_open_question() {
                let Some(found) = if_there(self.attributes(&full))? else { continue };
                attributes = found;
            }
            if attributes.is_file() {
                take(Entry { name, folder: folder.map(str::to_owned), stat: stat_of(attributes) });
            }
        }
        for folder in folders {
            if_there(self.walk(Some(&folder), depth + 1, take))?;
        }
        Ok(())
    }

    /// Whether a folder is one that files are moved to.
    fn is_goal(&self, full: &str) -> bool {
        let is = |path: &str| path.trim_end_matches('/') == full;
        self.paths.finished.as_deref().is_some_and(is) || is(&self.paths.error)
    }

    /// Removes the folders that led to a file, as far as they are empty.
    fn clear_folders(&self, entry: &Entry) {
        if self.paths.keeps_folders {
            return;
        }
        let mut folder = entry.folder.as_deref();
        while let Some(below) = folder {
            let path = join(&self.paths.input, below);
            let removed = self
                .link()
                .ask(|wire| Box::pin(async move { wire.remove_directory(path.as_bytes()).await }));
            // Servers do not say whether it is only that there are files in it.
            if removed.is_err() {
                return;
            }
            folder = below.rsplit_once('/').map(|(above, _)| above);
        }
    }

    /// Whether all directories are there and can be written to; the key of the first that is not, and why.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.link().connect()?;
        for (key, path) in self.paths.all() {
            self.check_directory(path).map_err(|what| {
                let is_away = !self.link().is_connected();
                Refusal::new(if is_away { keys::HOST } else { key }, what)
            })?;
        }
        Ok(())
    }

    fn check_directory(&self, path: &str) -> Result<(), String> {
        if path.is_empty() {
            return Err("it has to be set".to_owned());
        }
        match self.attributes(path) {
            Ok(found) if found.is_directory() => {}
            Ok(_) => return Err(format!("'{path}' must be a directory of the server.")),
            Err(error) => {
                let what = error.to_string();
                let seen = self.real(path).filter(|real| real != path);
                let seen =
                    seen.map_or_else(String::new, |real| format!(" (to the user it is {real})"));
                return Err(format!("'{path}' must be a directory of the server{seen}: {what}"));
            }
        }
        // What a user may do here, only trying tells.
        let probe = join(path, &format!(".permission{}{}", std::process::id(), self.draft));
        self.write(&probe, "").map_err(|error| format!("'{path}' should be writable: {error}"))?;
        self.remove(&probe).map_err(|error| format!("'{path}' should be writable: {error}"))
    }

    fn real(&self, path: &str) -> Option<String> {
        let asked = path.to_owned();
        self.link().ask(|wire| Box::pin(async move { wire.real_path(&asked).await })).ok()
    }

    fn write(&self, path: &str, content: &str) -> io::Result<()> {
        let (asked, content) = (path.to_owned(), content.to_owned());
        self.link()
            .ask(|wire| {
                Box::pin(async move { wire.write_file(asked.as_bytes(), content.as_bytes()).await })
            })
            .map_err(|error| naming(path, error))
    }

    /// Whether a flag that is there is this connector's; `None` if there is none.
    fn is_own(&self, flag: &str) -> io::Result<Option<bool>> {
        let asked = flag.to_owned();
        let read = self.link().ask(|wire| {
            Box::pin(async move { wire.read_file(asked.as_bytes(), OWNER_BYTES_MAX).await })
        });
        match read {
            Ok(content) => Ok(Some(*content == *self.owner.as_bytes())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if is_away(&error) => Err(error),
            // What another user keeps to itself is not this connector's.
            Err(_) => Ok(Some(false)),
        }
    }
}

impl Place for Remote {
    fn list(&mut self, take: &mut dyn FnMut(Entry)) -> io::Result<()> {
        let generation = {
            let mut link = self.link();
            link.connect().map_err(|refusal| Mark::Away(refusal.text).into_error())?;
            link.generation()
        };
        if self.swept != generation {
            // Of a task that was killed, or whose connection broke off, before the flag had its name.
            if_there(self.remove(&self.draft()))?;
            self.swept = generation;
        }
        self.walk(None, 0, take)
    }

    fn stat(&mut self, entry: &Entry) -> io::Result<Option<Stat>> {
        Ok(if_there(self.attributes(&self.path(entry)))?.map(stat_of))
    }

    fn open(&mut self, entry: &Entry) -> io::Result<Box<dyn OpenFile>> {
        let path = self.path(entry);
        let asked = path.clone();
        let mut link = self.link();
        let handle = link
            .ask(|wire| {
                Box::pin(async move { wire.open_file(asked.as_bytes(), FOR_READING).await })
            })
            .map_err(|error| naming(&path, error))?;
        let generation = link.generation();
        drop(link);
        Ok(Box::new(File::new(Arc::clone(&self.link), generation, handle)))
    }

    /// The flag is written under a name of the task's own, and renamed as SFTP renames: not over one that is
    /// there. So it is there as a whole or not at all, whenever the task is killed.
    fn claim(&mut self, entry: &Entry) -> io::Result<bool> {
        let (flag, draft) = (self.flag(entry), self.draft());
        if let Some(is_own) = self.is_own(&flag)? {
            return Ok(is_own);
        }
        self.write(&draft, &self.owner)?;
        match self.rename(&draft, &flag, false) {
            Ok(()) => Ok(true),
            Err(error) if is_away(&error) => Err(error),
            Err(error) => {
                if_there(self.remove(&draft))?;
                // Somebody else was faster, or the file's folder is gone.
                match self.is_own(&flag)? {
                    Some(is_own) => Ok(is_own),
                    None => Err(error),
                }
            }
        }
    }

    fn release(&mut self, entry: &Entry) -> io::Result<()> {
        if_there(self.remove(&self.flag(entry))).map(drop)
    }

    fn put_away(&mut self, entry: &Entry, goal: &Goal) -> io::Result<String> {
        let mut folder = match (goal, &self.paths.finished) {
            (Goal::Finished(day), Some(finished)) => match day {
                Some(day) => join(finished, day),
                None => finished.clone(),
            },
            _ => self.paths.error.clone(),
        };
        if let Some(below) = &entry.folder {
            folder = join(&folder, below);
        }
        let (from, to) = (self.path(entry), join(&folder, &entry.name));
        match self.rename(&from, &to, true) {
            // Most often the folder is there.
            Err(error) if !is_away(&error) => {
                self.make_directories(&folder)?;
                self.rename(&from, &to, true).map_err(|error| match error.kind() {
                    ErrorKind::Other => io::Error::other(format!(
                        "{error}; a file can only be moved on its file system, so that {folder} has to be on that of \
                         input.path"
                    )),
                    _ => error,
                })?;
            }
            renamed => renamed?,
        }
        self.clear_folders(entry);
        Ok(to)
    }

    fn delete(&mut self, entry: &Entry) -> io::Result<()> {
        self.remove(&self.path(entry))?;
        self.clear_folders(entry);
        Ok(())
    }

    fn full_path(&self, entry: &Entry) -> String {
        self.path(entry)
    }
}
