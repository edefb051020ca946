//! What a broken cluster does to the log: `tests/rocketmq/run.sh` runs it; it starts its own.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{Cluster, LIMIT, append, batch, limits, read, text, topic};
use gantry_log::{Log, LogAdmin, LogError, LogGroup, Session, TopicPartition, TopicSpec};
use gantry_rocketmq::{RocketmqConfig, RocketmqLog};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Appends that are on their way at a time.
const IN_FLIGHT: usize = 8;
/// Records of an append.
const BATCH: usize = 10;
/// A broker that answers again has to take appends within this time.
const BACK_LIMIT: Duration = Duration::from_millis(2_500);

/// What was acknowledged: offset and number of the first record, and when.
type Acknowledged = Arc<Mutex<Vec<(u64, usize, Instant)>>>;

/// One that appends numbers in order, and one that reads them.
struct Traffic {
    acknowledged: Acknowledged,
    found: Arc<Mutex<Vec<(u64, usize)>>>,
    stop: CancellationToken,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
}

impl Traffic {
    fn begin(log: &RocketmqLog, queue: &TopicPartition) -> Self {
        let acknowledged = Acknowledged::default();
        let found = Arc::new(Mutex::new(Vec::new()));
        let stop = CancellationToken::new();
        let writer = tokio::spawn(write(
            log.clone(),
            queue.clone(),
            Arc::clone(&acknowledged),
            stop.clone(),
        ));
        let reader = tokio::spawn(follow(log.clone(), queue.clone(), Arc::clone(&found)));
        Self { acknowledged, found, stop, writer, reader }
    }

    fn last(&self) -> Option<(usize, Instant)> {
        self.acknowledged.lock().unwrap().last().map(|(_, number, at)| (*number, *at))
    }

    /// Waits for the first append acknowledged later than this.
    async fn acknowledged_after(&self, begun: Instant) -> Instant {
        loop {
            let first = {
                let all = self.acknowledged.lock().unwrap();
                all.iter().map(|(_, _, at)| *at).find(|at| *at > begun)
            };
            if let Some(at) = first {
                return at;
            }
            assert!(begun.elapsed() < LIMIT, "no append since {:?}", begun.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it, and checks that what was acknowledged is there, where it was said, in order.
    async fn end(self) {
        self.stop.cancel();
        self.writer.await.unwrap();
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        let (last, ..) = *acknowledged.last().unwrap();
        let begun = Instant::now();
        while self.found.lock().unwrap().last().is_none_or(|(at, _)| *at < last + BATCH as u64 - 1)
        {
            assert!(begun.elapsed() < LIMIT && !self.reader.is_finished(), "the reader is behind");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.reader.abort();
        let found = self.found.lock().unwrap().clone();
        for (at, (offset, _)) in found.iter().enumerate() {
            assert_eq!(*offset, at as u64, "the reader missed or saw twice an offset");
        }
        for (offset, number, _) in &acknowledged {
            let start = usize::try_from(*offset).unwrap();
            let numbers: Vec<usize> =
                found[start..start + BATCH].iter().map(|(_, number)| *number).collect();
            assert_eq!(numbers, (*number..number + BATCH).collect::<Vec<_>>(), "at {offset}");
        }
        // What was sent again may stand there twice; nothing may be left out or come too early.
        let mut next = 0;
        for (offset, number) in &found {
            assert!(*number <= next, "{number} at {offset} where {next} was to come");
            next = next.max(number + 1);
        }
        let doubled = found.len() - next;
        println!(
            "{} acknowledged appends, {} records, {doubled} doubled",
            acknowledged.len(),
            found.len()
        );
    }
}

async fn write(
    log: RocketmqLog,
    queue: TopicPartition,
    acknowledged: Acknowledged,
    stop: CancellationToken,
) {
    let session = Session::new();
    let mut on_their_way = VecDeque::new();
    let mut number = 0;
    loop {
        if !stop.is_cancelled() {
            let records = (number..number + BATCH).map(|number| text(number.to_string())).collect();
            on_their_way.push_back((
                number,
                log.append_in(&session, batch(&queue, records)).await.unwrap(),
            ));
            number += BATCH;
        }
        if on_their_way.len() >= IN_FLIGHT || stop.is_cancelled() {
            let Some((number, durable)) = on_their_way.pop_front() else { return };
            let offsets = durable.await.unwrap();
            acknowledged.lock().unwrap().push((offsets[0].start, number, Instant::now()));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn follow(log: RocketmqLog, queue: TopicPartition, found: Arc<Mutex<Vec<(u64, usize)>>>) {
    let mut at = 0;
    loop {
        match log.read(&[(queue.clone(), at)], limits()).await {
            Ok(read) => {
                for queue in read {
                    at = queue.next;
                    let numbers = queue.records.into_iter().map(|(offset, record)| {
                        let text = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                        (offset, text.parse().unwrap())
                    });
                    found.lock().unwrap().extend(numbers);
                }
            }
            Err(error) if error.is_retriable() => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("read at {at}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "starts a cluster: tests/rocketmq/run.sh"]
async fn parts_of_a_cluster_go_and_come_back() {
    let mut cluster = Cluster::start("faults", &["--brokers", "2"]);
    // The first of the name servers is dead from the start.
    let dead = format!("127.0.0.1:{}", cluster.tell("free_port", &[]));
    let config = crate::support::config(&format!("{dead};{}", cluster.name_server));
    let log = RocketmqLog::open(config.clone());
    // The first two are on broker-a, the others on broker-b.
    let queues = topic(&log, "steady", 4).await;
    let on_a = Traffic::begin(&log, &queues[0]);
    let on_b = Traffic::begin(&log, &queues[3]);
    on_a.acknowledged_after(Instant::now()).await;
    on_b.acknowledged_after(Instant::now()).await;

    without_name_server(&mut cluster, &on_a, &on_b).await;
    a_killed_broker_comes_back(&mut cluster, &log, &config, &on_a, &on_b).await;
    a_broker_moves(&mut cluster, &on_a).await;
    on_a.end().await;
    on_b.end().await;
}

async fn without_name_server(cluster: &mut Cluster, on_a: &Traffic, on_b: &Traffic) {
    cluster.kill("namesrv");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        for traffic in [on_a, on_b] {
            let (_, at) = traffic.last().unwrap();
            assert!(at.elapsed() < Duration::from_secs(1), "nothing for {:?}", at.elapsed());
        }
    }
    cluster.tell("start_name_server", &[]);
    cluster.tell("wait_for_broker", &[("part", "broker".into())]);
    cluster.tell("wait_for_broker", &[("part", "broker-b".into())]);
}

async fn a_killed_broker_comes_back(
    cluster: &mut Cluster,
    log: &RocketmqLog,
    config: &RocketmqConfig,
    on_a: &Traffic,
    on_b: &Traffic,
) {
    cluster.kill("broker");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let killed = Instant::now();
    // The other queues go on, with their numbers, and nobody says that the topic has fewer.
    on_b.acknowledged_after(killed).await;
    for log in [log.clone(), RocketmqLog::open(config.clone())] {
        let moved = TopicPartition::new("steady", 0);
        let error = log.range(&moved).await.unwrap_err();
        println!("{error}");
        assert!(error.is_retriable(), "{error}");
        assert!(log.range(&TopicPartition::new("steady", 3)).await.is_ok());
        assert!(matches!(
            log.range(&TopicPartition::new("steady", 4)).await,
            Err(LogError::Unknown(_))
        ));
        let error = log.create_topic("steady", TopicSpec::with_queues(4)).await.unwrap_err();
        println!("{error}");
        assert!(matches!(error, LogError::TopicExists(_) | LogError::Unavailable(_)), "{error}");
        let error = log.committed("none", &[moved]).await.unwrap_err();
        assert!(error.is_retriable(), "{error}");
        assert_eq!(log.topics().await.unwrap()["steady"].spec.queues, 4);
        let error = log.delete_topic("steady").await.unwrap_err();
        assert!(error.is_retriable(), "{error}");
    }
    cluster.start_broker("broker");
    let back = Instant::now();
    let first = on_a.acknowledged_after(killed).await;
    let late = first.saturating_duration_since(back);
    println!("a killed broker answers again: first append acknowledged after {late:?}");
    assert!(late < BACK_LIMIT, "{late:?}");
}

async fn a_broker_moves(cluster: &mut Cluster, on_a: &Traffic) {
    cluster.kill("broker");
    let killed = Instant::now();
    cluster.tell("move_broker", &[("part", "broker".into())]);
    cluster.start_broker("broker");
    let back = Instant::now();
    let first = on_a.acknowledged_after(killed + Duration::from_millis(500)).await;
    let late = first.saturating_duration_since(back);
    println!("a moved broker answers: first append acknowledged after {late:?}");
    assert!(late < BACK_LIMIT, "{late:?}");
}

/// A small file system, which goes with it.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(at);
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "starts a cluster: tests/rocketmq/run.sh"]
async fn a_full_disk_stops_appends_until_there_is_room() {
    let small = crate::support::target().join("rocketmq/small-disk");
    let Some(small) = Small::mount(&small) else {
        println!("not run: who runs it may not mount a small file system");
        return;
    };
    let at = small.0.display();
    let cluster = Cluster::start(
        "full",
        &[
            &format!("--set=storePathCommitLog={at}/commitlog"),
            "--set=mappedFileSizeCommitLog=4194304",
            "--set=cleanResourceInterval=500",
        ],
    );
    let log = RocketmqLog::open(cluster.config());
    let queue = topic(&log, "full", 1).await.remove(0);
    append(&log, &queue, vec![text("before")]).await.unwrap();
    let filler = small.0.join("filler");
    std::fs::write(&filler, vec![0; 58 << 20]).unwrap();

    let once = RocketmqLog::open(RocketmqConfig { delivery_timeout_ms: 0, ..cluster.config() });
    let begun = Instant::now();
    let mut taken = 1;
    let error = loop {
        match append(&once, &queue, vec![text("until full")]).await {
            Err(error) => break error,
            Ok(_) => taken += 1,
        }
        assert!(begun.elapsed() < LIMIT, "the broker does not mind");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    println!("{error}");
    assert!(error.is_retriable(), "{error}");
    assert!(error.to_string().contains("disk"), "{error}");
    let durable = log.append(batch(&queue, vec![text("waits")])).await.unwrap();
    let waits = tokio::spawn(durable);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!waits.is_finished());
    std::fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    let offsets = tokio::time::timeout(LIMIT, waits).await.unwrap().unwrap().unwrap();
    println!("room again: the append was taken after {:?}", freed.elapsed());
    assert_eq!(offsets[0].start, taken);
    let found = read(&log, &queue, 0, usize::try_from(taken).unwrap() + 1).await;
    assert_eq!(found.last().unwrap().1, text("waits"));
    drop(cluster);
}
