//! A disk that fails: nothing is acknowledged that is not there, and the error says what to do.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{append, batch, config, one_segment, values};
use crate::embedded::disk::{Disk, SystemDisk, WriteFile};
use crate::embedded::{EmbeddedConfig, EmbeddedLog};
use crate::{Log, LogAdmin, LogError, QueueBatch, Session, TopicSpec};

#[derive(Debug, Default)]
struct Faults {
    write: Mutex<Option<ErrorKind>>,
    /// Bytes that a failing write still writes.
    partial: AtomicUsize,
    sync: AtomicBool,
    create: Mutex<Option<ErrorKind>>,
}

#[derive(Debug, Default)]
struct FaultyDisk(Arc<Faults>);

#[derive(Debug)]
struct FaultyFile(Box<dyn WriteFile>, Arc<Faults>);

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file = SystemDisk.create(path)?;
        if let Some(kind) = *self.0.create.lock().unwrap() {
            return Err(kind.into());
        }
        Ok(Box::new(FaultyFile(file, Arc::clone(&self.0))))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(FaultyFile(SystemDisk.open(path)?, Arc::clone(&self.0))))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        SystemDisk.sync_dir(dir)
    }
}

impl WriteFile for FaultyFile {
    fn append(&mut self, buffers: &[&[u8]]) -> io::Result<()> {
        let Some(kind) = *self.1.write.lock().unwrap() else { return self.0.append(buffers) };
        let all = buffers.concat();
        let partial = self.1.partial.load(Ordering::Relaxed).min(all.len());
        self.0.append(&[&all[..partial]])?;
        Err(kind.into())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.1.sync.load(Ordering::Relaxed) {
            return Err(io::Error::other("injected"));
        }
        self.0.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

async fn open(config: EmbeddedConfig) -> (EmbeddedLog, Arc<Faults>) {
    let disk = FaultyDisk::default();
    let faults = Arc::clone(&disk.0);
    let log = EmbeddedLog::open_on(config, Arc::new(disk)).unwrap();
    log.create_topic("t", TopicSpec::with_queues(2)).await.unwrap();
    append(&log, vec![batch("t", 0, &["before"])]).await.unwrap();
    (log, faults)
}

fn reason(result: Result<Vec<std::ops::Range<u64>>, LogError>) -> String {
    match result {
        Err(error @ LogError::Unavailable(_)) => {
            assert!(error.is_retriable());
            error.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_space() {
    for partial in [0, 1, 30, 100, 10_000] {
        let dir = tempfile::tempdir().unwrap();
        let (log, faults) = open(one_segment(dir.path())).await;
        faults.partial.store(partial, Ordering::Relaxed);
        *faults.write.lock().unwrap() = Some(ErrorKind::StorageFull);
        for _ in 0..3 {
            let reason = reason(append(&log, vec![batch("t", 0, &["lost"])]).await);
            assert!(reason.contains("free space"), "{reason}");
            assert!(reason.contains(&dir.path().display().to_string()), "{reason}");
        }
        let refused = log.create_topic("u", TopicSpec::with_queues(1)).await;
        assert!(matches!(refused, Err(LogError::Unavailable(_))), "{refused:?}");
        assert_eq!(values(&log, "t", 0).await, ["before"], "reads go on");
        *faults.write.lock().unwrap() = None;
        assert_eq!(
            append(&log, vec![batch("t", 0, &["after"])]).await.unwrap().first(),
            Some(&(1..2))
        );
        log.create_topic("u", TopicSpec::with_queues(1)).await.unwrap();
        assert_eq!(values(&log, "t", 0).await, ["before", "after"]);
        drop(log);
        let log = EmbeddedLog::open(one_segment(dir.path())).unwrap();
        assert_eq!(values(&log, "t", 0).await, ["before", "after"]);
        assert_eq!(log.topics().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_failed_write_refuses_appends_until_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open(one_segment(dir.path())).await;
    faults.partial.store(60, Ordering::Relaxed);
    *faults.write.lock().unwrap() = Some(ErrorKind::Other);
    let first = reason(append(&log, vec![batch("t", 0, &["lost"])]).await);
    assert!(first.contains("restart"), "{first}");
    *faults.write.lock().unwrap() = None;
    reason(append(&log, vec![batch("t", 0, &["lost"])]).await);
    assert_eq!(values(&log, "t", 0).await, ["before"]);
    drop(log);
    let log = EmbeddedLog::open(one_segment(dir.path())).unwrap();
    assert_eq!(values(&log, "t", 0).await, ["before"]);
    assert_eq!(append(&log, vec![batch("t", 0, &["after"])]).await.unwrap().first(), Some(&(1..2)));
}

#[tokio::test]
async fn a_failed_sync_refuses_appends_until_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open(one_segment(dir.path())).await;
    faults.sync.store(true, Ordering::Relaxed);
    let mut waiting = Vec::new();
    for i in 0..10 {
        let batch =
            QueueBatch { to: super::queue("t", 1), records: vec![super::text(i.to_string())] };
        match log.append(vec![batch]).await {
            Ok(durable) => waiting.push(durable),
            Err(error) => panic!("{error}"),
        }
    }
    for durable in waiting {
        let reason = reason(durable.await);
        assert!(reason.contains("restart"), "{reason}");
    }
    // The disk works again, but what it did with the pages nobody knows.
    faults.sync.store(false, Ordering::Relaxed);
    reason(append(&log, vec![batch("t", 0, &["lost"])]).await);
    assert_eq!(log.range(&super::queue("t", 1)).await.unwrap().next, 0);
    assert_eq!(values(&log, "t", 0).await, ["before"]);
    drop(log);
    let log = EmbeddedLog::open(one_segment(dir.path())).unwrap();
    assert_eq!(values(&log, "t", 0).await, ["before"]);
    assert_eq!(append(&log, vec![batch("t", 1, &["after"])]).await.unwrap().first(), Some(&(0..1)));
}

#[tokio::test]
async fn no_space_for_the_next_segment_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open(config(dir.path())).await;
    *faults.create.lock().unwrap() = Some(ErrorKind::StorageFull);
    let large = "x".repeat(1000);
    let mut written = 1;
    let failed = loop {
        match append(&log, vec![batch("t", 0, &[&large])]).await {
            Ok(_) => written += 1,
            error => break error,
        }
        assert!(written < 100);
    };
    let reason = reason(failed);
    assert!(reason.contains("free space"), "{reason}");
    drop(log);
    // The half-made segment is not there to confuse who opens the log next.
    let (log, faults) = {
        let disk = FaultyDisk::default();
        let faults = Arc::clone(&disk.0);
        (EmbeddedLog::open_on(config(dir.path()), Arc::new(disk)).unwrap(), faults)
    };
    assert_eq!(values(&log, "t", 0).await.len(), written);
    *faults.create.lock().unwrap() = Some(ErrorKind::StorageFull);
    assert!(append(&log, vec![batch("t", 0, &[&large])]).await.is_err());
    *faults.create.lock().unwrap() = None;
    for _ in 0..10 {
        append(&log, vec![batch("t", 0, &[&large])]).await.unwrap();
    }
    drop(log);
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    assert_eq!(values(&log, "t", 0).await.len(), written + 10);
}

#[tokio::test]
async fn after_a_failure_nothing_of_the_session_gets_in_even_when_there_is_space_again() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open(one_segment(dir.path())).await;
    let session = Session::new();
    *faults.write.lock().unwrap() = Some(ErrorKind::StorageFull);
    let first = log.append_in(&session, vec![batch("t", 0, &["first"])]).await.unwrap();
    while !session.is_broken() {
        tokio::task::yield_now().await;
    }
    // There is space again before anybody has asked how the first append went.
    *faults.write.lock().unwrap() = None;
    let second = log.append_in(&session, vec![batch("t", 0, &["second"])]).await;
    assert!(matches!(second, Err(LogError::SessionBroken)));
    reason(first.await);
    append(&log, vec![batch("t", 0, &["another session"])]).await.unwrap();
    assert_eq!(values(&log, "t", 0).await, ["before", "another session"]);
}

#[tokio::test]
async fn appends_accepted_behind_one_that_fails_fail_too() {
    let dir = tempfile::tempdir().unwrap();
    let (log, faults) = open(one_segment(dir.path())).await;
    let session = Session::new();
    *faults.write.lock().unwrap() = Some(ErrorKind::StorageFull);
    let mut durable = Vec::new();
    for i in 0..100 {
        if i == 50 {
            *faults.write.lock().unwrap() = None;
        }
        match log.append_in(&session, vec![batch("t", 0, &[&format!("{i}")])]).await {
            Ok(accepted) => durable.push(accepted),
            Err(error) => assert!(matches!(error, LogError::SessionBroken), "{error}"),
        }
    }
    let mut results = Vec::new();
    for accepted in durable {
        results.push(accepted.await.is_ok());
    }
    // All that got in stands before all that did not.
    assert!(results.is_sorted_by(|a, b| a >= b), "{results:?}");
}
