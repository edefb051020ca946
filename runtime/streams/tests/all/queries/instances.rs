//! Two instances of which each has some of the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{
    FullLog, Log, LogAdmin, LogRecord, MemoryLog, QueueBatch, TopicPartition, TopicSpec,
};
use gantry_streams::{
    Instance, Instances, QueryError, Settings, StreamBuilder, Streams, Topology, text,
};

use super::http::get;
use crate::on_log::{block, wait_for};

const QUEUES: u32 = 4;

fn topology() -> Topology {
    let builder = StreamBuilder::new("shared");
    let words = builder.source("words", text());
    words.group_by(|_, word: &String| word.clone()).count().materialized_as("counts");
    builder.table("names", text(), text()).materialized_as("names");
    builder.build()
}

fn start(log: &Arc<MemoryLog>, dir: &Path) -> Streams {
    let mut settings = Settings::new(dir);
    settings.threads = 2;
    settings.checkpoint_interval = Duration::from_millis(20);
    settings.session_timeout = Duration::from_secs(1);
    settings.instances = Instances::Several;
    settings.listen = Some("127.0.0.1:0".to_owned());
    let log: Arc<dyn FullLog> = Arc::<MemoryLog>::clone(log);
    Streams::start(topology(), log, settings).unwrap()
}

fn send(log: &MemoryLog, to: TopicPartition, key: Option<&str>, value: String) {
    let key = key.map(|key| bytes::Bytes::copy_from_slice(key.as_bytes()));
    let record = LogRecord { key, value: Some(value.into()), timestamp_ms: 1, headers: vec![] };
    let batch = QueueBatch { to, records: vec![record] };
    block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
}

fn address(job: &Streams) -> String {
    let mut instances = job.instances().into_iter();
    instances.find(|instance| instance.is_this).unwrap().address.unwrap()
}

fn share(instances: &[Instance]) -> BTreeSet<usize> {
    instances.iter().map(|instance| instance.tasks.len()).collect()
}

#[test]
fn a_key_is_asked_for_where_it_is() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Arc::new(MemoryLog::new()));
    for topic in ["words", "names"] {
        block(log.create_topic(topic, TopicSpec::with_queues(QUEUES))).unwrap();
    }
    let first = start(&log, &dir.path().join("1"));
    let second = start(&log, &dir.path().join("2"));
    let both = [&first, &second];
    wait_for("both have half of the tasks", || {
        both.iter()
            .all(|job| job.status().len() == 6 && share(&job.instances()) == BTreeSet::from([6]))
    });
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for n in 0..200_u32 {
        let word = format!("w{}", n * n % 37);
        *wanted.entry(word.clone()).or_default() += 1;
        let record =
            LogRecord { value: Some(word.into()), timestamp_ms: 1, ..LogRecord::default() };
        let to = TopicPartition::new("words", n % QUEUES);
        let batch = QueueBatch { to, records: vec![record] };
        block(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    }
    let queries = both.map(|job| job.query::<String, u64>("counts").unwrap());
    wait_for("all counts", || {
        let told = queries.iter().flat_map(|query| query.all(1_000).unwrap());
        told.collect::<BTreeMap<_, _>>() == wanted
    });
    let addresses = both.map(address);
    let mut elsewhere = [0, 0];
    for (word, count) in &wanted {
        for (at, query) in queries.iter().enumerate() {
            let path = format!("/stores/counts/get?key={word}");
            let told = get(&addresses[at], &path);
            let owner = query.owner_of(word).unwrap().unwrap();
            assert_eq!(both[at].owner_of("counts", word).unwrap(), Some(owner.clone()));
            match query.get(word) {
                Ok(found) => {
                    assert_eq!((found, owner.is_this), (Some(*count), true));
                    assert_eq!((told.status, &told.json()["value"]), (200, &(*count).into()));
                }
                Err(QueryError::NotHere { owner: Some(told_owner), .. }) => {
                    elsewhere[at] += 1;
                    assert_eq!((*told_owner, owner.is_this), (owner, false));
                    let there = format!("http://{}{path}", addresses[1 - at]);
                    assert_eq!((told.status, told.header("location")), (307, Some(&*there)));
                    assert_eq!(told.json()["error_code"], 307);
                    assert_eq!(get(&addresses[1 - at], &path).json()["value"], *count);
                }
                Err(error) => panic!("{word}: {error}"),
            }
        }
    }
    assert_eq!(elsewhere[0] + elsewhere[1], wanted.len());
    names(&log, both);
    let range = get(&addresses[0], "/stores/counts/range").json();
    let queues = |key: &str| range[key].as_array().unwrap().len();
    assert_eq!(queues("queues") + queues("queues_elsewhere"), QUEUES as usize);
    first.stop().unwrap();
    wait_for("the second has all", || second.status().len() == 12);
    wait_for("all counts", || {
        let told = queries[1].all(1_000).unwrap_or_default();
        told.into_iter().collect::<BTreeMap<_, _>>() == wanted
    });
    assert_eq!(second.instances().len(), 1);
    second.stop().unwrap();
}

/// Keys of a topic that others write: they may be in any queue, but are looked for first where their
/// hash says. One that is nowhere is known not to be there by whoever has that queue.
fn names(log: &MemoryLog, both: [&Streams; 2]) {
    let queries = both.map(|job| job.query::<String, String>("names").unwrap());
    let keys: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let queue = |key: &str| gantry_log::queue_of_key(key.as_bytes(), QUEUES);
    for key in &keys[..10] {
        send(log, TopicPartition::new("names", queue(key)), Some(key), format!("of {key}"));
    }
    // Not where its hash says.
    let elsewhere = (queue("odd") + 1) % QUEUES;
    send(log, TopicPartition::new("names", elsewhere), Some("odd"), "of odd".to_owned());
    wait_for("all names", || {
        queries.iter().map(|query| query.all(1_000).unwrap().len()).sum::<usize>() == 11
    });
    for key in &keys {
        let wanted = keys[..10].contains(key).then(|| format!("of {key}"));
        let told = queries.each_ref().map(|query| query.get(key));
        let (mut here, mut others) = (0, 0);
        for told in told {
            match told {
                Ok(found) => {
                    assert_eq!(found, wanted, "{key}");
                    here += 1;
                }
                Err(QueryError::NotHere { owner: Some(owner), .. }) => {
                    assert!(owner.address.is_some() && !owner.is_this, "{key}: {owner:?}");
                    others += 1;
                }
                Err(error) => panic!("{key}: {error}"),
            }
        }
        assert_eq!((here, others), (1, 1), "{key}");
    }
    let odd = queries.each_ref().map(|query| query.get(&"odd".to_owned()));
    assert!(odd.iter().any(|told| told.as_ref().is_ok_and(|found| found.is_some())), "{odd:?}");
}
