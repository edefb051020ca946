//! Bulk requests, and what becomes of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gantry_api::model::MapValue;
use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Result, SinkOffset, SinkRecord, SinkTask,
    SinkTaskContext, TimestampType, TopicPartition, Value,
};

use super::*;
use crate::elasticsearch::ElasticsearchSinkTask;
use crate::web::server::{Asked, Reply, Server, reply};
use Flavour::{Confluent, OpenSearch};

const FAST: [(&str, &str); 3] =
    [("schema.ignore", "true"), ("retry.backoff.ms", "1"), ("linger.ms", "0")];

fn record(offset: u64, key: &str) -> SinkRecord {
    let fields = vec![(Value::str("n"), Value::Int64(i64::try_from(offset).unwrap()))];
    let value = Datum::schemaless(Value::map(MapValue::from_entries(fields)));
    let mut record = ConnectRecord::new("T".into(), value);
    record.key = Datum::schemaless(Value::str(key));
    let (origin, timestamp_type) = (TopicPartition::new("T", 0), TimestampType::CreateTime);
    SinkRecord { record, origin, offset, timestamp_type }
}

fn records(count: u64) -> Vec<SinkRecord> {
    (0..count).map(|n| record(n, &format!("k{n}"))).collect()
}

struct Task {
    task: ElasticsearchSinkTask,
    context: SinkTaskContext,
}

impl Task {
    async fn new(flavour: Flavour, urls: &str, keys: &[(&str, &str)]) -> Self {
        let mut all = props(flavour, &FAST);
        all.extend(keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        all.insert("connection.url".to_owned(), urls.to_owned());
        let context = SinkTaskContext::new("es".into(), 0, CancellationToken::new());
        let mut task = ElasticsearchSinkTask::new(flavour);
        task.start(context.clone(), &all).await.unwrap();
        Self { task, context }
    }
    /// Puts until it fails or nothing is on its way; the offset that is safe then.
    async fn settle(&mut self, records: &[SinkRecord]) -> Result<u64> {
        self.task.put(records).await?;
        let end = records.last().map_or(0, |record| record.offset + 1);
        let began = Instant::now();
        loop {
            let safe = self.safe(end).await;
            if safe == end || began.elapsed() > Duration::from_secs(10) {
                self.task.put(&[]).await?;
                return Ok(safe);
            }
            self.task.put(&[]).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    async fn safe(&mut self, end: u64) -> u64 {
        let queue = TopicPartition::new("T", 0);
        let written = [(queue.clone(), SinkOffset::new(end))].into();
        self.task.pre_commit(&written).await.unwrap()[&queue].offset
    }
    fn errant(&self) -> Vec<(u64, String)> {
        let all = self.context.take_errant();
        all.into_iter().map(|one| (one.record.offset, one.error.message().to_owned())).collect()
    }
}

/// The ids in a bulk request, in order.
fn ids(asked: &Asked) -> Vec<String> {
    let id = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).ok()?;
        let action = json.as_object()?.values().next()?;
        action.get("_id").and_then(|id| id.as_str()).map(str::to_owned)
    };
    asked.body.lines().filter_map(id).collect()
}

/// Answers a bulk request: each document by its id.
fn items(asked: &Asked, of: impl Fn(&str) -> (u16, &'static str)) -> Reply {
    let (mut all, mut errors) = (Vec::new(), false);
    for id in ids(asked) {
        let (status, kind) = of(&id);
        errors |= status >= 300;
        all.push(match status < 300 {
            true => format!(r#"{{"index":{{"status":{status}}}}}"#),
            false => format!(
                r#"{{"index":{{"status":{status},"error":{{"type":"{kind}","reason":"of {id}"}}}}}}"#
            ),
        });
    }
    reply(200, &format!(r#"{{"errors":{errors},"items":[{}]}}"#, all.join(",")))
}

fn is_bulk(asked: &Asked) -> bool {
    asked.path.starts_with("/_bulk?")
}

/// A server where all else is fine.
async fn server(bulk: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    Server::new(move |_, asked| match is_bulk(asked) {
        true => bulk(count.fetch_add(1, Ordering::SeqCst), asked),
        false => reply(200, r#"{"version":{"number":"8.1.0"}}"#),
    })
    .await
}

fn bulks(server: &Server) -> Vec<Vec<String>> {
    server.asked().iter().filter(|asked| is_bulk(asked)).map(ids).collect()
}

const FINE: (u16, &str) = (201, "");

#[tokio::test]
async fn batches_are_as_large_as_the_keys_say() {
    let server = server(|_, asked| items(asked, |_| FINE)).await;
    let keys = [("batch.size", "2"), ("connection.username", "u"), ("connection.password", "p")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    assert_eq!(task.settle(&records(5)).await.unwrap(), 5);
    let mut sizes: Vec<usize> = bulks(&server).iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    let asked = server.asked();
    let bulk = asked.iter().find(|asked| is_bulk(asked)).unwrap();
    assert_eq!(bulk.header("content-type"), Some("application/x-ndjson"));
    assert!(asked.iter().all(|asked| asked.header("authorization") == Some("Basic dTpw")));
    assert!(bulk.body.contains("\"version\":0,\"version_type\":\"external\""), "{}", bulk.body);
}

#[tokio::test]
async fn only_documents_that_the_server_had_no_time_for_are_sent_again() {
    let server = server(|number, asked| {
        items(asked, move |id| match (number, id) {
            (0 | 1, "k1") => (429, "es_rejected_execution_exception"),
            _ => FINE,
        })
    })
    .await;
    let mut task = Task::new(Confluent, &server.url(""), &[]).await;
    assert_eq!(task.settle(&records(3)).await.unwrap(), 3);
    assert_eq!(bulks(&server), [vec!["k0", "k1", "k2"], vec!["k1"], vec!["k1"]]);
    assert_eq!(task.errant(), []);
}

#[tokio::test]
async fn requests_that_are_too_large_are_divided() {
    let server = server(|_, asked| match ids(asked).len() {
        0..=2 => items(asked, |_| FINE),
        _ => reply(413, ""),
    })
    .await;
    let mut task = Task::new(Confluent, &server.url(""), &[]).await;
    assert_eq!(task.settle(&records(5)).await.unwrap(), 5);
    let sizes: Vec<usize> = bulks(&server).iter().map(Vec::len).collect();
    assert_eq!(sizes, [5, 2, 3, 1, 2]);
}

#[tokio::test]
async fn a_document_for_which_all_are_refused_is_found() {
    let server = server(|_, asked| match asked.body.contains("\"k3\"") {
        true => {
            reply(400, r#"{"error":{"type":"action_request_validation_exception","reason":"bad"}}"#)
        }
        false => items(asked, |_| FINE),
    })
    .await;
    let keys = [("behavior.on.malformed.documents", "warn")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    assert_eq!(task.settle(&records(8)).await.unwrap(), 8);
    let errant = task.errant();
    assert_eq!(errant.len(), 1);
    assert!(errant[0].0 == 3 && errant[0].1.contains("action_request_validation"), "{errant:?}");
}

#[tokio::test]
async fn requests_that_are_refused_for_no_documents_sake_fail_the_task() {
    let server = server(|_, _| reply(400, "gzip is not welcome")).await;
    let keys = [("behavior.on.malformed.documents", "ignore")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    let error = task.settle(&records(64)).await.unwrap_err();
    assert!(error.message().contains("gzip is not welcome"), "{error}");
    // Divided down to one, and not more.
    assert_eq!(bulks(&server).len(), 7);
    assert_eq!(task.safe(64).await, 0);
}

#[tokio::test]
async fn refused_documents_are_reported_one_by_one() {
    let refuses = |_: usize, asked: &Asked| {
        items(asked, |id| match id {
            "k1" => (400, "mapper_parsing_exception"),
            "k2" => (409, "version_conflict_engine_exception"),
            _ => FINE,
        })
    };
    let lenient = [("behavior.on.malformed.documents", "warn")];
    let confluent = server(refuses).await;
    let mut task = Task::new(Confluent, &confluent.url(""), &lenient).await;
    assert_eq!(task.settle(&records(4)).await.unwrap(), 4);
    let errant = task.errant();
    assert_eq!(errant.len(), 1, "{errant:?}");
    assert_eq!(errant[0].1, "Indexing failed: record T-0@1: mapper_parsing_exception: of k1");
    // Without a word about it: reported, and the task fails.
    let mut task = Task::new(Confluent, &confluent.url(""), &[]).await;
    let error = task.settle(&records(4)).await.unwrap_err();
    assert!(error.message().contains("behavior.on.malformed.documents"), "{error}");
    assert_eq!(task.errant().len(), 1);
    assert_eq!(task.safe(4).await, 0);
    // Aiven's reports what it is told to.
    let keys =
        [("behavior.on.malformed.documents", "report"), ("behavior.on.version.conflict", "report")];
    let mut task = Task::new(OpenSearch, &confluent.url(""), &keys).await;
    assert_eq!(task.settle(&records(4)).await.unwrap(), 4);
    assert_eq!(task.errant().iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [1, 2]);
    let keys =
        [("behavior.on.malformed.documents", "ignore"), ("behavior.on.version.conflict", "fail")];
    let mut task = Task::new(OpenSearch, &confluent.url(""), &keys).await;
    task.settle(&records(4)).await.unwrap_err();
    // A record that comes again is no failure unless it is asked for.
    let mut task = Task::new(OpenSearch, &confluent.url(""), &keys[..1]).await;
    assert_eq!(task.settle(&records(4)).await.unwrap(), 4);
}

#[tokio::test]
async fn all_servers_are_used_and_dead_ones_passed_over() {
    let (one, two) = (
        server(|_, asked| items(asked, |_| FINE)).await,
        server(|_, asked| items(asked, |_| FINE)).await,
    );
    let urls = format!("{},http://127.0.0.1:1,{}/", one.url(""), two.url(""));
    let mut task = Task::new(Confluent, &urls, &[("batch.size", "1"), ("max.retries", "0")]).await;
    assert_eq!(task.settle(&records(30)).await.unwrap(), 30);
    let (first, second) = (bulks(&one).len(), bulks(&two).len());
    assert!(first + second == 30 && first >= 8 && second >= 8, "{first} {second}");
}

#[tokio::test]
async fn updates_of_one_document_keep_their_order() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = server(move |number, asked| {
        log.lock().unwrap().push(asked.body.clone());
        // The first is the slowest.
        let after = Duration::from_millis(if number == 0 { 60 } else { 1 });
        Reply { after, ..items(asked, |_| FINE) }
    })
    .await;
    let keys = [("batch.size", "1"), ("write.method", "upsert")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    let all = [record(0, "a"), record(1, "b"), record(2, "a"), record(3, "c")];
    assert_eq!(task.settle(&all).await.unwrap(), 4);
    let bodies = seen.lock().unwrap().clone();
    let at =
        |n: i64| bodies.iter().position(|body| body.contains(&format!("\"n\":{n}}}"))).unwrap();
    assert!(at(0) < at(2) && at(1) < at(2), "{bodies:?}");
}

#[tokio::test]
async fn bodies_are_compressed_where_it_is_asked_for() {
    let server = Server::new(|_, asked| match is_bulk(asked) {
        true => reply(200, r#"{"errors":false}"#),
        false => reply(200, "{}"),
    })
    .await;
    let keys = [("connection.compression", "true")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    assert_eq!(task.settle(&records(3)).await.unwrap(), 3);
    let asked = server.asked();
    let bulk = asked.iter().find(|asked| is_bulk(asked)).unwrap();
    assert_eq!(bulk.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn outages_are_waited_for_and_then_fail_the_task() {
    let server = server(|number, asked| match number {
        0 | 1 => reply(503, ""),
        2 => Reply { cut: true, ..reply(200, "") },
        _ => items(asked, |_| FINE),
    })
    .await;
    let mut task = Task::new(Confluent, &server.url(""), &[]).await;
    assert_eq!(task.settle(&records(3)).await.unwrap(), 3);
    assert_eq!(bulks(&server).len(), 4);
    let keys = [("max.retries", "2")];
    let down = Server::new(|_, asked| match is_bulk(asked) {
        true => reply(500, "down"),
        false => reply(200, "{}"),
    })
    .await;
    let mut task = Task::new(Confluent, &down.url(""), &keys).await;
    let error = task.settle(&records(3)).await.unwrap_err();
    assert!(error.message().contains("after 3 attempt(s)"), "{error}");
    assert_eq!(task.safe(3).await, 0);
}

#[tokio::test]
async fn a_task_that_is_stopped_does_not_wait_for_a_dead_server() {
    let server = server(|_, asked| match ids(asked).contains(&"k0".to_owned()) {
        true => items(asked, |_| FINE),
        false => reply(503, ""),
    })
    .await;
    let keys =
        [("batch.size", "1"), ("max.in.flight.requests", "1"), ("retry.backoff.ms", "60000")];
    let mut task = Task::new(Confluent, &server.url(""), &keys).await;
    let cancel = task.context.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    let began = Instant::now();
    task.task.put(&records(5)).await.unwrap();
    assert_eq!(task.safe(5).await, 1);
    task.task.stop().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn nothing_is_safe_before_it_is_written() {
    let server =
        server(|_, asked| Reply { after: Duration::from_millis(150), ..items(asked, |_| FINE) })
            .await;
    let mut task = Task::new(Confluent, &server.url(""), &[("batch.size", "2")]).await;
    task.task.put(&records(4)).await.unwrap();
    assert_eq!(task.safe(4).await, 0);
    let mut waits = Task::new(Confluent, &server.url(""), &[("flush.synchronously", "true")]).await;
    waits.task.put(&records(4)).await.unwrap();
    assert_eq!(waits.safe(4).await, 4);
}

#[tokio::test]
async fn records_wait_for_others_as_long_as_they_may() {
    let server = server(|_, asked| items(asked, |_| FINE)).await;
    let mut task = Task::new(Confluent, &server.url(""), &[("linger.ms", "80")]).await;
    let all = records(4);
    task.task.put(&all[..2]).await.unwrap();
    assert!(task.context.take_timeout_ms().is_some_and(|ms| ms <= 81));
    task.task.put(&all[2..]).await.unwrap();
    assert_eq!(bulks(&server).len(), 0);
    tokio::time::sleep(Duration::from_millis(90)).await;
    assert_eq!(task.settle(&[]).await.unwrap(), 0);
    task.safe(4).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bulks(&server), [vec!["k0", "k1", "k2", "k3"]]);
}

#[tokio::test]
async fn records_that_cannot_be_documents_are_left_out_or_fail_the_task() {
    let server = server(|_, asked| items(asked, |_| FINE)).await;
    let mut all = records(3);
    all[1].record.key = Datum::NULL;
    let mut task = Task::new(Confluent, &server.url(""), &[("drop.invalid.message", "true")]).await;
    assert_eq!(task.settle(&all).await.unwrap(), 3);
    assert_eq!(task.errant(), [(1, "Key is used as document id and can not be null.".to_owned())]);
    assert_eq!(bulks(&server), [vec!["k0", "k2"]]);
    let mut task = Task::new(Confluent, &server.url(""), &[]).await;
    let error = task.settle(&all).await.unwrap_err();
    assert_eq!(error.message(), "Key is used as document id and can not be null.");
}

#[tokio::test]
async fn indices_and_mappings_are_made_once() {
    let made = Server::new(|_, asked| match (asked.method.as_str(), asked.path.as_str()) {
        ("HEAD", _) => reply(404, ""),
        ("GET", "/t/_mapping") => reply(200, r#"{"t":{"mappings":{}}}"#),
        ("POST", _) => items(asked, |_| FINE),
        _ => reply(200, "{}"),
    })
    .await;
    let fields = vec![("n".into(), gantry_api::Schema::int64())];
    let schema = gantry_api::SchemaBuilder::structure(fields).unwrap().build_plain();
    let mut all = records(3);
    for record in &mut all {
        let inner = gantry_api::Struct::from_values(schema.clone(), vec![Value::Int64(1)]);
        record.record.value = Datum::new(schema.clone(), Value::Struct(inner.into()));
    }
    let keys = [("schema.ignore", "false")];
    let mut task = Task::new(Confluent, &made.url(""), &keys).await;
    assert_eq!(task.settle(&all).await.unwrap(), 3);
    let asked = made.asked();
    let puts: Vec<(&str, &str)> = asked
        .iter()
        .filter(|asked| asked.method == "PUT")
        .map(|asked| (asked.path.as_str(), asked.body.as_str()))
        .collect();
    assert_eq!(puts, [("/t", ""), ("/t/_mapping", r#"{"properties":{"n":{"type":"long"}}}"#)]);
    let mut task = Task::new(Confluent, &made.url(""), &keys).await;
    let error = task.settle(&records(1)).await.unwrap_err();
    assert!(error.message().contains("schema.ignore=true"), "{error}");
}
