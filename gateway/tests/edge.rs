//! The edge of the REST server with the real program and curl: HTTPS, client certificates,
//! users, admin listeners, pages of other sites, loggers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod harness;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::{PROGRAM, Worker, refusal};

const BASIC: &str = "rest.extension.classes=BasicAuthSecurityRestExtension";

fn fixture(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    dir.join(name).display().to_string()
}

fn command(dir: &Path, sets: &[String]) -> Command {
    let mut command = Worker::command(dir, &[]);
    for set in sets {
        command.args(["--set", set]);
    }
    command
}

fn worker(dir: &Path, sets: &[String]) -> Worker {
    Worker::run(command(dir, sets))
}

fn sets(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Listeners and key store of a worker that speaks both.
fn https(listeners: &str) -> Vec<String> {
    vec![
        format!("listeners={listeners}"),
        format!("ssl.keystore.location={}", fixture("server.jks")),
        "ssl.keystore.password=changeit".to_owned(),
        "ssl.key.password=keysecret".to_owned(),
    ]
}

fn curl(args: &[&str]) -> Output {
    Command::new("curl").args(["-sS", "-m", "20"]).args(args).output().unwrap()
}

/// Head and body of what curl gets.
fn fetched(args: &[&str]) -> String {
    let output = curl(&[&["-i"], args].concat());
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn at_localhost(url: &str) -> String {
    url.replace("127.0.0.1", "localhost")
}

fn users(dir: &Path) -> PathBuf {
    let file = dir.join("users.properties");
    std::fs::write(&file, "alice=wonder land\n").unwrap();
    file
}

#[test]
fn http_and_https_listen_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let mut sets = https("http://127.0.0.1:0,https://127.0.0.1:0");
    sets.push("rest.advertised.listener=https".to_owned());
    let worker = worker(dir.path(), &sets);
    let https = at_localhost(&worker.listening("REST listening on https://"));
    let ca = fixture("ca.pem");
    assert!(fetched(&[&format!("{}/connectors", worker.url)]).ends_with("[]"));
    let secure = fetched(&["--cacert", &ca, &format!("{https}/connectors")]);
    assert!(secure.starts_with("HTTP/1.1 200 OK") && secure.ends_with("[]"), "{secure}");
    let connector = r#"{"name":"c","config":{"connector.class":"FileStreamSource","file":"/nope","topic":"t"}}"#;
    let json = ["-H", "content-type: application/json", "-d", connector];
    let url = format!("{https}/connectors");
    let created = fetched(&[&["--cacert", &ca, &url], &json[..]].concat());
    assert!(created.contains(&format!("location: {https}/connectors/c")), "{created}");
    let status = fetched(&[&format!("{}/connectors/c/status", worker.url)]);
    let port = https.rsplit(':').next().unwrap();
    assert!(status.contains(&format!(r#""worker_id":"127.0.0.1:{port}""#)), "{status}");
    let untrusted = curl(&[&url]);
    assert_eq!(untrusted.status.code(), Some(60), "{untrusted:?}");
    let plain = curl(&[&url.replace("https://", "http://")]);
    assert!(!plain.status.success(), "{plain:?}");
    worker.stop();
}

#[test]
fn the_command_line_speaks_to_a_guarded_worker() {
    let dir = tempfile::tempdir().unwrap();
    let mut sets = https("https://127.0.0.1:0");
    sets.extend([
        "ssl.client.auth=required".to_owned(),
        format!("ssl.truststore.location={}", fixture("trust.jks")),
        BASIC.to_owned(),
        format!("gantry.rest.basic.auth.file={}", users(dir.path()).display()),
    ]);
    let worker = worker(dir.path(), &sets);
    let url = at_localhost(&worker.url);
    let (ca, cert, user) = (fixture("ca.pem"), fixture("client.pem"), dir.path().join("me"));
    std::fs::write(&user, "alice:wonder land\n").unwrap();
    let gantry = |args: &[&str], env: Option<&str>| {
        let mut command = Command::new(PROGRAM);
        command.args(["connector", "list", "--url", &url]).args(args);
        if let Some(user) = env {
            command.env("GANTRY_USER", user);
        }
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let tls = ["--cacert", &ca, "--cert", &cert];
    let file = user.display().to_string();
    let good = [
        gantry(&[&tls[..], &["--user-file", &file]].concat(), None),
        gantry(&[&tls[..], &["--user", "alice:wonder land"]].concat(), None),
        gantry(&tls, Some("alice:wonder land")),
    ];
    for (succeeded, said) in good {
        assert!(succeeded, "{said}");
    }
    for (wrong, why) in [
        (gantry(&tls, None), "asks for a user and password"),
        (gantry(&tls, Some("alice:wrong secret")), "asks for a user and password"),
        (gantry(&tls, Some("alice")), "the user has no password"),
        (gantry(&["--cert", &cert], None), "--cacert"),
        (gantry(&["--cacert", &ca], Some("alice:wonder land")), "no worker answers"),
        (gantry(&["--cacert", "/nope"], None), "--cacert /nope: No such file"),
        (gantry(&["--cacert", &ca, "--cert-key", &cert], None), "--cert-key needs --cert"),
    ] {
        assert!(!wrong.0 && wrong.1.contains(why), "{why}: {wrong:?}");
        assert!(!wrong.1.contains("wrong secret"), "{wrong:?}");
    }
    worker.stop();
}

#[test]
fn stores_that_do_not_open_end_the_start_before_any_port_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let mut sets = https("https://127.0.0.1:0");
    sets[2] = "ssl.keystore.password=wrong secret".to_owned();
    let args: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let log = refusal(dir.path(), &[], &args);
    assert!(log.contains("correct ssl.keystore.password"), "{log}");
    assert!(!log.contains("wrong secret") && !log.contains("listening"), "{log}");
    assert!(!dir.path().join("gantry-data").exists(), "nothing was opened");
    let log = refusal(dir.path(), &[], &["--set", "rest.extension.classes=com.example.Nope"]);
    assert!(log.contains("ConnectRestExtension and which name matches com.example.Nope"), "{log}");
}

#[test]
fn users_are_those_of_the_jaas_file_in_kafka_opts() {
    let dir = tempfile::tempdir().unwrap();
    let jaas = dir.path().join("jaas.conf");
    let text = format!(
        "KafkaConnect {{\n  org.apache.kafka.connect.rest.basic.auth.extension.\
         PropertyFileLoginModule required\n  file=\"{}\";\n}};\n",
        users(dir.path()).display()
    );
    std::fs::write(&jaas, text).unwrap();
    let mut command = command(dir.path(), &sets(&[BASIC]));
    command
        .env("KAFKA_OPTS", format!("-Xmx1G -Djava.security.auth.login.config={}", jaas.display()));
    let worker = Worker::run(command);
    let url = format!("{}/connectors", worker.url);
    let refused = fetched(&[&url]);
    assert!(refused.starts_with("HTTP/1.1 401 Unauthorized"), "{refused}");
    assert!(refused.ends_with("\r\n\r\nUser cannot access the resource."), "{refused}");
    assert!(!refused.to_lowercase().contains("www-authenticate"), "{refused}");
    assert!(fetched(&["-u", "alice:wonder land", &url]).starts_with("HTTP/1.1 200 OK"));
    assert!(fetched(&["-u", "alice:wonderland", &url]).starts_with("HTTP/1.1 401"));
    worker.stop();
}

#[test]
fn admin_listeners_have_their_own_key_store() {
    let dir = tempfile::tempdir().unwrap();
    let p12 = format!("admin.listeners.https.ssl.keystore.location={}", fixture("server.p12"));
    let mut sets = sets(&[
        "admin.listeners=https://127.0.0.1:0,http://127.0.0.1:0",
        &p12,
        "admin.listeners.https.ssl.keystore.password=changeit",
        "access.control.allow.origin=https://.*\\.example\\.com",
        "response.http.headers.config=set X-Frame-Options:DENY",
    ]);
    sets.push("listeners=http://127.0.0.1:0".to_owned());
    let worker = worker(dir.path(), &sets);
    let https = at_localhost(&worker.listening("admin endpoints listening on https://"));
    let http = worker.listening("admin endpoints listening on http://");
    let ca = fixture("ca.pem");
    let root = fetched(&["--cacert", &ca, &format!("{https}/admin/loggers/root")]);
    assert!(root.ends_with(r#"{"level":"INFO","last_modified":null}"#), "{root}");
    let origin = ["-H", "Origin: https://a.example.com"];
    let admin = fetched(&[&origin[..], &[&format!("{http}/admin/loggers/root")]].concat());
    assert!(!admin.contains("access-control") && !admin.contains("x-frame"), "{admin}");
    assert!(fetched(&[&format!("{http}/connectors")]).starts_with("HTTP/1.1 404"));
    assert!(fetched(&[&format!("{}/admin/loggers", worker.url)]).starts_with("HTTP/1.1 404"));
    let main = fetched(&[&origin[..], &[&format!("{}/connectors", worker.url)]].concat());
    for header in [
        "access-control-allow-origin: https://a.example.com",
        "vary: Origin",
        "x-frame-options: DENY",
    ] {
        assert!(main.contains(header), "{header} in {main}");
    }
    worker.stop();
}

#[test]
fn a_logger_that_is_set_writes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &[]);
    command.env("CONNECT_LOG4J_ROOT_LOGLEVEL", "warn");
    let started = "gantry.startup=INFO,org.apache.kafka.connect.file=ERROR";
    command.env("CONNECT_LOG4J_LOGGERS", started);
    let worker = Worker::run(command);
    let loggers = format!("{}/admin/loggers", worker.url);
    let list = fetched(&[&loggers]);
    for level in [
        r#""root":{"level":"WARN","last_modified":null}"#,
        r#""gantry.startup":{"level":"INFO","last_modified":null}"#,
        r#""gantry.connectors.file":{"level":"ERROR","last_modified":null}"#,
    ] {
        assert!(list.contains(level), "{level} in {list}");
    }
    let put = |logger: &str, level: &str| {
        let body = format!(r#"{{"level":"{level}"}}"#);
        let json = ["-X", "PUT", "-H", "content-type: application/json", "-d", &body];
        fetched(&[&json[..], &[&format!("{loggers}/{logger}")]].concat())
    };
    // A request that ends in the middle is told at DEBUG only.
    let broken_off = || {
        use std::io::Write;
        let address = worker.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"GARBAGE\r\n\r\n").unwrap();
    };
    broken_off();
    let set = put("org.apache.kafka.connect.runtime.rest.RestServer", "DEBUG");
    assert!(set.ends_with(r#"["org.apache.kafka.connect.runtime.rest.RestServer"]"#), "{set}");
    let told = worker.line("level of loggers set");
    assert!(told.contains(" INFO level of loggers set"), "{told}");
    broken_off();
    let line = worker.line("a connection broke off");
    assert!(line.contains(" DEBUG gantry.rest.server: a connection broke off"), "{line}");
    put("root", "OFF");
    assert_eq!(fetched(&[&loggers]).split("\r\n\r\n").nth(1), Some("{}"));
    worker.stop();
}

#[test]
fn levels_of_the_command_line_are_checked() {
    let run = |args: &[&str], env: (&str, &str)| {
        let output =
            Command::new(PROGRAM).arg("standalone").args(args).env(env.0, env.1).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let level = run(&["--log-level", "loud"], ("X", ""));
    assert!(level.contains("'loud'") && level.contains("write OFF, ERROR"), "{level}");
    let logger = run(&[], ("CONNECT_LOG4J_LOGGERS", "a.b=LOUD"));
    assert!(logger.contains("a.b=LOUD") && logger.contains("write OFF, ERROR"), "{logger}");
}

#[test]
fn a_failure_is_told_where_nothing_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let log = refusal(dir.path(), &[], &["--log-level", "off", "--set", "gantry.log=nope"]);
    assert!(log.starts_with("worker configuration (the command line): "), "{log}");
}
