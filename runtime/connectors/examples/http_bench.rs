//! Requests a second of the HTTP sink's `put` to a server in a thread of its own.
//!
//! `cargo run --release -p gantry-connectors --example http_bench [RECORDS [IN_FLIGHT [BATCH]]]`

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use gantry_api::{
    CancellationToken, ConnectRecord, Datum, Props, SinkRecord, SinkTask, SinkTaskContext,
    TimestampType, TopicPartition, Value,
};
use gantry_connectors::http::{Flavour, HttpSinkTask};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

const ROUNDS: usize = 5;
/// Records of a put.
const PUT: usize = 500;

async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(Response::new(Empty::new()))
}

/// Answers 200 to all, on one thread.
fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                // The client ends it.
                drop(connection.await);
            });
        }
    })
}

fn records() -> Vec<SinkRecord> {
    let text = "x".repeat(100);
    let record = |n: usize| {
        let mut record = ConnectRecord::new("bench".into(), Datum::schemaless(Value::str(&text)));
        record.key = Datum::schemaless(Value::str(&format!("key-{n}")));
        SinkRecord {
            record,
            origin: TopicPartition::new("bench", 0),
            offset: n as u64,
            timestamp_type: TimestampType::CreateTime,
        }
    };
    (0..PUT).map(record).collect()
}

async fn round(props: &Props, puts: usize) -> Result<Duration, Box<dyn Error>> {
    let mut task = HttpSinkTask::new(Flavour::Aiven);
    let context = SinkTaskContext::new("bench".into(), 0, CancellationToken::new());
    task.start(context, props).await?;
    let records = records();
    task.put(&records).await?;
    let begun = Instant::now();
    for _ in 0..puts {
        task.put(&records).await?;
    }
    let elapsed = begun.elapsed();
    task.stop().await?;
    Ok(elapsed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| -> Result<usize, std::num::ParseIntError> {
        arguments.next().map_or(Ok(default), |text| text.parse())
    };
    let (count, in_flight, batch) = (number(100_000)?, number(16)?, number(1)?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/in", listener.local_addr()?);
    // Ends with the program.
    std::thread::spawn(move || serve(listener).map_err(|error| error.to_string()));
    let (in_flight, size) = (in_flight.to_string(), batch.to_string());
    let props: Props = [
        ("http.url", url.as_str()),
        ("http.authorization.type", "none"),
        ("http.headers.content.type", "text/plain"),
        ("batching.enabled", if batch > 1 { "true" } else { "false" }),
        ("batch.max.size", size.as_str()),
        ("gantry.http.max.in.flight", in_flight.as_str()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let puts = count.div_ceil(PUT).max(1);
    let requests = puts * PUT.div_ceil(batch);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(runtime.block_on(round(&props, puts))?);
    }
    times.sort();
    let rate = |time: &Duration, count: usize| count as f64 / time.as_secs_f64();
    let (Some(best), Some(median)) = (times.first(), times.get(ROUNDS / 2)) else { return Ok(()) };
    writeln!(
        std::io::stdout(),
        "requests/s: median {:.0}, best {:.0}; records/s: median {:.0}",
        rate(median, requests),
        rate(best, requests),
        rate(median, puts * PUT)
    )?;
    Ok(())
}
