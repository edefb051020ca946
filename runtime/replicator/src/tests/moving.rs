//! A queue number of the source that comes to mean another queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gantry_api::async_trait;
use gantry_log::{
    Durable, Log, LogAdmin, LogError, LogGroup, MemoryLog, OffsetRange, QueueBatch, QueueRecords,
    ReadLimits, Session, Str, TopicInfo, TopicPartition, TopicSpec,
};
use tokio::sync::watch;

use super::{AnyLog, Worker, all, motley, put, topic, until};

/// A log that tells where its queues are.
struct OnBrokers {
    log: MemoryLog,
    places: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Log for OnBrokers {
    fn is_atomic(&self) -> bool {
        false
    }
    async fn append_in(
        &self,
        session: &Session,
        batches: Vec<QueueBatch>,
    ) -> Result<Durable, LogError> {
        self.log.append_in(session, batches).await
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
    async fn offset_for_time(&self, of: &TopicPartition, ms: i64) -> Result<Option<u64>, LogError> {
        self.log.offset_for_time(of, ms).await
    }
}

#[async_trait]
impl LogAdmin for OnBrokers {
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
    async fn queue_places(&self, _name: &str) -> Result<Vec<Str>, LogError> {
        Ok(self.places.lock().unwrap().iter().map(|place| Str::from(*place)).collect())
    }
}

#[async_trait]
impl LogGroup for OnBrokers {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_are_not_mixed() {
    let places = Mutex::new(vec!["a:0", "b:0"]);
    let brokers = Arc::new(OnBrokers { log: MemoryLog::new(), places });
    let source: AnyLog = brokers.clone();
    let target: AnyLog = Arc::new(MemoryLog::new());
    topic(&source, "t", 2).await;
    put(&source, "t", 1, motley(10)).await;
    let worker = Worker::start(&source, &target).await;
    worker.create("copy", "Source", &[]).await;
    until(&worker, "all is copied", || async { all(&target, "a.t", 1).await.len() == 10 }).await;
    // Broker a got a queue more: what was queue 1 is queue 2 now.
    *brokers.places.lock().unwrap() = vec!["a:0", "a:1", "b:0"];
    put(&source, "t", 1, motley(10)).await;
    until(&worker, "the task says so", || async {
        format!("{:?}", worker.herder.task_status("copy", 0)).contains("was b:0 when it was copied")
    })
    .await;
    assert_eq!(all(&target, "a.t", 1).await.len(), 10);
    // Also after a start, before anything is read.
    *brokers.places.lock().unwrap() = vec!["a:0", "a:2", "b:0"];
    worker.herder.restart_task("copy", 0).await.unwrap();
    until(&worker, "the task says so again", || async {
        format!("{:?}", worker.herder.task_status("copy", 0)).contains("is a:2 now")
    })
    .await;
    assert_eq!(all(&target, "a.t", 1).await.len(), 10);
    worker.herder.shutdown().await;
}
