//! Records per second through the log on a RocketMQ cluster: `tests/rocketmq/bench.sh` starts one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement, told by its environment where the cluster is"
)]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{
    Log, LogAdmin, LogRecord, QueueBatch, ReadLimits, Session, Str, TopicPartition, TopicSpec,
};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};

const QUEUES: u32 = 4;
const BATCH: usize = 200;

/// CPU time of this process.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // User and system time, in hundredths of a second.
    let ticks: u64 = fields[11..13].iter().map(|text| text.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn tell(what: &str, records: usize, begun: Instant, cpu_before: Duration) {
    let seconds = begun.elapsed().as_secs_f64();
    let micros = (cpu() - cpu_before).as_secs_f64() * 1e6;
    let rate = records as f64 / seconds;
    println!("{what}: {rate:>9.0} records/s, {:.2} µs CPU each", micros / records as f64);
}

async fn append(log: RocketmqLog, to: TopicPartition, batches: usize, size: usize, ahead: usize) {
    let value = Bytes::from(vec![b'x'; size]);
    let session = Session::new();
    let mut on_their_way = VecDeque::new();
    for number in 0..batches {
        let record = |i: usize| LogRecord {
            key: Some(Bytes::from(format!("key-{i}"))),
            value: Some(value.clone()),
            timestamp_ms: 1_700_000_000_000 + i64::try_from(number).unwrap(),
            ..LogRecord::default()
        };
        let records = (0..BATCH).map(record).collect();
        let batch = QueueBatch { to: to.clone(), records };
        on_their_way.push_back(log.append_in(&session, vec![batch]).await.unwrap());
        if on_their_way.len() >= ahead {
            on_their_way.pop_front().unwrap().await.unwrap();
        }
    }
    for durable in on_their_way {
        durable.await.unwrap();
    }
}

async fn read(log: &RocketmqLog, queues: &[TopicPartition], records: usize) {
    let mut from: Vec<(TopicPartition, u64)> =
        queues.iter().map(|queue| (queue.clone(), 0)).collect();
    let limits = ReadLimits { max_bytes: 1 << 20, max_records: 2000, wait: Duration::from_secs(5) };
    let mut found = 0;
    while found < records {
        let read = log.read(&from, limits).await.unwrap();
        assert!(!read.is_empty(), "{found} of {records}");
        for queue in read {
            found += queue.records.len();
            from.iter_mut().find(|(of, _)| *of == queue.from).unwrap().1 = queue.next;
        }
    }
}

#[tokio::main]
async fn main() {
    let name_servers = std::env::var("GANTRY_TEST_NAMESRV").expect("bench.sh sets it");
    let open = || RocketmqLog::open(RocketmqConfig::new(vec![Str::from(name_servers.as_str())]));
    let log = open();
    for (size, records) in [(1024, 400_000), (100, 1_000_000)] {
        for ahead in [1, 8] {
            let name = format!("bench-{size}-{ahead}");
            log.create_topic(&name, TopicSpec::with_queues(QUEUES)).await.unwrap();
            let queues: Vec<TopicPartition> =
                (0..QUEUES).map(|queue| TopicPartition::new(&*name, queue)).collect();
            let (begun, before) = (Instant::now(), cpu());
            let batches = records / BATCH / QUEUES as usize;
            let tasks: Vec<_> = queues
                .iter()
                .map(|to| tokio::spawn(append(log.clone(), to.clone(), batches, size, ahead)))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            tell(&format!("append {size:>4} B, {ahead} ahead"), records, begun, before);
            let (begun, before) = (Instant::now(), cpu());
            read(&log, &queues, records).await;
            tell(&format!("read   {size:>4} B, all queues"), records, begun, before);
            let one = records / QUEUES as usize;
            let (begun, before) = (Instant::now(), cpu());
            append(log.clone(), queues[0].clone(), batches, size, ahead).await;
            tell(&format!("append {size:>4} B, {ahead} ahead, one queue"), one, begun, before);
            let (begun, before) = (Instant::now(), cpu());
            read(&open(), &queues[..1], one).await;
            tell(&format!("read   {size:>4} B, one queue"), one, begun, before);
            log.delete_topic(&name).await.unwrap();
        }
    }
}
