//! What appending promises.

use super::support::{AnyLog, fresh, put, queue, read_all, read_until, text, topic, value};
use crate::api::{LogError, LogRecord, QueueBatch};

/// Batches of one queue become durable and are acknowledged in the order accepted, also when
/// nobody waits in between.
pub async fn durable_in_the_order_accepted(log: AnyLog) {
    let topic = topic(&log, "order", 1).await;
    let to = queue(&topic, 0);
    let mut waiting = Vec::new();
    for i in 0..200 {
        let records = vec![text(&format!("{i}-a")), text(&format!("{i}-b"))];
        let batch = QueueBatch { to: to.clone(), records };
        waiting.push(log.append(vec![batch]).await.expect("accepted"));
    }
    let mut expected = 0;
    for durable in waiting {
        let offsets = durable.await.expect("durable");
        assert_eq!(offsets.first(), Some(&(expected..expected + 2)));
        expected += 2;
    }
    let records = read_until(&log, &to, 0, 400).await;
    for (i, (offset, record)) in records.iter().enumerate() {
        let which = if i % 2 == 0 { "a" } else { "b" };
        assert_eq!((*offset, value(record)), (i as u64, format!("{}-{which}", i / 2)));
    }
}

/// Dropping the future of an append does not cancel the write.
pub async fn dropping_the_durable_future_writes_all_the_same(log: AnyLog) {
    let topic = topic(&log, "dropped", 1).await;
    let to = queue(&topic, 0);
    let batch = QueueBatch { to: to.clone(), records: vec![text("dropped")] };
    drop(log.append(vec![batch]).await.expect("accepted"));
    put(&log, &to, vec![text("after")]).await;
    let records = read_until(&log, &to, 0, 2).await;
    let values: Vec<_> = records.iter().map(|(_, record)| value(record)).collect();
    assert_eq!(values, ["dropped", "after"]);
}

/// One append over several queues, one of them twice: each batch is answered in its place.
pub async fn batches_get_offsets_in_the_order_given(log: AnyLog) {
    let topic = topic(&log, "several", 3).await;
    put(&log, &queue(&topic, 1), vec![text("before")]).await;
    let batch = |partition, values: &[&str]| QueueBatch {
        to: queue(&topic, partition),
        records: values.iter().map(|value| text(value)).collect(),
    };
    let batches = vec![batch(2, &["x"]), batch(1, &["a", "b"]), batch(0, &["k"]), batch(1, &["c"])];
    let durable = log.append(batches).await.expect("accepted");
    assert_eq!(durable.await.expect("durable"), [0..1, 1..3, 0..1, 3..4]);
    for (partition, expected) in
        [(0, vec!["k"]), (1, vec!["before", "a", "b", "c"]), (2, vec!["x"])]
    {
        let records = read_until(&log, &queue(&topic, partition), 0, expected.len()).await;
        let values: Vec<_> = records.iter().map(|(_, record)| value(record)).collect();
        assert_eq!(values, expected, "queue {partition}");
    }
}

/// A batch without records is answered with the offset that its first record would have.
pub async fn empty_batches_get_the_next_offset(log: AnyLog) {
    let topic = topic(&log, "empty", 1).await;
    let to = queue(&topic, 0);
    assert_eq!(put(&log, &to, Vec::new()).await, 0);
    assert_eq!(put(&log, &to, vec![text("one")]).await, 0);
    assert_eq!(put(&log, &to, Vec::new()).await, 1);
    let nothing = log.append(Vec::new()).await.expect("accepted");
    assert!(nothing.await.expect("durable").is_empty());
    assert_eq!(read_until(&log, &to, 0, 1).await.len(), 1);
}

/// Several append to one queue at once: no offset twice, none missing, each in its own order.
pub async fn appenders_at_once_keep_their_order(log: AnyLog) {
    const APPENDERS: usize = 4;
    const APPENDS: usize = 50;
    let topic = topic(&log, "at-once", 1).await;
    let mut tasks = Vec::new();
    for appender in 0..APPENDERS {
        let (log, to) = (log.clone(), queue(&topic, 0));
        tasks.push(tokio::spawn(async move {
            let mut offsets = Vec::new();
            for i in 0..APPENDS {
                offsets.push(put(&log, &to, vec![text(&format!("{appender} {i}"))]).await);
            }
            offsets
        }));
    }
    let mut all = Vec::new();
    for (appender, task) in tasks.into_iter().enumerate() {
        let offsets = task.await.expect("the appender ends");
        assert!(offsets.is_sorted(), "offsets of an appender grow");
        all.extend(offsets.into_iter().enumerate().map(|(i, at)| (at, format!("{appender} {i}"))));
    }
    all.sort();
    let found = read_until(&log, &queue(&topic, 0), 0, APPENDERS * APPENDS).await;
    let found: Vec<_> = found.iter().map(|(offset, record)| (*offset, value(record))).collect();
    assert_eq!(found, all);
    assert!(found.iter().map(|(offset, _)| *offset).eq(0..found.len() as u64));
}

/// An append to a topic or a queue that is not there fails and names it.
pub async fn unknown_queues_are_refused(log: AnyLog) {
    let topic = topic(&log, "known", 2).await;
    for to in [queue(&topic, 2), queue(&fresh("nowhere"), 0)] {
        let batch = QueueBatch { to: to.clone(), records: vec![text("x")] };
        match log.append(vec![batch]).await.map(drop) {
            Err(LogError::Unknown(named)) => assert_eq!(named, to),
            other => panic!("{to}: {other:?}"),
        }
        assert!(matches!(log.range(&to).await, Err(LogError::Unknown(named)) if named == to));
        let found = log.offset_for_time(&to, 0).await;
        assert!(matches!(found, Err(LogError::Unknown(named)) if named == to));
    }
}

/// If one batch cannot be taken, an atomic log takes none of the append.
pub async fn one_bad_batch_refuses_the_append(log: AnyLog) {
    if !log.is_atomic() {
        return;
    }
    let topic = topic(&log, "one-bad", 1).await;
    let good = QueueBatch { to: queue(&topic, 0), records: vec![text("x")] };
    let bad = QueueBatch { to: queue(&topic, 7), records: vec![text("x")] };
    assert!(log.append(vec![good, bad]).await.is_err());
    assert_eq!(put(&log, &queue(&topic, 0), vec![text("y")]).await, 0);
    let records = read_all(&log, &queue(&topic, 0)).await;
    assert_eq!(records.len(), 1);
}

/// A record over the limit is refused with its size and the limit; one at the limit is taken.
/// Not among the tests of the macro, as the limit is the implementation's.
pub async fn too_large_records_are_refused(log: AnyLog, limit: usize) {
    let topic = topic(&log, "large", 1).await;
    let to = queue(&topic, 0);
    let sized = |bytes: usize| LogRecord {
        key: Some(vec![b'k'; 2].into()),
        value: Some(vec![b'v'; bytes - 2].into()),
        ..LogRecord::default()
    };
    assert_eq!(put(&log, &to, vec![sized(limit)]).await, 0);
    let batch = QueueBatch { to: to.clone(), records: vec![text("small"), sized(limit + 1)] };
    match log.append(vec![batch]).await.map(drop) {
        Err(error @ LogError::TooLarge { bytes, limit: told }) => {
            assert_eq!((bytes, told), (limit + 1, limit));
            assert!(!error.is_retriable());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(put(&log, &to, vec![text("after")]).await, 1);
}
