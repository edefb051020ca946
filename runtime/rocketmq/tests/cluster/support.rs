//! What the tests against a real cluster share.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_log::{
    Log, LogAdmin, LogError, LogRecord, QueueBatch, ReadLimits, Str, TopicPartition, TopicSpec,
};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};

/// The longest that anything in a test may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn config(name_servers: &str) -> RocketmqConfig {
    RocketmqConfig::new(name_servers.split(';').map(Str::from).collect())
}

/// The name server of the cluster that `tests/rocketmq/run.sh` started.
pub(crate) fn name_server() -> String {
    std::env::var("GANTRY_TEST_NAMESRV").expect("tests/rocketmq/run.sh sets it")
}

/// A file of the folder tests/rocketmq.
pub(crate) fn beside(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/rocketmq").join(name)
}

/// Where what is built goes.
pub(crate) fn target() -> PathBuf {
    std::env::var("CARGO_TARGET_DIR").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"),
        PathBuf::from,
    )
}

/// A cluster of its own for a test that breaks it.
pub(crate) struct Cluster {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) name_server: String,
}

impl Cluster {
    pub(crate) fn start(name: &str, options: &[&str]) -> Self {
        let directory = target().join("rocketmq").join(name);
        let mut command = Command::new("python3");
        command.arg(beside("cluster.py")).arg("serve").args(options).arg(&directory);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
        let ask = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut cluster = Self { process, ask, answers, name_server: String::new() };
        cluster.name_server = cluster.answer().as_str().expect("a name server").to_owned();
        cluster
    }

    fn answer(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON; what went wrong stands above")
    }

    /// Calls a method of `Cluster` in cluster.py.
    pub(crate) fn tell(
        &mut self,
        method: &str,
        given: &[(&str, serde_json::Value)],
    ) -> serde_json::Value {
        let mut line = vec![serde_json::json!(method)];
        line.extend(given.iter().map(|pair| serde_json::json!(pair)));
        let mut text = serde_json::Value::from(line).to_string();
        text.push('\n');
        let ask = self.ask.as_mut().expect("the cluster is there");
        ask.write_all(text.as_bytes()).expect("the cluster takes it");
        self.answer()
    }

    pub(crate) fn kill(&mut self, part: &str) {
        self.tell("kill", &[("part", part.into())]);
    }

    /// Starts a broker that was killed, and returns when it and the name server answer.
    pub(crate) fn start_broker(&mut self, part: &str) {
        self.tell("start_broker", &[("part", part.into())]);
    }

    pub(crate) fn config(&self) -> RocketmqConfig {
        config(&self.name_server)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.ask = None;
        let _ = self.process.wait();
    }
}

/// A record with a text as its value.
pub(crate) fn text(value: impl Into<String>) -> LogRecord {
    LogRecord { value: Some(value.into().into()), ..LogRecord::default() }
}

pub(crate) fn batch(to: &TopicPartition, records: Vec<LogRecord>) -> Vec<QueueBatch> {
    vec![QueueBatch { to: to.clone(), records }]
}

/// Appends and waits until it is durable: the offset of the first.
pub(crate) async fn append(
    log: &RocketmqLog,
    to: &TopicPartition,
    records: Vec<LogRecord>,
) -> Result<u64, LogError> {
    Ok(log.append(batch(to, records)).await?.await?[0].start)
}

/// A new topic with so many queues.
pub(crate) async fn topic(log: &RocketmqLog, name: &str, queues: u32) -> Vec<TopicPartition> {
    log.create_topic(name, TopicSpec::with_queues(queues)).await.expect("a topic is created");
    (0..queues).map(|partition| TopicPartition::new(name, partition)).collect()
}

pub(crate) fn limits() -> ReadLimits {
    ReadLimits { max_bytes: 64 << 20, max_records: 10_000, wait: Duration::from_millis(500) }
}

/// Reads on until there are so many, passing over errors that pass.
pub(crate) async fn read(
    log: &RocketmqLog,
    from: &TopicPartition,
    mut at: u64,
    count: usize,
) -> Vec<(u64, LogRecord)> {
    let begun = Instant::now();
    let mut records = Vec::new();
    while records.len() < count {
        assert!(begun.elapsed() < LIMIT, "{} of {count} records of {from}", records.len());
        match log.read(&[(from.clone(), at)], limits()).await {
            Ok(read) => {
                for queue in read {
                    at = queue.next;
                    records.extend(queue.records);
                }
            }
            Err(error) if error.is_retriable() => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("read of {from} at {at}: {error}"),
        }
    }
    records
}
