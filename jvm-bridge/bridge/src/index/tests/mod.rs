//! Tests of the index, on archives that they build.

mod archives;
mod build;
mod discovery;
mod hostile;
mod locations;
mod memory;

use std::path::Path;

use super::{DiscoveryMode, Found, Index};

/// Looks at one plugin path, with a cache that nothing else uses.
fn look(path: &Path, mode: DiscoveryMode) -> Found {
    let cache = tempfile::tempdir().unwrap();
    Index::open(cache.path()).look(&[path.to_owned()], mode)
}

/// The plugins as `kind class`.
fn names(found: &Found) -> Vec<String> {
    found.plugins().map(|(_, plugin)| format!("{} {}", plugin.kind, plugin.class)).collect()
}
