//! Which paths a provider may read.

use std::path::{Component, Path, PathBuf};

use super::ALLOWED_PATHS;
use crate::error::{Error, Result};
use crate::plugin::Props;

/// Folders below which everything may be read; `None` allows all paths.
#[derive(Clone, Debug)]
pub(super) struct AllowedPaths(Option<Vec<PathBuf>>);

impl AllowedPaths {
    /// From [`ALLOWED_PATHS`]. `ConfigException` for a path that is relative or not there.
    pub(super) fn new(config: &Props) -> Result<Self> {
        let Some(text) = config.get(ALLOWED_PATHS).filter(|text| !text.is_empty()) else {
            return Ok(Self(None));
        };
        let mut allowed = Vec::new();
        // As in Java, empty parts at the end do not count.
        for part in text.trim_end_matches(',').split(',').filter(|_| text != ",") {
            let path = normalize(Path::new(part));
            if !path.is_absolute() {
                return Err(Error::config(format!("Path {} is not absolute", path.display())));
            }
            if !path.try_exists().unwrap_or(false) {
                return Err(Error::config(format!("Path {} does not exist", path.display())));
            }
            allowed.push(path);
        }
        Ok(Self(Some(allowed)))
    }
    /// The path to read, `None` if that is not allowed.
    pub(super) fn check(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        // Put together again: a slash at the end does not count in Java.
        let Some(allowed) = &self.0 else { return Some(path.components().collect()) };
        let path = normalize(path);
        allowed.iter().any(|folder| path.starts_with(folder)).then_some(path)
    }
}

/// Without `.` and `..`, by the text alone, so that nobody climbs out of an allowed folder.
fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir) => {}
                _ => out.push(component),
            },
            other => out.push(other),
        }
    }
    out
}
