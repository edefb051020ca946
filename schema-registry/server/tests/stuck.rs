//! A log that takes records and never says that they are durable.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use gantry_log::{
    Durable, Log, LogAdmin, LogError, LogGroup, MemoryLog, OffsetRange, QueueBatch, QueueRecords,
    ReadLimits, Session, Str, TopicInfo, TopicPartition, TopicSpec,
};
use gantry_schema_registry::{Registry, Settings, router};
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tower::ServiceExt;

struct Stuck {
    inner: MemoryLog,
    is_stuck: AtomicBool,
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
        self.inner.append_in(session, batches).await
    }
    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        self.inner.read(from, limits).await
    }
    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
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

#[tokio::test]
async fn a_write_that_takes_too_long_is_an_error_and_those_behind_it_go_on() {
    let log = Arc::new(Stuck { inner: MemoryLog::new(), is_stuck: AtomicBool::new(true) });
    let settings = Settings { write_timeout: Duration::from_millis(50), ..Settings::default() };
    let router = router(Registry::open(Arc::clone(&log) as _, settings).await.unwrap());
    let register = || async {
        let body = Body::from(r#"{"schema":"\"int\""}"#);
        let request = Request::post("/subjects/s/versions").body(body).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice::<Json>(&body).unwrap())
    };
    for (status, answer) in [register().await, register().await] {
        assert_eq!((status, &answer["error_code"]), (500, &json!(50002)), "{answer}");
    }
    log.is_stuck.store(false, Ordering::Relaxed);
    let (status, answer) = register().await;
    assert_eq!((status, &answer["id"]), (200, &json!(1)), "{answer}");
}
