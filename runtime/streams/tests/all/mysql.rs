//! State in MySQL, against the server that `tests/streams/mysql.py` starts.
#![expect(clippy::disallowed_methods, reason = "the server's address comes from the environment")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gantry_log::{
    EmbeddedLog, FullLog, Log, LogAdmin, LogRecord, QueueBatch, ReadLimits, TopicPartition,
    TopicSpec,
};
use gantry_streams::{
    JoinWindows, MySqlStore, Settings, StateStore, StreamBuilder, Streams, StreamsError, Topology,
    Tumbling, text,
};
use mysql::prelude::Queryable;

use crate::instances::{Scene, Sent, rescale_of};
use crate::on_log::{block, open, topology as counting, wait_for};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A database that a test has for itself.
struct Database {
    url: String,
    conn: mysql::Conn,
}

fn opts(url: &str) -> mysql::Opts {
    let opts = mysql::OptsBuilder::from_opts(mysql::Opts::from_url(url).unwrap());
    opts.prefer_socket(false).into()
}

impl Database {
    fn new(name: &str) -> Self {
        // tests/streams/mysql.py sets it.
        Self::on(&std::env::var("GANTRY_TEST_MYSQL").unwrap(), name)
    }

    fn on(server: &str, name: &str) -> Self {
        let mut conn = mysql::Conn::new(opts(server)).unwrap();
        conn.query_drop(format!("DROP DATABASE IF EXISTS {name}")).unwrap();
        conn.query_drop(format!("CREATE DATABASE {name}")).unwrap();
        let (server, _) = server.rsplit_once('/').unwrap();
        let url = format!("{server}/{name}");
        let conn = mysql::Conn::new(opts(&url)).unwrap();
        Self { url, conn }
    }

    fn store(&self) -> StateStore {
        StateStore::MySql(MySqlStore::new(&*self.url))
    }

    fn number(&mut self, query: &str) -> u64 {
        self.conn.query_first(query).unwrap().unwrap_or(0)
    }
}

/// A job that is alone on a log, with its state in the database.
struct Alone {
    dir: tempfile::TempDir,
    log: Arc<EmbeddedLog>,
    store: StateStore,
    sent: u64,
}

impl Alone {
    fn new(store: StateStore) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        for topic in ["words", "counts"] {
            block(log.create_topic(topic, TopicSpec::with_queues(1))).unwrap();
        }
        Self { dir, log, store, sent: 0 }
    }

    fn settings(&self, place: &str) -> Settings {
        let mut settings = Settings::new(self.dir.path().join(place));
        settings.checkpoint_interval = Duration::from_millis(20);
        settings.state_store = self.store.clone();
        settings.cache_entries = 1_000;
        settings
    }

    fn start(&self, topology: Topology, place: &str) -> Result<Streams, StreamsError> {
        let log: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&self.log);
        Streams::start(topology, log, self.settings(place))
    }

    fn send(&mut self, words: impl Iterator<Item = (String, i64)>) {
        let records: Vec<LogRecord> = words
            .map(|(word, timestamp_ms)| LogRecord {
                value: Some(word.into()),
                timestamp_ms,
                ..LogRecord::default()
            })
            .collect();
        self.sent += records.len() as u64;
        let to = TopicPartition::new("words", 0);
        block(async {
            self.log.append(vec![QueueBatch { to, records }]).await.unwrap().await.unwrap()
        });
    }

    /// The last count of each key.
    fn counts(&self) -> BTreeMap<String, u64> {
        let limits = ReadLimits { max_bytes: 64 << 20, max_records: 1 << 22, wait: Duration::ZERO };
        let (queue, mut found, mut at) = (TopicPartition::new("counts", 0), BTreeMap::new(), 0);
        let string = |bytes: bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        while at < block(self.log.range(&queue)).unwrap().next {
            for batch in block(self.log.read(&[(queue.clone(), at)], limits)).unwrap() {
                at = batch.next;
                found.extend(batch.records.into_iter().map(|(_, record)| {
                    let count = string(record.value.unwrap()).parse::<u64>().unwrap();
                    (string(record.key.unwrap()), count)
                }));
            }
        }
        found
    }

    fn total(&self) -> u64 {
        self.counts().values().sum()
    }

    /// Starts counting, and has counted a hundred words.
    fn count_some(&mut self) -> Streams {
        let running = self.start(counting(), "a").unwrap();
        self.send((0..100).map(|n| (format!("w{n}"), 0)));
        wait_for("all counts", || self.total() == 100);
        running
    }

    /// Why it ends that counts.
    fn fails(running: Streams) -> String {
        wait_for("the job stops", || running.failure().is_some());
        running.stop().unwrap_err().to_string()
    }
}

fn window(time_ms: i64) -> i64 {
    time_ms - time_ms % 100
}

fn windowed() -> Topology {
    let builder = StreamBuilder::new("windowed");
    builder
        .source("words", text())
        .map_values(|_, word| word.to_lowercase())
        .group_by(|_, word: &String| word.clone())
        .window(Tumbling::of(Duration::from_millis(100)))
        .grace(HOUR)
        .count()
        .to_stream()
        .map(|place, count| (format!("{}@{}", place.key, place.window.start_ms), count.to_string()))
        .keyed_sink("counts", text(), text());
    builder.build()
}

fn windowed_counts(sent: &[Sent]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for Sent { word, time_ms, .. } in sent {
        *counts.entry(format!("{word}@{}", window(*time_ms))).or_default() += 1;
    }
    counts
}

const TOGETHER_MS: i64 = 300;

/// How many pairs each word is in.
fn joined() -> Topology {
    let builder = StreamBuilder::new("joined");
    let shuffled = |topic: &str| {
        let words = builder.source(topic, text()).map_values(|_, word| word.to_lowercase());
        words.key_by(|_, word: &String| word.clone()).repartition()
    };
    let windows = JoinWindows::of(Duration::from_millis(TOGETHER_MS.unsigned_abs())).grace(HOUR);
    shuffled("words")
        .join(&shuffled("more"), |_, _, _| "pair".to_owned(), windows)
        .group_by_key()
        .count()
        .to_stream()
        .map_values(|_, count| count.to_string())
        .keyed_sink("counts", text(), text());
    builder.build()
}

fn pairs(sent: &[Sent]) -> BTreeMap<String, u64> {
    let of = |topic: &'static str| sent.iter().filter(move |sent| sent.topic == topic);
    let mut counts = BTreeMap::new();
    for left in of("words") {
        let fits = |right: &&Sent| {
            right.word == left.word && (right.time_ms - left.time_ms).abs() <= TOGETHER_MS
        };
        let count = of("more").filter(fits).count() as u64;
        *counts.entry(left.word.clone()).or_default() += count;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn each_record_counts_once_whoever_comes_and_goes() {
    for seed in 20..23 {
        let mut scene = Scene::new();
        (scene.state_store, scene.topology) = (Database::new("counts").store(), windowed);
        scene.model = windowed_counts;
        let scene = rescale_of(scene, seed, |_| {});
        let topics = block(scene.log.topics()).unwrap();
        let is_change_log = |topic: &&gantry_log::Str| topic.ends_with("-changelog");
        assert_eq!(topics.keys().find(is_change_log), None);
    }
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn each_pair_counts_once_whoever_comes_and_goes() {
    for seed in 30..32 {
        let mut scene = Scene::new();
        (scene.state_store, scene.topology) = (Database::new("pairs").store(), joined);
        (scene.model, scene.topics) = (pairs, &["words", "more"]);
        rescale_of(scene, seed, |settings| settings.threads = 1);
    }
}

/// Counts go on over restarts, with the state on disk, without it, and with one that is old.
#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn state_is_found_again_with_and_without_what_is_on_disk() {
    let database = Database::new("restarts");
    let mut job = Alone::new(database.store());
    let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
    for (round, place) in ["a", "a", "b", "a", "a", "c", "b"].into_iter().enumerate() {
        let running = job.start(counting(), place).unwrap();
        let words = (0..3_000).map(|n| format!("w{}", (n * 7 + round * 1_000) % 4_000));
        let words: Vec<String> = words.collect();
        words.iter().for_each(|word| *wanted.entry(word.clone()).or_default() += 1);
        job.send(words.into_iter().map(|word| (word, 0)));
        wait_for("all counts", || job.counts() == wanted);
        assert_eq!(running.failure().map(|failure| failure.to_string()), None);
        running.stop().unwrap();
    }
}

/// Windows that are over leave nothing behind in the table.
#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn what_is_taken_away_is_forgotten() {
    let mut database = Database::new("forgotten");
    let mut job = Alone::new(database.store());
    let topology = || {
        let builder = StreamBuilder::new("short");
        builder
            .source("words", text())
            .key_by(|_, word: &String| word.clone())
            .group_by_key()
            .window(Tumbling::of(Duration::from_millis(100)))
            .count()
            .to_stream()
            .map(|place, count| {
                (format!("{}@{}", place.key, place.window.start_ms), count.to_string())
            })
            .keyed_sink("counts", text(), text());
        builder.build()
    };
    let running = job.start(topology(), "state").unwrap();
    let until = Instant::now() + Duration::from_secs(14);
    let mut round = 0;
    while Instant::now() < until {
        job.send((0..100).map(|n| (format!("w{n}"), round * 100)));
        round += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_for("all counts", || job.total() == job.sent);
    let rows = database.number("SELECT COUNT(*) FROM gantry_short_state");
    let gone = database.number("SELECT COUNT(*) FROM gantry_short_state WHERE gone = 1");
    assert!(rows - gone <= 300, "{rows} with {gone}");
    // What was taken away since the disk was last written is known still.
    assert!(rows < job.sent * 2 / 3 && gone > 0, "{rows} with {gone} of {}", job.sent);
    assert!(database.number("SELECT forgotten FROM gantry_short_progress") > 0);
    running.stop().unwrap();
}

/// A checkpoint that is in the database and not in the log does not count.
#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn what_was_written_before_a_kill_and_never_counted_is_taken_back() {
    let mut database = Database::new("ahead");
    let mut scene = Scene::new();
    scene.state_store = database.store();
    let numbers = "SELECT SUM(number) FROM gantry_count_progress";
    for (round, place) in ["a", "a", "b", "a"].into_iter().enumerate() {
        let place = scene.dir.path().join(place);
        let instance = scene.start_at(&place);
        scene.send(2 * round);
        scene.check();
        let before = database.number(numbers);
        instance.is_mute.store(true, Ordering::Release);
        scene.send(2 * round + 1);
        wait_for("a checkpoint in the database", || database.number(numbers) > before);
        instance.is_cut.store(true, Ordering::Release);
        drop(instance);
    }
    let instance = scene.start();
    scene.check();
    assert_eq!(instance.streams.failure().map(|failure| failure.to_string()), None);
    instance.streams.stop().unwrap();
}

/// Who has lost a task writes nothing more, though its log does not say so yet.
#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn who_has_an_older_right_writes_nothing() {
    let mut database = Database::new("zombie");
    let mut job = Alone::new(database.store());
    let running = job.count_some();
    database.conn.query_drop("UPDATE gantry_count_progress SET claim = claim + 1000").unwrap();
    let number = database.number("SELECT MAX(number) FROM gantry_count_progress");
    job.send((0..100).map(|n| (format!("w{n}"), 0)));
    let failure = Alone::fails(running);
    assert!(failure.contains("another instance of it runs"), "{failure}");
    assert_eq!(database.number("SELECT MAX(number) FROM gantry_count_progress"), number);
    assert_eq!(job.total(), 100);
    // The log knows of nobody newer: what is in the tables is not of this log.
    let running = job.start(counting(), "a").unwrap();
    let failure = Alone::fails(running);
    assert!(
        failure.contains("written by a newer right") && failure.contains("delete"),
        "{failure}"
    );
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn tables_that_do_not_fit_the_log_are_refused() {
    let mut database = Database::new("other");
    let mut job = Alone::new(database.store());
    let running = job.count_some();
    running.stop().unwrap();
    let fails = |job: &Alone| Alone::fails(job.start(counting(), "a").unwrap());
    database.conn.query_drop("UPDATE gantry_count_progress SET number = number + 2").unwrap();
    let failure = fails(&job);
    assert!(failure.contains("ahead of the log") && failure.contains("begin anew"), "{failure}");
    database.conn.query_drop("DELETE FROM gantry_count_progress").unwrap();
    let failure = fails(&job);
    assert!(failure.contains("is of checkpoint 0, behind the log"), "{failure}");
    // What was kept in MySQL is not in change logs.
    job.store = StateStore::ChangeLog;
    let failure = job.start(counting(), "a").unwrap_err().to_string();
    assert!(failure.contains("in MySQL") && failure.contains("another topology"), "{failure}");
}

/// A server that a test ends and starts.
struct Server {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(name: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let target =
            std::env::var("CARGO_TARGET_DIR").map_or_else(|_| root.join("target"), PathBuf::from);
        let mut command = Command::new(root.join("tests/servers/mariadb.py"));
        command.arg("serve").arg(target.join("mariadb").join(name));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let ask = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { process, ask, answers, url: String::new() };
        server.url = server.answer().as_str().unwrap().to_owned();
        server
    }

    fn answer(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn tell(&mut self, method: &str) {
        writeln!(self.ask.as_mut().unwrap(), "\"{method}\"").unwrap();
        self.answer();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn a_job_waits_for_a_server_that_is_away_and_goes_on() {
    let mut server = Server::start("away");
    let mut database = Database::on(&server.url, "away");
    let mut job = Alone::new(database.store());
    let running = job.start(counting(), "a").unwrap();
    for how in ["kill", "stop", "kill"] {
        job.send((0..5_000).map(|n| (format!("w{}", n % 3_000), 0)));
        server.tell(how);
        job.send((0..5_000).map(|n| (format!("w{}", n % 4_000), 0)));
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(running.failure().map(|failure| failure.to_string()), None);
        server.tell("start");
        wait_for("all counts", || job.total() == job.sent);
    }
    running.stop().unwrap();
    // It also begins only once the server is there; and ends without it.
    database.conn = mysql::Conn::new(opts(&database.url)).unwrap();
    let rows = database.number("SELECT COUNT(*) FROM gantry_count_state");
    assert_eq!(rows, 4_000);
    server.tell("kill");
    let error = job.start(counting(), "a").unwrap_err().to_string();
    assert!(
        error.contains("away on 127.0.0.1:") && error.contains("See that the server runs"),
        "{error}"
    );
}

/// The first result comes long before all is loaded.
#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn state_is_there_before_it_is_loaded() {
    const ROWS: u64 = 200_000;
    let server = Server::start("early");
    let mut database = Database::on(&server.url, "early");
    let mut job = Alone::new(database.store());
    let running = job.start(counting(), "a").unwrap();
    for part in 0..20 {
        job.send((0..ROWS / 20).map(|n| (format!("w{}", part * ROWS / 20 + n), 0)));
    }
    wait_for("all rows", || database.number("SELECT COUNT(*) FROM gantry_count_state") == ROWS);
    running.stop().unwrap();
    assert_eq!(job.total(), ROWS);
    let read = |database: &mut Database| {
        let status = "SHOW GLOBAL STATUS LIKE 'Handler_read_next'";
        let row: (String, u64) = database.conn.query_first(status).unwrap().unwrap();
        row.1
    };
    let before = read(&mut database);
    job.send([("w77".to_owned(), 0), (format!("w{}", ROWS - 1), 0)].into_iter());
    let running = job.start(counting(), "b").unwrap();
    let queue = TopicPartition::new("counts", 0);
    let ends = block(job.log.range(&queue)).unwrap().next;
    wait_for("the first result", || block(job.log.range(&queue)).unwrap().next > ends);
    let loaded = read(&mut database) - before;
    assert!(loaded < ROWS / 2, "{loaded}");
    let counts = job.counts();
    assert_eq!((counts["w77"], counts[&format!("w{}", ROWS - 1)]), (2, 2));
    wait_for("all is loaded", || read(&mut database) - before >= ROWS * 9 / 10);
    // Saved once it is loaded, it need not be loaded again.
    std::thread::sleep(Duration::from_secs(6));
    running.stop().unwrap();
    let before = read(&mut database);
    let running = job.start(counting(), "b").unwrap();
    job.send([("w77".to_owned(), 0)].into_iter());
    wait_for("the next result", || job.counts()["w77"] == 3);
    assert!(read(&mut database) - before < 1_000);
    running.stop().unwrap();
}

fn refused(url: &str, tls: Option<&Path>) -> String {
    let store = MySqlStore::new(url);
    let store = match tls {
        Some(file) => store.with_tls_ca_file(file),
        None => store,
    };
    let shown = format!("{store:?} {:?}", StateStore::MySql(store.clone()));
    assert!(!shown.contains("secret"), "{shown}");
    let job = Alone::new(StateStore::MySql(store));
    let error = match job.start(counting(), "a") {
        Ok(_) => return String::new(),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!error.contains("secret"), "{error}");
    error
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn what_cannot_be_reached_is_told_without_the_password() {
    let database = Database::new("refused");
    let ca = PathBuf::from(std::env::var("GANTRY_TEST_MYSQL_CA").unwrap());
    assert_eq!(refused(&database.url, None), "");
    assert_eq!(refused(&database.url, Some(&ca)), "");
    let error = refused(&database.url.replace("gantry-secret", "other-secret"), None);
    assert!(error.contains("database refused on 127.0.0.1:"), "{error}");
    assert!(error.contains("Access denied") && error.contains("user and password"), "{error}");
    let error = refused(&database.url.replace("/refused", "/nowhere"), None);
    assert!(error.contains("Unknown database 'nowhere'") && error.contains("Make the"), "{error}");
    let error = refused("mysql://gantry:gantry-secret@127.0.0.1:1/refused", None);
    assert!(error.contains("127.0.0.1:1: Could not connect"), "{error}");
    let error = refused("mysql://gantry:gantry-secret@127.0.0.1:1/refused?x=y", None);
    assert!(error.contains("gantry.state.mysql.url=***: must be mysql://"), "{error}");
    // No public authority signed it, which an empty file leaves.
    let other = tempfile::NamedTempFile::new().unwrap();
    let error = refused(&database.url, Some(other.path()));
    assert!(error.contains("gantry.state.mysql.tls.ca.file"), "{error}");
}

#[test]
#[ignore = "tests/streams/mysql.py runs it"]
fn a_key_that_is_too_long_is_an_error_that_says_so() {
    let database = Database::new("long_keys");
    let mut job = Alone::new(database.store());
    let running = job.start(counting(), "a").unwrap();
    job.send([("x".repeat(2_900), 0)].into_iter());
    wait_for("its count", || job.total() == 1);
    job.send([("x".repeat(3_100), 0)].into_iter());
    let failure = Alone::fails(running);
    assert!(
        failure.contains("has a key of 31") && failure.contains("3000 are the most"),
        "{failure}"
    );
}
