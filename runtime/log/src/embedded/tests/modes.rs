//! Who may read the files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{append, batch, config};
use crate::embedded::EmbeddedLog;
use crate::{LogAdmin, TopicSpec};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Writes until there are several segments, then closes the log.
async fn fill(dir: &Path) {
    let log = EmbeddedLog::open(config(dir)).unwrap();
    log.create_topic("t", TopicSpec::with_queues(1)).await.unwrap();
    let long = "x".repeat(1_000);
    for _ in 0..20 {
        append(&log, vec![batch("t", 0, &[&long])]).await.unwrap();
    }
    log.close().await;
}

/// Names of the files in a directory, each of which must be its owner's alone.
fn private_files(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names
}

#[tokio::test]
async fn what_is_created_is_its_owners_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let (above, dir) = (temporary.path().join("a"), temporary.path().join("a/b"));
    fill(&dir).await;
    assert_eq!((mode(&above), mode(&dir)), (0o700, 0o700));
    let names = private_files(&dir);
    assert!(names.iter().any(|name| name == "lock"), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with(".idx")), "{names:?}");
    assert!(names.len() > 4, "{names:?}");
}

#[tokio::test]
async fn what_is_there_stays_as_it_is() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("d");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
    fill(&dir).await;
    assert_eq!(mode(&dir), 0o750);
    private_files(&dir);
}
