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
    let found = Index::open(cache.path()).look(&[path.to_owned()], mode);
    if mode == DiscoveryMode::ServiceLoad {
        // It reads only what manifests lead to, and finds what it finds when all has been read.
        let cache = tempfile::tempdir().unwrap();
        let index = Index::open(cache.path());
        let _ = index.look(&[path.to_owned()], DiscoveryMode::HybridWarn);
        let all = index.look(&[path.to_owned()], mode);
        assert_eq!(names(&found), names(&all));
        assert_eq!(found.warnings, all.warnings);
    }
    found
}

/// The plugins as `kind class`.
fn names(found: &Found) -> Vec<String> {
    found.plugins().map(|(_, plugin)| format!("{} {}", plugin.kind, plugin.class)).collect()
}
