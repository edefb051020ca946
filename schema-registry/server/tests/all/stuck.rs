//! A log that is held up: it takes records and never says that they are durable, or shows nothing
//! of what other nodes write.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use gantry_log::{
    Durable, FullLog, Log, LogAdmin, LogError, LogGroup, MemoryLog, OffsetRange, QueueBatch,
    QueueRecords, ReadLimits, Session, Str, TopicInfo, TopicPartition, TopicSpec,
};
use gantry_schema_registry::{
    Grant, Operation, Registry, Resource, Rights, Settings, rocketmq_router, router,
};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tower::ServiceExt;

struct Stuck {
    inner: Arc<MemoryLog>,
    is_stuck: AtomicBool,
    /// Whether the answer to the next append is lost, and whether what it should write too.
    loses: Mutex<Option<bool>>,
    /// Whether what is read is kept back.
    reads_held: watch::Sender<bool>,
    /// The same of where the topic ends, and how often that was asked.
    ranges_held: watch::Sender<bool>,
    ranges: AtomicUsize,
}

impl Stuck {
    fn new(inner: &Arc<MemoryLog>) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            is_stuck: AtomicBool::new(false),
            loses: Mutex::new(None),
            reads_held: watch::Sender::new(false),
            ranges_held: watch::Sender::new(false),
            ranges: AtomicUsize::new(0),
        })
    }
}

async fn wait_while(held: &watch::Sender<bool>) {
    held.subscribe().wait_for(|held| !held).await.unwrap();
}

#[async_trait]
impl Log for Stuck {
    fn is_atomic(&self) -> bool {
        self.inner.is_atomic()
    }
    async fn append_in(
        &self,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        if self.is_stuck.load(Ordering::Relaxed) {
            return Ok(Box::pin(std::future::pending()));
        }
        let Some(all) = self.loses.lock().unwrap().take() else {
            return self.inner.append_in(session, batches).await;
        };
        assert!(session.is_exact(), "others are sent again");
        if !all {
            self.inner.append_in(session, batches).await?.await?;
        }
        Ok(Box::pin(async { Err(LogError::Unavailable("the connection was lost".into())) }))
    }
    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        let read = self.inner.read(from, limits).await;
        wait_while(&self.reads_held).await;
        read
    }
    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        self.ranges.fetch_add(1, Ordering::Relaxed);
        wait_while(&self.ranges_held).await;
        self.inner.range(of).await
    }
    async fn offset_for_time(&self, of: &TopicPartition, ms: i64) -> Result<Option<u64>, LogError> {
        self.inner.offset_for_time(of, ms).await
    }
}

#[async_trait]
impl LogAdmin for Stuck {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        self.inner.topics().await
    }
    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        self.inner.topic(name).await
    }
    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.inner.create_topic(name, spec).await
    }
    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        self.inner.delete_topic(name).await
    }
    fn topic_changes(&self) -> watch::Receiver<u64> {
        self.inner.topic_changes()
    }
}

#[async_trait]
impl LogGroup for Stuck {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        self.inner.committed(group, of).await
    }
    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        self.inner.commit(group, offsets).await
    }
    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        self.inner.groups().await
    }
    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.inner.delete_group(group).await
    }
}

async fn node(log: Arc<dyn FullLog>, write_timeout: Duration) -> Router {
    let settings = Settings { write_timeout, ..Settings::default() };
    let registry = Registry::open(log, settings).await.unwrap();
    rocketmq_router(Arc::clone(&registry)).fallback_service(router(registry))
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

async fn call_as(
    router: &Router,
    rights: Rights,
    line: &str,
    body: impl Into<Body>,
) -> (u16, Json) {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json").extension(Arc::new(rights));
    let response = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = || Json::String(String::from_utf8_lossy(&body).into_owned());
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

async fn call(router: &Router, line: &str, body: &'static str) -> (u16, Json) {
    call_as(router, Rights::ALL, line, body).await
}

const SCHEMA: &str = r#"{"schema":"\"int\"","metadata":{"properties":{"k":"v"}}}"#;
const REGISTER: &str = "POST /subjects/s/versions";

#[tokio::test]
async fn a_write_that_takes_too_long_is_an_error_and_those_behind_it_go_on() {
    let log = Stuck::new(&Arc::default());
    let node = node(Arc::clone(&log) as _, SHORT).await;
    log.is_stuck.store(true, Ordering::Relaxed);
    for (status, answer) in
        [call(&node, REGISTER, SCHEMA).await, call(&node, REGISTER, SCHEMA).await]
    {
        assert_eq!((status, &answer["error_code"]), (500, &json!(50002)), "{answer}");
    }
    log.is_stuck.store(false, Ordering::Relaxed);
    let (status, answer) = call(&node, REGISTER, SCHEMA).await;
    assert_eq!((status, &answer["id"]), (200, &json!(1)), "{answer}");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for_in_the_topic() {
    let log = Stuck::new(&Arc::default());
    let node = node(Arc::clone(&log) as _, LONG).await;
    for (all, written) in [(false, 1), (true, 1)] {
        for (line, body, expected) in [
            (REGISTER, SCHEMA, json!(1)),
            ("DELETE /subjects/s", "", json!([1])),
            ("DELETE /subjects/s?permanent=true", "", json!([1])),
        ] {
            let before = end(&log).await;
            *log.loses.lock().unwrap() = Some(all);
            let (status, answer) = call(&node, line, body).await;
            let told = if answer.is_array() { &answer } else { &answer["version"] };
            assert_eq!((status, told), (200, &expected), "{line}: {answer}");
            assert_eq!(end(&log).await - before, written, "{line}");
        }
    }
}

async fn end(log: &Stuck) -> u64 {
    log.range(&TopicPartition::new("_schemas", 0)).await.unwrap().next
}

/// Two nodes on one log that know the same; the log of the second is in between.
async fn two(limit: Duration) -> (Router, Router, Arc<Stuck>) {
    let inner = Arc::default();
    let held = Stuck::new(&inner);
    (node(inner, LONG).await, node(Arc::clone(&held) as _, limit).await, held)
}

/// What is answered once the log shows what is in it, and not before.
async fn answered_late(log: &Stuck, request: impl Future<Output = (u16, Json)>) -> (u16, Json) {
    let mut request = std::pin::pin!(request);
    let early = tokio::time::timeout(SHORT, &mut request).await;
    assert!(early.is_err(), "answered without what is in the log: {early:?}");
    log.reads_held.send_replace(false);
    request.await
}

const LOOKS: [(&str, &str); 20] = [
    ("GET /schemas/ids/1", ""),
    ("HEAD /schemas/ids/1", ""),
    ("GET /schemas/ids/1/schema", ""),
    ("GET /schemas/ids/1/subjects", ""),
    ("GET /schemas/ids/1/versions", ""),
    ("GET /schemas/guids/GUID", ""),
    ("GET /subjects/s/versions", ""),
    ("GET /subjects/s/versions/latest", ""),
    ("GET /subjects/s/versions/1/schema", ""),
    ("GET /subjects/s/versions/1/referencedby", ""),
    ("GET /subjects/s/metadata?key=k&value=v", ""),
    ("GET /contexts/./subjects/s/versions/1", ""),
    ("GET /subjects/alias/versions/1", ""),
    ("POST /subjects/s", SCHEMA),
    ("POST /subjects/s/versions/1/tags", r#"{"newVersion":2,"metadata":{"properties":{"k":"w"}}}"#),
    ("POST /compatibility/subjects/s/versions/1", SCHEMA),
    ("GET /schema-registry/v1/subject/s/schema", ""),
    ("GET /schema-registry/v1/subject/s/schema/versions/1", ""),
    ("GET /schema-registry/v1/subject/s/recordId/RECORD/schema", ""),
    ("POST /schema-registry/v1/subject/s/schema/schema", "anything"),
];

#[tokio::test]
async fn what_another_node_has_just_written_is_found() {
    for (line, body) in LOOKS {
        let (first, second, log) = two(LONG).await;
        log.reads_held.send_replace(true);
        let (_, registered) = call(&first, REGISTER, SCHEMA).await;
        call(&first, "PUT /config/alias", r#"{"alias":"s"}"#).await;
        let own = "POST /schema-registry/v1/subject/s/schema/S";
        let (_, own) = call(&first, own, r#"{"schemaIdl":"anything","schemaType":"TEXT"}"#).await;
        let line = line.replace("GUID", registered["guid"].as_str().unwrap());
        let line = line.replace("RECORD", &own["recordId"].to_string());
        let (status, answer) = answered_late(&log, call(&second, &line, body)).await;
        assert_eq!(status, 200, "{line}: {answer}");
    }
}

#[tokio::test]
async fn an_id_is_found_where_another_node_has_just_made_it_visible() {
    let (first, second, log) = two(LONG).await;
    call(&first, "POST /subjects/hidden/versions", SCHEMA).await;
    assert_eq!(call(&second, "GET /schemas/ids/1", "").await.0, 200);
    log.reads_held.send_replace(true);
    call(&first, REGISTER, SCHEMA).await;
    let grant = Grant {
        operations: vec![Operation::Read],
        resource: Resource::parse("Subject:s").unwrap(),
    };
    let look = call_as(&second, Rights::new(vec![grant]), "GET /schemas/ids/1", "");
    let (status, answer) = answered_late(&log, look).await;
    assert_eq!((status, &answer["subject"]), (200, &json!("s")), "{answer}");
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_shares_one_look_at_the_log() {
    let (first, second, log) = two(LONG).await;
    call(&first, REGISTER, SCHEMA).await;
    assert_eq!(call(&second, "GET /schemas/ids/1", "").await.0, 200);
    let before = log.ranges.load(Ordering::Relaxed);
    log.ranges_held.send_replace(true);
    let asked = || log.ranges.load(Ordering::Relaxed) - before;
    let mut misses = tokio::task::JoinSet::new();
    let mut miss = |id: u32| {
        let node = second.clone();
        misses.spawn(async move { call(&node, &format!("GET /schemas/ids/{id}"), "").await });
    };
    miss(99);
    tokio::time::sleep(SHORT).await;
    assert_eq!(asked(), 1);
    (2..99).for_each(&mut miss);
    tokio::time::sleep(SHORT).await;
    assert_eq!(asked(), 1);
    // What is known does not wait for the log.
    assert_eq!(call(&second, "GET /schemas/ids/1", "").await.0, 200);
    call(&first, "POST /subjects/t/versions", r#"{"schema":"\"long\""}"#).await;
    log.ranges_held.send_replace(false);
    for (status, answer) in misses.join_all().await {
        let is_new = answer["subject"] == "t";
        assert_eq!(status, if is_new { 200 } else { 404 }, "{answer}");
    }
    // One more for all those that came after the first began.
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_log_that_does_not_answer_keeps_nobody_longer_than_a_write() {
    let (first, second, log) = two(SHORT).await;
    log.reads_held.send_replace(true);
    call(&first, REGISTER, SCHEMA).await;
    for held in [&log.reads_held, &log.ranges_held] {
        held.send_replace(true);
        let began = std::time::Instant::now();
        let (status, answer) = call(&second, "GET /schemas/ids/1", "").await;
        assert_eq!((status, &answer["error_code"]), (404, &json!(40403)), "{answer}");
        assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
    }
    log.ranges_held.send_replace(false);
    log.reads_held.send_replace(false);
    let (status, answer) = call(&second, "GET /schemas/ids/1", "").await;
    assert_eq!(status, 200, "{answer}");
}
