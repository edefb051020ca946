//! The program itself as a child process, for the end-to-end tests.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_gantry");

/// How long a worker may take for what it is asked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A worker on a free port, with its log lines.
pub(crate) struct Worker {
    pub(crate) child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    /// Where its first listener is.
    pub(crate) url: String,
}

impl Worker {
    pub(crate) fn command(dir: &Path, files: &[&str]) -> Command {
        Self::command_of("standalone", dir, files)
    }

    pub(crate) fn command_of(mode: &str, dir: &Path, files: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg(mode).args(files).current_dir(dir);
        command.args(["--set", "listeners=http://127.0.0.1:0"]);
        command.stderr(Stdio::piped());
        command
    }

    /// On a free port.
    pub(crate) fn start(dir: &Path, files: &[&str]) -> Self {
        Self::run(Self::command(dir, files))
    }

    /// Waits until the command listens.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = std::sync::mpsc::sync_channel(10_000);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut worker = Self { child, lines, url: String::new() };
        worker.url = worker.listening("REST listening on ");
        worker
    }

    /// The address of the next line that tells one.
    pub(crate) fn listening(&self, text: &str) -> String {
        self.line(text).rsplit(' ').next().unwrap().to_owned()
    }

    /// Waits for a line of the log.
    pub(crate) fn line(&self, part: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(error) => panic!("no line with `{part}`: {error}"),
            }
        }
    }

    pub(crate) fn gantry(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(PROGRAM)
            .args(args)
            .args(["--url", &self.url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str], input: &str) -> String {
        let output = self.gantry(args, input);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Ends the worker in order.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a start that must fail says, with its exit status 1.
pub(crate) fn refusal(dir: &Path, files: &[&str], more: &[&str]) -> String {
    let output = Worker::command(dir, files).args(more).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    log
}
