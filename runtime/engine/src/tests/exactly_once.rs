//! Sources whose records count once they are committed, on a log of which nobody knows whether it
//! has stored what it says it could not.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use bytes::Bytes;
use gantry_api::Str;
use gantry_cluster::{Epoch, OffsetRecord, Scope, TransactionId, Unit};
use gantry_log::{
    Durable, Log, LogAdmin, LogError, LogGroup, OffsetRange, QueueBatch, QueueRecords,
    RecordHeader, Session, TopicInfo, TopicSpec,
};
use tokio::sync::watch;

use super::cluster::{Workers, numbers};
use super::plugins::{COPY, SINK, SOURCE};
use super::*;

/// Says now and then that it could not store what was appended in an exact session: each time of
/// the first kind it did, each of the second it did not.
struct Unsure {
    log: MemoryLog,
    appends: AtomicU64,
}

const APPENDS_TO_A_FAILURE: u64 = 40;

#[async_trait]
impl Log for Unsure {
    fn is_atomic(&self) -> bool {
        false
    }
    async fn append_in(
        &self,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        let nth = if session.is_exact() { self.appends.fetch_add(1, SeqCst) + 1 } else { 0 };
        let fails = nth > 0 && nth.is_multiple_of(APPENDS_TO_A_FAILURE);
        if !fails || nth.is_multiple_of(2 * APPENDS_TO_A_FAILURE) {
            let durable = self.log.append_in(session, batches).await?;
            if !fails {
                return Ok(durable);
            }
        }
        session.set_broken();
        Ok(Box::pin(std::future::ready(Err(LogError::Unavailable("who knows".into())))))
    }
    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        self.log.read(from, limits).await
    }
    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        self.log.range(of).await
    }
    async fn offset_for_time(
        &self,
        of: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        self.log.offset_for_time(of, timestamp_ms).await
    }
}

#[async_trait]
impl LogAdmin for Unsure {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        self.log.topics().await
    }
    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        self.log.topic(name).await
    }
    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.log.create_topic(name, spec).await
    }
    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        self.log.delete_topic(name).await
    }
    fn topic_changes(&self) -> watch::Receiver<u64> {
        self.log.topic_changes()
    }
}

#[async_trait]
impl LogGroup for Unsure {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        self.log.committed(group, of).await
    }
    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        self.log.commit(group, offsets).await
    }
    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        self.log.groups().await
    }
    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.log.delete_group(group).await
    }
}

fn exactly_once(config: &mut WorkerConfig) {
    config.exactly_once_source = true;
    config.props.insert("consumer.isolation.level".to_owned(), "read_committed".to_owned());
}

fn unsure() -> Arc<dyn FullLog> {
    Arc::new(Unsure { log: MemoryLog::new(), appends: AtomicU64::new(0) })
}

async fn each_line_is_given_once(boundary: &[(&str, &str)]) {
    let all = Workers::on(unsure(), 2, exactly_once);
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "200")];
    all.create(0, "source", &[&source, boundary].concat()).await;
    all.create(1, "sink", &[("connector.class", SINK), ("topics", "t")]).await;
    all.until("all are given", || all.probe.put_texts().len() >= 200).await;
    all.until("all are acknowledged", || all.probe.acknowledged.load(SeqCst) >= 200).await;
    let written = all.texts("t").await.len();
    assert!(written > 200, "some lines were written twice, or nothing was tested: {written}");
    let everything = [
        ("connector.class", SINK),
        ("topics", "t"),
        ("consumer.override.isolation.level", "read_uncommitted"),
    ];
    assert_eq!(all.probe.put_texts(), numbers(0..200));
    assert_eq!(all.probe.acknowledged.load(SeqCst), 200);
    all.create(1, "everything", &everything).await;
    all.until("all that was written is given", || all.probe.put_texts().len() >= 200 + written)
        .await;
    assert!(all.probe.put_headers.lock().expect("lock").is_empty(), "no mark is seen");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_poll_is_committed_once() {
    each_line_is_given_once(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_interval_is_committed_once() {
    let interval =
        [("transaction.boundary", "interval"), ("transaction.boundary.interval.ms", "3")];
    each_line_is_given_once(&interval).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sink_writes_to_the_log_counts_with_its_offsets() {
    let all = Workers::on(unsure(), 2, |config| {
        exactly_once(config);
        config.restart.max_restarts = u32::MAX;
    });
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "400"), ("delay.ms", "1")];
    all.create(0, "source", &source).await;
    all.create(1, "copy", &[("connector.class", COPY), ("topics", "t"), ("copy.to", "u")]).await;
    all.create(0, "sink", &[("connector.class", SINK), ("topics", "u")]).await;
    all.until("all are given", || all.probe.put_texts().len() >= 400).await;
    assert_eq!(all.probe.put_texts(), numbers(0..400));
    all.until("the sink has read its own", || all.probe.read_back.load(SeqCst) == 400).await;
    let written = all.texts("u").await.len();
    assert!(written > 400, "some were written twice, or nothing was tested: {written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_sink_writes_to_an_atomic_log_goes_with_its_offsets() {
    let bench = Bench::new().await;
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "100"), ("delay.ms", "1")];
    bench.create("source", &source).await;
    bench.create("copy", &[("connector.class", COPY), ("topics", "t"), ("copy.to", "u")]).await;
    for copied in [20, 60] {
        bench.until("some are copied", || bench.probe.read_back.load(SeqCst) >= copied).await;
        bench.herder.restart_task("copy", 0).await.expect("restarts");
    }
    bench.until("all are copied", || bench.probe.read_back.load(SeqCst) >= 100).await;
    assert_eq!(bench.texts("u", 0).await, numbers(0..100));
    let group = bench.log.committed("connect-copy", &[TopicPartition::new("t", 0)]).await;
    assert_eq!(group.expect("group").values().copied().collect::<Vec<_>>(), [100]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_cannot_write_to_the_topics_of_the_worker() {
    let bench = Bench::new().await;
    bench.create("source", &[("connector.class", SOURCE), ("topic", "t"), ("count", "1")]).await;
    let own = WorkerConfig::new("w:1").offset_storage_topic;
    bench.create("copy", &[("connector.class", COPY), ("topics", "t"), ("copy.to", &own)]).await;
    bench.until_task("copy", 0, UnitState::Failed).await;
    let trace = bench.herder.task_status("copy", 0).expect("status").trace.unwrap_or_default();
    assert!(trace.contains("holds the worker's own state (offset.storage.topic)"), "{trace}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_fails_for_good_holds_up_nobody() {
    let all = Workers::on(Arc::new(MemoryLog::new()), 1, exactly_once);
    let sink = [("connector.class", SINK), ("topics", "t")];
    all.create(0, "sink", &sink).await;
    let fails = [("connector.class", SOURCE), ("topic", "t"), ("fail.at", "5"), ("count", "9")];
    let interval = [("transaction.boundary", "interval")];
    all.create(0, "fails", &[&fails[..], &interval[..]].concat()).await;
    all.until("it has failed", || {
        all.one(0).task_status("fails", 0).is_ok_and(|task| task.state == UnitState::Failed)
    })
    .await;
    all.until("what it wrote before is given", || all.probe.put_texts().len() == 5).await;
    all.create(0, "goes-on", &[("connector.class", SOURCE), ("topic", "t"), ("count", "3")]).await;
    all.until("others are given too", || all.probe.put_texts().len() == 8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_isolation_level_fails_the_task() {
    let all = Workers::on(Arc::new(MemoryLog::new()), 1, exactly_once);
    let level = ("consumer.override.isolation.level", "commited");
    all.create(0, "sink", &[("connector.class", SINK), ("topics", "t"), level]).await;
    all.until("it has failed", || {
        let trace = all.one(0).task_status("sink", 0).ok().and_then(|task| task.trace);
        trace.is_some_and(|trace| {
            trace.contains(
                "ConfigException: Invalid value commited for configuration isolation.level: \
                 String must be one of: read_committed, read_uncommitted",
            )
        })
    })
    .await;
}

fn marked(text: &str, mark: &str) -> LogRecord {
    LogRecord {
        value: Some(Bytes::copy_from_slice(text.as_bytes())),
        headers: vec![RecordHeader {
            key: "gantry.transaction".into(),
            value: Some(Bytes::copy_from_slice(mark.as_bytes())),
        }],
        ..LogRecord::default()
    }
}

async fn put(log: &dyn FullLog, topic: &str, records: Vec<LogRecord>) -> u64 {
    let batch = QueueBatch { to: TopicPartition::new(topic, 0), records };
    let durable = log.append(vec![batch]).await.expect("accepted").await.expect("durable");
    durable.first().map_or(0, |offsets| offsets.end)
}

async fn say(log: &dyn FullLog, topic: &str, record: &OffsetRecord) {
    let mut text = serde_json::to_value(record).expect("JSON");
    text["v"] = 1.into();
    let value = Some(Bytes::from(text.to_string()));
    put(log, topic, vec![LogRecord { value, ..LogRecord::default() }]).await;
}

/// What another cluster wrote is decided by its offset topic, and by none where that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offset_topic_that_a_mark_names_decides() {
    let all = Workers::on(Arc::new(MemoryLog::new()), 1, exactly_once);
    let log = &*all.log;
    for topic in ["t", "other"] {
        log.create_topic(topic, TopicSpec::with_queues(1)).await.expect("created");
    }
    let unit = Unit::task(&"c".into(), 0);
    let scope = Scope { connector: "c".into(), generation: 1 };
    let epoch = |session| Epoch { claim: 1, session };
    let begin = |session, id| OffsetRecord::Barrier {
        scope: scope.clone(),
        unit: unit.clone(),
        epoch: epoch(session),
        transaction: Some(TransactionId(id)),
    };
    say(log, "other", &begin(1, 0xa)).await;
    let mark = |id: u64| format!("{id:016x}@other");
    let counts = put(log, "t", vec![marked("counts", &mark(0xa))]).await;
    put(log, "t", vec![marked("does not", &mark(0xa))]).await;
    put(log, "t", vec![marked("never began", &mark(0xbad))]).await;
    put(log, "t", vec![marked("cannot be known", "000000000000000a@gone")]).await;
    put(log, "t", vec![marked("no mark of ours", "hello")]).await;
    all.create(0, "sink", &[("connector.class", SINK), ("topics", "t")]).await;
    all.until_all(0, "sink", 1, UnitState::Running).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(all.probe.put_texts(), Vec::<String>::new(), "nothing was committed yet");
    let commit = OffsetRecord::Commit {
        scope: scope.clone(),
        unit: unit.clone(),
        epoch: epoch(1),
        sequence: 1,
        offsets: Vec::new(),
        ends: vec![("t".into(), 0, counts)],
    };
    say(log, "other", &commit).await;
    all.until("the committed one is given", || all.probe.put_texts() == ["counts"]).await;
    say(log, "other", &begin(2, 0xb)).await;
    let rest = ["counts", "cannot be known", "no mark of ours"];
    all.until("the rest is given", || all.probe.put_texts() == rest).await;
}
