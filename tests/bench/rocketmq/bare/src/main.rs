//! `bare-loop NAMESRV BROKER_ADDR BROKER_NAME BYTES RECORDS BATCH`: sends RECORDS messages of BYTES in batches of
//! BATCH to four queues, one batch of each queue at a time, and pulls them as they come, with one handle for each
//! queue. Prints the messages per second from the first send to the last pull.
//!
//! It is the least that a program on this client can do: nothing is read, converted, committed or written.
#![recursion_limit = "256"]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rocketmq_client_rust::{
    ClientConfig, ClientInstanceHandle, ClientRuntime, ClientRuntimeConfig, DefaultMQAdminExt, DefaultMQProducer,
    TopicAdmin,
};
use rocketmq_model::common::message::message_queue::MessageQueue;
use rocketmq_model::common::message::message_single::Message;
use rocketmq_model::common::sys_flag::pull_sys_flag::PullSysFlag;
use rocketmq_model::topic::TopicConfig;
use rocketmq_observability::TelemetryRuntimeGuard;
use rocketmq_protocol::protocol::header::pull_message_request_header::PullMessageRequestHeader;
use rocketmq_runtime::{RuntimeConfig, RuntimeOwner};

const QUEUES: u32 = 4;
const TIMEOUT_MS: u64 = 10_000;
/// As many as brokers give at once, with their own settings.
const PULL_MAX: i32 = 32;
/// Brokers know it from the start, also those that do not make groups by themselves.
const GROUP: &str = "TOOLS_CONSUMER";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Run {
    runtime: Arc<ClientRuntime>,
    name_server: String,
    broker_addr: String,
    broker_name: String,
    topic: String,
    bytes: usize,
    /// Of each queue.
    records: usize,
    batch: usize,
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

impl Run {
    async fn create_topic(&self) -> Result<(), Failure> {
        let mut admin = DefaultMQAdminExt::new(self.runtime.clone());
        admin.set_namesrv_addr(self.name_server.clone());
        admin.client_config_mut().set_instance_name(format!("{}-admin", self.topic).into());
        admin.start().await?;
        let config = TopicConfig::with_queues(self.topic.as_str(), QUEUES, QUEUES);
        TopicAdmin::create_and_update_topic_config(admin.inner(), self.broker_addr.as_str().into(), config).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        admin.shutdown().await;
        Ok(())
    }

    async fn send(self, queue: u32) -> Result<(), Failure> {
        let mut producer = DefaultMQProducer::builder(self.runtime.clone())
            .producer_group(format!("{}-{queue}", self.topic))
            .name_server_addr(self.name_server.clone())
            .send_msg_timeout(TIMEOUT_MS as u32)
            .build();
        producer.start().await?;
        let body = Bytes::from(vec![b'x'; self.bytes]);
        let mut left = self.records;
        while left > 0 {
            let count = left.min(self.batch);
            let message = || Message::builder().topic(self.topic.as_str()).body(body.clone()).build_unchecked();
            let messages: Vec<Message> = (0..count).map(|_| message()).collect();
            let to = MessageQueue::from_parts(self.topic.as_str(), self.broker_name.as_str(), queue as i32);
            producer.send_batch_to_queue(messages, to).await?;
            left -= count;
        }
        producer.shutdown().await;
        Ok(())
    }

    async fn pull(self, queue: u32) -> Result<(), Failure> {
        let mut config = ClientConfig::default();
        config.set_namesrv_addr(self.name_server.as_str().into());
        config.set_instance_name(format!("{}-pull-{queue}", self.topic).into());
        let handle = ClientInstanceHandle::get_or_create(&self.runtime, now_ms(), config, None)?;
        handle.start().await?;
        handle.refresh_topic_route(&self.topic.as_str().into()).await;
        let mut offset = 0;
        while offset < self.records as i64 {
            let request = PullMessageRequestHeader {
                consumer_group: GROUP.into(),
                topic: self.topic.as_str().into(),
                queue_id: queue as i32,
                queue_offset: offset,
                max_msg_nums: PULL_MAX,
                sys_flag: PullSysFlag::build_sys_flag(false, true, true, false) as i32,
                suspend_timeout_millis: 5_000,
                subscription: Some("*".into()),
                expression_type: Some("TAG".into()),
                ..Default::default()
            };
            let answer = handle.pull_outcome_from_broker(&self.broker_addr, request, TIMEOUT_MS).await?;
            let got = answer.messages().map_or(0, |messages| messages.len());
            offset += got as i64;
        }
        handle.shutdown_owned().await;
        Ok(())
    }

    async fn measure(self) -> Result<f64, Failure> {
        self.create_topic().await?;
        let begun = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for queue in 0..QUEUES {
            all.spawn(self.clone().pull(queue));
            all.spawn(self.clone().send(queue));
        }
        while let Some(done) = all.join_next().await {
            done??;
        }
        Ok((self.records * QUEUES as usize) as f64 / begun.elapsed().as_secs_f64())
    }
}

fn main() -> Result<(), Failure> {
    let usage = "usage: bare-loop NAMESRV BROKER_ADDR BROKER_NAME BYTES RECORDS BATCH";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name_server, broker_addr, broker_name, bytes, records, batch] = arguments.try_into().map_err(|_| usage)?;
    let (bytes, records, batch): (usize, usize, usize) = (bytes.parse()?, records.parse()?, batch.parse()?);
    let config = RuntimeConfig { thread_name: "bare".into(), ..Default::default() };
    let owner = RuntimeOwner::plan(config)?.build()?;
    let telemetry = TelemetryRuntimeGuard::noop();
    let context = owner.root_context().component("bare");
    let runtime = ClientRuntime::try_new(context, ClientRuntimeConfig::default(), telemetry.handle())?;
    let topic = format!("bare-{bytes}-{}", now_ms());
    let records = records / QUEUES as usize;
    let run = Run { runtime: runtime.clone(), name_server, broker_addr, broker_name, topic, bytes, records, batch };
    let per_second = owner.block_on(async {
        let measured = run.measure().await;
        runtime.shutdown().await;
        measured
    })?;
    println!("{}", per_second.round());
    // The client's runtime takes long to end, and nothing is left to do.
    std::process::exit(0)
}
