use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Props, Result, SinkOffset, SinkOffsets, SinkRecord,
    SinkTask, SinkTaskContext, Text, TimestampType, TopicPartition, Value,
};
use tempfile::TempDir;

use crate::file::FileStreamSinkTask;

/// What an engine keeps for a sink between two starts, and how it drives one.
struct Engine {
    path: PathBuf,
    log: Vec<(TopicPartition, Vec<Value>)>,
    committed: SinkOffsets,
    more: Vec<(&'static str, &'static str)>,
}

struct Run<'a> {
    engine: &'a mut Engine,
    task: FileStreamSinkTask,
    ctx: SinkTaskContext,
    next: Vec<usize>,
    written: SinkOffsets,
}

impl Engine {
    fn new(path: &Path, queues: u32) -> Self {
        let log = (0..queues).map(|n| (TopicPartition::new("t", n), Vec::new())).collect();
        Self { path: path.to_owned(), log, committed: SinkOffsets::new(), more: Vec::new() }
    }
    fn add(&mut self, queue: usize, lines: &[&str]) {
        self.log[queue].1.extend(lines.iter().map(|line| Value::str(line)));
    }
    async fn start(&mut self) -> Run<'_> {
        let ctx = SinkTaskContext::new("c".into(), 0, CancellationToken::new());
        let mut task = FileStreamSinkTask::default();
        task.start(ctx.clone(), &props(&self.path, &self.more)).await.unwrap();
        let opened: Vec<_> = self
            .log
            .iter()
            .map(|(queue, _)| (queue.clone(), self.committed.get(queue).cloned()))
            .collect();
        task.open(&opened).await.unwrap();
        let at = |offset: Option<SinkOffset>| offset.map_or(0, |offset| offset.offset as usize);
        let next = opened.into_iter().map(|(_, offset)| at(offset)).collect();
        Run { engine: self, task, ctx, next, written: SinkOffsets::new() }
    }
    fn file(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }
}

impl Run<'_> {
    /// Puts the next records of a queue.
    async fn put(&mut self, queue: usize, count: usize) {
        let from = self.next[queue];
        let (origin, values) = &self.engine.log[queue];
        let to = values.len().min(from + count);
        let batch: Vec<_> =
            (from..to).map(|n| record(origin, n as u64, values[n].clone())).collect();
        self.next[queue] = to;
        self.written.insert(origin.clone(), SinkOffset::new(to as u64));
        self.task.put(&batch).await.unwrap();
        if self.ctx.take_requests().commit {
            self.commit().await;
        }
    }
    async fn all(&mut self) {
        for queue in 0..self.next.len() {
            self.put(queue, usize::MAX / 2).await;
        }
    }
    async fn idle(&mut self) {
        self.task.put(&[]).await.unwrap();
    }
    async fn commit(&mut self) {
        let claims = self.task.pre_commit(&self.written).await.unwrap();
        for (queue, claim) in &claims {
            assert!(claim.offset <= self.written[queue].offset);
        }
        self.engine.committed.extend(claims);
    }
    /// As a task that is stopped in good order.
    async fn stop(mut self) {
        self.ctx.cancel.cancel();
        self.commit().await;
        self.task.stop().await.unwrap();
    }
    /// Killed: what was put is in the file, nothing was committed.
    async fn kill(mut self) {
        self.idle().await;
    }
}

fn props(file: &Path, more: &[(&str, &str)]) -> Props {
    let mut props = Props::from([("file".to_owned(), file.to_str().unwrap().to_owned())]);
    props.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    props
}
fn record(origin: &TopicPartition, offset: u64, value: Value) -> SinkRecord {
    SinkRecord {
        record: ConnectRecord::new(origin.topic.clone(), Datum::schemaless(value)),
        origin: origin.clone(),
        offset,
        timestamp_type: TimestampType::CreateTime,
    }
}
fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("out.txt");
    (folder, path)
}
/// A file with `a`, `b` written and committed, `c`, `d` written after that.
async fn crashed(path: &Path) -> Engine {
    let mut engine = Engine::new(path, 1);
    engine.add(0, &["a", "b", "c", "d", "e"]);
    let mut run = engine.start().await;
    run.put(0, 2).await;
    run.idle().await;
    run.commit().await;
    run.put(0, 2).await;
    run.kill().await;
    assert_eq!(engine.file(), "a\nb\nc\nd\n");
    assert_eq!(engine.committed[&engine.log[0].0].offset, 2);
    engine
}

#[tokio::test]
async fn values_as_java_prints_them() {
    let (_folder, path) = folder();
    fs::write(&path, "before\n").unwrap();
    let mut engine = Engine::new(&path, 1);
    let text = Text::from_static("text");
    engine.log[0].1 = vec![Value::String(text), Value::Null, Value::Int32(5), Value::Boolean(true)];
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "before\ntext\nnull\n5\ntrue\n");
}

#[tokio::test]
async fn nothing_is_written_twice_from_the_first_record_on() {
    let (_folder, path) = folder();
    fs::write(&path, "user\n").unwrap();
    let mut engine = Engine::new(&path, 1);
    engine.add(0, &["a", "b", "c"]);
    let mut run = engine.start().await;
    run.put(0, 1).await;
    // The commit that was asked for marks the file before the first line.
    assert_eq!(run.engine.committed[&TopicPartition::new("t", 0)].offset, 0);
    run.put(0, 1).await;
    run.kill().await;
    assert_eq!(engine.file(), "user\na\nb\n");
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "user\na\nb\nc\n");
    assert_eq!(engine.committed[&TopicPartition::new("t", 0)].offset, 3);
}

#[tokio::test]
async fn surplus_is_recognised() {
    let (_folder, path) = folder();
    let mut engine = crashed(&path).await;
    let mut run = engine.start().await;
    run.put(0, 1).await;
    // Not more than what was compared: still the old commit.
    run.commit().await;
    assert_eq!(run.engine.committed[&TopicPartition::new("t", 0)].offset, 2);
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "a\nb\nc\nd\ne\n");
    assert_eq!(engine.committed[&TopicPartition::new("t", 0)].offset, 5);
}

#[tokio::test]
async fn crash_while_comparing() {
    let (_folder, path) = folder();
    let mut engine = crashed(&path).await;
    for _ in 0..3 {
        let mut run = engine.start().await;
        run.put(0, 1).await;
        run.kill().await;
    }
    let mut run = engine.start().await;
    run.all().await;
    run.kill().await;
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "a\nb\nc\nd\ne\n");
}

#[tokio::test]
async fn torn_line_is_completed() {
    let whole = "first\nsecond\nthird\n";
    for length in "first\n".len()..whole.len() {
        let (_folder, path) = folder();
        let mut engine = Engine::new(&path, 1);
        engine.add(0, &["first", "second", "third"]);
        let mut run = engine.start().await;
        run.put(0, 1).await;
        run.idle().await;
        run.commit().await;
        run.all().await;
        run.kill().await;
        assert_eq!(engine.file(), whole);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length as u64).unwrap();
        let mut run = engine.start().await;
        run.all().await;
        run.kill().await;
        assert_eq!(engine.file(), whole, "torn at {length}");
    }
}

#[tokio::test]
async fn users_lines_stay() {
    for (user, expected) in [("user\n", "a\nb\nc\nd\nuser\ne\n"), ("user", "a\nb\nc\nd\nuser\ne\n")]
    {
        let (_folder, path) = folder();
        let mut engine = crashed(&path).await;
        fs::write(&path, format!("{}{user}", engine.file())).unwrap();
        let mut run = engine.start().await;
        run.all().await;
        run.stop().await;
        assert_eq!(engine.file(), expected);
    }
}

#[tokio::test]
async fn users_changes_before_the_commit_end_it() {
    let (_folder, path) = folder();
    let mut engine = crashed(&path).await;
    fs::write(&path, "A\nb\nc\nd\n").unwrap();
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "A\nb\nc\nd\nc\nd\ne\n");
}

#[tokio::test]
async fn replaced_file_is_appended_to() {
    let (_folder, path) = folder();
    let mut engine = crashed(&path).await;
    fs::rename(&path, path.with_extension("old")).unwrap();
    fs::write(&path, "new").unwrap();
    let mut run = engine.start().await;
    run.put(0, 2).await;
    run.put(0, 1).await;
    run.kill().await;
    assert_eq!(engine.file(), "new\nc\nd\ne\n");
    // The new file is marked from its first line on.
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "new\nc\nd\ne\n");
}

#[tokio::test]
async fn file_moved_while_running() {
    let (_folder, path) = folder();
    let mut engine = Engine::new(&path, 1);
    engine.add(0, &["a", "b", "c"]);
    let mut run = engine.start().await;
    run.put(0, 1).await;
    run.idle().await;
    fs::rename(&path, path.with_extension("old")).unwrap();
    run.commit().await;
    run.put(0, 1).await;
    run.kill().await;
    assert_eq!(fs::read_to_string(path.with_extension("old")).unwrap(), "a\n");
    assert_eq!(engine.file(), "b\n");
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.file(), "b\nc\n");
}

#[tokio::test]
async fn several_queues() {
    let (_folder, path) = folder();
    let mut engine = Engine::new(&path, 3);
    let lines = |queue: usize| (0..50).map(|n| format!("{queue}-{n}")).collect::<Vec<_>>();
    let mut all = Vec::new();
    for queue in 0..3 {
        let lines = lines(queue);
        engine.add(queue, &lines.iter().map(String::as_str).collect::<Vec<_>>());
        all.extend(lines);
    }
    for round in 0..6 {
        let mut run = engine.start().await;
        for step in 0..4 {
            run.put((round + step) % 3, 3 + round).await;
            if step == 1 && round % 2 == 0 {
                run.commit().await;
            }
        }
        run.kill().await;
        // Torn somewhere.
        let cut = (fs::metadata(&path).unwrap().len()).saturating_sub(round as u64 % 3);
        let length = |queue: &TopicPartition| {
            let metadata = engine.committed.get(queue)?.metadata.clone()?;
            serde_json::from_str::<serde_json::Value>(&metadata).ok()?["length"].as_u64()
        };
        let marked = engine.log.iter().filter_map(|(queue, _)| length(queue)).max().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(cut.max(marked)).unwrap();
    }
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    let file = engine.file();
    let mut lines: Vec<_> = file.lines().collect();
    // In order for each queue.
    for queue in ["0-", "1-", "2-"] {
        let of: Vec<_> = lines.iter().filter(|line| line.starts_with(queue)).collect();
        assert!(of.is_sorted_by_key(|line| line[2..].parse::<u32>().unwrap()), "{of:?}");
    }
    lines.sort_unstable();
    all.sort_unstable();
    assert_eq!(lines, all);
}

#[tokio::test(start_paused = true)]
async fn quiet_ends_the_comparison() {
    let (_folder, path) = folder();
    let mut engine = crashed(&path).await;
    let mut run = engine.start().await;
    run.put(0, 1).await;
    for _ in 0..5 {
        run.idle().await;
        tokio::time::advance(std::time::Duration::from_millis(500)).await;
    }
    run.idle().await;
    run.commit().await;
    assert_eq!(run.engine.committed[&TopicPartition::new("t", 0)].offset, 3);
    run.stop().await;
}

/// A small disk, taken away when the test ends in whatever way.
struct SmallDisk(TempDir);
impl SmallDisk {
    /// `None` where this user may not mount.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn retried_batch_goes_on_where_it_was() {
    if let Some(disk) = SmallDisk::mount() {
        disk_full(disk.0.path()).await.unwrap();
    }
}

async fn disk_full(folder: &Path) -> Result<()> {
    let path = folder.join("out.txt");
    let ballast = folder.join("ballast");
    fs::write(&ballast, [0; 48 * 1024]).unwrap();
    let origin = TopicPartition::new("t", 0);
    let lines: Vec<String> = (0..500).map(|n| format!("{n:>60}")).collect();
    let batch: Vec<_> =
        (0..).zip(&lines).map(|(offset, line)| record(&origin, offset, Value::str(line))).collect();
    let ctx = SinkTaskContext::new("c".into(), 0, CancellationToken::new());
    let mut task = FileStreamSinkTask::default();
    task.start(ctx, &props(&path, &[("tasks.max", "2")])).await?;
    task.open(&[(origin.clone(), None)]).await?;
    // The first put only begins to write: its error shows in the next.
    task.put(&batch[..400]).await?;
    let mut errors = Vec::new();
    for _ in 0..2 {
        errors.push(task.put(&batch[400..]).await.unwrap_err());
    }
    for error in &errors {
        assert!(error.is_retriable());
        for part in ["(key 'file')", "out.txt", "No space left", "Make room"] {
            assert!(error.message().contains(part), "{error}");
        }
    }
    let written = SinkOffsets::from([(origin, SinkOffset::new(400))]);
    assert_eq!(task.pre_commit(&written).await?, SinkOffsets::new());
    fs::remove_file(&ballast).unwrap();
    task.put(&batch[400..]).await?;
    assert_eq!(task.pre_commit(&written).await?.len(), 1);
    task.stop().await?;
    assert!(fs::read_to_string(&path).unwrap().lines().eq(lines.iter()));
    Ok(())
}

#[tokio::test]
async fn commits_are_asked_for() {
    let (_folder, path) = folder();
    let origin = TopicPartition::new("t", 0);
    let ctx = SinkTaskContext::new("c".into(), 0, CancellationToken::new());
    let mut task = FileStreamSinkTask::default();
    task.start(ctx.clone(), &props(&path, &[])).await.unwrap();
    task.open(&[(origin.clone(), None)]).await.unwrap();
    let line = Value::str(&"x".repeat(1 << 20));
    let mut written = SinkOffsets::new();
    let mut commits = Vec::new();
    for offset in 0..100 {
        task.put(&[record(&origin, offset, line.clone())]).await.unwrap();
        written.insert(origin.clone(), SinkOffset::new(offset + 1));
        if ctx.take_requests().commit {
            let claims = task.pre_commit(&written).await.unwrap();
            let claim = &claims[&origin];
            let mark: serde_json::Value =
                serde_json::from_str(claim.metadata.as_deref().unwrap()).unwrap();
            assert_eq!(mark["length"].as_u64().unwrap(), claim.offset * ((1 << 20) + 1));
            commits.push(claim.offset);
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(commits[0], 0);
    assert!(commits.len() >= 4 && commits.is_sorted(), "{commits:?}");
}

#[tokio::test]
async fn shared_file_is_not_marked() {
    let (_folder, path) = folder();
    let mut engine = Engine::new(&path, 1);
    engine.more.push(("tasks.max", "2"));
    engine.add(0, &["a"]);
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.committed[&TopicPartition::new("t", 0)], SinkOffset::new(1));
    assert_eq!(engine.file(), "a\n");
}

#[tokio::test]
async fn devices_are_written() {
    let mut engine = Engine::new(Path::new("/dev/null"), 1);
    engine.add(0, &["a"]);
    let mut run = engine.start().await;
    run.all().await;
    run.stop().await;
    assert_eq!(engine.committed[&TopicPartition::new("t", 0)], SinkOffset::new(1));
}

#[tokio::test]
async fn unwritable_paths_are_named() {
    let (_folder, path) = folder();
    let ctx = SinkTaskContext::new("c".into(), 0, CancellationToken::new());
    for (file, remedy) in
        [(path.join("x"), "folder"), (path.parent().unwrap().to_owned(), "not a folder")]
    {
        let mut task = FileStreamSinkTask::default();
        let error = task.start(ctx.clone(), &props(&file, &[])).await.unwrap_err();
        let start = format!("Couldn't find or create file '{}'", file.display());
        assert!(error.message().starts_with(&start), "{error}");
        assert!(error.message().contains(remedy), "{error}");
        assert!(error.cause().is_some() && !error.is_retriable());
    }
}
