//! What reading promises.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::support::{
    AnyLog, fold, fresh, keyed, limits, put, queue, read_all, read_until, text, topic, topic_of,
    value,
};
use crate::api::{LogError, LogRecord, OffsetRange, RecordHeader, TopicSpec};
use crate::{Str, TopicPartition};

/// Keys, values and headers come back as they were: null, empty, binary, repeated, large.
pub async fn each_record_comes_back_as_it_was(log: AnyLog) {
    let bytes = |text: &'static [u8]| Some(Bytes::from_static(text));
    let header = |key: &str, value| RecordHeader { key: Str::from(key), value };
    let all_bytes: Vec<u8> = (0..=255).collect();
    let large = Bytes::from(vec![0xab; 300_000]);
    let record =
        |key, value, headers, timestamp_ms| LogRecord { key, value, headers, timestamp_ms };
    let records = vec![
        record(bytes(b"key"), bytes(b"value"), vec![], 1_700_000_000_000),
        record(None, bytes(b"no key"), vec![], 0),
        record(bytes(b"tombstone"), None, vec![], 1),
        record(
            bytes(b"k"),
            bytes(b"headers"),
            vec![
                header("a", bytes(b"1")),
                header("b", None),
                header("a", bytes(b"2")),
                header("empty", bytes(b"")),
            ],
            2,
        ),
        record(Some(all_bytes.clone().into()), Some(all_bytes.into()), vec![], 3),
        record(bytes(b"large"), Some(large), vec![], 4),
        record(bytes(b"after"), bytes(b"large"), vec![header("a", bytes(b"3"))], 5),
    ];
    let topic = topic(&log, "content", 1).await;
    put(&log, &queue(&topic, 0), records.clone()).await;
    let found = read_until(&log, &queue(&topic, 0), 0, records.len()).await;
    for (i, (offset, record)) in found.iter().enumerate() {
        assert_eq!(*offset, i as u64);
        assert_eq!(Some(record), records.get(i), "record {i}");
    }
}

/// An answer says where to read on, and where the end is.
pub async fn read_tells_position_and_end(log: AnyLog) {
    let topic = topic(&log, "position", 1).await;
    let from = queue(&topic, 0);
    let records = (0..10).map(|i| text(&i.to_string())).collect();
    put(&log, &from, records).await;
    read_until(&log, &from, 0, 10).await;
    let got = log.read(&[(from.clone(), 3)], limits(1 << 20, 4, 5000)).await.expect("reads");
    let [one] = got.as_slice() else { panic!("one queue: {got:?}") };
    let offsets: Vec<_> = one.records.iter().map(|(offset, _)| *offset).collect();
    assert_eq!((offsets, one.next, one.end), (vec![3, 4, 5, 6], 7, 10));
    assert_eq!(one.from, from);
}

/// A record with [`LogRecord::AT_STORE`] comes back with the log's own time.
pub async fn the_log_sets_the_time_where_asked(log: AnyLog) {
    let topic = topic(&log, "store-time", 1).await;
    let from = queue(&topic, 0);
    let record = || LogRecord { timestamp_ms: LogRecord::AT_STORE, ..text("x") };
    let now = || i64::try_from(crate::sync::now_ms()).expect("fits");
    let begun = now();
    for _ in 0..3 {
        put(&log, &from, vec![record(), record()]).await;
    }
    let ended = now();
    let records = read_until(&log, &from, 0, 6).await;
    let times: Vec<i64> = records.iter().map(|(_, record)| record.timestamp_ms).collect();
    assert!(times.is_sorted(), "{times:?}");
    // The log may run on another machine, but clocks of test machines differ by less than this.
    let about = begun - 60_000..=ended + 60_000;
    assert!(times.iter().all(|time| about.contains(time)), "{times:?} is not in {about:?}");
}

/// Without records a read is empty after the time asked for, and not much before.
pub async fn read_waits_no_longer_than_asked(log: AnyLog) {
    let topic = topic(&log, "empty-read", 2).await;
    put(&log, &queue(&topic, 1), vec![text("x")]).await;
    read_until(&log, &queue(&topic, 1), 0, 1).await;
    let from = [(queue(&topic, 0), 0), (queue(&topic, 1), 1)];
    let begun = Instant::now();
    let got = log.read(&from, limits(1 << 20, 10, 200)).await.expect("reads");
    assert!(got.is_empty(), "{got:?}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(150), "it waited only {took:?}");
    assert!(took < Duration::from_secs(5), "it waited {took:?}");
    let none = timeout(Duration::from_secs(5), log.read(&[], limits(1, 1, 50))).await;
    assert!(none.expect("a read of nothing ends").expect("reads").is_empty());
}

/// A waiting read answers as soon as one of its queues has something, and leaves out the others.
pub async fn read_wakes_for_any_of_its_queues(log: AnyLog) {
    let topic = topic(&log, "wake", 3).await;
    let reader = {
        let (log, topic) = (log.clone(), Str::clone(&topic));
        tokio::spawn(async move {
            let from: Vec<_> = (0..3).map(|partition| (queue(&topic, partition), 0)).collect();
            let got = log.read(&from, limits(1 << 20, 10, 20_000)).await.expect("reads");
            (got, Instant::now())
        })
    };
    sleep(Duration::from_millis(100)).await;
    put(&log, &queue(&topic, 1), vec![text("wake")]).await;
    let appended = Instant::now();
    let (got, woken) = reader.await.expect("the reader ends");
    assert!(woken.saturating_duration_since(appended) < Duration::from_secs(5), "woken late");
    let [one] = got.as_slice() else { panic!("one queue: {got:?}") };
    assert_eq!((one.from.partition, one.records.len(), one.next), (1, 1, 1));
}

/// A read that is dropped while it waits takes nothing away.
pub async fn read_may_be_dropped(log: AnyLog) {
    let topic = topic(&log, "dropped-read", 1).await;
    let from = queue(&topic, 0);
    for i in 0..20 {
        let position = [(from.clone(), i)];
        let read = log.read(&position, limits(1 << 20, 10, 20_000));
        assert!(timeout(Duration::from_millis(2), read).await.is_err(), "nothing is there");
        put(&log, &from, vec![text(&i.to_string())]).await;
        assert_eq!(read_until(&log, &from, i, 1).await.len(), 1);
    }
    assert_eq!(read_all(&log, &from).await.len(), 20);
}

/// An offset above the end is an error that says what there is; the end itself is none.
pub async fn read_beyond_the_end_fails(log: AnyLog) {
    let topic = topic(&log, "beyond", 1).await;
    let from = queue(&topic, 0);
    put(&log, &from, vec![text("a"), text("b")]).await;
    read_until(&log, &from, 0, 2).await;
    assert!(log.read(&[(from.clone(), 2)], limits(1, 1, 0)).await.expect("reads").is_empty());
    match log.read(&[(from.clone(), 3)], limits(1, 1, 0)).await {
        Err(LogError::OutOfRange { queue, wanted, range }) => {
            assert_eq!((queue, wanted), (from, 3));
            assert_eq!(range, OffsetRange { earliest: 0, next: 2 });
        }
        other => panic!("{other:?}"),
    }
}

/// A read of a topic that goes while it waits, or that is gone, fails.
pub async fn read_of_a_deleted_topic_fails(log: AnyLog) {
    let topic = topic(&log, "gone", 1).await;
    let from = queue(&topic, 0);
    let reader = {
        let (log, from) = (log.clone(), from.clone());
        tokio::spawn(async move { log.read(&[(from, 0)], limits(1, 1, 20_000)).await })
    };
    sleep(Duration::from_millis(100)).await;
    log.delete_topic(&topic).await.expect("deletes");
    let got = timeout(Duration::from_secs(10), reader).await.expect("the read ends early");
    let got = got.expect("the reader ends");
    assert!(matches!(&got, Err(LogError::Unknown(named)) if *named == from), "{got:?}");
    let got = log.read(&[(from.clone(), 0)], limits(1, 1, 0)).await;
    assert!(matches!(&got, Err(LogError::Unknown(named)) if *named == from), "{got:?}");
}

/// Records and bytes stay within the limits over all queues, but one record always comes.
pub async fn limits_are_kept(log: AnyLog) {
    let topic = topic(&log, "limits", 2).await;
    for partition in 0..2 {
        let records = (0..50).map(|_| text(&"x".repeat(1000))).collect();
        put(&log, &queue(&topic, partition), records).await;
        read_until(&log, &queue(&topic, partition), 0, 50).await;
    }
    let from = [(queue(&topic, 0), 0), (queue(&topic, 1), 0)];
    let count = |got: &[crate::QueueRecords]| got.iter().map(|one| one.records.len()).sum();
    let got = log.read(&from, limits(1 << 20, 7, 1000)).await.expect("reads");
    let records: usize = count(&got);
    assert!((1..=7).contains(&records), "{records} records for at most 7");
    let got = log.read(&from, limits(10_000, 1000, 1000)).await.expect("reads");
    let records: usize = count(&got);
    assert!((1..=14).contains(&records), "{records} records of 1000 bytes for 10000 bytes");
    let got = log.read(&from, limits(usize::MAX, usize::MAX, 1000)).await.expect("reads");
    assert!(count(&got) > 0, "no limit is allowed");
    let got = log.read(&from, limits(10, 1000, 1000)).await.expect("reads");
    let records: usize = count(&got);
    assert!((1..=2).contains(&records), "{records} records for less than one");
}

/// When there is more than a read may give, each queue has its turn.
pub async fn queues_get_their_turn(log: AnyLog) {
    const QUEUES: u32 = 4;
    let topic = topic(&log, "turns", QUEUES).await;
    for partition in 0..QUEUES {
        let records = (0..100).map(|_| text(&"x".repeat(100))).collect();
        put(&log, &queue(&topic, partition), records).await;
        read_until(&log, &queue(&topic, partition), 0, 100).await;
    }
    let mut from: Vec<_> = (0..QUEUES).map(|partition| (queue(&topic, partition), 0)).collect();
    let mut seen = BTreeSet::new();
    for _ in 0..2 * QUEUES {
        let got = log.read(&from, limits(1 << 20, 1, 1000)).await.expect("reads");
        for one in got {
            seen.insert(one.from.partition);
            for position in from.iter_mut().filter(|(name, _)| *name == one.from) {
                position.1 = one.next;
            }
        }
    }
    assert_eq!(seen.len(), QUEUES as usize, "only {seen:?} had their turn");
}

/// The range begins at 0 and ends one after the last durable record.
pub async fn range_tells_what_is_there(log: AnyLog) {
    let topic = topic(&log, "range", 2).await;
    let of = queue(&topic, 1);
    let range = log.range(&of).await.expect("has a range");
    assert_eq!(range, OffsetRange { earliest: 0, next: 0 });
    put(&log, &of, vec![text("a"), text("b"), text("c")]).await;
    read_until(&log, &of, 0, 3).await;
    let range = log.range(&of).await.expect("has a range");
    assert_eq!(range, OffsetRange { earliest: 0, next: 3 });
    let other = log.range(&queue(&topic, 0)).await.expect("has a range");
    assert_eq!(other.next, 0);
}

/// The first offset with a timestamp as new is found, also when timestamps go back and forth.
pub async fn offset_for_time_finds_the_first(log: AnyLog) {
    let topic = topic(&log, "time", 1).await;
    let of = queue(&topic, 0);
    let found = log.offset_for_time(&of, 0).await.expect("looks");
    assert_eq!(found, None, "an empty queue has no time");
    let times = [100, 300, 200, 500, 400];
    for timestamp_ms in times {
        put(&log, &of, vec![LogRecord { timestamp_ms, ..text("t") }]).await;
    }
    read_until(&log, &of, 0, times.len()).await;
    let expected =
        [(0, Some(0)), (100, Some(0)), (101, Some(1)), (300, Some(1)), (301, Some(3)), (501, None)];
    for (timestamp_ms, offset) in expected {
        let found = log.offset_for_time(&of, timestamp_ms).await.expect("looks");
        assert_eq!(found, offset, "for {timestamp_ms}");
    }
}

/// Whatever compaction takes, the last record of each key stays, tombstones remove their key, and
/// a reader gets to the end.
pub async fn compacted_topic_keeps_the_last_of_each_key(log: AnyLog) {
    let name = fresh("compacted");
    log.create_topic(&name, TopicSpec::compacted()).await.expect("creates");
    let of: TopicPartition = queue(&name, 0);
    for round in 0..60 {
        let mut records: Vec<_> = (0..50)
            .map(|key| keyed(&key.to_string(), Some(&format!("{key} in {round}"))))
            .collect();
        records.push(keyed("gone", (round < 59).then_some("here")));
        put(&log, &of, records).await;
    }
    put(&log, &of, vec![keyed("last", Some("last"))]).await;
    let total = 60 * 51 + 1;
    let end = log.range(&of).await.expect("has a range").next;
    assert_eq!(end, total, "offsets are those of what was appended");
    let records = read_all(&log, &of).await;
    assert!(records.is_sorted_by_key(|(offset, _)| *offset));
    let folded = fold(&records);
    assert_eq!(folded.len(), 51);
    for key in 0..50 {
        let found = folded.get(key.to_string().as_bytes());
        assert_eq!(found, Some(&Bytes::from(format!("{key} in 59"))));
    }
    let last = records.last().map(|(offset, record)| (*offset, value(record)));
    assert_eq!(last, Some((total - 1, "last".to_owned())));
    let empty = topic_of(&log, "compacted-empty", TopicSpec::compacted()).await;
    assert!(read_all(&log, &queue(&empty, 0)).await.is_empty());
}

/// Readers that stand at the end of a compacted topic while others write to it miss nothing.
pub async fn readers_at_the_end_of_a_compacted_topic_miss_nothing(log: AnyLog) {
    const WRITERS: usize = 4;
    const EACH: usize = 500;
    let of = queue(&topic_of(&log, "compacted-end", TopicSpec::compacted()).await, 0);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (log, of) = (Arc::clone(&log), of.clone());
            tokio::spawn(async move { read_until(&log, &of, 0, WRITERS * EACH).await })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (log, of) = (Arc::clone(&log), of.clone());
            tokio::spawn(async move {
                for number in 0..EACH {
                    put(&log, &of, vec![keyed(&format!("{writer}-{number}"), Some("v"))]).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("writes");
    }
    for reader in readers {
        let offsets: Vec<u64> =
            reader.await.expect("reads").iter().map(|(offset, _)| *offset).collect();
        let missed: Vec<u64> =
            (0..(WRITERS * EACH) as u64).filter(|at| offsets.binary_search(at).is_err()).collect();
        assert!(missed.is_empty(), "a reader missed {missed:?}");
    }
}
