//! Opening what an earlier process left.

use std::collections::BTreeMap;
use std::fs;

use tokio::runtime::Runtime;

use super::{
    append, batch, config, copy, damage, eventually, files, one_segment, queue, read_all,
    read_from, text, values,
};
use crate::embedded::EmbeddedLog;
use crate::{Log, LogAdmin, LogError, LogGroup, QueueBatch, TopicLikeness, TopicSpec};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn queues_begin_where_they_were_made_to_and_grow() {
    let dir = tempfile::tempdir().unwrap();
    let range = async |log: &EmbeddedLog, at| {
        let range = log.range(&queue("t", at)).await.unwrap();
        (range.earliest, range.next)
    };
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        let likeness = TopicLikeness { first_offsets: vec![100], ..TopicLikeness::default() };
        log.create_topic_like("t", TopicSpec::with_queues(2), &likeness).await.unwrap();
        log.create_topic("other", TopicSpec::with_queues(1)).await.unwrap();
        append(&log, vec![batch("t", 0, &["a", "b"])]).await.unwrap();
        log.add_queues("t", 4, &[0, 0, 7]).await.unwrap();
        append(&log, vec![batch("t", 2, &["c"])]).await.unwrap();
        log.roll();
        append(&log, vec![batch("t", 2, &["d"])]).await.unwrap();
        drop(log);
        for _ in 0..2 {
            let log = EmbeddedLog::open(config(dir.path())).unwrap();
            assert_eq!(range(&log, 0).await, (100, 102));
            assert_eq!(range(&log, 1).await, (0, 0));
            assert_eq!(range(&log, 2).await, (7, 9));
            assert_eq!(range(&log, 3).await, (0, 0));
            assert_eq!(values(&log, "t", 0).await, ["a", "b"]);
            assert_eq!(values(&log, "t", 2).await, ["c", "d"]);
            assert!(log.range(&queue("t", 4)).await.is_err());
            log.roll();
            append(&log, vec![batch("other", 0, &["x"])]).await.unwrap();
        }
    });
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    runtime().block_on(async {
        let log = EmbeddedLog::open(one_segment(&first)).unwrap();
        log.create_topic("t", TopicSpec::with_queues(2)).await.unwrap();
        append(&log, vec![batch("t", 0, &["a", "b"]), batch("t", 1, &["c"])]).await.unwrap();
        drop(log);
        copy(&first, &second);
        let log = EmbeddedLog::open(one_segment(&second)).unwrap();
        append(&log, vec![batch("t", 0, &["x", "y"]), batch("t", 1, &["z"])]).await.unwrap();
    });
    let whole = fs::read(&files(&second)[0]).unwrap();
    let before = fs::metadata(&files(&first)[0]).unwrap().len() as usize;
    assert!(whole.len() > before + 100);
    for cut in before..=whole.len() {
        for torn in [whole[..cut].to_vec(), [&whole[..cut], &vec![0; whole.len() - cut]].concat()] {
            let work = dir.path().join("work");
            copy(&first, &work);
            fs::write(&files(&work)[0], &torn).unwrap();
            runtime().block_on(async {
                let log = EmbeddedLog::open(one_segment(&work)).unwrap();
                let complete = cut == whole.len();
                let expected: &[&str] = if complete { &["a", "b", "x", "y"] } else { &["a", "b"] };
                assert_eq!(values(&log, "t", 0).await, expected, "cut at {cut}");
                let expected: &[&str] = if complete { &["c", "z"] } else { &["c"] };
                assert_eq!(values(&log, "t", 1).await, expected, "cut at {cut}");
                let next = if complete { 4 } else { 2 };
                let offsets = append(&log, vec![batch("t", 0, &["again"])]).await.unwrap();
                assert_eq!(offsets.first().map(|offsets| offsets.start), Some(next));
                drop(log);
                let log = EmbeddedLog::open(one_segment(&work)).unwrap();
                assert_eq!(values(&log, "t", 0).await.last().unwrap(), "again");
            });
        }
    }
}

#[test]
fn damage_before_acknowledged_frames_is_an_error_not_a_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut ends = Vec::new();
    runtime().block_on(async {
        let log = EmbeddedLog::open(one_segment(dir.path())).unwrap();
        log.create_topic("t", TopicSpec::with_queues(1)).await.unwrap();
        for i in 0..3 {
            ends.push(fs::metadata(&files(dir.path())[0]).unwrap().len() as usize);
            append(&log, vec![batch("t", 0, &[&format!("record {i}")])]).await.unwrap();
        }
    });
    let path = &files(dir.path())[0];
    let whole = fs::read(path).unwrap();
    for at in ends[0]..ends[1] {
        fs::write(path, &whole).unwrap();
        damage(path, at);
        let message = match EmbeddedLog::open(one_segment(dir.path())) {
            Err(LogError::Corrupt(message)) => message,
            other => panic!("byte {at}: {other:?}"),
        };
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains(&format!("at byte {}:", ends[0])), "{message}");
        assert_eq!(fs::metadata(path).unwrap().len() as usize, whole.len(), "nothing was cut");
    }
}

#[test]
fn damage_in_a_closed_segment_is_told_with_file_and_position() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        log.create_topic("t", TopicSpec::with_queues(2)).await.unwrap();
        for i in 0..100 {
            let values = [format!("{i}").repeat(40)];
            append(&log, vec![batch("t", 0, &[&values[0]])]).await.unwrap();
        }
        append(&log, vec![batch("t", 1, &["other"])]).await.unwrap();
        log.close().await;
        let path = files(dir.path())[1].clone();
        let bytes = fs::read(&path).unwrap();
        damage(&path, bytes.len() - 3);
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        let error = read_from(&log, &queue("t", 0), 0).await.unwrap_err();
        let LogError::Corrupt(message) = &error else { panic!("{error:?}") };
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains("at byte "), "{message}");
        assert!(!error.is_retriable());
        assert_eq!(values(&log, "t", 1).await, ["other"], "others are not affected");
        assert!(append(&log, vec![batch("t", 0, &["goes on"])]).await.is_ok());
    });
}

async fn fill(log: &EmbeddedLog) {
    log.create_topic("a", TopicSpec::with_queues(2)).await.unwrap();
    log.create_topic("gone", TopicSpec::with_queues(1)).await.unwrap();
    log.create_topic("c", TopicSpec::compacted()).await.unwrap();
    for i in 0..200 {
        let batches = vec![
            batch("a", i % 2, &[&format!("a{i}"), &"x".repeat(400)]),
            batch("gone", 0, &["gone"]),
            QueueBatch { to: queue("c", 0), records: vec![super::keyed("k", Some(i.to_string()))] },
        ];
        append(log, batches).await.unwrap();
        let commit =
            BTreeMap::from([(queue("a", 0), Some(u64::from(i))), (queue("a", 1), Some(7))]);
        log.commit("group", &commit).await.unwrap();
    }
    log.delete_topic("gone").await.unwrap();
    let commit = BTreeMap::from([(queue("a", 1), None)]);
    log.commit("group", &commit).await.unwrap();
}

async fn check(log: &EmbeddedLog) {
    let topics = log.topics().await.unwrap();
    assert_eq!(topics.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "c"]);
    assert_eq!(topics["a"].spec, TopicSpec::with_queues(2));
    assert_eq!(topics["c"].spec, TopicSpec::compacted());
    let groups = log.groups().await.unwrap();
    assert_eq!(groups["group"], BTreeMap::from([(queue("a", 0), 199)]));
    for partition in 0..2 {
        let records = read_all(log, &queue("a", partition)).await;
        assert!(records.iter().map(|(offset, _)| *offset).eq(0..200));
        for (i, pair) in records.chunks(2).enumerate() {
            let which = 2 * i as u32 + partition;
            assert_eq!(super::value(&pair[0].1), format!("a{which}"));
        }
    }
    let last = read_all(log, &queue("c", 0)).await.pop().unwrap();
    assert_eq!((last.0, super::value(&last.1)), (199, "199".to_owned()));
}

#[test]
fn all_of_it_is_there_again_after_many_segments() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        fill(&log).await;
        check(&log).await;
        drop(log);
        assert!(files(dir.path()).len() > 10);
        for _ in 0..3 {
            let log = EmbeddedLog::open(config(dir.path())).unwrap();
            check(&log).await;
            log.close().await;
        }
    });
}

#[test]
fn indexes_are_rebuilt_when_missing_or_damaged() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        fill(&log).await;
        log.close().await;
        let indexes = || -> Vec<_> {
            files(dir.path()).iter().map(|path| path.with_extension("idx")).collect()
        };
        // All but that of the segment that is written to.
        let missing = indexes().iter().filter(|path| !path.is_file()).count();
        assert_eq!(missing, 1, "closing writes indexes");
        for (i, path) in indexes().iter().filter(|path| path.is_file()).enumerate() {
            match i % 4 {
                0 => fs::remove_file(path).unwrap(),
                1 => damage(path, 30),
                2 => damage(path, fs::metadata(path).unwrap().len() as usize - 1),
                _ => fs::write(path, b"").unwrap(),
            }
        }
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        check(&log).await;
        log.close().await;
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        check(&log).await;
    });
}

#[test]
fn a_segment_that_was_being_begun_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        fill(&log).await;
        log.close().await;
        // Segments have numbers for names, and so come first.
        let is_segment = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(|c: char| c.is_ascii_digit())
        };
        let last = files(dir.path()).into_iter().rfind(is_segment);
        let last = last.unwrap();
        let number: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let bytes = fs::read(&last).unwrap();
        for cut in [0, 10, 24, 50] {
            let next = dir.path().join(format!("{:020}.log", number + 1));
            fs::write(&next, &bytes[..cut]).unwrap();
            let log = EmbeddedLog::open(config(dir.path())).unwrap();
            assert!(!next.exists());
            check(&log).await;
            log.close().await;
        }
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        append(&log, vec![batch("a", 0, &["more"])]).await.unwrap();
    });
}

#[test]
fn a_new_log_torn_at_its_beginning_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::open(config(dir.path())).unwrap());
    let path = files(dir.path()).remove(0);
    let bytes = fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        runtime().block_on(async {
            assert!(log.topics().await.unwrap().is_empty());
        });
    }
}

#[test]
fn one_process_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(config(dir.path())).unwrap();
    match EmbeddedLog::open(config(dir.path())) {
        Err(LogError::Locked { dir: named, pid }) => {
            assert_eq!(named, dir.path().display().to_string());
            assert_eq!(pid, std::process::id().to_string());
        }
        other => panic!("{other:?}"),
    }
    drop(log);
    assert!(EmbeddedLog::open(config(dir.path())).is_ok());
}

#[test]
fn a_closed_log_says_so_and_has_written_all() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        log.create_topic("t", TopicSpec::with_queues(1)).await.unwrap();
        let mut waiting = Vec::new();
        for i in 0..100 {
            let records = vec![text(i.to_string())];
            let batch = QueueBatch { to: queue("t", 0), records };
            waiting.push(log.append(vec![batch]).await.unwrap());
        }
        log.close().await;
        log.close().await;
        for durable in waiting {
            durable.await.unwrap();
        }
        let closed = append(&log, vec![batch("t", 0, &["x"])]).await;
        assert!(matches!(closed, Err(LogError::Closed)), "{closed:?}");
        assert!(matches!(log.range(&queue("t", 0)).await, Err(LogError::Closed)));
        assert!(matches!(
            log.create_topic("u", TopicSpec::with_queues(1)).await,
            Err(LogError::Closed)
        ));
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        assert_eq!(values(&log, "t", 0).await.len(), 100);
    });
}

#[test]
fn a_missing_compacted_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let log = EmbeddedLog::open(config(dir.path())).unwrap();
        fill(&log).await;
        let has_compacted =
            || files(dir.path()).iter().any(|f| f.display().to_string().contains("compacted"));
        log.delete_topic("a").await.unwrap();
        log.create_topic("b", TopicSpec::with_queues(1)).await.unwrap();
        for _ in 0..50 {
            append(&log, vec![batch("b", 0, &[&"x".repeat(500)])]).await.unwrap();
        }
        eventually("the topic is compacted", has_compacted);
        log.close().await;
        for file in files(dir.path()) {
            if file.display().to_string().contains("compacted") {
                fs::remove_file(file).unwrap();
            }
        }
        let opened = EmbeddedLog::open(config(dir.path()));
        assert!(matches!(&opened, Err(LogError::Corrupt(m)) if m.contains("c-0")), "{opened:?}");
    });
}
