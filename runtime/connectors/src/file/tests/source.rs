use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    CancellationToken, Connector, ConnectorContext, ExactlyOnceSupport, OffsetMap, OffsetReader,
    Props, Result, Schema, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::file::follower::{CHUNK_BYTES, Follower, Step};
use crate::file::{FileStreamSource, FileStreamSourceTask};

struct Offsets(BTreeMap<String, OffsetMap>);
impl OffsetReader for Offsets {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.get(&**partition.canonical()).cloned()
    }
}

struct Source {
    _folder: TempDir,
    path: PathBuf,
    task: FileStreamSourceTask,
}

fn props(file: &Path, more: &[(&str, &str)]) -> Props {
    let mut props = Props::from([
        ("topic".to_owned(), "t".to_owned()),
        ("file".to_owned(), file.to_str().unwrap().to_owned()),
    ]);
    props.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    props
}

async fn start(
    path: &Path,
    offset: Option<OffsetMap>,
    more: &[(&str, &str)],
) -> Result<FileStreamSourceTask> {
    let key = json!({ "filename": path.to_str().unwrap() }).to_string();
    let ctx = SourceTaskContext {
        connector: "c".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(
            offset.into_iter().map(|offset| (key.clone(), offset)).collect(),
        )),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    };
    let mut task = FileStreamSourceTask::default();
    task.start(ctx, &props(path, more)).await?;
    Ok(task)
}
fn at(position: u64) -> Option<OffsetMap> {
    Some(OffsetMap::from_iter([("position".to_owned(), json!(position))]))
}

impl Source {
    async fn new(text: Option<&[u8]>, offset: Option<OffsetMap>, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("in.txt");
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        let task = start(&path, offset, more).await.unwrap();
        Self { _folder: folder, path, task }
    }
    fn append(&self, text: &[u8]) {
        OpenOptions::new().append(true).open(&self.path).unwrap().write_all(text).unwrap();
    }
    async fn records(&mut self) -> Vec<SourceRecord> {
        timeout(Duration::from_secs(5), self.task.poll()).await.unwrap().unwrap()
    }
    async fn lines(&mut self) -> Vec<String> {
        self.records().await.iter().map(text).collect()
    }
    async fn nothing(&mut self, ms: u64) {
        let poll = timeout(Duration::from_millis(ms), self.task.poll()).await;
        assert!(poll.is_err(), "{poll:?}");
    }
}
fn text(record: &SourceRecord) -> String {
    record.record.value.value.as_str().unwrap().to_owned()
}
fn position(record: &SourceRecord) -> i64 {
    match &record.offset {
        SourceOffset::Number(key, position) if &**key == "position" => *position,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn records_are_kafkas() {
    let mut source = Source::new(Some(b"one\r\ntwo\n"), None, &[]).await;
    let records = source.records().await;
    assert_eq!(records.len(), 2);
    let first = &records[0];
    assert_eq!((text(first).as_str(), position(first)), ("one", 5));
    assert_eq!(first.record.value.schema, Some(Schema::string()));
    assert!(first.record.key.value.is_null() && first.record.key.schema.is_none());
    assert_eq!(&*first.record.topic, "t");
    let read_at_ms = first.record.timestamp_ms.unwrap();
    assert!(read_at_ms > 1_600_000_000_000, "{read_at_ms} is no time of reading");
    let filename = source.path.to_str().unwrap();
    assert_eq!(first.partition.map()["filename"], json!(filename));
    assert_eq!(position(&records[1]), 9);
}

#[tokio::test]
async fn grows_and_keeps_partial_lines() {
    let mut source = Source::new(Some(b"one\ntw"), None, &[]).await;
    assert_eq!(source.lines().await, ["one"]);
    source.nothing(60).await;
    source.append(b"o");
    source.nothing(60).await;
    source.append(b"\nthree\r");
    assert_eq!(source.lines().await, ["two"]);
    // Whether the pair goes on is not known yet.
    source.nothing(60).await;
    source.append(b"\n");
    let records = source.records().await;
    assert_eq!((text(&records[0]).as_str(), position(&records[0])), ("three", 15));
    source.append(b"x\ry\n");
    assert_eq!(source.lines().await, ["x", "y"]);
}

#[tokio::test]
async fn waits_for_the_file() {
    let mut source = Source::new(None, None, &[]).await;
    source.nothing(80).await;
    fs::write(&source.path, "here\n").unwrap();
    assert_eq!(source.lines().await, ["here"]);
}

#[tokio::test]
async fn resumes_at_the_offset() {
    let mut source = Source::new(Some("grün\nzwei\ndrei\n".as_bytes()), at(6), &[]).await;
    let records = source.records().await;
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["zwei", "drei"]);
    assert_eq!(position(&records[1]), 16);
    let null = Some(OffsetMap::from_iter([("position".to_owned(), json!(null))]));
    assert_eq!(Source::new(Some(b"a\n"), null, &[]).await.lines().await, ["a"]);
}

#[tokio::test]
async fn wrong_offset_is_an_error() {
    let folder = TempDir::new().unwrap();
    for wrong in [json!("x"), json!(1.5), json!(-1)] {
        let offset = OffsetMap::from_iter([("position".to_owned(), wrong)]);
        let error = start(&folder.path().join("f"), Some(offset), &[]).await.unwrap_err();
        assert_eq!(error.message(), "Offset position is the incorrect type");
    }
}

#[tokio::test]
async fn batch_size_is_kept() {
    let text: String = (0..10).map(|n| format!("{n}\n")).collect();
    let mut source = Source::new(Some(text.as_bytes()), None, &[("batch.size", "4")]).await;
    assert_eq!(source.lines().await.len(), 4);
    assert_eq!(source.lines().await.len(), 4);
    assert_eq!(source.lines().await, ["8", "9"]);
    let mut source = Source::new(Some(b"a\nb\n"), None, &[("batch.size", "0")]).await;
    assert_eq!(source.lines().await, ["a"]);
    let many = "x\n".repeat(5000);
    let mut source = Source::new(Some(many.as_bytes()), None, &[]).await;
    assert_eq!(source.lines().await.len(), 2000);
}

/// Lines of all lengths, so that every kind of cut falls on the edge of a block.
fn mixed(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0.. {
        if text.len() > bytes {
            return text;
        }
        let line = "aä€𝄞".repeat(n % 23);
        let end = ["\n", "\r\n", "\r"][n % 3];
        text.extend_from_slice(format!("{n}{line}{end}").as_bytes());
        if n % 1009 == 0 {
            text.extend_from_slice(b"bad \xe2\x82\n");
        }
    }
    text
}
/// The same lines in the plainest way.
fn expected(text: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    let mut bytes = text.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if byte == b'\r' && bytes.peek() == Some(&&b'\n') {
            bytes.next();
        }
        if byte == b'\n' || byte == b'\r' {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned());
        } else {
            line.push(byte);
        }
    }
    lines
}

#[tokio::test]
async fn edges_of_blocks() {
    let mut text = mixed(CHUNK_BYTES * 5);
    text.extend_from_slice(b"\nend\n");
    let expected = expected(&text);
    let mut source = Source::new(Some(&text), None, &[]).await;
    let mut lines = Vec::new();
    let mut last = 0;
    while last < text.len() as i64 {
        for record in source.records().await {
            lines.push(record.record.value.value.as_str().unwrap().to_owned());
            assert!(position(&record) > last);
            last = position(&record);
        }
    }
    assert!(lines == expected);
    assert_eq!(last, text.len() as i64);
}

#[tokio::test]
async fn every_position_is_a_place_to_go_on() {
    let mut text = mixed(2000);
    text.push(b'\n');
    let all = expected(&text);
    let mut source = Source::new(Some(&text), None, &[]).await;
    let records = source.records().await;
    assert_eq!(records.len(), all.len());
    for (index, record) in records.iter().enumerate().take(all.len() - 1) {
        let offset = at(position(record) as u64);
        let mut task = start(&source.path, offset, &[]).await.unwrap();
        let rest = task.poll().await.unwrap();
        assert_eq!(rest.iter().map(self::text).collect::<Vec<_>>(), all[index + 1..]);
    }
}

#[tokio::test]
async fn dropped_polls_lose_nothing() {
    const PARTS: usize = 30;
    const PART_LINES: usize = 3000;
    let mut source = Source::new(Some(b""), None, &[("batch.size", "97")]).await;
    let line = |n: usize| format!("line {n}\n");
    let path = source.path.clone();
    let writer = std::thread::spawn(move || {
        for part in 0..PARTS {
            let text: String = (part * PART_LINES..(part + 1) * PART_LINES).map(line).collect();
            // In two pieces, so that a line is cut.
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            let (first, second) = text.as_bytes().split_at(text.len() / 2 + part);
            file.write_all(first).unwrap();
            std::thread::sleep(Duration::from_millis(3));
            file.write_all(second).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
    });
    let mut lines = String::new();
    let (mut count, mut dropped) = (0, 0_u64);
    while count < PARTS * PART_LINES {
        // Dropped wherever it waits.
        let limit = Duration::from_micros(dropped * 37 % 3000);
        match timeout(limit, source.task.poll()).await {
            Ok(records) => {
                for record in records.unwrap() {
                    lines.push_str(&text(&record));
                    lines.push('\n');
                    count += 1;
                }
            }
            Err(_) => dropped += 1,
        }
    }
    writer.join().unwrap();
    assert!(dropped > 2, "{dropped}");
    assert!(lines == (0..PARTS * PART_LINES).map(line).collect::<String>());
}

#[tokio::test]
async fn truncated_file_is_read_from_its_start() {
    let mut source = Source::new(Some(b"one\ntwo\nhalf"), None, &[]).await;
    assert_eq!(source.lines().await, ["one", "two"]);
    source.nothing(30).await;
    fs::write(&source.path, "new\n").unwrap();
    let records = source.records().await;
    assert_eq!((text(&records[0]).as_str(), position(&records[0])), ("new", 4));
    // While nothing ran.
    assert_eq!(Source::new(Some(b"short\n"), at(100), &[]).await.lines().await, ["short"]);
}

#[tokio::test]
async fn replaced_file_is_read_after_the_old_one() {
    let mut source = Source::new(Some(b"one\n"), None, &[]).await;
    assert_eq!(source.lines().await, ["one"]);
    let old = source.path.with_extension("1");
    fs::rename(&source.path, &old).unwrap();
    source.nothing(50).await;
    // Empty: the writer may still have the old one.
    File::create(&source.path).unwrap();
    source.nothing(50).await;
    OpenOptions::new().append(true).open(&old).unwrap().write_all(b"late\nlast").unwrap();
    assert_eq!(source.lines().await, ["late"]);
    fs::write(&source.path, "first\nsecond\n").unwrap();
    // The last line of the old file, which nothing will end.
    let records = source.records().await;
    assert_eq!((text(&records[0]).as_str(), position(&records[0])), ("last", 13));
    let records = source.records().await;
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(position(&records[0]), 6);
    // Removed and made again.
    fs::remove_file(&source.path).unwrap();
    source.nothing(50).await;
    fs::write(&source.path, "again\n").unwrap();
    assert_eq!(source.lines().await, ["again"]);
}

#[tokio::test]
async fn unreadable_files_are_named() {
    let folder = TempDir::new().unwrap();
    let mut task = start(folder.path(), None, &[]).await.unwrap();
    let error = task.poll().await.unwrap_err();
    let path = folder.path().to_str().unwrap();
    for part in ["(key 'file')", path, "directory", "Name a file"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(!error.is_retriable());
    let below = folder.path().join("in.txt");
    fs::write(&below, "x\n").unwrap();
    let mut task = start(&below.join("x"), None, &[]).await.unwrap();
    let error = task.poll().await.unwrap_err();
    assert!(error.message().contains("Not a directory"), "{error}");
}

#[test]
fn too_long_a_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("long");
    fs::write(&path, format!("ok\n{}", "x".repeat(CHUNK_BYTES * 3))).unwrap();
    let mut follower = Follower::new(path.to_str().unwrap(), 0).limit_line(CHUNK_BYTES);
    assert!(matches!(follower.step(), Ok(Step::Lines { .. })));
    let error = follower.step().unwrap_err();
    assert!(error.message().contains("begins at byte 3 is longer than 262144"), "{error}");
    let mut follower = Follower::new(path.to_str().unwrap(), 0);
    assert!(matches!(follower.step(), Ok(Step::Lines { .. })));
    assert!(matches!(follower.step(), Ok(Step::Idle)));
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\n").unwrap();
    let Ok(Step::Lines { mut block, .. }) = follower.step() else { panic!("no line") };
    let mut length = 0;
    block.drain(9, |line, _| length += line.len());
    assert_eq!(length, CHUNK_BYTES * 3);
}

#[tokio::test]
async fn pipes_have_no_offsets() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let mut task = start(&path, None, &[("batch.size", "2")]).await.unwrap();
    let write = |text: &'static [u8]| {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            OpenOptions::new().write(true).open(path).unwrap().write_all(text).unwrap();
        })
    };
    let writer = write(b"one\ntwo\nthree\nha");
    let records = timeout(Duration::from_secs(5), task.poll()).await.unwrap().unwrap();
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(records[0].offset.to_map()["position"], json!(null));
    writer.await.unwrap();
    // What was read and not given goes to the next task, and so does what comes then.
    let error = {
        let mut other = start(&path, None, &[]).await.unwrap();
        other.poll().await.unwrap_err()
    };
    assert!(error.message().contains("already read by another task"), "{error}");
    task.stop().await.unwrap();
    let mut task = start(&path, None, &[]).await.unwrap();
    let records = timeout(Duration::from_secs(5), task.poll()).await.unwrap().unwrap();
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["three"]);
    write(b"lf\n").await.unwrap();
    let records = timeout(Duration::from_secs(5), task.poll()).await.unwrap().unwrap();
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["half"]);
}

#[tokio::test]
async fn connector_has_one_task() {
    let folder = TempDir::new().unwrap();
    let given = props(&folder.path().join("f"), &[("tasks.max", "5")]);
    let mut connector = FileStreamSource::default();
    let ctx = ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(BTreeMap::new())),
        requests: Arc::default(),
        isolation: gantry_api::Isolation::Shared,
    };
    connector.start(ctx.clone(), &given).await.unwrap();
    assert_eq!(connector.task_configs(5).await.unwrap(), std::slice::from_ref(&given));
    assert_eq!(connector.exactly_once_support(&given).unwrap(), ExactlyOnceSupport::Supported);
    let stdin = Props::from([("topic".to_owned(), "t".to_owned())]);
    assert_eq!(connector.exactly_once_support(&stdin).unwrap(), ExactlyOnceSupport::Unsupported);
    let empty = Props::from([("topic".to_owned(), String::new())]);
    let error = connector.start(ctx, &empty).await.unwrap_err();
    assert_eq!(error.message(), "Invalid value  for configuration topic: String must be non-empty");
}

#[tokio::test]
async fn offsets_are_checked_as_kafka_does() {
    let folder = TempDir::new().unwrap();
    let given = props(&folder.path().join("f"), &[]);
    let mut connector = FileStreamSource::default();
    let map = |text: &str| serde_json::from_str::<OffsetMap>(text).unwrap();
    for (partition, offset, wrong) in [
        (r#"{"filename":"f"}"#, Some(r#"{"position":5}"#), None),
        (r#"{"garbage":1}"#, None, None),
        (
            r#"{"filename":"f"}"#,
            Some(r#"{"pos":5}"#),
            Some("Offset objects should either be null or contain the key 'position'"),
        ),
        (
            r#"{"filename":"f"}"#,
            Some(r#"{"position":"5"}"#),
            Some("The value for the 'position' key in the offset is expected to be a Long value"),
        ),
        (
            r#"{"filename":"f"}"#,
            Some(r#"{"position":-5}"#),
            Some("The value for the 'position' key in the offset should be a non-negative value"),
        ),
        (
            r#"{"file":"f"}"#,
            Some(r#"{"position":5}"#),
            Some("Partition objects should contain the key 'filename'"),
        ),
    ] {
        let outcome = connector.alter_offsets(&given, &[(map(partition), offset.map(map))]).await;
        assert_eq!(outcome.err().map(|error| error.message().to_owned()).as_deref(), wrong);
    }
    let stdin = Props::from([("topic".to_owned(), "t".to_owned())]);
    let error = connector.alter_offsets(&stdin, &[]).await.unwrap_err();
    assert!(error.message().starts_with("Offsets cannot be modified if the 'file'"), "{error}");
}
