//! Servers that are away, full, not the ones to write to, or do not know who asks.

use std::time::{Duration, Instant};

use gantry_api::{Error, SinkOffset, TaskEpoch, TopicPartition};

use super::server::{Server, certificate, props};
use super::sink::{pair, start};
use super::{CUSTENBORDER, SINK};
use crate::jdbc::harness::{Sink, block};

fn strings(server: &Server) -> gantry_api::Props {
    server.props(&[("redis.type", "STRING"), ("redis.timeout", "5")])
}

/// Puts a batch until Redis takes it, as the runtime does.
async fn put(sink: &mut Sink, records: &[gantry_api::SinkRecord]) -> Result<(), Error> {
    let begun = Instant::now();
    loop {
        match sink.task.put(records).await {
            Err(error) if error.is_retriable() && begun.elapsed() < Duration::from_secs(10) => {
                let wait_ms = sink.context.take_timeout_ms().unwrap();
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            done => return done,
        }
    }
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn a_server_that_is_away_at_the_start_and_in_the_middle() {
    let mut server = Server::not_started(&["--appendonly", "yes", "--appendfsync", "always"]);
    block(async {
        let mut sink = start(SINK, &strings(&server)).await;
        let first = sink.records("t", vec![pair("1", "a")]);
        let error = sink.task.put(&first).await.unwrap_err();
        assert!(error.is_retriable() && error.message().contains("127.0.0.1"), "{error}");
        server.start();
        put(&mut sink, &first).await.unwrap();
        server.kill();
        let second = sink.records("t", vec![pair("2", "b")]);
        assert!(sink.task.put(&second).await.unwrap_err().is_retriable());
        server.start();
        put(&mut sink, &second).await.unwrap();
        assert_eq!(server.ask(&["MGET", "t:1", "t:2"]), "[a b]");
        // Where the keys say how often it is tried, the task fails after that.
        server.kill();
        let hosts = format!("127.0.0.1:{}", server.port);
        let tries = [
            ("redis.hosts", hosts.as_str()),
            ("redis.connection.attempts", "2"),
            ("redis.connection.retry.delay.ms", "100"),
        ];
        let begun = Instant::now();
        let error =
            Sink::start_as(CUSTENBORDER, &props(&tries), TaskEpoch::default()).await.err().unwrap();
        assert!(!error.is_retriable() && begun.elapsed() >= Duration::from_millis(100), "{error}");
        // A task that is stopped does not wait for a server that is not there.
        sink.context.cancel.cancel();
        let begun = Instant::now();
        sink.task.put(&second).await.unwrap_err();
        sink.task.stop().await.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4));
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn a_server_that_does_not_answer() {
    let server = Server::with(&["--enable-debug-command", "local"]);
    block(async {
        let mut sink =
            start(SINK, &server.props(&[("redis.type", "STRING"), ("redis.timeout", "1")])).await;
        let records = sink.records("t", vec![pair("1", "a")]);
        let port = server.port;
        let asleep = std::thread::spawn(move || {
            let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
            let mut connection = client.get_connection().unwrap();
            redis::cmd("DEBUG").arg("SLEEP").arg("2.5").exec(&mut connection)
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        let error = sink.task.put(&records).await.unwrap_err();
        assert!(error.is_retriable() && begun.elapsed() < Duration::from_secs(2), "{error}");
        // And one that is stopped meanwhile ends soon.
        sink.context.cancel.cancel();
        sink.task.put(&records).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(asleep.join().unwrap());
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn a_full_server_and_one_that_is_a_replica() {
    let server = Server::with(&["--maxmemory-policy", "noeviction"]);
    block(async {
        for is_exact in ["false", "true"] {
            server.ask(&["FLUSHALL"]);
            let keys = [
                ("redis.type", "LIST"),
                ("redis.keyspace", "l"),
                ("gantry.offsets.exactly.once", is_exact),
            ];
            let mut sink = start(SINK, &server.props(&keys)).await;
            sink.task
                .open(&[(TopicPartition::new("t", 0), Some(SinkOffset::new(0)))])
                .await
                .unwrap();
            for (off, on, code) in [
                (
                    &["CONFIG", "SET", "maxmemory", "1"][..],
                    &["CONFIG", "SET", "maxmemory", "0"][..],
                    "OOM",
                ),
                (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"], "READONLY"),
            ] {
                let records =
                    sink.records("t", (0..50).map(|at| pair(&at.to_string(), "")).collect());
                server.ask(off);
                let error = sink.task.put(&records).await.unwrap_err();
                assert!(error.is_retriable() && error.message().contains(code), "{error}");
                assert!(
                    sink.context.take_timeout_ms().is_some()
                        && sink.context.take_errant().is_empty()
                );
                server.ask(on);
                put(&mut sink, &records).await.unwrap();
            }
            // Nothing was lost, and nothing written twice.
            assert_eq!(server.ask(&["LLEN", "l"]), "100");
        }
        // More replicas than there are.
        let keys =
            [("redis.type", "STRING"), ("redis.wait.replicas", "1"), ("redis.wait.timeout", "50")];
        let mut sink = start(SINK, &server.props(&keys)).await;
        let error = sink.put("t", vec![pair("1", "")]).await.unwrap_err();
        assert!(
            error.is_retriable() && error.message().contains("redis.wait.replicas=1"),
            "{error}"
        );
        let replica = Server::with(&["--replicaof", "127.0.0.1", &server.port.to_string()]);
        let records = sink.records("t", vec![pair("2", "b")]);
        put(&mut sink, &records).await.unwrap();
        assert_eq!(replica.ask(&["GET", "t:2"]), "b");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn who_asks_must_be_known() {
    let mut server = Server::not_started(&[
        "--requirepass",
        "open-sesame",
        "--user",
        "app",
        "on",
        ">app-secret",
        "~*",
        "+@all",
    ]);
    server.login = vec!["open-sesame".to_owned()];
    server.start();
    block(async {
        let of = |more: &[(&str, &str)]| {
            let mut all = vec![("redis.type", "STRING")];
            all.extend_from_slice(more);
            server.props(&all)
        };
        for (wrong, code) in [
            (&[("redis.password", "wrong-word")][..], "WRONGPASS"),
            (&[("redis.username", "app"), ("redis.password", "open-sesame")], "WRONGPASS"),
            (&[], "NOAUTH"),
        ] {
            let started = Sink::start_as(SINK, &of(wrong), TaskEpoch::default()).await;
            let error = match started {
                Err(error) => error,
                Ok(mut sink) => sink.put("t", vec![pair("1", "a")]).await.unwrap_err(),
            };
            assert!(!error.is_retriable(), "{error}");
            let text = error.trace();
            assert!(text.contains(code) || text.contains("authentication"), "{text}");
            assert!(!text.contains("wrong-word") && !text.contains("open-sesame"), "{text}");
        }
        for right in [
            &[("redis.password", "open-sesame")][..],
            &[("redis.username", "app"), ("redis.password", "app-secret")],
        ] {
            start(SINK, &of(right)).await.put("t", vec![pair("1", "a")]).await.unwrap();
        }
        let uri = format!("redis://app:app-secret@127.0.0.1:{}/2", server.port);
        let keys = [("redis.uri", uri.as_str()), ("redis.type", "STRING")];
        start(SINK, &props(&keys)).await.put("t", vec![pair("1", "b")]).await.unwrap();
        assert_eq!(server.ask_in(2, &["GET", "t:1"]), "b");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn servers_prove_who_they_are() {
    let port = super::server::free_port().to_string();
    let (ca, chain, key) =
        (certificate("ca.pem"), certificate("server.pem"), certificate("server.key"));
    let server = Server::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &chain,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
    ]);
    block(async {
        let of = |scheme: &str, more: &[(&str, &str)]| {
            let uri = format!("{scheme}://127.0.0.1:{port}");
            let mut all = vec![
                ("redis.uri", uri.as_str()),
                ("redis.type", "STRING"),
                ("redis.key.cert", &chain),
                ("redis.key.file", &key),
            ];
            all.extend_from_slice(more);
            props(&all)
        };
        start(SINK, &of("rediss", &[("redis.cacert", &ca)]))
            .await
            .put("t", vec![pair("1", "a")])
            .await
            .unwrap();
        start(SINK, &of("redis", &[("redis.tls", "true"), ("redis.insecure", "true")]))
            .await
            .put("t", vec![pair("2", "b")])
            .await
            .unwrap();
        assert_eq!(server.ask(&["MGET", "t:1", "t:2"]), "[a b]");
        // The system does not trust it.
        let error =
            start(SINK, &of("rediss", &[])).await.put("t", vec![pair("3", "c")]).await.unwrap_err();
        assert!(error.message().contains("certificate"), "{error}");
        let missing = Sink::start_as(
            SINK,
            &of("rediss", &[("redis.cacert", "/nowhere.pem")]),
            TaskEpoch::default(),
        )
        .await
        .err()
        .unwrap();
        assert!(!missing.is_retriable() && missing.message().contains("/nowhere.pem"), "{missing}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn sentinels_know_the_master() {
    let first = Server::new();
    let second = Server::new();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sentinel.conf");
    std::fs::write(&file, format!("sentinel monitor mine 127.0.0.1 {} 1\n", first.port)).unwrap();
    let sentinel = Server::with(&[file.to_str().unwrap(), "--sentinel"]);
    block(async {
        let uri = format!("redis-sentinel://127.0.0.1:1,127.0.0.1:{}#mine", sentinel.port);
        let mut sink = start(SINK, &props(&[("redis.uri", &uri), ("redis.type", "STRING")])).await;
        sink.put("t", vec![pair("1", "a")]).await.unwrap();
        assert_eq!(first.ask(&["GET", "t:1"]), "a");
        // Another master: the old one takes no more writes.
        sentinel.ask(&["SENTINEL", "REMOVE", "mine"]);
        sentinel.ask(&["SENTINEL", "MONITOR", "mine", "127.0.0.1", &second.port.to_string(), "1"]);
        first.ask(&["REPLICAOF", "127.0.0.1", &second.port.to_string()]);
        let records = sink.records("t", vec![pair("2", "b")]);
        put(&mut sink, &records).await.unwrap();
        assert_eq!(second.ask(&["GET", "t:2"]), "b");
        let uri = format!("redis-sentinel://127.0.0.1:{}#other", sentinel.port);
        let mut sink = start(SINK, &props(&[("redis.uri", &uri), ("redis.type", "STRING")])).await;
        let error = sink.put("t", vec![pair("1", "a")]).await.unwrap_err();
        assert!(error.message().contains("knows no master other"), "{error}");
    });
}

#[test]
#[ignore = "needs a server: tests/native/redis.py"]
fn each_record_once_while_the_server_dies() {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let keys = [
        ("redis.type", "LIST"),
        ("redis.keyspace", "l"),
        ("redis.timeout", "5"),
        ("gantry.offsets.exactly.once", "true"),
    ];
    let props = server.props(&keys);
    let (all, each) = (6000_u64, 20);
    let (sender, ended) = std::sync::mpsc::channel::<()>();
    let killer = std::thread::spawn(move || {
        let goes_on = Err(std::sync::mpsc::RecvTimeoutError::Timeout);
        while ended.recv_timeout(Duration::from_millis(300)) == goes_on {
            server.kill();
            server.start();
        }
        server
    });
    block(async {
        let queue = TopicPartition::new("t", 0);
        let mut sink = start(SINK, &props).await;
        sink.task.open(&[(queue.clone(), Some(SinkOffset::new(0)))]).await.unwrap();
        while sink.next < all {
            let range = sink.next..(sink.next + each).min(all);
            let batch = range.map(|number| pair(&number.to_string(), "")).collect();
            let records = sink.records("t", batch);
            put(&mut sink, &records).await.unwrap();
            if let Some(next) = sink.context.take_requests().rewind.get(&queue) {
                sink.next = *next;
            }
        }
    });
    drop(sender);
    let server = killer.join().unwrap();
    let want: Vec<String> = (0..all).map(|number| number.to_string()).collect();
    assert_eq!(server.ask(&["LRANGE", "l", "0", "-1"]), format!("[{}]", want.join(" ")));
}
