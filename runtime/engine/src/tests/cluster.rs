//! Several herders on one log: they share connectors, take over from each other and lose nothing.

use std::collections::BTreeSet;

use super::plugins::{SINK, SOURCE};
use super::*;
use crate::{Allocation, ClusterSettings};

const SESSION_MS: u64 = 600;

/// Workers of one cluster, in one process.
pub(super) struct Workers {
    pub(super) log: Arc<dyn FullLog>,
    pub(super) probe: Probe,
    pub(super) herders: Vec<Arc<Herder>>,
    joined: usize,
    /// The log, where it is one that can be made to forget.
    memory: Option<Arc<MemoryLog>>,
    /// Where they keep copies of the cluster's topics.
    pub(super) copies: Option<std::path::PathBuf>,
    /// What their worker files say beside what all say.
    adjust: fn(&mut WorkerConfig),
}

impl Workers {
    pub(super) fn new(count: usize) -> Self {
        let memory = Arc::new(MemoryLog::new());
        let mut all = Self::on(Arc::clone(&memory) as Arc<dyn FullLog>, 0, |_| {});
        all.memory = Some(memory);
        (0..count).for_each(|_| all.join());
        all
    }

    pub(super) fn on(log: Arc<dyn FullLog>, count: usize, adjust: fn(&mut WorkerConfig)) -> Self {
        let probe = Probe::default();
        let mut all =
            Self { log, probe, herders: Vec::new(), joined: 0, memory: None, copies: None, adjust };
        (0..count).for_each(|_| all.join());
        all
    }

    /// One more takes part.
    pub(super) fn join(&mut self) {
        self.joined += 1;
        let mut config = WorkerConfig::new(&format!("w:{}", self.joined));
        config.props = props(&[
            ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ("value.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ]);
        config.offset_flush_interval_ms = 20;
        config.restart.backoff_ms = 10;
        config.config_storage_topic = Some("cluster".to_owned());
        config.status_storage_topic = Some("status".to_owned());
        (self.adjust)(&mut config);
        let settings = ClusterSettings {
            group: "g".to_owned(),
            cluster_topic: "cluster".to_owned(),
            status_topic: "status".to_owned(),
            session_timeout_ms: SESSION_MS,
            heartbeat_interval_ms: SESSION_MS / 6,
            allocation: Allocation::ConsistentHash,
            copies: self.copies.as_ref().map(|dir| dir.join(format!("{}", self.joined % 2))),
            url: String::new(),
            record_bytes_max: 1 << 20,
        };
        let registry = plugins::registry(&self.probe);
        let plugins = PluginLoader::new(move || registry.clone());
        let (log, control) = (Arc::clone(&self.log), Arc::clone(&self.log));
        self.herders.push(Herder::join(config, settings, plugins, log, control));
    }

    pub(super) fn one(&self, at: usize) -> &Arc<Herder> {
        self.herders.get(at).expect("there is one")
    }

    pub(super) async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !is_so() {
            let seen: Vec<_> = self
                .herders
                .iter()
                .flat_map(|herder| {
                    let names = herder.connectors().into_iter();
                    names.map(|name| herder.connector_status(&name)).collect::<Vec<_>>()
                })
                .collect();
            assert!(tokio::time::Instant::now() < end, "not within {PATIENCE:?}: {what}; {seen:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until one of them sees all units of a connector in a state; gives who has them.
    pub(super) async fn until_all(
        &self,
        at: usize,
        name: &str,
        tasks: usize,
        state: UnitState,
    ) -> BTreeSet<String> {
        let mut workers = BTreeSet::new();
        self.until(&format!("{name} is {state:?} as seen by {at}"), || {
            let Ok(seen) = self.one(at).connector_status(name) else { return false };
            workers = seen.tasks.iter().map(|task| task.worker_id.clone()).collect();
            workers.insert(seen.connector.worker_id.clone());
            seen.connector.state == state
                && seen.tasks.len() == tasks
                && seen.tasks.iter().all(|task| task.state == state)
        })
        .await;
        workers
    }

    pub(super) async fn create(&self, at: usize, name: &str, pairs: &[(&str, &str)]) {
        let created = self.one(at).put_connector(name, props(pairs), None, false).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// What stands in a topic's only queue.
    pub(super) async fn texts(&self, topic: &str) -> Vec<String> {
        let bench = Bench {
            herder: Arc::clone(self.one(0)),
            log: Arc::clone(&self.log),
            probe: self.probe.clone(),
        };
        bench.texts(topic, 0).await
    }
}

pub(super) fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("n-{i}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_creates_all_know_and_share() {
    let all = Workers::new(3);
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "300")];
    all.create(0, "source", &source).await;
    // Read your own writes: no waiting here.
    assert_eq!(all.one(0).connectors(), ["source"]);
    all.create(1, "sink", &[("connector.class", SINK), ("topics", "t"), ("tasks.max", "3")]).await;
    for at in 0..3 {
        all.until_all(at, "source", 1, UnitState::Running).await;
        all.until_all(at, "sink", 3, UnitState::Running).await;
    }
    let refused = all.one(2).put_connector("source", props(&source), None, false).await;
    assert_eq!(refused.expect_err("refused").message, "Connector source already exists");
    all.until("300 put", || all.probe.put_texts().len() >= 300).await;
    assert_eq!(all.probe.put_texts(), numbers(0..300));
    all.until("topics are known", || all.one(2).active_topics("sink").topics == ["t"]).await;
    let tasks = all.one(2).task_infos("sink").expect("tasks");
    assert!(tasks.iter().all(|task| task.config.keys().all(|key| !key.contains("assigned"))));
    all.one(2).delete_connector("source").await.expect("deleted");
    all.until("it is gone", || all.one(0).connectors() == ["sink"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_leaves_hands_over_at_once_and_nothing_is_doubled() {
    let mut all = Workers::new(2);
    let source =
        [("connector.class", SOURCE), ("topic", "t"), ("count", "100000"), ("delay.ms", "1")];
    all.create(0, "source", &source).await;
    all.create(0, "sink", &[("connector.class", SINK), ("topics", "t")]).await;
    all.until_all(1, "source", 1, UnitState::Running).await;
    all.until_all(1, "sink", 1, UnitState::Running).await;
    for _ in 0..3 {
        all.until("some were put", || all.probe.put_texts().len() > 20).await;
        all.join();
        let leaver = all.herders.remove(0);
        leaver.shutdown().await;
        let left = leaver.worker_config().worker_id.clone();
        let last = all.herders.len() - 1;
        all.until("all runs elsewhere", || {
            ["source", "sink"].iter().all(|name| {
                all.one(last).connector_status(name).is_ok_and(|seen| {
                    let tasks = seen.tasks.iter();
                    tasks.clone().count() == 1
                        && tasks.clone().all(|task| task.state == UnitState::Running)
                        && tasks.clone().all(|task| task.worker_id != left)
                        && seen.connector.worker_id != left
                })
            })
        })
        .await;
    }
    all.one(0).stop("source").await.expect("stopped");
    let last = all.herders.len() - 1;
    all.until("it has no tasks", || {
        all.one(last).connector_status("source").is_ok_and(|seen| seen.tasks.is_empty())
    })
    .await;
    let mut written = Vec::new();
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = all.texts("t").await;
        if now == written && !now.is_empty() && all.probe.put_texts().len() >= now.len() {
            break;
        }
        assert!(tokio::time::Instant::now() < end, "the sink does not get all");
        written = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let count = u32::try_from(written.len()).expect("fits");
    assert_eq!(written, numbers(0..count));
    assert_eq!(all.probe.put_texts(), numbers(0..count));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_are_seen_and_changed_anywhere() {
    let all = Workers::new(2);
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "10")];
    all.create(0, "source", &source).await;
    all.until("offsets are seen", || {
        all.one(1).offsets("source").is_ok_and(|found| {
            found.offsets.iter().any(|o| o.offset.as_ref().is_some_and(|o| o["n"] == 10))
        })
    })
    .await;
    let refused = all.one(1).reset_offsets("source").await.expect_err("it runs");
    assert!(refused.message.contains("must be in the STOPPED state"), "{refused}");
    all.one(1).stop("source").await.expect("stopped");
    all.until("it is quiet", || all.one(0).require_stopped("source").is_ok()).await;
    all.one(0).reset_offsets("source").await.expect("reset");
    all.until("they are gone", || {
        all.one(1).offsets("source").is_ok_and(|found| found.offsets.is_empty())
    })
    .await;
    all.one(1).resume("source").await.expect("resumed");
    let end = tokio::time::Instant::now() + PATIENCE;
    while all.texts("t").await.len() < 20 {
        assert!(tokio::time::Instant::now() < end, "it does not begin anew");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(all.texts("t").await, [numbers(0..10), numbers(0..10)].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_through_several_workers_at_once_are_all_there() {
    let all = Workers::new(3);
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "1")];
    all.create(0, "source", &source).await;
    for at in 0..3 {
        all.until_all(at, "source", 1, UnitState::Running).await;
    }
    let patch = |at: usize, n: usize| {
        let herder = Arc::clone(all.one(at));
        let patch = std::collections::BTreeMap::from([(format!("key.{at}.{n}"), Some("x".into()))]);
        tokio::spawn(async move { herder.patch_connector("source", patch).await })
    };
    let patches: Vec<_> = (0..12).map(|n| patch(n % 3, n)).collect();
    for patch in patches {
        patch.await.expect("joined").expect("patched");
    }
    all.until("all are there", || {
        let known = all.one(0).connector_config("source").expect("config");
        known.keys().filter(|key| key.starts_with("key.")).count() == 12
    })
    .await;
    all.one(0).stop("source").await.expect("stopped");
    all.until("it is quiet", || all.one(1).require_stopped("source").is_ok()).await;
    let edit = |at: usize, n: u64| {
        let herder = Arc::clone(all.one(at));
        let text = format!(r#"{{"offsets":[{{"partition":{{"id":"0"}},"offset":{{"n":{n}}}}}]}}"#);
        let offsets = serde_json::from_str(&text).expect("offsets");
        tokio::spawn(async move { herder.alter_offsets("source", offsets).await.map(|_| n) })
    };
    let mut last = None;
    for round in 0..20 {
        let edits = [edit(0, 2 * round), edit(1, 2 * round + 1)];
        let mut done = Vec::new();
        for edit in edits {
            done.extend(edit.await.expect("joined").ok());
        }
        let now = all.one(2).offsets("source").expect("offsets").offsets;
        let now = now.first().and_then(|o| o.offset.as_ref()?["n"].as_u64());
        last = done.last().copied().or(last);
        if done.len() == 1 {
            all.until("the one that was answered with a yes is there", || {
                let now = all.one(2).offsets("source").expect("offsets").offsets;
                now.first().and_then(|o| o.offset.as_ref()?["n"].as_u64()) == last
            })
            .await;
        }
        assert!(!done.is_empty() || now.is_some(), "one of two is done");
    }
}

/// All workers are down for longer than the log keeps records; some of the last ones may be there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_slept_for_long_goes_on_from_its_copies() {
    for keep in [0, 5] {
        wakes_up(keep).await;
    }
}

async fn wakes_up(keep: usize) {
    let dir = std::env::temp_dir().join(format!("gantry-copies-{}-{keep}", std::process::id()));
    let mut all = Workers::new(0);
    all.copies = Some(dir.clone());
    all.join();
    all.join();
    let source = [("connector.class", SOURCE), ("topic", "t"), ("count", "10")];
    all.create(0, "source", &source).await;
    all.create(1, "stopped", &source).await;
    all.one(1).stop("stopped").await.expect("stopped");
    all.until("offsets are seen", || {
        all.one(0).offsets("source").is_ok_and(|found| {
            found.offsets.iter().any(|o| o.offset.as_ref().is_some_and(|o| o["n"] == 10))
        })
    })
    .await;
    all.until("it is stopped", || all.one(0).require_stopped("stopped").is_ok()).await;
    for herder in std::mem::take(&mut all.herders) {
        herder.shutdown().await;
    }
    let written = all.log.range(&TopicPartition::new("t", 0)).await.expect("range");
    // What retention does when nobody writes.
    let topics = ["cluster", "connect-offsets", "status"];
    for topic in &topics[..2] {
        for place in ["0", "1"] {
            let file = dir.join(place).join(format!("copy-of-{topic}.json"));
            assert!(file.exists(), "no copy at {}", file.display());
        }
    }
    for topic in topics {
        all.memory.as_ref().expect("in memory").expire(topic, keep);
    }
    all.join();
    all.join();
    let last = all.herders.len() - 1;
    all.until_all(last, "source", 1, UnitState::Running).await;
    all.until("the stopped one is known", || all.one(0).require_stopped("stopped").is_ok()).await;
    let found = all.one(last).offsets("source").expect("offsets");
    assert_eq!(found.offsets[0].offset.as_ref().expect("an offset")["n"], 10);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let now = all.log.range(&TopicPartition::new("t", 0)).await.expect("range");
    assert_eq!(now, written, "nobody begins anew");
    std::fs::remove_dir_all(&dir).expect("removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_record_can_hold_is_refused_and_nobody_falls_silent() {
    let all = Workers::new(2);
    let long = "x".repeat(100_000);
    let large = "x".repeat(2_000_000);
    let source = |text: &str, tasks: &str| {
        props(&[("connector.class", SOURCE), ("topic", "t"), ("text", text), ("tasks.max", tasks)])
    };
    let refused = all.one(0).put_connector("a", source(&large, "1"), None, false).await;
    let refused = refused.expect_err("refused");
    assert!(refused.message.contains("one record of the cluster topic holds"), "{refused}");
    // The connector fits, and its tasks do not.
    all.one(0).put_connector("b", source(&long, "50"), None, false).await.expect("created");
    all.until("it has failed", || {
        all.one(1).connector_status("b").is_ok_and(|seen| {
            let trace = seen.connector.trace.unwrap_or_default();
            seen.connector.state == UnitState::Failed && trace.contains("The 50 tasks")
        })
    })
    .await;
    all.create(0, "c", &[("connector.class", SOURCE), ("topic", "t"), ("count", "1")]).await;
    all.until_all(1, "c", 1, UnitState::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_keeps_failing_is_tried_elsewhere_and_shown_failed() {
    let all = Workers::new(2);
    let source = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "10"),
        ("fail.at", "3"),
        ("gantry.restart.max", "1"),
        ("gantry.restart.backoff.ms", "5"),
    ];
    all.create(0, "source", &source).await;
    all.until("it was tried on both and has failed", || {
        all.one(1).task_status("source", 0).is_ok_and(|task| task.state == UnitState::Failed)
            && all.probe.starts.load(SeqCst) >= 4
    })
    .await;
    let trace = all.one(0).task_status("source", 0).expect("status").trace;
    assert!(trace.is_some_and(|trace| !trace.is_empty()));
}

/// Workers in runtimes of their own, so that one can be gone from one moment to the next.
#[test]
fn the_death_of_one_of_five_moves_only_what_it_had() {
    const TASKS: usize = 1_000;
    let mut all = Workers::new(0);
    let mut runtimes = Vec::new();
    for _ in 0..5 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
        let _inside = runtime.enter();
        all.join();
        runtimes.push(runtime);
    }
    let watching = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let watching = watching.expect("a runtime");
    let count = TASKS.to_string();
    let source = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "1"),
        ("tasks.max", count.as_str()),
    ];
    let owners = |at: usize| {
        let seen = all.one(at).connector_status("source");
        let tasks = seen.map(|seen| seen.tasks).unwrap_or_default();
        let tasks = tasks.into_iter().filter(|task| task.state == UnitState::Running);
        tasks.map(|task| (task.id, task.worker_id)).collect::<std::collections::BTreeMap<_, _>>()
    };
    watching.block_on(all.create(0, "source", &source));
    watching.block_on(all.until("all run", || owners(1).len() == TASKS));
    let before = owners(1);
    let dead = all.one(4).worker_config().worker_id.clone();
    let begun = std::time::Instant::now();
    runtimes.pop().expect("five").shutdown_background();
    watching.block_on(all.until("all run elsewhere", || {
        let now = owners(1);
        now.len() == TASKS && now.values().all(|worker| *worker != dead)
    }));
    let took = begun.elapsed();
    let after = owners(1);
    let moved = before.iter().filter(|(task, worker)| after.get(task) != Some(worker)).count();
    let had = before.values().filter(|worker| **worker == dead).count();
    eprintln!("{had} of {TASKS} tasks run elsewhere {took:?} after the death of their worker");
    assert_eq!(moved, had, "only what the dead worker had moves");
    assert!((150..=250).contains(&had), "it had {had} of {TASKS}");
    runtimes.into_iter().for_each(tokio::runtime::Runtime::shutdown_background);
}
