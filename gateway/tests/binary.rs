//! The program itself: start, stop, files, errors, exit statuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::{PATIENCE, PROGRAM, Worker, refusal};

#[test]
fn a_file_goes_through_a_topic_into_a_file_and_topics_stay() {
    let dir = tempfile::tempdir().unwrap();
    let text = "org.apache.kafka.connect.storage.StringConverter";
    let files = [
        ("worker.properties", format!("key.converter={text}\nvalue.converter={text}\n")),
        ("in.txt", "one\ntwo\nthree\n".to_owned()),
        (
            "source.properties",
            "name=source\nconnector.class=FileStreamSource\nfile=in.txt\ntopic=lines\n".to_owned(),
        ),
        (
            "sink.json",
            r#"{"name":"sink","config":{"connector.class":"FileStreamSink","file":"out.txt","topics":"lines"}}"#
                .to_owned(),
        ),
    ];
    for (name, content) in &files {
        std::fs::write(dir.path().join(name), content).unwrap();
    }
    let worker =
        Worker::start(dir.path(), &["worker.properties", "source.properties", "sink.json"]);
    let end = Instant::now() + PATIENCE;
    let out = dir.path().join("out.txt");
    while std::fs::read_to_string(&out).unwrap_or_default() != "one\ntwo\nthree\n" {
        assert!(Instant::now() < end, "{}", worker.ok(&["connector", "list"], ""));
        thread::sleep(Duration::from_millis(20));
    }
    let list = worker.ok(&["connector", "list"], "");
    assert!(list.contains("sink") && list.contains("1/1 running"), "{list}");
    let read = worker.ok(&["topic", "read", "lines", "--from-beginning"], "");
    assert_eq!(read, "one\ntwo\nthree\n");
    worker.stop();

    let worker = Worker::start(dir.path(), &[]);
    assert!(!worker.ok(&["connector", "list"], "").contains("source"), "connectors do not stay");
    let dump = worker.ok(&["topic", "dump", "lines", "--max", "2"], "");
    assert_eq!(dump.lines().count(), 3, "{dump}");
    let loaded = worker.gantry(&["topic", "load", "copy"], &dump);
    assert!(loaded.status.success(), "{loaded:?}");
    let copy = worker.ok(&["topic", "read", "copy", "--from-beginning"], "");
    assert_eq!(copy, "one\ntwo\n");
    let missing = worker.ok(&["topic", "dump", "nope", "--timeout-ms", "1"], "");
    assert_eq!(missing, "{\"missing\":true}\n");
    worker.stop();
}

#[test]
fn connectors_of_a_distributed_worker_outlive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let text = "org.apache.kafka.connect.storage.StringConverter";
    let worker = format!(
        "group.id=g\nconfig.storage.topic=configs\noffset.storage.topic=offsets\n\
         status.storage.topic=statuses\nkey.converter={text}\nvalue.converter={text}\n"
    );
    let source = "connector.class=FileStreamSource\nfile=in.txt\ntopic=lines\n";
    std::fs::write(dir.path().join("worker.properties"), worker).unwrap();
    std::fs::write(dir.path().join("in.txt"), "one\ntwo\n").unwrap();
    for name in ["works", "stopped", "deleted"] {
        let file = dir.path().join(format!("{name}.properties"));
        std::fs::write(file, format!("name={name}\n{source}")).unwrap();
    }
    let start =
        || Worker::run(Worker::command_of("distributed", dir.path(), &["worker.properties"]));
    let path = |name: &str| dir.path().join(name).display().to_string();
    let lines = |worker: &Worker| worker.ok(&["topic", "read", "lines", "--from-beginning"], "");
    let until = |worker: &Worker, what: &str, is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{what}: {}", worker.ok(&["connector", "list"], ""));
            thread::sleep(Duration::from_millis(20));
        }
    };
    let mut first = start();
    first.ok(&["connector", "create", &path("works.properties")], "");
    let exists = || first.ok(&["topic", "list"], "").contains("lines");
    until(&first, "a topic", &exists);
    until(&first, "two lines", &|| lines(&first) == "one\ntwo\n");
    for name in ["stopped", "deleted"] {
        first.ok(&["connector", "create", &path(&format!("{name}.properties"))], "");
    }
    first.ok(&["connector", "stop", "stopped"], "");
    first.ok(&["connector", "delete", "deleted"], "");
    let before = lines(&first).lines().count();
    first.child.kill().unwrap();
    first.child.wait().unwrap();

    let second = start();
    let list = || second.ok(&["connector", "list"], "");
    until(&second, "it runs", &|| list().contains("1/1 running"));
    assert!(list().contains("STOPPED") && !list().contains("deleted"), "{}", list());
    std::fs::OpenOptions::new()
        .append(true)
        .open(dir.path().join("in.txt"))
        .unwrap()
        .write_all(b"three\n")
        .unwrap();
    until(&second, "a third line", &|| lines(&second).ends_with("three\n"));
    assert_eq!(lines(&second).lines().count(), before + 1, "nothing comes twice");
    let refused = second.gantry(&["topic", "write", "configs"], "x");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("written by the worker alone"), "{said}");
    second.stop();
}

/// Linux's O_NONBLOCK.
const NONBLOCK: i32 = 0o4000;

/// A worker whose sink hangs in the write to a pipe, and the end of the pipe that nobody reads.
fn blocked(dir: &Path) -> (Worker, File) {
    let pipe = dir.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let unread = File::options().read(true).custom_flags(NONBLOCK).open(&pipe).unwrap();
    let connector = format!(
        "name=c\nconnector.class=FileStreamSink\ntopics=t\nfile={}\n\
         value.converter=org.apache.kafka.connect.storage.StringConverter\n",
        pipe.display()
    );
    std::fs::write(dir.join("c.properties"), connector).unwrap();
    let mut command = Worker::command(dir, &["c.properties"]);
    command.args(["--set", "task.shutdown.graceful.timeout.ms=100"]);
    command.args(["--set", "offset.flush.timeout.ms=100"]);
    let worker = Worker::run(command);
    let more_than_it_holds = format!("{}\n", "x".repeat(1_000)).repeat(1_000);
    worker.ok(&["topic", "write", "t"], &more_than_it_holds);
    let mut probe = File::options().write(true).custom_flags(NONBLOCK).open(&pipe).unwrap();
    let end = Instant::now() + PATIENCE;
    // Less than a page is written as a whole or not at all.
    while probe.write(&[b'x'; 4_000]).is_ok() {
        assert!(Instant::now() < end, "the pipe is not filled");
    }
    thread::sleep(Duration::from_millis(200));
    (worker, unread)
}

/// The exit status of a worker that must end.
fn ended(worker: &mut Worker) -> Option<i32> {
    let end = Instant::now() + 2 * PATIENCE;
    loop {
        if let Some(status) = worker.child.try_wait().unwrap() {
            return status.code();
        }
        assert!(Instant::now() < end, "it does not end");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_call_that_blocks_for_ever_does_not_keep_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (mut worker, _unread) = blocked(dir.path());
    worker.signal("TERM");
    assert_eq!(ended(&mut worker), Some(0));
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut worker, _unread) = blocked(dir.path());
    worker.signal("TERM");
    // All that is left is the call that blocks.
    worker.line("stopped");
    worker.signal("INT");
    assert_eq!(ended(&mut worker), Some(143));
}

#[test]
fn a_data_directory_has_one_worker() {
    let dir = tempfile::tempdir().unwrap();
    let worker = Worker::start(dir.path(), &[]);
    let log = refusal(dir.path(), &[], &[]);
    let expected = format!("in use by process {}", worker.child.id());
    assert!(log.contains(&expected) && log.contains("gantry.data.dir"), "{log}");
    worker.stop();
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("listeners=http://{}", taken.local_addr().unwrap());
    let log = refusal(dir.path(), &[], &["--set", &url]);
    assert!(log.contains("cannot listen on http://127.0.0.1:"), "{log}");
    assert!(log.contains("listeners=http://127.0.0.1:"), "{log}");
    let port = taken.local_addr().unwrap().port();
    let set = format!("httpPort={port}");
    let log = refusal(dir.path(), &[], &["--set", "listeners=http://127.0.0.1:0", "--set", &set]);
    assert!(log.contains(&format!("cannot listen on http://127.0.0.1:{port}: ")), "{log}");
    assert!(log.contains("another port by gantry.rocketmq.connect.port (httpPort)"), "{log}");
    assert!(!dir.path().join("gantry-data").exists(), "nothing was opened");
}

#[test]
fn bad_files_stop_the_start_and_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write("bad.properties", "key.converter=No\nvalue.converter=No\n");
    write("broken.json", "{\"name\":");
    write("class.json", r#"{"name":"c","config":{"connector.class":"No"}}"#);
    let log = refusal(dir.path(), &["bad.properties"], &[]);
    assert!(log.contains("(bad.properties): Invalid value No for configuration key.conv"), "{log}");
    let log = refusal(dir.path(), &["broken.json"], &[]);
    assert!(log.contains("broken.json: not JSON"), "{log}");
    let log = refusal(dir.path(), &["nope.properties"], &[]);
    assert!(log.contains("cannot read nope.properties"), "{log}");
    let log = refusal(dir.path(), &["class.json"], &[]);
    assert!(log.contains("connector c cannot be created: "), "{log}");
    assert!(log.contains("which name matches No"), "{log}");
    let log = refusal(dir.path(), &[], &["--set", "gantry.topic.queues=0"]);
    assert!(log.contains("gantry.topic.queues: Value must be at least 1"), "{log}");
}

#[test]
fn the_command_line_explains_itself() {
    let run = |args: &[&str]| Command::new(PROGRAM).args(args).output().unwrap();
    let version = run(&["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("gantry "));
    let help = run(&["topic", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("gantry topic create lines"));
    assert_eq!(run(&["nonsense"]).status.code(), Some(2));
    let nobody = run(&["topic", "list", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(1));
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(said.contains("no worker answers at http://127.0.0.1:1"), "{said}");
}

#[test]
fn a_preview_on_a_worker_and_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let sink = "name=sink\nconnector.class=FileStreamSink\nfile=out.txt\ntopics=t\n\
        transforms=i\n\
        transforms.i.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
        transforms.i.offset.field=at\n";
    std::fs::write(dir.path().join("sink.properties"), sink).unwrap();
    let file = dir.path().join("sink.properties").display().to_string();
    let worker = Worker::start(dir.path(), &[]);
    worker.ok(&["topic", "write", "t"], "{\"a\":1}\n{\"a\":2}\n");
    let shown = worker.ok(&["preview", &file, "--topic", "t", "--from", "1"], "");
    assert!(shown.contains("record 0: t-0 offset 1\n"), "{shown}");
    assert!(shown.contains("    + value.at  1\n  => given to the connector, topic t\n"), "{shown}");
    let json = worker.ok(&["preview", &file, "--topic", "t", "--max", "1", "--json"], "");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"][0]["output"]["value"]["payload"]["at"], 0);
    assert!(!dir.path().join("out.txt").exists(), "no task has run");
    assert!(!worker.ok(&["connector", "list"], "").contains("sink"));
    let dump = worker.ok(&["topic", "dump", "t"], "");
    let samples = worker.ok(&["preview", &file, "--records", "-", "--hex"], &dump);
    assert!(samples.contains("    + value.at  1\n"), "{samples}");
    worker.stop();

    let offline_in = |environment: &[(&str, &str)], more: &[&str], input: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["preview", &file]).args(more).current_dir(dir.path());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };
    let offline = |more: &[&str], input: &str| offline_in(&[], more, input);
    let (status, text, _) = offline(&["--records", "-"], dump.lines().nth(1).unwrap());
    assert_eq!(status, Some(1), "digits taken as text are no JSON: {text}");
    assert!(text.contains("=> FAILED in VALUE_CONVERTER (JsonConverter)"), "{text}");
    let (status, text, said) = offline(&["--records", "-", "--hex"], &dump);
    assert_eq!((status, said.as_str()), (Some(0), ""), "{text}");
    assert_eq!(text, samples, "here as on the worker");
    let schemas = "org.apache.kafka.connect.json.JsonConverter";
    let own = format!("key.converter={schemas}\nvalue.converter={schemas}\n");
    std::fs::write(dir.path().join("w.properties"), own).unwrap();
    let (status, text, _) =
        offline(&["--records", "-", "--worker", "w.properties"], "{\"value\":{\"a\":1}}\n");
    assert_eq!(status, Some(1));
    assert!(text.contains("JsonConverter with schemas.enable requires"), "{text}");
    // Variables lie over the worker file, as for a worker.
    let without = [("CONNECT_VALUE_CONVERTER_SCHEMAS_ENABLE", "false")];
    let (status, text, _) = offline_in(
        &without,
        &["--records", "-", "--worker", "w.properties"],
        "{\"value\":{\"a\":1}}\n",
    );
    assert_eq!(status, Some(0), "{text}");
    let (status, _, said) = offline(&["--records", "-"], "{\n");
    assert_eq!(status, Some(1));
    assert!(said.contains("line 1 is not JSON"), "{said}");
    assert_eq!(offline(&[], "").0, Some(2), "neither a topic nor records");
}

#[test]
fn lint_has_four_exit_statuses_and_json() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let base = "name=c\nconnector.class=FileStreamSource\ntopic=t\n";
    let good = write("good.properties", base);
    let warned = write("warned.properties", &format!("{base}batch.sise=5\n"));
    let broken = write("broken.json", "{\n  \"name\": \"c\",\n}\n");
    let run = |args: &[&str]| {
        let output = Command::new(PROGRAM).arg("lint").args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(run(&[&good]), (Some(0), "0 error(s), 0 warning(s), 0 info(s)\n".to_owned()));
    let (status, text) = run(&[&good, &warned]);
    assert_eq!(status, Some(3));
    assert!(text.contains("warned.properties:4:1: warning GL101: nothing reads the key"), "{text}");
    assert!(text.contains("\n    did you mean batch.size?\n"), "{text}");
    let (status, text) = run(&["--json", &warned, &broken]);
    assert_eq!(status, Some(1));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&json["errors"], &json["warnings"]), (&2.into(), &1.into()), "{json}");
    let finding = &json["files"][1]["findings"][1];
    assert_eq!(finding["code"], "GL001");
    assert_eq!((&finding["line"], &finding["column"]), (&2.into(), &14.into()));
    assert_eq!(json["files"][0]["findings"][0]["level"], "warning");
    assert_eq!(run(&[]).0, Some(2));
    let (status, text) = run(&["--explain", "gl101"]);
    assert!(status == Some(0) && text.starts_with("## GL101 Unknown key"), "{text}");
    assert_eq!(run(&["--explain", "GL000"]).0, Some(1));
}
