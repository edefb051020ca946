//! A job in a process that is killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use gantry_log::{EmbeddedConfig, EmbeddedLog, Log, ReadLimits, TopicPartition};

/// How often.
const KILLS: u64 = 25;
const ORDERS: u64 = 100_000;

fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join("orders")
}

fn start(dir: &std::path::Path) -> std::process::Child {
    let mut command = Command::new(example());
    command.arg(dir).arg(ORDERS.to_string());
    command.stdout(Stdio::null()).spawn().unwrap()
}

/// Customer and window: orders, cents.
fn wanted() -> BTreeMap<String, (u64, u64)> {
    let mut totals: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for number in 0..ORDERS {
        let at = 1_700_000_000_000 + number;
        let key = format!("customer-{}@{}", number * 7 % 50, at - at % 10_000);
        let total = totals.entry(key).or_default();
        total.0 += 1;
        total.1 += number % 1_000;
    }
    totals
}

#[test]
fn no_order_is_lost_or_counted_twice_by_a_job_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..KILLS {
        let mut child = start(dir.path());
        std::thread::sleep(Duration::from_millis(random.u64(30..250)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(start(dir.path()).wait().unwrap().success());

    let log = EmbeddedLog::open(EmbeddedConfig::new(dir.path().join("log"))).unwrap();
    let limits = ReadLimits { max_bytes: 4 << 20, max_records: 50_000, wait: Duration::ZERO };
    let (mut last, mut seen) = (BTreeMap::new(), BTreeSet::new());
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        for queue in 0..3 {
            let queue = TopicPartition::new("totals", queue);
            let range = log.range(&queue).await.unwrap();
            let mut at = range.earliest;
            while at < range.next {
                for batch in log.read(&[(queue.clone(), at)], limits).await.unwrap() {
                    at = batch.next;
                    for (_, record) in batch.records {
                        let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
                        let total: serde_json::Value =
                            serde_json::from_slice(&record.value.unwrap()).unwrap();
                        let number = |name: &str| total[name].as_u64().unwrap();
                        let total = (number("orders"), number("cents"));
                        assert!(
                            seen.insert((key.clone(), total)),
                            "{key} was told {total:?} twice"
                        );
                        last.insert(key, total);
                    }
                }
            }
        }
    });
    assert_eq!(last, wanted());
}
