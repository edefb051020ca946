//! How many tasks there are changes while records flow; what is read in order stays in order.

use std::collections::BTreeMap;

use super::cluster::Workers;
use super::plugins::{SINK, SOURCE};
use super::*;

/// For each key the numbers in the order in which they were put.
fn by_key(probe: &Probe) -> BTreeMap<String, Vec<u32>> {
    let mut all: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (key, text) in probe.put_order.lock().expect("lock").iter() {
        let number = text.strip_prefix("n-").and_then(|n| n.parse().ok()).expect("a number");
        all.entry(key.clone()).or_default().push(number);
    }
    all
}

const KEYS: u32 = 8;

fn source(count: &str) -> [(&str, &str); 6] {
    [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", count),
        ("key.mod", "8"),
        ("topic.creation.default.partitions", "4"),
        ("topic.creation.default.replication.factor", "1"),
    ]
}

/// One that falls behind, and is looked after.
fn slow_sink(tasks_max: &str) -> [(&str, &str); 6] {
    [
        ("connector.class", SINK),
        ("topics", "t"),
        ("tasks.max", tasks_max),
        ("record.us", "2000"),
        ("gantry.tasks.auto", "true"),
        ("consumer.override.max.poll.records", "10"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_keeps_its_order_while_tasks_and_workers_come_and_go() {
    let mut all = Workers::new(2);
    all.create(0, "source", &[&source("1500")[..], &[("delay.ms", "1")]].concat()).await;
    let sink = |tasks: &'static str| {
        props(&[("connector.class", SINK), ("topics", "t"), ("tasks.max", tasks)])
    };
    all.one(0).put_connector("sink", sink("1"), None, false).await.expect("created");
    for round in 0..6 {
        let seen = all.probe.put_texts().len();
        all.until("more came", || all.probe.put_texts().len() > seen + 100).await;
        let tasks = if round % 2 == 0 { "4" } else { "2" };
        all.one(0).put_connector("sink", sink(tasks), None, true).await.expect("changed");
        if round % 3 == 0 {
            all.join();
            let leaver = all.herders.remove(0);
            leaver.shutdown().await;
        }
    }
    all.until("all were put", || all.probe.put_texts().len() >= 1_500).await;
    let found = by_key(&all.probe);
    assert_eq!(found.len(), KEYS as usize);
    for (key, numbers) in found {
        let first: u32 = key.strip_prefix('k').and_then(|n| n.parse().ok()).expect("a number");
        let expected: Vec<u32> = (first..1_500).step_by(KEYS as usize).collect();
        assert_eq!(numbers, expected, "{key}");
    }
}

/// Grows while it is behind, shrinks when it has nothing to do; alone and in a cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_tasks_follows_the_lag() {
    let all = Workers::new(1);
    all.create(0, "sink", &slow_sink("3")).await;
    all.until_all(0, "sink", 1, UnitState::Running).await;
    all.create(0, "source", &source("1000")).await;
    all.until_all(0, "sink", 3, UnitState::Running).await;
    all.until("all were put", || all.probe.put_texts().len() >= 1_000).await;
    all.until_all(0, "sink", 1, UnitState::Running).await;
    assert_eq!(by_key(&all.probe).values().map(Vec::len).sum::<usize>(), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_tasks_follows_the_lag_of_a_worker_alone() {
    let bench = Bench::new().await;
    bench.create("sink", &slow_sink("9")).await;
    let count = || bench.herder.connector_status("sink").map_or(0, |seen| seen.tasks.len());
    bench.until("it has one task", || count() == 1).await;
    bench.create("source", &source("1000")).await;
    bench.until("it has one for each queue", || count() == 4).await;
    bench.until("all were put", || bench.probe.put_texts().len() >= 1_000).await;
    bench.until("it has one again", || count() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_neither_true_nor_false_is_an_error() {
    let bench = Bench::new().await;
    let sink = [("connector.class", SINK), ("topics", "t"), ("gantry.tasks.auto", "yes")];
    bench.create("sink", &sink).await;
    bench
        .until("it has failed", || {
            let trace = bench.herder.connector_status("sink").ok().and_then(|c| c.connector.trace);
            trace.is_some_and(|trace| {
                trace.contains(
                    "Invalid value yes for configuration gantry.tasks.auto: expected true or false",
                )
            })
        })
        .await;
}
