//! A job in a program of its own, with nothing but a directory: orders come into a topic of the
//! embedded log, and for each customer and ten seconds it is told how many there were and what they
//! came to. Kill it at any moment and start it again: it goes on, and no order counts twice.
//!
//! `cargo run --release -p gantry-streams --example orders -- DIRECTORY 100000`
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{
    EmbeddedConfig, EmbeddedLog, FullLog, Log, LogAdmin, LogError, LogRecord, QueueBatch,
    TopicPartition, TopicSpec,
};
use gantry_streams::aggregate::Fold;
use gantry_streams::{Settings, StreamBuilder, Streams, Topology, Tumbling, json, json_data, text};
use serde::{Deserialize, Serialize};

const QUEUES: u32 = 3;
const BATCH: u64 = 200;

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

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a directory, and how many orders there shall be")?;
    let orders: u64 = args.next().map_or(Ok(10_000), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = Arc::new(EmbeddedLog::open(EmbeddedConfig::new(format!("{dir}/log")))?);
    for topic in ["orders", "totals"] {
        match runtime.block_on(log.create_topic(topic, TopicSpec::with_queues(QUEUES))) {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(topology(), shared, Settings::new(format!("{dir}/state")))?;
    runtime.block_on(order(&log, orders))?;
    loop {
        let status = job.status();
        let known = status.iter().filter(|task| task.inputs.contains_key("orders"));
        let taken: u64 = known.map(|task| task.inputs["orders"]).sum();
        if taken >= orders && status.iter().all(|task| task.lag == 0) {
            break;
        }
        if let Some(failure) = job.failure() {
            return Err(failure.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    job.stop()?;
    println!("{orders} orders are in the totals");
    Ok(())
}

fn topology() -> Topology {
    let builder = StreamBuilder::new("orders");
    builder
        .source("orders", json::<Order>())
        .select_timestamp(|_, order| order.at_ms)
        .group_by(|_, order| order.customer.clone())
        .window(Tumbling::of(Duration::from_secs(10)))
        .grace(Duration::from_secs(60))
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

/// Orders are numbered: what is in the topic already is not made again.
async fn order(log: &EmbeddedLog, orders: u64) -> Result<(), Box<dyn Error>> {
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
                customer: format!("customer-{}", number * 7 % 50),
                cents: number % 1_000,
                at_ms: 1_700_000_000_000 + i64::try_from(number)?,
            };
            let value = Some(serde_json::to_vec(&order)?.into());
            Ok(LogRecord { value, timestamp_ms: order.at_ms, ..LogRecord::default() })
        });
        let to = TopicPartition::new("orders", queue);
        let records = records.collect::<Result<_, _>>()?;
        log.append(vec![QueueBatch { to, records }]).await?.await?;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
