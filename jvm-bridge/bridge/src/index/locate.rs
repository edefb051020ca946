//! Where plugins are: the locations of `plugin.path`, and the class path of each.
//!
//! Kafka's rules, with its odd corners: what counts as an archive is told by the name alone, a
//! directory with archives has no loose classes, links are followed to where they lead, and a
//! directory that can't be listed spoils its whole location.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A location and what its class loader reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// Archives, or one directory of classes, in the order of the class path.
    pub(crate) elements: Vec<PathBuf>,
}

/// The locations on the plugin path, without those that can't be read.
pub(crate) fn places(plugin_path: &[PathBuf], warnings: &mut Vec<String>) -> Vec<Place> {
    let mut places = Vec::new();
    for path in locations(plugin_path, warnings) {
        match class_path(&path, warnings) {
            Ok(elements) => places.push(Place { path, elements }),
            Err(error) => warnings.push(not_listed(&path, &error)),
        }
    }
    places
}

fn not_listed(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    format!("Could not get listing for plugin path: {path}. Ignoring. ({error})")
}

fn locations(plugin_path: &[PathBuf], warnings: &mut Vec<String>) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let mut locations = Vec::new();
    for element in plugin_path {
        let found = absolute(element).and_then(|path| {
            if let ([_], true) = (plugin_path, element.as_os_str().is_empty()) {
                let path = path.display();
                warnings.push(format!("Plugin path element is empty, evaluating to {path}."));
            }
            locations_in(path)
        });
        match found {
            Ok(found) => locations.extend(found.into_iter().filter(|it| seen.insert(it.clone()))),
            Err(error) => warnings.push(not_listed(element, &error)),
        }
    }
    locations
}

fn locations_in(path: PathBuf) -> io::Result<Vec<PathBuf>> {
    if std::fs::metadata(&path)?.is_dir() {
        return list(&path);
    }
    Ok(if is_archive(&path) { vec![path] } else { Vec::new() })
}

/// An absolute path as Java spells it: without doubled slashes, but with its `.` and `..`.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let full =
        if path.is_absolute() { path.to_owned() } else { std::env::current_dir()?.join(path) };
    let mut spelled = Vec::with_capacity(full.as_os_str().len());
    for name in full.as_os_str().as_bytes().split(|byte| *byte == b'/') {
        if !name.is_empty() {
            spelled.push(b'/');
            spelled.extend_from_slice(name);
        }
    }
    if spelled.is_empty() {
        spelled.push(b'/');
    }
    Ok(PathBuf::from(OsString::from_vec(spelled)))
}

/// What in a directory may be or hold plugins: directories, archives and class files. Sorted, where
/// Kafka leaves the order to the file system.
fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if is_archive(&path) || is_class(&path) || path.is_dir() {
            found.push(path);
        }
    }
    sort(&mut found);
    Ok(found)
}

/// Java compares paths byte by byte, Rust name by name.
fn sort(paths: &mut [PathBuf]) {
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
}

fn ends_with(path: &Path, endings: &[&[u8]]) -> bool {
    let name = path.as_os_str().as_bytes();
    endings.iter().any(|ending| {
        let tail = name.len().checked_sub(ending.len()).and_then(|from| name.get(from..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(ending))
    })
}

fn is_archive(path: &Path) -> bool {
    ends_with(path, &[b".jar", b".zip"])
}

fn is_class(path: &Path) -> bool {
    ends_with(path, &[b".class"])
}

/// The archives in and below a location, or the location itself if there are but classes.
fn class_path(top: &Path, warnings: &mut Vec<String>) -> io::Result<Vec<PathBuf>> {
    if is_archive(top) {
        return Ok(vec![top.to_owned()]);
    }
    let mut archives = Vec::new();
    let mut has_classes = false;
    let mut seen = HashSet::from([top.to_owned()]);
    let mut left = list(top)?;
    while let Some(path) = left.pop() {
        let Some(path) = follow(path, warnings) else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        if is_archive(&path) {
            archives.push(path);
        } else if is_class(&path) {
            has_classes = true;
        } else {
            left.extend(list(&path)?);
        }
    }
    if has_classes && archives.is_empty() {
        return Ok(vec![top.to_owned()]);
    }
    if has_classes {
        let text = "Plugin path contains both java archives and class files. Returning only the \
                    archives";
        warnings.push(text.to_owned());
    }
    sort(&mut archives);
    Ok(archives)
}

/// Where a link leads to, or the path itself if it is none.
fn follow(path: PathBuf, warnings: &mut Vec<String>) -> Option<PathBuf> {
    if !path.is_symlink() {
        return Some(path);
    }
    let real = path.canonicalize();
    if let Err(error) = &real {
        let path = path.display();
        let text = "failed. Ignoring this path.";
        warnings.push(format!("Resolving symbolic link '{path}' {text} ({error})"));
    }
    real.ok()
}

/// A path as the URL that Java makes of it. Directories end with a slash.
pub(crate) fn url(path: &Path) -> String {
    let mut url = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(*byte)),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' | b':' | b'@' | b'&'
            | b'=' | b'+' | b'$' | b',' | b';' | b'/' => url.push(char::from(*byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    if path.is_dir() && !url.ends_with('/') {
        url.push('/');
    }
    url
}
