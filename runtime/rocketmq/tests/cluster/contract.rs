//! The contract of the log, against a real cluster of two brokers: `tests/rocketmq/run.sh` starts
//! one.

use std::sync::Arc;

use crate::support::{append, config, name_server, read, text, topic};
use bytes::Bytes;
use gantry_log::{FullLog, Log, LogAdmin, LogError, LogRecord, RecordHeader, contract};
use gantry_rocketmq::{MESSAGE_BYTES_MAX, RocketmqLog};

fn open() -> RocketmqLog {
    RocketmqLog::open(config(&name_server()))
}

fn make() -> (Arc<dyn FullLog>, ()) {
    (Arc::new(open()), ())
}

gantry_log::log_contract_tests!(
    #[ignore = "needs a cluster: tests/rocketmq/run.sh"]
    make
);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn too_large_records_are_refused() {
    let (log, ()) = make();
    contract::too_large_records_are_refused(log, MESSAGE_BYTES_MAX).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn topics_over_two_brokers_are_whole() {
    let log = open();
    let brokers: Vec<String> = log.check().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(brokers, ["broker-a", "broker-b"]);
    let queues = topic(&log, "spread.over-two", 5).await;
    for (queue, number) in queues.iter().zip(0..) {
        for _ in 0..=number {
            append(&log, queue, vec![text(number.to_string())]).await.unwrap();
        }
    }
    for (queue, number) in queues.iter().zip(0_u64..) {
        let found = read(&log, queue, 0, usize::try_from(number).unwrap() + 1).await;
        assert!(found.iter().all(|(_, record)| *record == text(number.to_string())), "{found:?}");
        let range = log.range(queue).await.unwrap();
        assert_eq!((range.earliest, range.next), (0, number + 1));
    }
    let info = log.topic("spread.over-two").await.unwrap().unwrap();
    assert_eq!(info.spec.queues, 5);
    assert_eq!(log.topics().await.unwrap().get("spread.over-two"), Some(&info));
    // Another that knows nothing yet numbers them alike.
    let other = open();
    for (queue, number) in queues.iter().zip(0_u64..) {
        assert_eq!(other.range(queue).await.unwrap().next, number + 1);
    }
    log.delete_topic("spread.over-two").await.unwrap();
    for log in [&log, &other] {
        assert_eq!(log.topic("spread.over-two").await.unwrap(), None);
        assert!(matches!(log.range(&queues[4]).await, Err(LogError::Unknown(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a cluster: tests/rocketmq/run.sh"]
async fn large_records_and_headers() {
    let log = open();
    let queue = topic(&log, "large", 1).await.remove(0);
    let header = |at: usize| RecordHeader {
        key: format!("header-{at}").into(),
        value: Some(Bytes::from(vec![b'a' + u8::try_from(at).unwrap(); 10 << 10])),
    };
    let record = LogRecord {
        key: Some("k".into()),
        value: Some("v".into()),
        headers: (0..10).map(header).collect(),
        timestamp_ms: 5,
    };
    let records = vec![text("before"), record.clone(), text("behind")];
    append(&log, &queue, records.clone()).await.unwrap();
    append(&log, &queue, vec![record.clone()]).await.unwrap();
    let found: Vec<LogRecord> =
        read(&log, &queue, 0, 4).await.into_iter().map(|(_, record)| record).collect();
    assert!(found[..3] == records && found[3] == record);

    // As large as one may be, and one byte more.
    let largest =
        LogRecord { value: Some(vec![7; MESSAGE_BYTES_MAX].into()), ..LogRecord::default() };
    assert_eq!(append(&log, &queue, vec![largest.clone()]).await.unwrap(), 4);
    assert!(read(&log, &queue, 4, 1).await[0].1 == largest);
    let more =
        LogRecord { value: Some(vec![7; MESSAGE_BYTES_MAX + 1].into()), ..LogRecord::default() };
    let error = append(&log, &queue, vec![more]).await.unwrap_err();
    assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    // What grows over the limit only as a message.
    let header =
        RecordHeader { key: "h".into(), value: Some(vec![7; MESSAGE_BYTES_MAX - 100].into()) };
    let grows = LogRecord { headers: vec![header], ..text("v") };
    let error = append(&log, &queue, vec![grows]).await.unwrap_err();
    println!("{error}");
    assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    assert_eq!(append(&log, &queue, vec![text("goes on")]).await.unwrap(), 5);
}
