//! A job in a program of its own, with nothing but a directory: orders come into a topic of the
//! embedded log, and for each customer and ten seconds it is told how many there were and what they
//! came to. Kill it at any moment and start it again: it goes on, and no order counts twice.
//!
//! `cargo run --release -p gantry-streams --example orders -- DIRECTORY 100000`
//!
//! With a third argument, topics are those of a RocketMQ cluster with that name server:
//! `… --example orders -- DIRECTORY 100000 127.0.0.1:9876`
//! Start it as often as you like there, each with a directory of its own: the instances share the
//! work. One with `follow` behind makes no orders, and works until it is killed.
//!
//! What it waits for while the log cannot be reached, or its disk is full, it says on standard error.
//! `customers=1000` anywhere makes orders of so many customers.
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, LogError, LogRecord, QueueBatch, ReadLimits, Session,
    TopicPartition, TopicSpec,
};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};
use gantry_streams::aggregate::Fold;
use gantry_streams::{
    CommittedReader, Settings, StreamBuilder, Streams, TaskStatus, Topology, Tumbling, json,
    json_data, text,
};
use serde::{Deserialize, Serialize};

const QUEUES: u32 = 3;
const BATCH: u64 = 200;
const CUSTOMERS: u64 = 50;
/// The wait before the log is asked again that could not take orders.
const RETRY: Duration = Duration::from_millis(200);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    customer: String,
    cents: u64,
    at_ms: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Total {
    orders: u64,
    cents: u64,
}

json_data!(Order, Total);

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the program ends");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (more, args): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("customers="));
    let customers = more.iter().filter_map(|arg| arg.split_once('=')).next_back();
    let customers: u64 = customers.map_or(Ok(CUSTOMERS), |(_, count)| count.parse())?;
    let mut args = args.into_iter();
    let dir = args.next().ok_or("give a directory, and how many orders there shall be")?;
    let orders: u64 = args.next().map_or(Ok(10_000), |text| text.parse())?;
    // The log's connections live on it while this thread waits.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let log: Arc<dyn FullLog> = match args.next() {
        Some(server) => Arc::new(RocketmqLog::open(RocketmqConfig::new(vec![server.into()]))),
        None => Arc::new(EmbeddedLog::open(EmbeddedConfig::new(format!("{dir}/log")))?),
    };
    for topic in ["orders", "totals"] {
        match runtime.block_on(log.create_topic(topic, TopicSpec::with_queues(QUEUES))) {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let follows = args.next().is_some_and(|word| word == "follow");
    let mut settings = Settings::new(format!("{dir}/state"));
    settings.session_timeout = Duration::from_secs(3);
    let (shared, topology) = (Arc::clone(&log), topology());
    // Not on a thread of the runtime, as it blocks.
    let job = std::thread::spawn(move || Streams::start(topology, shared, settings));
    let job = job.join().map_err(|_| "the start of the job panicked")??;
    if !follows {
        runtime.block_on(order(&*log, orders, customers.max(1)))?;
    }
    loop {
        if !follows && runtime.block_on(is_done(&*log, &job.status(), orders))? {
            break;
        }
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    job.stop()?;
    for (place, total) in runtime.block_on(totals(&log))? {
        println!("{place} {} {}", total.orders, total.cents);
    }
    Ok(())
}

/// Whether all orders are in the checkpoints of the tasks that read them, and then all that these made of
/// them in the checkpoints of the others.
async fn is_done(
    log: &dyn FullLog,
    tasks: &[TaskStatus],
    orders: u64,
) -> Result<bool, Box<dyn Error>> {
    let taken: u64 = tasks.iter().filter_map(|task| task.inputs.get("orders")).sum();
    if taken < orders || tasks.len() < 2 * QUEUES as usize {
        return Ok(false);
    }
    for task in tasks {
        for (topic, at) in &task.inputs {
            let range = log.range(&TopicPartition::new(topic.as_str(), task.queue)).await?;
            if *at < range.next {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn topology() -> Topology {
    let builder = StreamBuilder::new("orders");
    builder
        .source("orders", json::<Order>())
        .select_timestamp(|_, order| order.at_ms)
        .group_by(|_, order| order.customer.clone())
        .window(Tumbling::of(Duration::from_secs(10)))
        // A job that catches up may read one queue of orders well before another one.
        .grace(Duration::from_secs(600))
        .aggregate(Fold(
            Total::default,
            |total: &mut Total, order: &Order| {
                total.orders += 1;
                total.cents += order.cents;
            },
            |total: &mut Total, other: &Total| {
                total.orders += other.orders;
                total.cents += other.cents;
            },
        ))
        .to_stream()
        .map(|place, total| (format!("{}@{}", place.key, place.window.start_ms), total))
        .keyed_sink("totals", text(), json());
    builder.build()
}

/// Makes orders until there are so many, also if the log cannot take them for a while.
async fn order(log: &dyn FullLog, orders: u64, customers: u64) -> Result<(), Box<dyn Error>> {
    while let Err(error) = make(log, orders, customers).await {
        match error.downcast_ref::<LogError>() {
            Some(now) if now.is_retriable() => tracing::warn!(%error, "orders wait"),
            _ => return Err(error),
        }
        tokio::time::sleep(RETRY).await;
    }
    Ok(())
}

/// Orders are numbered: what is in the topic already is not made again. An append of which it is not
/// known whether it was taken is not tried again, but looked for.
async fn make(log: &dyn FullLog, orders: u64, customers: u64) -> Result<(), Box<dyn Error>> {
    let session = Session::exact();
    let mut made = 0;
    for queue in 0..QUEUES {
        made += log.range(&TopicPartition::new("orders", queue)).await?.next;
    }
    while made < orders {
        let batch = made..orders.min(made + BATCH);
        let queue = u32::try_from(made / BATCH % u64::from(QUEUES))?;
        made = batch.end;
        let records = batch.map(|number| -> Result<LogRecord, Box<dyn Error>> {
            let order = Order {
                customer: format!("customer-{}", number * 7 % customers),
                cents: number % 1_000,
                at_ms: 1_700_000_000_000 + i64::try_from(number)?,
            };
            let value = Some(serde_json::to_vec(&order)?.into());
            Ok(LogRecord { value, timestamp_ms: order.at_ms, ..LogRecord::default() })
        });
        let to = TopicPartition::new("orders", queue);
        let records = records.collect::<Result<_, _>>()?;
        log.append_in(&session, vec![QueueBatch { to, records }]).await?.await?;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// What was told last of each customer and time; nothing may have been told twice.
async fn totals(log: &Arc<dyn FullLog>) -> Result<BTreeMap<String, Total>, Box<dyn Error>> {
    let limits =
        ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::from_secs(1) };
    let (mut reader, mut last) = (CommittedReader::of(Arc::clone(log)), BTreeMap::new());
    let mut told = BTreeSet::new();
    for queue in 0..QUEUES {
        let queue = TopicPartition::new("totals", queue);
        let range = log.range(&queue).await?;
        let mut at = range.earliest;
        while at < range.next {
            for batch in reader.read(&[(queue.clone(), at)], limits).await? {
                at = batch.next;
                for (_, record) in batch.records {
                    let key = String::from_utf8(record.key.unwrap_or_default().to_vec())?;
                    let total = record.value.unwrap_or_default();
                    if !told.insert((key.clone(), total.clone())) {
                        return Err(format!("{key} was told {total:?} twice").into());
                    }
                    last.insert(key, serde_json::from_slice(&total)?);
                }
            }
        }
    }
    Ok(last)
}
