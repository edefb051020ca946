//! The elements of a location's class path: archives, and directories of classes.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::locate::Place;
use super::zip::{Directory, ZipError};

/// Bytes of central directories of a location that are kept in memory.
const DIRECTORIES_MAX: usize = 256 << 20;
/// Files of a directory of classes.
const FILES_MAX: usize = 1_000_000;

/// Why an element can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ElementError {
    #[error("{0}")]
    Zip(#[from] ZipError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the location's archives have more entries than can be indexed")]
    TooManyEntries,
    #[error("the directory has more than {FILES_MAX} files")]
    TooManyFiles,
}

/// An element of a class path.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) path: PathBuf,
    pub(crate) content: Content,
}

/// What an element holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// An archive.
    Archive(Directory),
    /// A directory with these files.
    Files(Vec<ClassFile>),
}

/// A file in a directory of classes.
#[derive(Debug)]
pub(crate) struct ClassFile {
    /// Relative to the directory, with slashes.
    pub(crate) name: String,
    size: u64,
    modified: Option<SystemTime>,
}

/// Opens the elements of a location, as far as they can be read. The errors come with the
/// element's path.
pub(crate) fn open(place: &Place) -> (Vec<Element>, Vec<(PathBuf, ElementError)>) {
    let (mut elements, mut errors) = (Vec::new(), Vec::new());
    let mut left = DIRECTORIES_MAX;
    for path in &place.elements {
        match open_one(path, &mut left) {
            Ok(content) => elements.push(Element { path: path.clone(), content }),
            Err(error) => errors.push((path.clone(), error)),
        }
    }
    (elements, errors)
}

fn open_one(path: &Path, left: &mut usize) -> Result<Content, ElementError> {
    // Whatever its name: a directory called `x.jar` has classes.
    if path.is_dir() {
        return Ok(Content::Files(files(path)?));
    }
    let directory = Directory::read(path)?;
    let rest = left.checked_sub(directory.bytes().len());
    *left = rest.ok_or(ElementError::TooManyEntries)?;
    Ok(Content::Archive(directory))
}

/// All files below a directory, sorted by name. Links are followed, each directory is visited once.
fn files(root: &Path) -> Result<Vec<ClassFile>, ElementError> {
    let mut files = Vec::new();
    let mut seen = HashSet::from([root.canonicalize()?]);
    let mut left = vec![(root.to_owned(), String::new())];
    while let Some((directory, prefix)) = left.pop() {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            // A class has a name that is text.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Follows links; one that leads nowhere is no file.
            let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
            let name = format!("{prefix}{name}");
            if metadata.is_dir() {
                if seen.insert(entry.path().canonicalize()?) {
                    left.push((entry.path(), format!("{name}/")));
                }
            } else {
                let modified = metadata.modified().ok();
                files.push(ClassFile { name, size: metadata.len(), modified });
            }
            if files.len() > FILES_MAX {
                return Err(ElementError::TooManyFiles);
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// What tells whether a location is the same as before: the names of its archives with their
/// central directories, and names, sizes and times of loose files.
pub(crate) fn hash(place: &Place, elements: &[Element]) -> String {
    let mut hash = Sha256::new();
    for element in elements {
        let name = relative(&place.path, &element.path);
        part(&mut hash, name.as_os_str().as_encoded_bytes());
        match &element.content {
            Content::Archive(directory) => part(&mut hash, directory.bytes()),
            Content::Files(files) => files.iter().for_each(|file| file.hash(&mut hash)),
        }
    }
    let digits = hash.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

impl ClassFile {
    fn hash(&self, hash: &mut Sha256) {
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let nanoseconds = since.map_or(0, |since| since.as_nanos());
        part(hash, self.name.as_bytes());
        part(hash, &self.size.to_le_bytes());
        part(hash, &nanoseconds.to_le_bytes());
    }
}

/// With its length, so that no two lists of parts are the same bytes.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// An element's path as seen from its location. It is empty for the location itself, and absolute
/// for what a link leads to.
pub(crate) fn relative<'a>(location: &Path, element: &'a Path) -> &'a Path {
    element.strip_prefix(location).unwrap_or(element)
}
