//! Documents a second of the Elasticsearch sink's `put`, beside a bare loop that posts ready requests of the same size, as
//! many at once, to the same server.
//!
//! `cargo run --release -p gantry-connectors --example elasticsearch_bench URL [DOCUMENTS [BATCH [IN_FLIGHT]]]`; `URL` is
//! what `tests/servers/opensearch.py serve DIRECTORY` prints.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gantry_api::model::MapValue;
use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Props, SinkOffset, SinkRecord, SinkTask,
    SinkTaskContext, TimestampType, TopicPartition, Value,
};
use gantry_connectors::elasticsearch::{ElasticsearchSinkTask, Flavour};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 3;
/// Records of a put: about what a worker gives at once.
const PUT: usize = 4_000;
const TEXT: &str =
    "The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs.";

#[derive(Clone, Copy)]
struct Sizes {
    documents: usize,
    batch: usize,
    in_flight: usize,
}

fn records(topic: &str, sizes: Sizes) -> Vec<SinkRecord> {
    let record = |n: usize| {
        let fields = vec![
            (Value::str("id"), Value::Int64(n as i64)),
            (Value::str("name"), Value::str(&format!("name {n}"))),
            (Value::str("text"), Value::str(TEXT)),
            (Value::str("price"), Value::Float64(n as f64 / 100.0)),
        ];
        let value = Datum::schemaless(Value::map(MapValue::from_entries(fields)));
        let mut record = ConnectRecord::new(topic.into(), value);
        record.key = Datum::schemaless(Value::str(&format!("key-{n}")));
        SinkRecord {
            record,
            origin: TopicPartition::new(topic, 0),
            offset: n as u64,
            timestamp_type: TimestampType::CreateTime,
        }
    };
    (0..sizes.documents).map(record).collect()
}

/// The same documents as requests.
fn requests(index: &str, sizes: Sizes) -> Result<Vec<Bytes>, std::fmt::Error> {
    let mut all = Vec::new();
    for begin in (0..sizes.documents).step_by(sizes.batch) {
        let mut body = String::new();
        for n in begin..(begin + sizes.batch).min(sizes.documents) {
            write!(
                body,
                "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"key-{n}\",\"version\":{n},\"version_type\":\"external\"}}}}\n\
                 {{\"id\":{n},\"name\":\"name {n}\",\"text\":\"{TEXT}\",\"price\":{}}}\n",
                n as f64 / 100.0
            )?;
        }
        all.push(Bytes::from(body));
    }
    Ok(all)
}

async fn send(host: &str, method: &str, path: &str, body: Bytes) -> Result<(), Failure> {
    post(&mut connect(host).await?, host, (method, path), body).await
}

async fn connect(host: &str) -> Result<http1::SendRequest<Full<Bytes>>, Failure> {
    let stream = tokio::net::TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender.
    tokio::spawn(connection);
    Ok(sender)
}

async fn post(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    host: &str,
    (method, path): (&str, &str),
    body: Bytes,
) -> Result<(), Failure> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .header("content-type", "application/x-ndjson")
        .body(Full::new(body))?;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() || body.windows(13).any(|text| text == b"\"errors\":true") {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(())
}

async fn bare(host: &str, bodies: Arc<Vec<Bytes>>, in_flight: usize) -> Result<Duration, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (next, bodies, host) = (Arc::clone(&next), Arc::clone(&bodies), host.to_owned());
        loops.spawn(async move {
            let mut sender = connect(&host).await?;
            while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                let path = "/_bulk?filter_path=errors,items.*.status,items.*.error";
                post(&mut sender, &host, ("POST", path), body.clone()).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(done) = loops.join_next().await {
        done??;
    }
    Ok(begun.elapsed())
}

async fn sink(host: &str, records: &[SinkRecord], sizes: Sizes) -> Result<Duration, Failure> {
    let (url, batch) = (format!("http://{host}"), sizes.batch.to_string());
    let (in_flight, buffered) =
        (sizes.in_flight.to_string(), (sizes.batch * sizes.in_flight * 2).to_string());
    let props: Props = [
        ("connection.url", url.as_str()),
        ("schema.ignore", "true"),
        ("batch.size", batch.as_str()),
        ("max.in.flight.requests", in_flight.as_str()),
        ("max.buffered.records", buffered.as_str()),
        ("read.timeout.ms", "30000"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let mut task = ElasticsearchSinkTask::new(Flavour::Confluent);
    task.start(SinkTaskContext::new("bench".into(), 0, CancellationToken::new()), &props).await?;
    let Some(last) = records.last() else { return Ok(Duration::ZERO) };
    let end = [(last.origin.clone(), SinkOffset::new(last.offset + 1))].into();
    let begun = Instant::now();
    for put in records.chunks(PUT) {
        task.put(put).await?;
    }
    while task.pre_commit(&end).await? != end {
        task.put(&[]).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elapsed = begun.elapsed();
    task.stop().await?;
    Ok(elapsed)
}

async fn rounds(host: &str, sizes: Sizes) -> Result<(), Failure> {
    let bodies = Arc::new(requests("bare", sizes)?);
    let records = records("sink", sizes);
    let (mut bares, mut sinks) = (Vec::new(), Vec::new());
    // The first is not counted: the server compiles.
    for round in 0..=ROUNDS {
        for index in ["bare", "sink"] {
            send(host, "PUT", &format!("/{index}"), Bytes::new()).await?;
            let took = match index {
                "bare" => bare(host, Arc::clone(&bodies), sizes.in_flight).await?,
                _ => sink(host, &records, sizes).await?,
            };
            send(host, "DELETE", &format!("/{index}"), Bytes::new()).await?;
            let list = if index == "bare" { &mut bares } else { &mut sinks };
            if round > 0 {
                list.push(sizes.documents as f64 / took.as_secs_f64());
            }
        }
    }
    let median = |list: &mut Vec<f64>| {
        list.sort_by(f64::total_cmp);
        list.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    let (bare, sink) = (median(&mut bares), median(&mut sinks));
    writeln!(
        std::io::stdout(),
        "documents/s: bare loop {bare:.0}, sink {sink:.0}, {:.0} %",
        sink / bare * 100.0
    )?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the URL of the server is missing")?;
    let mut number = |default: usize| -> Result<usize, std::num::ParseIntError> {
        arguments.next().map_or(Ok(default), |text| text.parse())
    };
    let sizes = Sizes { documents: number(50_000)?, batch: number(2_000)?, in_flight: number(4)? };
    let host = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(rounds(&host, sizes))
}
