use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use gantry_cluster::Unit;
use gantry_coordination::{Fence, Transaction};
use gantry_log::{Log, LogAdmin, LogRecord, MemoryLog, QueueBatch, TopicPartition, TopicSpec};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::Standby;
use crate::error::StreamsError;
use crate::runtime::begin::{Begun, Claim, begin};
use crate::runtime::job::Job;
use crate::runtime::plan::task_key;
use crate::runtime::restore::restore;
use crate::runtime::restore::tests::{TASK, job};
use crate::store::{Backend, Memory, after, prefix};
use crate::task::Progress;

#[derive(Clone, Debug)]
enum Step {
    Change(u8, Option<u8>),
    Commit,
    /// The owner is gone, and another one has the task.
    Begin,
    /// Another one had it for so short a time that it only ended what was under way.
    Fence,
    /// The standby reads what there is.
    Follow,
    /// The standby's process begins again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0_u8..5, proptest::option::weighted(0.7, any::<u8>()));
    let step = prop_oneof![
        6 => change.prop_map(|(key, value)| Step::Change(key, value)),
        3 => Just(Step::Commit),
        1 => Just(Step::Begin),
        1 => Just(Step::Fence),
        2 => Just(Step::Follow),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

type State = BTreeMap<Vec<u8>, Vec<u8>>;

struct Scene {
    log: Arc<MemoryLog>,
    owner: Arc<Job>,
    claims: u64,
    session: Option<Transaction>,
    /// What the task has, what it has not committed, and how often it committed.
    state: State,
    open: Vec<(u8, Option<u8>)>,
    number: u64,
    standby_disk: Arc<Memory>,
    standby: Standby,
}

fn queue() -> TopicPartition {
    TopicPartition::new("store-changelog", 0)
}

/// A job whose checkpoints are followed.
fn followed(log: &Arc<MemoryLog>, disk: &Arc<Memory>) -> Arc<Job> {
    let job = Arc::new(job(Arc::clone(log), Arc::clone(disk)));
    let offsets = Arc::clone(&job.offsets);
    tokio::spawn(async move { while offsets.follow().await.is_ok() {} });
    job
}

fn scan(disk: &Memory) -> Result<State, StreamsError> {
    let (place, mut found) = (prefix(0, 0), State::new());
    disk.scan(&place, &after(&place), &mut |key, value| {
        found.insert(key[place.len()..].to_vec(), value.to_vec());
        Ok(true)
    })?;
    Ok(found)
}

impl Scene {
    async fn new() -> Result<Self, StreamsError> {
        let log = Arc::new(MemoryLog::default());
        log.create_topic("store-changelog", TopicSpec::compacted()).await?;
        log.create_topic("o", TopicSpec::with_queues(1)).await?;
        let owner = followed(&log, &Arc::default());
        let standby_disk = Arc::<Memory>::default();
        let standby = Standby::new(&followed(&log, &standby_disk));
        let (state, open) = (State::new(), Vec::new());
        let (claims, session, number) = (0, None, 0);
        let mut scene =
            Self { log, owner, claims, session, state, open, number, standby_disk, standby };
        scene.begin().await?;
        Ok(scene)
    }

    fn claim(&mut self) -> Claim {
        self.claims += 1;
        let fence = Fence::new(Unit::task(&"job".into(), 0), self.claims, self.claims);
        Claim { place: TASK, fence, lease: None, stop: CancellationToken::new() }
    }

    async fn begin(&mut self) -> Result<(), StreamsError> {
        let claim = self.claim();
        // Each begins on a machine of its own.
        self.owner = followed(&self.log, &Arc::default());
        self.owner.offsets.catch_up().await?;
        let begun = begin(&self.owner, &claim).await?;
        self.session = begun.map(|Begun { transaction, .. }| transaction);
        self.open.clear();
        Ok(())
    }

    async fn step(&mut self, step: Step) -> Result<(), StreamsError> {
        match step {
            Step::Change(key, value) => {
                let Some(session) = &self.session else { return Ok(()) };
                let record = LogRecord {
                    key: Some(Bytes::from(vec![key])),
                    value: value.map(|value| Bytes::from(vec![value])),
                    headers: vec![session.mark().clone()],
                    timestamp_ms: LogRecord::AT_STORE,
                };
                self.log
                    .append(vec![QueueBatch { to: queue(), records: vec![record] }])
                    .await?
                    .await?;
                self.open.push((key, value));
            }
            Step::Commit => {
                let Some(session) = &self.session else { return Ok(()) };
                self.number += 1;
                let progress = Progress { number: self.number, ..Progress::default() };
                let text = serde_json::to_string(&progress).unwrap_or_default();
                let end = self.log.range(&queue()).await?.next;
                let ends = vec![(queue().topic, 0, end)];
                session.commit(vec![(task_key(TASK), Some(text))], ends).await.unwrap();
                for (key, value) in self.open.drain(..) {
                    match value {
                        Some(value) => self.state.insert(vec![key], vec![value]),
                        None => self.state.remove(&vec![key]),
                    };
                }
            }
            Step::Begin => self.begin().await?,
            Step::Fence => {
                let fence = self.claim().fence;
                self.owner.offsets.begin_transaction(&fence).await.unwrap();
                (self.session, self.open) = (None, Vec::new());
            }
            Step::Follow => self.follow().await?,
            Step::Restart => self.standby = Standby::new(&followed(&self.log, &self.standby_disk)),
        }
        Ok(())
    }

    async fn follow(&mut self) -> Result<(), StreamsError> {
        self.standby.job.offsets.catch_up().await?;
        if self.standby.followed.is_empty() {
            self.standby.begin(TASK).await?;
        }
        for _ in 0..3 {
            self.standby.read().await?;
        }
        Ok(())
    }

    /// Begins with what is on a disk; gives the state, and what is written once more.
    async fn take_over(&self, disk: &Arc<Memory>) -> Result<(State, State), StreamsError> {
        let job = followed(&self.log, disk);
        job.offsets.catch_up().await?;
        let number = self.number;
        let logged = Progress { number, ..Progress::default() };
        let restored = restore(&job, TASK, logged).await?;
        let again = restored.hidden.into_iter().flat_map(|(_, records)| records);
        let bytes = |bytes: Option<Bytes>| bytes.unwrap_or_default().to_vec();
        let again = again.map(|record| (bytes(record.key), bytes(record.value)));
        Ok((scan(disk)?, again.collect()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Who takes over from a standby has the state, and writes once more all that who reads the
    /// whole change log would.
    #[test]
    fn a_standby_has_what_the_change_log_says(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut scene = Scene::new().await.unwrap();
            for step in steps {
                scene.step(step).await.unwrap();
            }
            // Whatever is under way has come to its end.
            scene.step(Step::Fence).await.unwrap();
            let whole = scene.take_over(&Arc::default()).await.unwrap();
            let warm = scene.take_over(&scene.standby_disk).await.unwrap();
            prop_assert_eq!(&warm.0, &scene.state);
            prop_assert_eq!(warm, whole);
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_takeover_reads_on_where_the_standby_is() -> Result<(), StreamsError> {
    let mut scene = Scene::new().await?;
    for n in 0..50 {
        scene.step(Step::Change(n % 5, Some(n))).await?;
    }
    scene.step(Step::Commit).await?;
    scene.follow().await?;
    let upto = |scene: &Scene| scene.standby.followed[&TASK].marker().changes["store"];
    assert_eq!(upto(&scene), scene.log.range(&queue()).await?.next);
    // What is under way is not taken, and what was given up is to be found again.
    let before = upto(&scene);
    scene.step(Step::Change(1, Some(99))).await?;
    scene.follow().await?;
    assert_eq!(upto(&scene), before);
    scene.step(Step::Fence).await?;
    scene.follow().await?;
    assert_eq!((upto(&scene), scan(&scene.standby_disk)?), (before, scene.state.clone()));
    // Its next owner writes the key once more.
    scene.begin().await?;
    scene.follow().await?;
    assert_eq!(upto(&scene), scene.log.range(&queue()).await?.next);
    // A task that this instance runs itself is let alone.
    let own = BTreeSet::from([TASK]);
    *scene.standby.job.shared.tasks() = own;
    scene.step(Step::Change(2, None)).await?;
    scene.step(Step::Commit).await?;
    scene.follow().await?;
    assert!(scene.standby.followed.is_empty());
    assert!(scan(&scene.standby_disk)?.contains_key(&vec![2]));
    Ok(())
}
