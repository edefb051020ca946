//! Several instances of a job: they come, go, and are cut off, and each record counts once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gantry_log::{
    Durable, FullLog, Log, LogAdmin, LogError, LogGroup, LogRecord, MemoryLog, OffsetRange,
    QueueBatch, QueueRecords, ReadLimits, Session, Str, TopicInfo, TopicPartition, TopicSpec,
};
use gantry_streams::CommittedReader;
use gantry_streams::{
    Guarantee, Instances, Settings, StateStore, StreamBuilder, Streams, Topology, text,
};

use crate::on_log::wait_for;

pub(crate) const QUEUES: u32 = 4;

/// A log as one instance sees it, until it is cut off: then nothing it does arrives, and of what it
/// did last it does not learn what became of it.
struct Cut {
    log: Arc<MemoryLog>,
    is_cut: Arc<AtomicBool>,
    /// Results are not written, while all else is.
    is_mute: Arc<AtomicBool>,
    /// Records of change logs that were read.
    changes_read: Arc<AtomicU64>,
}

impl Cut {
    fn check(&self) -> Result<(), LogError> {
        match self.is_cut.load(Ordering::Acquire) {
            true => Err(LogError::Unavailable("cut off".into())),
            false => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl Log for Cut {
    fn is_atomic(&self) -> bool {
        false
    }
    async fn append_in(&self, _: &Session, batches: Vec<QueueBatch>) -> Result<Durable, LogError> {
        self.check()?;
        let has_results = batches.iter().any(|batch| &*batch.to.topic == "counts");
        if has_results && self.is_mute.load(Ordering::Acquire) {
            return Err(LogError::Unavailable("mute".into()));
        }
        // One queue after the other: what is cut off in between is there in part.
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for batch in batches {
            if self.check().is_err() {
                break;
            }
            ranges.extend(self.log.append(vec![batch]).await?.await?);
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..300))).await;
        }
        let cut = self.check();
        Ok(Box::pin(async move { cut.map(|()| ranges) }))
    }
    async fn read(
        &self,
        from: &[(TopicPartition, u64)],
        limits: ReadLimits,
    ) -> Result<Vec<QueueRecords>, LogError> {
        self.check()?;
        let read = self.log.read(from, limits).await?;
        let changes = read.iter().filter(|batch| batch.from.topic.ends_with("-changelog"));
        let records: usize = changes.map(|batch| batch.records.len()).sum();
        self.changes_read.fetch_add(records as u64, Ordering::Relaxed);
        Ok(read)
    }
    async fn range(&self, of: &TopicPartition) -> Result<OffsetRange, LogError> {
        self.check()?;
        self.log.range(of).await
    }
    async fn offset_for_time(&self, of: &TopicPartition, at: i64) -> Result<Option<u64>, LogError> {
        self.log.offset_for_time(of, at).await
    }
}

#[async_trait::async_trait]
impl LogAdmin for Cut {
    async fn topics(&self) -> Result<BTreeMap<Str, TopicInfo>, LogError> {
        self.log.topics().await
    }
    async fn topic(&self, name: &str) -> Result<Option<TopicInfo>, LogError> {
        self.log.topic(name).await
    }
    async fn create_topic(&self, name: &str, spec: TopicSpec) -> Result<(), LogError> {
        self.log.create_topic(name, spec).await
    }
    async fn delete_topic(&self, name: &str) -> Result<(), LogError> {
        self.log.delete_topic(name).await
    }
    fn topic_changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.log.topic_changes()
    }
}

#[async_trait::async_trait]
impl LogGroup for Cut {
    async fn committed(
        &self,
        group: &str,
        of: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, u64>, LogError> {
        self.log.committed(group, of).await
    }
    async fn commit(
        &self,
        group: &str,
        offsets: &BTreeMap<TopicPartition, Option<u64>>,
    ) -> Result<(), LogError> {
        self.check()?;
        self.log.commit(group, offsets).await
    }
    async fn groups(&self) -> Result<BTreeMap<Str, BTreeMap<TopicPartition, u64>>, LogError> {
        self.log.groups().await
    }
    async fn delete_group(&self, group: &str) -> Result<(), LogError> {
        self.log.delete_group(group).await
    }
}

fn topology() -> Topology {
    let builder = StreamBuilder::new("count");
    builder
        .source("words", text())
        .map_values(|_, word| word.to_lowercase())
        .group_by(|_, word: &String| word.clone())
        .count()
        .to_stream()
        .map_values(|_, count| count.to_string())
        .keyed_sink("counts", text(), text());
    builder.build()
}

/// Tasks with two inputs, each of which others write and commit.
fn merged() -> Topology {
    let builder = StreamBuilder::new("count");
    let shuffled = |topic: &str| {
        let words = builder.source(topic, text()).map_values(|_, word| word.to_lowercase());
        words.key_by(|_, word: &String| word.clone()).repartition()
    };
    shuffled("words")
        .merge(&shuffled("more"))
        .group_by_key()
        .count()
        .to_stream()
        .map_values(|_, count| count.to_string())
        .keyed_sink("counts", text(), text());
    builder.build()
}

pub(crate) struct Instance {
    pub(crate) streams: Streams,
    pub(crate) is_cut: Arc<AtomicBool>,
    pub(crate) is_mute: Arc<AtomicBool>,
    changes_read: Arc<AtomicU64>,
}

pub(crate) struct Scene {
    runtime: tokio::runtime::Runtime,
    pub(crate) log: Arc<MemoryLog>,
    pub(crate) dir: tempfile::TempDir,
    started: usize,
    sent: Vec<Sent>,
    wanted: BTreeMap<String, u64>,
    pub(crate) adjust: fn(&mut Settings),
    pub(crate) state_store: StateStore,
    pub(crate) topology: fn() -> Topology,
    pub(crate) topics: &'static [&'static str],
    /// What all that was sent comes to.
    pub(crate) model: fn(&[Sent]) -> BTreeMap<String, u64>,
}

/// A word that was sent.
pub(crate) struct Sent {
    pub(crate) topic: &'static str,
    pub(crate) word: String,
    pub(crate) time_ms: i64,
}

fn count(sent: &[Sent]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    sent.iter().for_each(|sent| *counts.entry(sent.word.clone()).or_default() += 1);
    counts
}

impl Scene {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let log = Arc::new(MemoryLog::new());
        for topic in ["words", "more", "counts"] {
            runtime.block_on(log.create_topic(topic, TopicSpec::with_queues(QUEUES))).unwrap();
        }
        let (dir, wanted) = (tempfile::tempdir().unwrap(), BTreeMap::new());
        Self {
            runtime,
            log,
            dir,
            started: 0,
            sent: Vec::new(),
            wanted,
            adjust: |_| {},
            state_store: StateStore::default(),
            topology,
            topics: &["words"],
            model: count,
        }
    }

    /// An instance; each place on disk is used by one after the other.
    pub(crate) fn start(&mut self) -> Instance {
        self.started += 1;
        let place = self.dir.path().join(self.started.to_string());
        self.start_at(&place)
    }

    pub(crate) fn start_at(&self, place: &Path) -> Instance {
        let mut settings = Settings::new(place);
        settings.threads = 2;
        settings.checkpoint_interval = Duration::from_millis(20);
        settings.session_timeout = Duration::from_secs(1);
        settings.instances = Instances::Several;
        settings.cache_entries = 40;
        settings.state_store = self.state_store.clone();
        (self.adjust)(&mut settings);
        let (is_cut, is_mute) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let changes_read = Arc::<AtomicU64>::default();
        let log: Arc<dyn FullLog> = Arc::new(Cut {
            log: Arc::clone(&self.log),
            is_cut: Arc::clone(&is_cut),
            is_mute: Arc::clone(&is_mute),
            changes_read: Arc::clone(&changes_read),
        });
        let streams = Streams::start((self.topology)(), log, settings).unwrap();
        Instance { streams, is_cut, is_mute, changes_read }
    }

    pub(crate) fn send(&mut self, round: usize) {
        let places = self.topics.iter().flat_map(|topic| (0..QUEUES).map(|queue| (*topic, queue)));
        for (topic, queue) in places.collect::<Vec<_>>() {
            let records = (0..60).map(|n| {
                let word = format!("W{}", (n * 7 + round * 3 + queue as usize) % 90);
                let timestamp_ms = i64::try_from(round * 1_000 + n * 10).unwrap();
                let sent = Sent { topic, word: word.to_lowercase(), time_ms: timestamp_ms };
                self.sent.push(sent);
                LogRecord { value: Some(word.into()), timestamp_ms, ..LogRecord::default() }
            });
            let to = TopicPartition::new(topic, queue);
            let batch = QueueBatch { to, records: records.collect() };
            let append = async { self.log.append(vec![batch]).await.unwrap().await.unwrap() };
            self.runtime.block_on(append);
        }
        self.wanted = (self.model)(&self.sent);
    }

    /// What counts of the results: word and count, in order.
    fn told(&self) -> Vec<(String, u64)> {
        self.runtime.block_on(async {
            let log: Arc<dyn FullLog> = Arc::<MemoryLog>::clone(&self.log);
            let mut reader = CommittedReader::of(log);
            let limits = ReadLimits {
                max_bytes: 64 << 20,
                max_records: 1 << 20,
                wait: Duration::from_millis(50),
            };
            let mut told = Vec::new();
            for queue in 0..QUEUES {
                let queue = TopicPartition::new("counts", queue);
                let mut given = Vec::new();
                let mut at = 0;
                let end = self.log.range(&queue).await.unwrap().next;
                let until = tokio::time::Instant::now() + Duration::from_millis(300);
                while at < end && tokio::time::Instant::now() < until {
                    let read = reader.read(&[(queue.clone(), at)], limits).await.unwrap();
                    at = read.last().map_or(at, |batch| batch.next);
                    given.extend(read);
                }
                for (_, record) in given.into_iter().flat_map(|batch| batch.records) {
                    let text = |bytes: Option<bytes::Bytes>| {
                        String::from_utf8(bytes.unwrap().to_vec()).unwrap()
                    };
                    told.push((text(record.key), text(record.value).parse().unwrap()));
                }
            }
            told
        })
    }

    pub(crate) fn check(&self) {
        wait_for("all counts", || {
            self.told().into_iter().collect::<BTreeMap<_, _>>() == self.wanted
        });
        let mut seen = BTreeSet::new();
        for told in self.told() {
            assert!(seen.insert(told.clone()), "{told:?} came twice");
        }
    }
}

fn tasks(instances: &[&Instance]) -> Vec<usize> {
    instances.iter().map(|instance| instance.streams.status().len()).collect()
}

#[test]
fn instances_share_the_queues_and_hand_them_on() {
    let mut scene = Scene::new();
    let first = scene.start();
    scene.send(0);
    scene.check();
    assert_eq!(tasks(&[&first]), [2 * QUEUES as usize]);
    let second = scene.start();
    wait_for("both have tasks", || tasks(&[&first, &second]) == [4, 4]);
    scene.send(1);
    scene.check();
    first.streams.stop().unwrap();
    scene.send(2);
    wait_for("the second has all", || tasks(&[&second]) == [8]);
    scene.check();
    assert!(second.streams.failure().is_none());
    second.streams.stop().unwrap();
}

#[test]
fn an_instance_that_is_cut_off_loses_its_queues_and_takes_part_again() {
    let mut scene = Scene::new();
    let (first, second) = (scene.start(), scene.start());
    wait_for("both have tasks", || tasks(&[&first, &second]) == [4, 4]);
    scene.send(0);
    scene.check();
    first.is_cut.store(true, Ordering::Release);
    scene.send(1);
    wait_for("the other has all", || tasks(&[&second]) == [8]);
    scene.check();
    first.is_cut.store(false, Ordering::Release);
    wait_for("it is back", || tasks(&[&first, &second]) == [4, 4]);
    scene.send(2);
    scene.check();
    for instance in [first, second] {
        instance.streams.stop().unwrap();
    }
}

#[test]
fn who_begins_again_in_its_directory_need_not_wait_to_be_taken_for_dead() {
    let mut scene = Scene::new();
    scene.adjust = |settings| settings.session_timeout = Duration::from_secs(600);
    let place = scene.dir.path().join("place");
    let first = scene.start_at(&place);
    scene.send(0);
    scene.check();
    // As if it was killed: it holds nothing any more, and nobody heard of it.
    first.is_cut.store(true, Ordering::Release);
    drop(first);
    let second = scene.start_at(&place);
    scene.send(1);
    scene.check();
    second.streams.stop().unwrap();
}

/// Instances come, leave, are cut off and come back, as a seed says, while records come.
fn rescale(seed: u64, adjust: fn(&mut Settings)) -> Scene {
    rescale_of(Scene::new(), seed, adjust)
}

pub(crate) fn rescale_of(mut scene: Scene, seed: u64, adjust: fn(&mut Settings)) -> Scene {
    let mut random = fastrand::Rng::with_seed(seed);
    scene.adjust = adjust;
    let mut running = vec![scene.start()];
    let mut gone = Vec::new();
    for round in 0..12 {
        match random.u32(..5) {
            0 | 1 if running.len() < 3 => running.push(scene.start()),
            2 if running.len() > 1 => {
                let at = random.usize(..running.len());
                running.swap_remove(at).streams.stop().unwrap();
            }
            3 => {
                // As if it was killed: nobody waits for it.
                let at = random.usize(..running.len());
                let instance = running.swap_remove(at);
                instance.is_cut.store(true, Ordering::Release);
                gone.push(std::thread::spawn(move || drop(instance)));
                if running.is_empty() {
                    running.push(scene.start());
                }
            }
            4 => {
                let at = random.usize(..running.len());
                running[at].is_cut.store(true, Ordering::Release);
                std::thread::sleep(Duration::from_millis(random.u64(..1_500)));
                running[at].is_cut.store(false, Ordering::Release);
            }
            _ => {}
        }
        scene.send(round);
        std::thread::sleep(Duration::from_millis(random.u64(..150)));
    }
    scene.check();
    for instance in running {
        assert_eq!(instance.streams.failure().map(|failure| failure.to_string()), None);
        instance.streams.stop().unwrap();
    }
    gone.into_iter().for_each(|thread| thread.join().unwrap());
    scene
}

#[test]
fn each_record_counts_once_whoever_comes_and_goes() {
    for seed in 0..2 {
        rescale(seed, |_| {});
    }
}

#[test]
fn each_record_counts_once_in_tasks_with_two_inputs() {
    for seed in 10..12 {
        let mut scene = Scene::new();
        (scene.topology, scene.topics) = (merged, &["words", "more"]);
        rescale_of(scene, seed, |settings| settings.threads = 1);
    }
}

#[test]
fn at_least_once_state_is_exact_too() {
    // What sinks get may come twice; the last count of each word is the right one, as `check`
    // would not hold otherwise.
    let mut scene = Scene::new();
    scene.adjust = |settings| settings.guarantee = Guarantee::AtLeastOnce;
    let first = scene.start();
    scene.send(0);
    let second = scene.start();
    scene.send(1);
    first.is_cut.store(true, Ordering::Release);
    let dropped = std::thread::spawn(move || drop(first));
    scene.send(2);
    wait_for("all counts", || scene.told().into_iter().collect::<BTreeMap<_, _>>() == scene.wanted);
    second.streams.stop().unwrap();
    dropped.join().unwrap();
}

/// Where the change logs end.
fn changes(scene: &Scene) -> BTreeMap<(String, u32), u64> {
    scene.runtime.block_on(async {
        let topics = scene.log.topics().await.unwrap();
        let mut ends = BTreeMap::new();
        for topic in topics.keys().filter(|topic| topic.ends_with("-changelog")) {
            for queue in 0..QUEUES {
                let range = scene.log.range(&TopicPartition::new(&**topic, queue)).await.unwrap();
                let store = topic.trim_end_matches("-changelog").to_owned();
                ends.insert((store, queue), range.next);
            }
        }
        ends
    })
}

/// Whether the standbys of instances have all that there is, of so many tasks.
fn are_warm(scene: &Scene, instances: &[&Instance], tasks: usize) -> bool {
    let ends = changes(scene);
    let standbys = instances.iter().flat_map(|instance| instance.streams.standbys());
    let states: Vec<_> = standbys.collect();
    let all = |queue, changes: &BTreeMap<String, u64>| {
        changes.iter().all(|(store, at)| ends[&(store.clone(), queue)] == *at)
    };
    states.len() == tasks && states.iter().all(|state| all(state.queue, &state.changes))
}

/// How many records of change logs an instance reads while it goes on with what another had that is
/// killed; how many there were when it was killed, and how many came then.
fn takeover(adjust: fn(&mut Settings)) -> (u64, u64, u64) {
    let mut scene = Scene::new();
    scene.adjust = adjust;
    let (first, second) = (scene.start(), scene.start());
    wait_for("both have tasks", || tasks(&[&first, &second]) == [4, 4]);
    // Who has which is by chance, and one part of the topology has no state: the one that is killed has
    // no less than half of it.
    let with_state =
        |one: &Instance| one.streams.status().iter().filter(|task| task.sub_topology == 1).count();
    let (first, second) = if with_state(&first) >= 2 { (first, second) } else { (second, first) };
    for round in 0..20 {
        scene.send(round);
        std::thread::sleep(Duration::from_millis(30));
    }
    scene.check();
    let mut settings = Settings::new("");
    adjust(&mut settings);
    if settings.standby_replicas > 0 {
        let states = changes(&scene).len();
        wait_for("all is warm", || are_warm(&scene, &[&first, &second], states));
    }
    let total = |scene: &Scene| changes(scene).into_values().sum::<u64>();
    let (there, read) = (total(&scene), second.changes_read.load(Ordering::Relaxed));
    first.is_cut.store(true, Ordering::Release);
    let dropped = std::thread::spawn(move || drop(first));
    scene.send(20);
    wait_for("the second has all", || tasks(&[&second]) == [8]);
    scene.check();
    let read = second.changes_read.load(Ordering::Relaxed) - read;
    wait_for("it stands by no more", || second.streams.standbys().is_empty());
    let came = total(&scene) - there;
    second.streams.stop().unwrap();
    dropped.join().unwrap();
    (read, there, came)
}

#[test]
fn a_standby_goes_on_after_no_more_than_the_tail() {
    // So long that none is taken for dead but the one that is.
    let cold = std::thread::spawn(|| {
        takeover(|settings| settings.session_timeout = Duration::from_secs(3))
    });
    let (read, there, came) = takeover(|settings| {
        settings.standby_replicas = 1;
        settings.session_timeout = Duration::from_secs(3);
    });
    // Once to follow them, and once to begin.
    assert!(read <= 2 * came, "{read} of {there} and {came}");
    let (read, there, came) = cold.join().unwrap();
    // The rest of what there was is of the tasks that it had anyway.
    assert!(read > 2 * came && read > there / 4, "{read} of {there} and {came}");
}

/// Which instances have a task, by what they tell of themselves.
fn who<'a, T>(
    instances: &'a [Instance],
    has: impl Fn(&'a Instance) -> Vec<T>,
    place: impl Fn(&T) -> (usize, u32),
) -> BTreeMap<(usize, u32), usize> {
    let each = instances.iter().enumerate();
    each.flat_map(|(at, one)| has(one).iter().map(|t| (place(t), at)).collect::<Vec<_>>()).collect()
}

#[test]
fn of_three_instances_the_one_goes_on_that_stood_by() {
    let mut scene = Scene::new();
    scene.adjust = |settings| {
        settings.standby_replicas = 1;
        // Nobody is taken for dead: tasks would move, and back.
        settings.session_timeout = Duration::from_secs(60);
    };
    let mut running = vec![scene.start(), scene.start(), scene.start()];
    let run = |running: &[Instance]| {
        who(running, |i| i.streams.status(), |task| (task.sub_topology, task.queue))
    };
    wait_for("all tasks run", || run(&running).len() == 8);
    scene.send(0);
    scene.check();
    let all =
        |running: &[Instance]| running.iter().map(|i| i.streams.status().len()).sum::<usize>();
    wait_for("all is warm", || {
        all(&running) == 8 && are_warm(&scene, &running.iter().collect::<Vec<_>>(), QUEUES as usize)
    });
    let gone = running.remove(0);
    let left = gone.streams.status().into_iter().map(|task| (task.sub_topology, task.queue));
    let left: Vec<_> = left.collect();
    let warm = who(&running, |i| i.streams.standbys(), |task| (task.sub_topology, task.queue));
    for (sub, queue) in warm.keys() {
        let labels = format!("job=\"count\",sub_topology=\"{sub}\",queue=\"{queue}\"");
        let sample = format!("gantry_streams_standby_records_lag{{{labels}}} 0");
        let tells = |one: &Instance| one.streams.prometheus().contains(&sample);
        assert!(running.iter().any(tells), "no {sample}");
    }
    gone.streams.stop().unwrap();
    wait_for("the others have all", || run(&running).len() == 8);
    let runs = run(&running);
    for place in left {
        // The other sub-topology has no state.
        assert!(place.0 == 0 || warm.contains_key(&place), "{place:?} {warm:?}");
        assert!(
            warm.get(&place).is_none_or(|at| *at == runs[&place]),
            "{place:?} {warm:?} {runs:?}"
        );
    }
    scene.send(1);
    scene.check();
    running.into_iter().for_each(|instance| instance.streams.stop().unwrap());
}

#[test]
fn each_record_counts_once_with_standbys_too() {
    for seed in 10..13 {
        rescale(seed, |settings| settings.standby_replicas = 2);
    }
}
