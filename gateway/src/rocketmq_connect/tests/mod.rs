//! RocketMQ Connect's REST API in this process. The texts and forms are those that its standalone
//! runtime answered when it was asked the same, but for the HTTP status, which it leaves at 200.

mod changes;
mod reads;
mod worker_keys;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value as Json, json};

use super::router;
use crate::rest::tests::{Answer, Bench};

const SOURCE: &str = "org.apache.rocketmq.connect.file.FileSourceConnector";
const SINK: &str = "org.apache.rocketmq.connect.file.FileSinkConnector";

/// A worker behind this API, and the same one behind Kafka Connect's.
async fn benches() -> (Bench, Bench) {
    let kafka = Bench::new().await;
    (kafka.behind(router), kafka)
}

/// A file source in RocketMQ Connect's keys.
fn source(bench: &Bench) -> String {
    let file = bench.path("in.txt");
    json!({"connector.class": SOURCE, "filename": file, "connect.topicname": "lines"}).to_string()
}

/// A file sink in RocketMQ Connect's keys.
fn sink(bench: &Bench) -> String {
    let file = bench.path("out.txt");
    json!({"connector.class": SINK, "filename": file, "connect.topicnames": "lines"}).to_string()
}

/// What is refused, with the HTTP status in the envelope.
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"));
    let envelope = answer.json();
    assert_eq!(envelope["errorCode"], status, "{envelope}");
    assert_eq!(envelope.as_object().map(serde_json::Map::len), Some(2), "{envelope}");
    answer.message()
}

/// The body of what succeeded.
fn body(answer: &Answer) -> Json {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"));
    let envelope = answer.json();
    assert_eq!(envelope["status"], 200, "{envelope}");
    envelope["body"].clone()
}

/// A configuration in the query, encoded as its command line does it.
fn query(config: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    format!("config={}", config.bytes().map(encode).collect::<String>())
}
