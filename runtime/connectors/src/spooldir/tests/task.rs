//! The task with real directories.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use gantry_api::{
    CancellationToken, Connector, ConnectorContext, Isolation, OffsetMap, OffsetReader, Props,
    Result, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Value,
};
use serde_json::json;
use tempfile::TempDir;

use crate::spooldir::config::Kind;
use crate::spooldir::connector::SpoolDirSource;
use crate::spooldir::task::FilesTask;

const WAIT: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Offsets(Mutex<BTreeMap<String, OffsetMap>>);

impl OffsetReader for Offsets {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.lock().unwrap().get(&**partition.canonical()).cloned()
    }
}

struct Bench {
    folder: TempDir,
    kind: Kind,
    props: Props,
    offsets: Arc<Offsets>,
}

impl Bench {
    fn new(kind: Kind, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut props = Props::new();
        for name in ["input", "finished", "error"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            props.insert(format!("{name}.path"), path.to_str().unwrap().to_owned());
        }
        let all = [("topic", "t"), ("input.file.pattern", ".*\\.txt"), ("empty.poll.wait.ms", "5")];
        props.extend(all.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        Self { folder, kind, props, offsets: Arc::default() }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    /// Puts a file there at once, as a producer should.
    fn put(&self, name: &str, text: &str) {
        let aside = self.path("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
    }
    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }
    fn until(&self, name: &str) {
        self.wait(name, || self.has(name));
    }
    fn wait(&self, what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < WAIT, "{what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    async fn start_with(&self, props: &Props) -> Result<Running> {
        let ctx = SourceTaskContext {
            connector: "c".into(),
            task: 0,
            cancel: CancellationToken::new(),
            offsets: Arc::<Offsets>::clone(&self.offsets),
            defines_transactions: false,
            isolation: Isolation::Shared,
        };
        let mut task = FilesTask::new(self.kind);
        task.start(ctx, props).await?;
        Ok(Running { task, offsets: Arc::clone(&self.offsets) })
    }
    async fn start(&self) -> Running {
        self.start_with(&self.props).await.unwrap()
    }
}

struct Running {
    task: FilesTask<Kind>,
    offsets: Arc<Offsets>,
}

impl Running {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        tokio::time::timeout(WAIT, self.task.poll()).await.expect("records in time")
    }
    /// So many records, not yet in the log.
    async fn read(&mut self, count: usize) -> Vec<SourceRecord> {
        let mut records = Vec::new();
        while records.len() < count {
            records.extend(self.poll().await.unwrap());
        }
        assert_eq!(records.len(), count, "{records:?}");
        records
    }
    /// The log has them.
    async fn store(&mut self, records: &[SourceRecord]) {
        for record in records {
            let key = record.partition.canonical().to_string();
            self.offsets.0.lock().unwrap().insert(key, record.offset.to_map());
        }
        self.task.acknowledge(records.len() as u64).await.unwrap();
    }
    async fn take(&mut self, count: usize) -> Vec<String> {
        let records = self.read(count).await;
        self.store(&records).await;
        texts(&records)
    }
    async fn nothing(&mut self) {
        let polled = tokio::time::timeout(Duration::from_millis(60), self.task.poll()).await;
        assert!(polled.is_err(), "{polled:?}");
    }
}

fn texts(records: &[SourceRecord]) -> Vec<String> {
    records
        .iter()
        .map(|record| record.record.value.value.as_str().unwrap_or("?").to_owned())
        .collect()
}

fn backdate(path: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

#[tokio::test]
async fn a_file_moves_when_the_log_has_its_last_record() {
    let bench = Bench::new(Kind::Line, &[("batch.size", "2")]);
    bench.put("input/a.txt", "1\n2\n3\n4\n5\n");
    bench.put("input/b.txt", "");
    bench.put("input/other", "x");
    let mut task = bench.start().await;
    let records = task.read(5).await;
    assert_eq!(texts(&records), ["1", "2", "3", "4", "5"]);
    assert_eq!(records[4].offset.to_map()["offset"], 5);
    assert_eq!(records[4].offset.to_map()["end"], true);
    assert_eq!(records[3].offset.to_map().get("end"), None);
    assert_eq!(records[0].partition.map()["fileName"], "a.txt");
    task.store(&records[..4]).await;
    task.nothing().await;
    assert!(bench.has("input/a.txt") && bench.has("input/a.txt.PROCESSING"));
    task.store(&records[4..]).await;
    bench.until("finished/a.txt");
    bench.until("finished/b.txt");
    bench.wait("no flag", || !bench.has("input/a.txt.PROCESSING"));
    assert!(bench.has("input/other"));
    task.task.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_task_goes_on_behind_what_is_stored() {
    let lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
    for stored in [0, 1, 7, 39, 40] {
        let bench = Bench::new(Kind::Line, &[("batch.size", "3")]);
        bench.put("input/a.txt", &lines.join("\n"));
        let mut task = bench.start().await;
        let records = task.read(40).await;
        for record in &records[..stored] {
            let key = record.partition.canonical().to_string();
            bench.offsets.0.lock().unwrap().insert(key, record.offset.to_map());
        }
        // Its flag stays, as after a kill.
        bench.until("input/a.txt.PROCESSING");
        let flag = fs::read(bench.path("input/a.txt.PROCESSING")).unwrap();
        drop(task);
        bench.wait("ended", || !bench.has("input/a.txt.PROCESSING"));
        fs::write(bench.path("input/a.txt.PROCESSING"), flag).unwrap();
        let mut task = bench.start().await;
        assert_eq!(task.take(40 - stored).await, lines[stored..]);
        bench.until("finished/a.txt");
        task.nothing().await;
    }
}

#[tokio::test]
async fn offsets_of_javas_connector_count_lines() {
    let bench = Bench::new(Kind::Line, &[]);
    bench.put("input/a.txt", "1\n2\n3\n");
    let key = SourcePartition::of("fileName", "a.txt").canonical().to_string();
    let map = OffsetMap::from_iter([("offset".to_owned(), json!(2))]);
    bench.offsets.0.lock().unwrap().insert(key, map);
    let mut task = bench.start().await;
    assert_eq!(task.take(1).await, ["3"]);
    bench.until("finished/a.txt");
}

#[tokio::test]
async fn a_faulty_file_goes_aside_and_fails_the_task() {
    let schema = r#"{"type":"STRUCT","fieldSchemas":{"id":{"type":"INT64"}}}"#;
    let more = [("key.schema", schema), ("value.schema", schema)];
    let bench = Bench::new(Kind::Csv, &more);
    bench.put("input/a.txt", "1\n2\nx\n4\n");
    bench.put("input/b.txt", "5\n");
    let mut task = bench.start().await;
    let records = task.read(2).await;
    let error = task.poll().await.unwrap_err();
    let text = error.message();
    assert!(text.contains("a.txt could not be read: line 3: Exception thrown while parsing data for 'id': Could not parse 'x' to 'Long'"), "{text}");
    assert!(!error.is_retriable());
    assert!(bench.has("input/a.txt"), "what was read of it is not in the log");
    task.store(&records).await;
    task.task.stop().await.unwrap();
    assert!(bench.has("error/a.txt") && !bench.has("input/a.txt.PROCESSING"));
    let mut task = bench.start().await;
    let records = task.read(1).await;
    assert_eq!(records[0].offset.to_map()["offset"], 1);
    task.store(&records).await;
    bench.until("finished/b.txt");

    let mut bench = Bench::new(Kind::Csv, &more);
    bench.props.insert("halt.on.error".to_owned(), "false".to_owned());
    bench.put("input/a.txt", "1\nx\n");
    bench.put("input/b.txt", "5\n");
    fs::write(bench.path("input/c.gz.txt"), "6\n").unwrap();
    let mut task = bench.start().await;
    let records = task.read(3).await;
    task.store(&records).await;
    bench.until("error/a.txt");
    bench.until("finished/b.txt");
    bench.until("finished/c.gz.txt");
}

#[tokio::test]
async fn a_file_that_cannot_be_unpacked_goes_aside() {
    let more = [("halt.on.error", "false"), ("input.file.pattern", ".*")];
    let bench = Bench::new(Kind::Line, &more);
    for name in ["a.gz", "b.bz2", "c.lz4"] {
        bench.put(&format!("input/{name}"), "not packed");
    }
    bench.put("input/z", "plain");
    let mut task = bench.start().await;
    assert_eq!(task.take(1).await, ["plain"]);
    for name in ["a.gz", "b.bz2", "c.lz4"] {
        bench.until(&format!("error/{name}"));
    }
}

#[tokio::test]
async fn files_that_stay_are_read_once_and_followed() {
    let bench = Bench::new(Kind::Line, &[("cleanup.policy", "NONE")]);
    bench.put("input/a.txt", "1\n2\n");
    let mut task = bench.start().await;
    assert_eq!(task.take(2).await, ["1", "2"]);
    bench.wait("no flag", || !bench.has("input/a.txt.PROCESSING"));
    task.nothing().await;
    let mut file = OpenOptions::new().append(true).open(bench.path("input/a.txt")).unwrap();
    file.write_all(b"3\n").unwrap();
    assert_eq!(task.take(1).await, ["3"]);
    task.nothing().await;
    task.task.stop().await.unwrap();
    let mut task = bench.start().await;
    task.nothing().await;
    file.write_all(b"4\n").unwrap();
    assert_eq!(task.take(1).await, ["4"]);
}

#[tokio::test]
async fn another_file_of_the_name_is_read_from_its_beginning() {
    let bench = Bench::new(Kind::Line, &[]);
    let mut task = bench.start().await;
    for text in ["1", "2", "1", "1\n3"] {
        bench.wait("away", || !bench.has("input/a.txt"));
        bench.put("input/a.txt", text);
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(task.take(lines.len()).await, lines);
    }
    bench.wait("away", || !bench.has("input/a.txt"));
    task.task.stop().await.unwrap();
    bench.put("input/a.txt", "1\n3\n4");
    let mut task = bench.start().await;
    assert_eq!(task.take(3).await, ["1", "3", "4"]);
    // The same while only a part of the former one was read.
    bench.wait("away", || !bench.has("input/a.txt"));
    bench.put("input/a.txt", "1\n2\n3");
    let records = task.read(3).await;
    let key = records[0].partition.canonical().to_string();
    bench.offsets.0.lock().unwrap().insert(key, records[0].offset.to_map());
    drop(task);
    bench.wait("ended", || !bench.has("input/a.txt.PROCESSING"));
    bench.put("input/a.txt", "4\n5\n6");
    let mut task = bench.start().await;
    assert_eq!(task.take(3).await, ["4", "5", "6"]);
}

#[tokio::test]
async fn a_file_is_read_while_it_is_written() {
    let bench = Bench::new(Kind::Line, &[("batch.size", "1")]);
    let mut file = File::create(bench.path("input/a.txt")).unwrap();
    file.write_all(b"1\n2\n").unwrap();
    let mut task = bench.start().await;
    for text in ["3\n4", "4\n5\n"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        file.write_all(text.as_bytes()).unwrap();
    }
    assert_eq!(task.take(1).await, ["1"]);
    let mut texts = Vec::new();
    // Whether it was found before or after it grew, nothing is missing.
    while texts.last().is_none_or(|last| last != "5") {
        texts.extend(task.take(1).await);
    }
    assert_eq!(texts, ["2", "3", "44", "5"]);
    bench.until("finished/a.txt");
}

#[tokio::test]
async fn a_file_that_is_written_over_is_found_out() {
    let bench = Bench::new(Kind::Line, &[("file.buffer.size.bytes", "4"), ("batch.size", "1")]);
    bench.put("input/a.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    backdate(&bench.path("input/a.txt"), 60);
    let mut task = bench.start().await;
    assert_eq!(task.take(1).await, ["1"]);
    // Two batches wait and one record is held: the rest is not read yet.
    fs::write(bench.path("input/a.txt"), "x\n").unwrap();
    let error = loop {
        match task.poll().await {
            Ok(records) => task.store(&records).await,
            Err(error) => break error,
        }
    };
    let text = error.message();
    assert!(text.contains("the file changed while it was read"), "{text}");
    task.task.stop().await.unwrap();
    bench.until("error/a.txt");
}

#[tokio::test]
async fn flags_of_others_count_and_those_of_a_former_life_do_not() {
    let bench = Bench::new(Kind::Line, &[("input.file.pattern", ".*")]);
    bench.put("input/a.txt", "1");
    bench.put("input/a.txt.PROCESSING", "");
    bench.put("input/b.txt", "2");
    bench.put("input/b.txt.PROCESSING", "gantry c\n");
    let mut task = bench.start().await;
    assert_eq!(task.take(1).await, ["2"]);
    task.nothing().await;
    fs::remove_file(bench.path("input/a.txt.PROCESSING")).unwrap();
    assert_eq!(task.take(1).await, ["1"]);
}

#[tokio::test]
async fn folders_are_walked_and_headers_say_where() {
    let more = [("input.path.walk.recursively", "true"), ("cleanup.policy", "MOVEBYDATE")];
    let bench = Bench::new(Kind::Line, &more);
    fs::create_dir_all(bench.path("input/x/y")).unwrap();
    bench.put("input/x/y/a.b.txt", "1");
    bench.put("input/z.txt", "2");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 365);
    for name in ["input/x/y/a.b.txt", "input/z.txt"] {
        File::options().append(true).open(bench.path(name)).unwrap().set_modified(time).unwrap();
    }
    let mut task = bench.start().await;
    let records = task.read(2).await;
    task.store(&records).await;
    let header = |at: usize, name: &str| {
        let headers = &records[at].record.headers;
        headers.iter().find(|header| &*header.key == name).map(|header| header.datum.value.clone())
    };
    let path = bench.path("input/x/y/a.b.txt");
    assert_eq!(header(0, "file.name"), Some(Value::str("a.b.txt")));
    assert_eq!(header(0, "file.name.without.extension"), Some(Value::str("a.b")));
    assert_eq!(header(0, "file.path"), Some(Value::str(path.to_str().unwrap())));
    assert_eq!(header(0, "file.parent.dir.name"), Some(Value::str("y")));
    assert_eq!(header(0, "file.length"), Some(Value::Int64(1)));
    assert_eq!(header(0, "file.offset"), Some(Value::Int64(1)));
    assert_eq!(header(0, "file.last.modified"), Some(Value::Date(86_400_000 * 365)));
    assert_eq!(header(0, "file.relative.path"), Some(Value::str("x/y")));
    assert_eq!(header(1, "file.relative.path"), None);
    assert_eq!(records[0].partition.map()["fileName"], "x/y/a.b.txt");
    bench.until("finished/1971-01-01/x/y/a.b.txt");
    bench.until("finished/1971-01-01/z.txt");
    bench.wait("no folders", || !bench.has("input/x"));
}

#[tokio::test]
async fn order_age_and_deletion() {
    let more = [
        ("files.sort.attributes", "LengthDesc,NameDesc"),
        ("file.minimum.age.ms", "5000"),
        ("cleanup.policy", "DELETE"),
    ];
    let mut bench = Bench::new(Kind::Line, &more);
    bench.props.remove("finished.path");
    for (name, text) in [("a", "1"), ("b", "long"), ("c", "2"), ("d", "young")] {
        bench.put(&format!("input/{name}.txt"), text);
        if name != "d" {
            backdate(&bench.path(&format!("input/{name}.txt")), 60);
        }
    }
    let mut task = bench.start().await;
    assert_eq!(task.take(3).await, ["long", "2", "1"]);
    bench.wait("deleted", || !bench.has("input/a.txt"));
    task.nothing().await;
    assert!(bench.has("input/d.txt"));
}

#[tokio::test]
async fn tasks_divide_files_and_schemas_are_made() {
    let more = [
        ("schema.generation.enabled", "true"),
        ("schema.generation.key.fields", "id,none"),
        ("csv.first.row.as.header", "true"),
        ("input.file.pattern", ".*\\.csv"),
    ];
    let bench = Bench::new(Kind::Csv, &more);
    let ctx = || ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets::default()),
        requests: Arc::default(),
        isolation: Isolation::Shared,
    };
    let mut connector = SpoolDirSource::new(Kind::Csv);
    let error = connector.start(ctx(), &bench.props).await.unwrap_err();
    assert!(error.message().starts_with("Could not find any input file(s)"), "{error}");
    for number in 0..12 {
        bench.put(&format!("input/{number}.csv"), &format!("name,id\nn{number},{number}\n"));
    }
    connector.start(ctx(), &bench.props).await.unwrap();
    let configs = connector.task_configs(3).await.unwrap();
    assert_eq!(configs.len(), 3);
    let mut ids = Vec::new();
    let mut tasks = Vec::new();
    for props in &configs {
        tasks.push(bench.start_with(props).await.unwrap());
    }
    for task in &mut tasks {
        while let Ok(records) =
            tokio::time::timeout(Duration::from_millis(200), task.task.poll()).await
        {
            let records = records.unwrap();
            task.store(&records).await;
            for record in records {
                let Value::Struct(value) = &record.record.value.value else { panic!() };
                let Value::Struct(key) = &record.record.key.value else { panic!() };
                assert_eq!(key.values(), &value.values()[1..]);
                ids.push(value.values()[0].as_str().unwrap().to_owned());
            }
        }
    }
    ids.sort();
    let mut expected: Vec<String> = (0..12).map(|number| format!("n{number}")).collect();
    expected.sort();
    assert_eq!(ids, expected);
    bench.put("input/x.csv", "other\n1\n");
    bench.put("input/y.csv", "another\n1\n");
    let error = connector.start(ctx(), &bench.props).await.unwrap_err();
    assert!(error.message().starts_with("More than one schema was found"), "{error}");
}

#[tokio::test]
async fn timestamps_are_of_fields_or_files() {
    let value = r#"{"type":"STRUCT","fieldSchemas":{"at":{"name":"org.apache.kafka.connect.data.Timestamp","type":"INT64","version":1}}}"#;
    let key = r#"{"type":"STRUCT","fieldSchemas":{}}"#;
    for (mode, expected) in
        [("FIELD", Some(1000)), ("FILE_TIME", Some(5000)), ("PROCESS_TIME", None)]
    {
        let more = [
            ("key.schema", key),
            ("value.schema", value),
            ("timestamp.mode", mode),
            ("timestamp.field", "at"),
        ];
        let bench = Bench::new(Kind::Json, &more);
        bench.put("input/a.txt", "{\"at\":1000}");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        File::options()
            .append(true)
            .open(bench.path("input/a.txt"))
            .unwrap()
            .set_modified(time)
            .unwrap();
        let mut task = bench.start().await;
        let records = task.read(1).await;
        assert_eq!(records[0].record.timestamp_ms, expected, "{mode}");
    }
}
