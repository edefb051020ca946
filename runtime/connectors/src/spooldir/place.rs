//! A place with files: what the sources ask of a directory, here or on a server.

use std::io::{self, Read};

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// In bytes.
    pub(crate) length: u64,
    /// When it was last written to.
    pub(crate) modified_ms: i64,
    /// What tells a file from another that has taken its name; none where there is no such number.
    pub(crate) inode: Option<u64>,
}

/// A file of the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: String,
    /// The folders below the place that lead to it, divided by `/`; none if it lies in the place itself.
    pub(crate) folder: Option<String>,
    /// As it was when it was listed.
    pub(crate) stat: Stat,
}

impl Entry {
    /// Its path below the place.
    pub(crate) fn path(&self) -> String {
        match &self.folder {
            Some(folder) => format!("{folder}/{}", self.name),
            None => self.name.clone(),
        }
    }
    /// What stands behind its last point.
    pub(crate) fn extension(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

/// Where a file goes when it is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// To where finished files go, in a folder of this name if there is one.
    Finished(Option<String>),
    /// To where faulty files go.
    Error,
}

/// A file that is open.
pub(crate) trait OpenFile: Read + Send {
    /// As it is now.
    fn stat(&mut self) -> io::Result<Stat>;
    /// Reads on from there.
    fn seek(&mut self, to: u64) -> io::Result<()>;
}

/// A place with files. Called by one thread, which may be held up.
pub(crate) trait Place: Send {
    /// Gives all files whose names match.
    fn list(&mut self, take: &mut dyn FnMut(Entry)) -> io::Result<()>;
    /// A file as it is now; `None` if it is not there any more.
    fn stat(&mut self, entry: &Entry) -> io::Result<Option<Stat>>;
    /// Opens a file.
    fn open(&mut self, entry: &Entry) -> io::Result<Box<dyn OpenFile>>;
    /// Shows others that the file is being read; false if somebody else is reading it.
    fn claim(&mut self, entry: &Entry) -> io::Result<bool>;
    /// Takes that back.
    fn release(&mut self, entry: &Entry) -> io::Result<()>;
    /// Moves a file; says where it is then.
    fn put_away(&mut self, entry: &Entry, goal: &Goal) -> io::Result<String>;
    /// Deletes a file.
    fn delete(&mut self, entry: &Entry) -> io::Result<()>;
    /// The file's full path.
    fn full_path(&self, entry: &Entry) -> String;
}
