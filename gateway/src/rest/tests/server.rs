//! The server itself, over TCP: clients that are slow, listeners that are crowded.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::rest::server::{Endpoint, Server};
use crate::rest::{admin_router, is_quick};
use crate::rocketmq_connect;

/// What slow clients of these tests are given.
const BODY_TIMES: BodyTimes =
    BodyTimes { whole: Duration::from_millis(100), record: Duration::from_millis(300) };

async fn endpoint(router: Router) -> (Endpoint, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (Endpoint { listener, tls: None, router, quick: is_quick }, address)
}

async fn send(address: SocketAddr, text: &str) -> (OwnedReadHalf, OwnedWriteHalf) {
    let (reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(text.as_bytes()).await.unwrap();
    (reader, writer)
}

/// All that comes until the server closes.
async fn to_the_close(mut reader: OwnedReadHalf) -> String {
    let mut bytes = Vec::new();
    let all = async {
        let mut buffer = [0; 4096];
        // A server that closes on a client that still sends resets the connection.
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(PATIENCE, all).await.expect("the server does not close");
    String::from_utf8(bytes).unwrap()
}

fn post(path: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 1000000\r\n\r\n"
    )
}

async fn slow_bench() -> Arc<AppState> {
    let bench = Bench::new().await;
    Arc::new(AppState { body_times: BODY_TIMES, ..(*bench.state).clone() })
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_cut_off() {
    let (state, edge) = (slow_bench().await, Arc::default());
    let (kafka, at_kafka) = endpoint(router(&state, &edge)).await;
    let (rocketmq, at_rocketmq) = endpoint(rocketmq_connect::router(&state, &edge)).await;
    let server = Server::start(vec![kafka, rocketmq], CancellationToken::new()).unwrap();
    for (address, path) in [
        (at_kafka, "/connectors"),
        (at_kafka, "/connector-plugins/FileStreamSource/preview"),
        (at_kafka, "/gantry/topics/missing/records"),
        (at_rocketmq, "/connectors/x"),
        (at_rocketmq, "/plugin/config/validate"),
    ] {
        let (reader, _open) = send(address, &(post(path) + "{")).await;
        let answer = to_the_close(reader).await;
        if path.contains("missing") {
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
            continue;
        }
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{path}: {answer}");
        assert!(answer.contains("connection: close"), "{path}: {answer}");
        assert!(answer.contains("the body was not there after 100ms"), "{path}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_load_goes_on_as_long_as_records_come() {
    let state = slow_bench().await;
    let (endpoint, address) = endpoint(router(&state, &Arc::default())).await;
    let server = Server::start(vec![endpoint], CancellationToken::new()).unwrap();
    let (reader, mut writer) = send(address, &post("/gantry/topics/t/records?create=true")).await;
    let dribble = async {
        for _ in 0..4 {
            writer.write_all(b"{\"value\":\"31\"}\n").await.unwrap();
            tokio::time::sleep(BODY_TIMES.record / 2).await;
        }
        // Blank lines are no records.
        while writer.write_all(b"\n").await.is_ok() {
            tokio::time::sleep(BODY_TIMES.record / 10).await;
        }
    };
    let (answer, ()) = tokio::join!(to_the_close(reader), dribble);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("there was no further record in 300ms"), "{answer}");
    assert!(answer.contains("4 records before it are written"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_crowded_listener_leaves_the_others_alone() {
    let bench = Bench::new().await;
    let (main, at_main) = endpoint(router(&bench.state, &bench.edge)).await;
    let (admin, at_admin) = endpoint(admin_router(&bench.state)).await;
    let server = Server::start_with(vec![main, admin], 1, CancellationToken::new()).unwrap();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    // The one connection of the main listener, whose request has no end.
    let (mut crowd, mut open) = send(at_main, "GET /connectors HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut byte = [0];
    crowd.read_exact(&mut byte).await.unwrap();
    let (waiting, _open) = send(at_main, &get("/connectors")).await;
    let (admin, _open) = send(at_admin, &get("/admin/loggers/root")).await;
    let answer = to_the_close(admin).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    open.shutdown().await.unwrap();
    drop(crowd);
    assert!(to_the_close(waiting).await.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}
