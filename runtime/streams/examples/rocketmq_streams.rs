//! The example program of RocketMQ Streams' documentation, line by line: traffic by project, in
//! windows of ten seconds.
//!
//! `cargo run -p gantry-streams --example rocketmq_streams`
//!
//! It needs no RocketMQ: the function that `open_with` is given opens the log at an address, and here
//! that is the embedded one, in a directory that is removed at the end. A minute of traffic is written
//! first; the program ends by itself when all of it is counted. On a RocketMQ cluster all other lines
//! stay, and the function is this one, with a runtime of the program on which the log's connections
//! live:
//!
//! ```ignore
//! .open_with(move |name_servers, _| {
//!     let _entered = runtime.enter();
//!     Ok(Arc::new(RocketmqLog::open(RocketmqConfig::new(vec![name_servers.into()]))))
//! })
//! ```
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, TopicPartition,
    TopicSpec,
};
use gantry_streams::{Settings, StreamBuilder, Streams, Tumbling};
use serde_json::json;

const TOPIC: &str = "traffic";
const GROUP: &str = "traffic-group";
const NAMESRV: &str = "localhost:9876";
/// Ten records a second for a minute, and one long after, which closes the last window.
const RECORDS: u64 = 601;
/// A program that takes longer than this is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("rocketmq-streams-{}", std::process::id()));
    let result = run(&dir);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn run(dir: &Path) -> Result<(), Box<dyn Error>> {
    let log = Arc::new(EmbeddedLog::open(EmbeddedConfig::new(dir.join("log")))?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(write(&log))?;

    let job = StreamBuilder::data_stream("namespace", "pipeline")
        .settings(Settings::new(dir.join("state")))
        .open_with(move |_, _| {
            let opened: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
            Ok(opened)
        })
        .from_rocketmq(TOPIC, GROUP, false, NAMESRV)
        .map(|message| {
            serde_json::from_str(message.as_str().unwrap_or_default()).unwrap_or_default()
        })
        .window(Tumbling::of(Duration::from_secs(10)))
        .group_by("ProjectName")
        .sum("OutFlow", "OutFlow")
        .sum("InFlow", "InFlow")
        .count("total")
        .water_mark(5)
        .set_local_storage_only(true)
        .to_data_stream()
        .to_print(1)
        .start()?;

    wait(&job)?;
    job.stop()?;
    println!("{} records were counted", RECORDS - 1);
    Ok(())
}

/// The traffic of three projects from the epoch on, as JSON in texts.
async fn write(log: &EmbeddedLog) -> Result<(), Box<dyn Error>> {
    log.create_topic(TOPIC, TopicSpec::with_queues(1)).await?;
    let records = (0..RECORDS).map(|number| {
        let message = json!({
            "ProjectName": format!("ProjectName-{}", number % 3),
            "InFlow": number % 7,
            "OutFlow": (number % 5).to_string(),
        });
        let last = number + 1 == RECORDS;
        let time = if last { 120_000 } else { i64::try_from(number).unwrap_or(0) * 100 };
        LogRecord {
            key: None,
            value: Some(message.to_string().into()),
            headers: Vec::new(),
            timestamp_ms: time,
        }
    });
    let to = TopicPartition::new(TOPIC, 0);
    log.append(vec![QueueBatch { to, records: records.collect() }]).await?.await?;
    Ok(())
}

/// Until all records were taken twice: from the topic, and from that by which they come together.
fn wait(job: &Streams) -> Result<(), Box<dyn Error>> {
    let until = Instant::now() + PATIENCE;
    while job.status().iter().map(|task| task.records).sum::<u64>() < 2 * RECORDS {
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        if Instant::now() > until {
            return Err("the records were not counted within a minute".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
