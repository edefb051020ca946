//! A server of a test's own.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry_api::Props;
use redis::{ConnectionLike, Value};

/// The longest that a server may take to start.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) dir: tempfile::TempDir,
    options: Vec<String>,
    process: Option<Child>,
    /// What its own client has to say first.
    pub(crate) login: Vec<String>,
}

/// A file of the directory that tests/native/redis.py has made.
pub(crate) fn certificate(name: &str) -> String {
    let dir = std::env::var("GANTRY_TEST_REDIS_TLS").expect("tests/native/redis.py sets it");
    format!("{dir}/{name}")
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// One that keeps nothing.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(options: &[&str]) -> Self {
        let mut server = Self::not_started(options);
        server.start();
        server
    }

    pub(crate) fn not_started(options: &[&str]) -> Self {
        Self {
            port: free_port(),
            dir: tempfile::tempdir().unwrap(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            process: None,
            login: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        let program = std::env::var("GANTRY_TEST_REDIS").expect("tests/native/redis.py sets it");
        let mut command = Command::new(program);
        // What it is called decides what it does.
        command.arg0("redis-server");
        if let Some(file) = self.options.first().filter(|option| option.ends_with(".conf")) {
            command.arg(file);
        }
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        command.args(["--dir", self.dir.path().to_str().unwrap(), "--save", ""]);
        command.args(self.options.iter().filter(|option| !option.ends_with(".conf")));
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(started.spawn().expect("the server's program"));
        let begun = Instant::now();
        while self.connection().is_none() {
            assert!(begun.elapsed() < LIMIT, "Redis does not answer on port {}", self.port);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn connection(&self) -> Option<redis::Connection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_connection_with_timeout(LIMIT).ok()?;
        if !self.login.is_empty() {
            let mut auth = redis::cmd("AUTH");
            auth.arg(&self.login);
            connection.req_command(&auth).ok()?;
        }
        match connection.req_command(&redis::cmd("PING")) {
            Ok(Value::ServerError(error)) if error.code() == "LOADING" => None,
            _ => Some(connection),
        }
    }

    /// One command in a database; its answer as text.
    pub(crate) fn ask_in(&self, database: i64, words: &[&str]) -> String {
        let mut connection = self.connection().expect("a connection");
        if database != 0 {
            connection.req_command(redis::cmd("SELECT").arg(database)).unwrap();
        }
        let mut cmd = redis::cmd(words[0]);
        cmd.arg(&words[1..]);
        match connection.req_command(&cmd) {
            Ok(value) => show(&value),
            Err(error) => format!("{error}"),
        }
    }

    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.ask_in(0, words)
    }

    /// Properties of Redis' own connectors.
    pub(crate) fn props(&self, more: &[(&str, &str)]) -> Props {
        let uri = format!("redis://127.0.0.1:{}", self.port);
        let mut all = vec![("redis.uri", uri.as_str())];
        all.extend_from_slice(more);
        props(&all)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn props(all: &[(&str, &str)]) -> Props {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".to_owned(),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(show).collect();
            format!("[{}]", list.join(" "))
        }
        other => format!("{other:?}"),
    }
}
