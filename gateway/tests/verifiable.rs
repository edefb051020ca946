//! The verifiable connectors in the real program: what stands on its standard output.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// How long the program may take for what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Records that each task has to bring through.
const RECORDS: i64 = 1_000;

const SOURCE: &str = "name=source\nconnector.class=VerifiableSource\ntopic=t\nthroughput=-1\n\
                      tasks.max=2\ntopic.creation.default.partitions=3\n\
                      topic.creation.default.replication.factor=1\n";
const SINK: &str = "name=sink\nconnector.class=VerifiableSink\ntopics=t\ntasks.max=2\n";

struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(dir: &std::path::Path) -> Program {
    for (name, text) in [("source.properties", SOURCE), ("sink.properties", SINK)] {
        std::fs::write(dir.join(name), text).unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
        .args(["standalone", "source.properties", "sink.properties"])
        .args(["--set", "listeners=http://127.0.0.1:0", "--set", "offset.flush.interval.ms=50"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let (sender, lines) = sync_channel(10_000);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    Program { child, lines }
}

/// What a line says has happened.
fn event(line: &Json) -> &'static str {
    match (line.get("sinkTask"), line.get("flushed"), line.get("committed")) {
        (Some(_), Some(_), None) => "flushed",
        (Some(_), None, None) => "put",
        (None, None, Some(_)) => "committed",
        (None, None, None) => "made",
        _ => panic!("{line}"),
    }
}

#[test]
fn each_record_is_told_four_times_in_whole_lines_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = start(dir.path());
    // The next number by event and source task.
    let mut next: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    let end = Instant::now() + PATIENCE;
    while next.len() < 8 || next.values().any(|&count| count < RECORDS) {
        let left = end.saturating_duration_since(Instant::now());
        let line = program.lines.recv_timeout(left).unwrap_or_else(|_| panic!("only {next:?}"));
        let line: Json = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(line["topic"], "t");
        let task = line["task"].as_i64().unwrap();
        let expected = next.entry((event(&line), task)).or_default();
        // A task's records have one key and so one queue: they stay in order to the end.
        assert_eq!(line["seqno"].as_i64().unwrap(), *expected, "{line}");
        *expected += 1;
        let (made, now) = (next.get(&("made", task)), next.get(&(event(&line), task)));
        assert!(now <= made, "{line} before it was made");
    }
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    // What was given away before the end is told to the end.
    for line in program.lines.iter() {
        let line: Json = serde_json::from_str(&line).unwrap();
        *next.entry((event(&line), line["task"].as_i64().unwrap())).or_default() += 1;
    }
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    for task in [0, 1] {
        assert!(next[&("committed", task)] <= next[&("made", task)]);
        assert!(next[&("put", task)] <= next[&("committed", task)]);
        assert_eq!(next[&("put", task)], next[&("flushed", task)]);
    }
}
