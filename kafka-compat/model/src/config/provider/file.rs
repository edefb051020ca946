//! Providers that read files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};

use super::paths::AllowedPaths;
use super::properties::read_properties;
use crate::error::{Error, Result};
use crate::plugin::{ConfigProvider, Props};

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Gives the values of keys in a `.properties` file (`FileConfigProvider`). The path is the
/// file's.
#[derive(Clone, Debug)]
pub struct FileProvider {
    allowed: AllowedPaths,
}

impl FileProvider {
    /// A provider for files below `allowed.paths`. `ConfigException` for a path that is relative
    /// or not there.
    pub fn new(config: &Props) -> Result<Self> {
        AllowedPaths::new(config).map(|allowed| Self { allowed })
    }
}

impl ConfigProvider for FileProvider {
    fn get(&self, path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        let mut out = BTreeMap::new();
        if path.is_empty() {
            return Ok(out);
        }
        let Some(file) = self.allowed.check(path) else { return Ok(out) };
        let text = read(&file).map_err(|cause| {
            Error::config(format!("Could not read properties from file {path}"))
                .caused_by(Error::io("reading failed", &cause))
        })?;
        let mut properties = read_properties(&text)?;
        for key in keys {
            if let Some(value) = properties.remove(*key) {
                out.insert((*key).to_owned(), value);
            }
        }
        Ok(out)
    }
}

/// Gives the contents of files (`DirectoryConfigProvider`). The path is the folder's, keys are
/// names of files in it.
#[derive(Clone, Debug)]
pub struct DirectoryProvider {
    allowed: AllowedPaths,
}

impl DirectoryProvider {
    /// A provider for folders below `allowed.paths`. `ConfigException` for a path that is
    /// relative or not there.
    pub fn new(config: &Props) -> Result<Self> {
        AllowedPaths::new(config).map(|allowed| Self { allowed })
    }
}

impl ConfigProvider for DirectoryProvider {
    fn get(&self, path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        let mut out = BTreeMap::new();
        if path.is_empty() {
            return Ok(out);
        }
        let Some(folder) = self.allowed.check(path) else { return Ok(out) };
        for key in keys.iter().filter(|key| is_file_name(key)) {
            let file = folder.join(key);
            if !file.is_file() {
                continue;
            }
            let text = read(&file).map_err(|cause| {
                Error::config(format!("Could not read file {} for property {key}", file.display()))
                    .caused_by(Error::io("reading failed", &cause))
            })?;
            out.insert((*key).to_owned(), text);
        }
        Ok(out)
    }
}

/// Whether it is a plain name: a key must not lead out of the folder.
fn is_file_name(key: &str) -> bool {
    let mut components = Path::new(key).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(name)), None) if name == key)
}

fn read(file: &Path) -> std::io::Result<String> {
    // A pipe or a device may never end, or never begin.
    if !std::fs::metadata(file)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    let read = std::fs::File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(std::io::Error::other(format!(
            "the file has more than {MAX_FILE_BYTES} bytes"
        )));
    }
    Ok(text)
}
