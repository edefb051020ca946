//! Retention and compaction.

use std::collections::BTreeMap;
use std::path::Path;

use super::{append, batch, config, eventually, files, keyed, queue, read_all, read_from, value};
use crate::embedded::EmbeddedLog;
use crate::embedded::compact::compact_with;
use crate::embedded::disk::SystemDisk;
use crate::embedded::segment::FileName;
use crate::{Cleanup, Log, LogAdmin, LogError, LogRecord, QueueBatch, TopicSpec};

fn delete(retention_ms: Option<u64>, retention_bytes: Option<u64>) -> TopicSpec {
    TopicSpec { queues: 1, cleanup: Cleanup::Delete { retention_ms, retention_bytes } }
}

fn disk_bytes(dir: &Path) -> u64 {
    files(dir).iter().filter_map(|path| path.metadata().ok()).map(|meta| meta.len()).sum()
}

async fn put(log: &EmbeddedLog, topic: &str, records: Vec<LogRecord>) {
    append(log, vec![QueueBatch { to: queue(topic, 0), records }]).await.unwrap();
}

fn earliest(log: &EmbeddedLog, topic: &str) -> u64 {
    log.shared().state().range(&queue(topic, 0)).unwrap().earliest
}

#[tokio::test]
async fn old_records_go_and_readers_below_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    log.create_topic("short", delete(Some(1), None)).await.unwrap();
    log.create_topic("long", delete(None, None)).await.unwrap();
    for i in 0..50 {
        append(&log, vec![batch("short", 0, &[&"x".repeat(500)])]).await.unwrap();
        if i == 10 {
            append(&log, vec![batch("long", 0, &["stays"])]).await.unwrap();
        }
    }
    // Also what was in the segment being written to, which is closed when it is old enough.
    eventually("all is gone", || earliest(&log, "short") == 50);
    match read_from(&log, &queue("short", 0), 10).await {
        Err(LogError::OutOfRange { wanted: 10, range, .. }) => assert_eq!(range.earliest, 50),
        other => panic!("{other:?}"),
    }
    eventually("files are gone", || files(dir.path()).len() <= 3);
    assert_eq!(super::values(&log, "long", 0).await, ["stays"]);
    append(&log, vec![batch("short", 0, &["new"])]).await.unwrap();
    drop(log);
    let quiet = super::one_segment(dir.path());
    let log = EmbeddedLog::open(quiet).unwrap();
    let range = log.range(&queue("short", 0)).await.unwrap();
    assert!(range.earliest >= 50 && range.next == 51, "{range:?}");
    assert_eq!(super::values(&log, "long", 0).await, ["stays"]);
}

#[tokio::test]
async fn a_topic_keeps_about_the_bytes_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    log.create_topic("t", delete(None, Some(20_000))).await.unwrap();
    for _ in 0..200 {
        append(&log, vec![batch("t", 0, &[&"x".repeat(500)])]).await.unwrap();
    }
    eventually("one segment less would be less than it may keep", || {
        let state = log.shared().state();
        let number = state.catalog.queue(&queue("t", 0)).unwrap();
        let parts = &state.queues[&number].parts;
        let bytes: Vec<_> =
            parts.iter().map(|part| part.segment.summary(number).unwrap().bytes).collect();
        let active = &state.active.index.queues.get(&number);
        let active = active.map_or(0, |index| index.summary.bytes);
        bytes[1..].iter().sum::<u64>() + active < 20_000
    });
    eventually("the files are gone", || disk_bytes(dir.path()) < 20_000 + 2 * 4096);
    let left = read_all(&log, &queue("t", 0)).await;
    let bytes: usize = left.iter().map(|(_, record)| record.size()).sum();
    assert!(bytes > 20_000 - 4096, "no more than needed goes: {bytes} are left");
    assert_eq!(left.last().unwrap().0, 199);
}

#[tokio::test]
async fn a_deleted_topic_frees_its_space() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    log.create_topic("t", delete(None, None)).await.unwrap();
    for _ in 0..100 {
        append(&log, vec![batch("t", 0, &[&"x".repeat(500)])]).await.unwrap();
    }
    assert!(disk_bytes(dir.path()) > 50_000);
    log.delete_topic("t").await.unwrap();
    eventually("the files are gone", || disk_bytes(dir.path()) < 2 * 4096);
}

/// Whether all closed segments are compacted; with `whole`, nothing is in the other one.
fn is_compacted(log: &EmbeddedLog, whole: bool) -> bool {
    let state = log.shared().state();
    let number = state.catalog.queue(&queue("c", 0)).unwrap();
    let queue = &state.queues[&number];
    let base = queue.parts.front().filter(|_| queue.parts.len() == 1);
    base.is_some_and(|part| {
        let all = !whole || part.next == queue.next;
        all && matches!(part.segment.name, FileName::Compacted { .. })
    })
}

/// Tombstones go at once.
fn forgetful(dir: &Path) -> crate::EmbeddedConfig {
    crate::EmbeddedConfig { tombstone_retention_ms: 0, ..config(dir) }
}

fn fold(records: &[(u64, LogRecord)]) -> BTreeMap<String, String> {
    let mut folded = BTreeMap::new();
    for (_, record) in records {
        let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
        match &record.value {
            Some(_) => folded.insert(key, value(record)),
            None => folded.remove(&key),
        };
    }
    folded
}

#[tokio::test]
async fn a_compacted_topic_stays_small_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(forgetful(dir.path())).unwrap();
    log.create_topic("c", TopicSpec::compacted()).await.unwrap();
    let mut expected = BTreeMap::new();
    let old: Vec<_> = (0..20).map(|i| keyed(&format!("old{i}"), Some("kept".into()))).collect();
    expected.extend((0..20).map(|i| (format!("old{i}"), "kept".to_owned())));
    put(&log, "c", old).await;
    put(&log, "c", vec![keyed("gone", Some("soon".into()))]).await;
    for round in 0..2000 {
        let (key, value) = (format!("k{}", round % 10), format!("{round} {}", "x".repeat(100)));
        put(&log, "c", vec![keyed(&key, Some(value.clone()))]).await;
        expected.insert(key, value);
        if round == 100 {
            put(&log, "c", vec![keyed("gone", None)]).await;
        }
    }
    eventually("it is compacted", || is_compacted(&log, false));
    eventually("it is small", || disk_bytes(dir.path()) < 5 * 4096);
    let end = log.range(&queue("c", 0)).await.unwrap();
    assert_eq!((end.earliest, end.next), (0, 2022), "offsets stay what they were");
    let records = read_all(&log, &queue("c", 0)).await;
    assert!(records.len() < 200, "{} records are left", records.len());
    assert!(records.is_sorted_by(|a, b| a.0 < b.0));
    assert_eq!(fold(&records), expected);
    let gone = records.iter().any(|(_, record)| record.key.as_deref() == Some(b"gone"));
    assert!(!gone, "a tombstone takes its key away, and itself");
    // From any offset a reader gets to the end.
    for from in [1, 19, 20, 21, 500, 1999, 2021] {
        let rest = read_from(&log, &queue("c", 0), from).await.unwrap();
        let expected = records.iter().filter(|(offset, _)| *offset >= from);
        assert!(rest.iter().eq(expected), "from {from}");
    }
    log.close().await;
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    assert_eq!(fold(&read_all(&log, &queue("c", 0)).await), expected);
    assert_eq!(log.offset_for_time(&queue("c", 0), 0).await.unwrap(), Some(0));
    put(&log, "c", vec![keyed("old1", Some("new".into()))]).await;
    expected.insert("old1".into(), "new".into());
    assert_eq!(fold(&read_all(&log, &queue("c", 0)).await), expected);
}

#[tokio::test]
async fn compaction_with_few_and_many_keys_and_past_data_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let quiet =
        crate::EmbeddedConfig { retention_check_interval_ms: 1 << 40, ..forgetful(dir.path()) };
    let log = EmbeddedLog::open(quiet.clone()).unwrap();
    log.create_topic("c", TopicSpec::compacted()).await.unwrap();
    log.create_topic("d", delete(None, None)).await.unwrap();
    let mut expected = BTreeMap::new();
    for i in 0..300 {
        // The data of the other topic keeps every segment, so only this test compacts.
        append(&log, vec![batch("d", 0, &[&"d".repeat(400)])]).await.unwrap();
        let (key, value) = (format!("k{}", i % 40), format!("{i} {}", "y".repeat(50)));
        let value = (i % 7 != 0).then_some(value);
        put(&log, "c", vec![keyed(&key, value.clone())]).await;
        match value {
            Some(value) => expected.insert(key, value),
            None => expected.remove(&key),
        };
    }
    let before = read_all(&log, &queue("c", 0)).await;
    assert_eq!(fold(&before), expected);
    for (end, keys_max) in [(50, 7), (100, 1000), (101, 1), (250, 30)] {
        let number = log.shared().state().catalog.queue(&queue("c", 0)).unwrap();
        compact_with(log.shared(), &SystemDisk, number, end, keys_max).unwrap();
        let after = read_all(&log, &queue("c", 0)).await;
        assert_eq!(fold(&after), expected, "up to {end}");
        assert!(after.iter().all(|record| before.contains(record)), "nothing is made up");
        let below = |records: &[(u64, LogRecord)]| {
            records.iter().filter(|(offset, _)| *offset < end).cloned().collect::<Vec<_>>()
        };
        // Only the last of each key, no tombstones, and the very last record.
        let mut keys = std::collections::HashSet::new();
        for (offset, record) in &below(&after) {
            assert!(keys.insert(record.key.clone()), "{:?} twice", record.key);
            assert!(record.value.is_some() || offset + 1 == end);
        }
        let rest = |records: &[(u64, LogRecord)]| records.len() - below(records).len();
        assert_eq!(rest(&after), rest(&before), "what is above stays");
    }
    assert_eq!(super::values(&log, "d", 0).await.len(), 300);
    log.close().await;
    let log = EmbeddedLog::open(quiet).unwrap();
    assert_eq!(fold(&read_all(&log, &queue("c", 0)).await), expected);
}

/// A topic that keeps a little for ever does not keep what others wrote beside it.
#[tokio::test]
async fn a_trickle_kept_for_ever_does_not_hold_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    log.create_topic("bulk", delete(Some(1), None)).await.unwrap();
    log.create_topic("trickle", delete(None, None)).await.unwrap();
    let mut expected = Vec::new();
    for i in 0..400 {
        append(&log, vec![batch("bulk", 0, &[&"x".repeat(1000)])]).await.unwrap();
        if i % 5 == 0 {
            let text = format!("kept {i}");
            append(&log, vec![batch("trickle", 0, &[&text])]).await.unwrap();
            expected.push(text);
        }
        if i % 50 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert_eq!(super::values(&log, "trickle", 0).await, expected);
        }
    }
    eventually("the bulk is gone", || earliest(&log, "bulk") == 400);
    eventually("its files are gone", || disk_bytes(dir.path()) < 6 * 4096);
    assert_eq!(earliest(&log, "trickle"), 0);
    assert_eq!(super::values(&log, "trickle", 0).await, expected);
    let kept = files(dir.path());
    let kept = kept.iter().filter(|path| path.display().to_string().contains("kept-")).count();
    assert!((1..=8).contains(&kept), "{kept} files for one small topic");
    for from in [0, 1, 39, 79] {
        let rest = read_from(&log, &queue("trickle", 0), from).await.unwrap();
        assert!(rest.iter().map(|(offset, _)| *offset).eq(from..80));
    }
    log.close().await;
    for _ in 0..2 {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        assert_eq!(super::values(&log, "trickle", 0).await, expected);
        let offsets = append(&log, vec![batch("trickle", 0, &["more"])]).await.unwrap();
        let next = expected.len() as u64;
        assert_eq!(offsets.first().map(|offsets| offsets.start), Some(next));
        expected.push("more".to_owned());
        log.close().await;
    }
}

/// What a crash leaves between writing the new file and deleting the old ones: both.
#[tokio::test]
async fn the_same_records_in_two_files_are_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let quiet =
        crate::EmbeddedConfig { retention_check_interval_ms: 1 << 40, ..config(dir.path()) };
    let log = EmbeddedLog::open(quiet.clone()).unwrap();
    log.create_topic("t", delete(None, None)).await.unwrap();
    let values: Vec<_> = (0..100).map(|i| format!("{i} {}", "x".repeat(200))).collect();
    for value in &values {
        append(&log, vec![batch("t", 0, &[value])]).await.unwrap();
    }
    let number = log.shared().state().catalog.queue(&queue("t", 0)).unwrap();
    let parts: Vec<_> = log.shared().state().queues[&number].parts.iter().cloned().collect();
    assert!(parts.len() > 6);
    for held in [2..4, 4..5] {
        let held: Vec<_> = parts[held].iter().map(|part| part.segment.clone()).collect();
        crate::embedded::keep::keep(log.shared(), &SystemDisk, number, &held, 0, None).unwrap();
        assert_eq!(super::values(&log, "t", 0).await, values);
    }
    log.close().await;
    let log = EmbeddedLog::open(quiet).unwrap();
    assert_eq!(super::values(&log, "t", 0).await, values);
    eventually("the doubles are gone", || {
        let state = log.shared().state();
        let kept = state.segments.keys().filter(|name| format!("{name:?}").contains("Kept"));
        kept.count() <= 1
    });
    assert_eq!(super::values(&log, "t", 0).await, values);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_notice_the_housekeeper() {
    let dir = tempfile::tempdir().unwrap();
    let config = crate::EmbeddedConfig { retention_check_interval_ms: 1, ..config(dir.path()) };
    let log = std::sync::Arc::new(EmbeddedLog::open(config).unwrap());
    log.create_topic("bulk", delete(Some(1), None)).await.unwrap();
    log.create_topic("trickle", delete(None, None)).await.unwrap();
    log.create_topic("state", TopicSpec::compacted()).await.unwrap();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (log, done) = (log.clone(), done.clone());
        readers.push(tokio::spawn(async move {
            let mut rounds = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let trickle = read_all(&log, &queue("trickle", 0)).await;
                let dense = trickle.iter().map(|(at, _)| *at).eq(0..trickle.len() as u64);
                assert!(dense, "a gap or a double");
                let state = read_all(&log, &queue("state", 0)).await;
                assert!(state.is_sorted_by(|a, b| a.0 < b.0));
                let found = log.offset_for_time(&queue("trickle", 0), 0).await.unwrap();
                assert!(found.is_none_or(|at| at == 0));
                rounds += 1;
            }
            rounds
        }));
    }
    for i in 0..1500 {
        let records = vec![keyed(&(i % 7).to_string(), Some(i.to_string()))];
        let state = QueueBatch { to: queue("state", 0), records };
        let bulk = batch("bulk", 0, &[&"x".repeat(1000)]);
        append(&log, vec![bulk, batch("trickle", 0, &["t"]), state]).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 3);
    }
    assert_eq!(read_all(&log, &queue("trickle", 0)).await.len(), 1500);
}

/// Who is behind learns that a key is gone, until the tombstone is old enough: by when it was
/// written, however often it was compacted since.
#[tokio::test]
async fn tombstones_are_kept_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let quiet = |tombstone_retention_ms| crate::EmbeddedConfig {
        tombstone_retention_ms,
        ..super::one_segment(dir.path())
    };
    let rewrite = |log: &EmbeddedLog| {
        // What is in the segment being written to is not compacted, so begin another; then the
        // housekeeper looks.
        log.roll();
        eventually("it is compacted", || is_compacted(log, true));
    };
    let has_tombstone = |records: &[(u64, LogRecord)]| {
        records.iter().any(|(_, r)| r.key.as_deref() == Some(b"gone") && r.value.is_none())
    };
    let log = EmbeddedLog::open(quiet(60_000)).unwrap();
    log.create_topic("c", TopicSpec::compacted()).await.unwrap();
    let gone = vec![keyed("gone", Some("v".into())), keyed("gone", None)];
    put(&log, "c", gone).await;
    for i in 0..3 {
        put(&log, "c", vec![keyed("other", Some(i.to_string()))]).await;
        rewrite(&log);
        let records = read_all(&log, &queue("c", 0)).await;
        assert_eq!(records.len(), 2, "{records:?}");
        assert!(has_tombstone(&records));
    }
    log.close().await;
    std::thread::sleep(std::time::Duration::from_millis(50));
    let log = EmbeddedLog::open(quiet(40)).unwrap();
    put(&log, "c", vec![keyed("last", Some("v".into()))]).await;
    rewrite(&log);
    let records = read_all(&log, &queue("c", 0)).await;
    assert!(!has_tombstone(&records), "{records:?}");
    assert_eq!(fold(&records).len(), 2);
}
