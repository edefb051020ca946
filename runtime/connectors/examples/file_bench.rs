//! Lines a second of the file source's `poll` alone and of the file sink's `put` alone.
//!
//! `cargo run --release -p gantry-connectors --example file_bench [LINES [FOLDER [PART]]]`
//! where PART is `source` or `sink`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    CancellationToken, OffsetMap, OffsetReader, Props, SinkOffset, SinkOffsets, SinkRecord,
    SinkTask, SinkTaskContext, SourcePartition, SourceTask, SourceTaskContext, TimestampType,
    TopicPartition,
};
use gantry_connectors::file::{FileStreamSinkTask, FileStreamSourceTask};

const ROUNDS: usize = 5;
const LINE_BYTES: usize = 100;

struct NoOffsets;
impl OffsetReader for NoOffsets {
    fn offset(&self, _partition: &SourcePartition) -> Option<OffsetMap> {
        None
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn say(what: &str, lines: usize, times: &mut [Duration]) -> Result<(), Box<dyn Error>> {
    times.sort();
    let rate = |time: &Duration| lines as f64 / time.as_secs_f64() / 1e6;
    let (Some(best), Some(worst)) = (times.first(), times.last()) else { return Ok(()) };
    let median = times.get(times.len() / 2).unwrap_or(best);
    writeln!(
        std::io::stdout(),
        "{what:34} min {:6.2}  median {:6.2}  max {:6.2}  million lines/s",
        rate(worst),
        rate(median),
        rate(best)
    )?;
    Ok(())
}

async fn source(path: &str, lines: usize) -> Result<Duration, Box<dyn Error>> {
    let mut task = FileStreamSourceTask::default();
    let ctx = SourceTaskContext {
        connector: "bench".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(NoOffsets),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    };
    task.start(ctx, &props(&[("file", path), ("topic", "t")])).await?;
    let begun = Instant::now();
    let mut count = 0;
    while count < lines {
        count += task.poll().await?.len();
    }
    let elapsed = begun.elapsed();
    task.stop().await?;
    Ok(elapsed)
}

/// The CPU time of this thread, which other work on the machine does not lengthen.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

/// Every record as the source gives it, in batches of a sink.
async fn records(path: &str, lines: usize) -> Result<Vec<Vec<SinkRecord>>, Box<dyn Error>> {
    let mut task = FileStreamSourceTask::default();
    let ctx = SourceTaskContext {
        connector: "bench".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(NoOffsets),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    };
    task.start(ctx, &props(&[("file", path), ("topic", "t")])).await?;
    let origin = TopicPartition::new("t", 0);
    let mut batches = Vec::new();
    let mut offset = 0;
    while offset < lines as u64 {
        let batch = task.poll().await?;
        let sink = |(index, record): (usize, gantry_api::SourceRecord)| SinkRecord {
            record: record.record,
            origin: origin.clone(),
            offset: offset + index as u64,
            timestamp_type: TimestampType::CreateTime,
        };
        let batch: Vec<_> = batch.into_iter().enumerate().map(sink).collect();
        offset += batch.len() as u64;
        batches.push(batch);
    }
    Ok(batches)
}

/// The time until all is written; with `commits` as an engine commits when asked, and at the end.
async fn sink(
    path: &str,
    batches: &[Vec<SinkRecord>],
    commits: bool,
) -> Result<Duration, Box<dyn Error>> {
    if Path::new(path).is_file() {
        fs::remove_file(path)?;
    }
    let mut task = FileStreamSinkTask::default();
    let ctx = SinkTaskContext::new("bench".into(), 0, CancellationToken::new());
    task.start(ctx.clone(), &props(&[("file", path), ("topics", "t")])).await?;
    task.open(&[(TopicPartition::new("t", 0), None)]).await?;
    let begun = Instant::now();
    let mut written = SinkOffsets::new();
    let mut anchored = false;
    for batch in batches {
        task.put(batch).await?;
        if let Some(last) = batch.last() {
            written.insert(last.origin.clone(), SinkOffset::new(last.offset + 1));
        }
        // The first commit marks the empty file.
        if ctx.take_requests().commit && (commits || !anchored) {
            task.pre_commit(&written).await?;
            anchored = true;
        }
    }
    // An empty put waits until all is written.
    task.put(&[]).await?;
    if commits {
        task.pre_commit(&written).await?;
    }
    let elapsed = begun.elapsed();
    task.stop().await?;
    Ok(elapsed)
}

/// What the disk's cache takes from one thread in blocks of 1 MiB: the bound of the sink.
fn raw(path: &str, lines: usize) -> Result<Duration, Box<dyn Error>> {
    if Path::new(path).is_file() {
        fs::remove_file(path)?;
    }
    let block = vec![b'x'; 1 << 20];
    let mut file = File::create(path)?;
    let begun = Instant::now();
    let mut left = lines * LINE_BYTES;
    while left > 0 {
        let count = left.min(block.len());
        file.write_all(block.get(..count).unwrap_or_default())?;
        left -= count;
    }
    Ok(begun.elapsed())
}

async fn run(lines: usize, folder: &str, part: &str) -> Result<(), Box<dyn Error>> {
    let input = format!("{folder}/file_bench_in.txt");
    let output = format!("{folder}/file_bench_out.txt");
    let mut file = BufWriter::new(File::create(&input)?);
    for n in 0..lines {
        writeln!(file, "{n:>width$}", width = LINE_BYTES - 1)?;
    }
    file.into_inner()?.sync_all()?;
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let mut add = |what, time| times.entry(what).or_default().push(time);
        if part == "sink" {
            break;
        }
        let before = cpu()?;
        add("source poll", source(&input, lines).await?);
        add("(its thread alone, by CPU time)", cpu()? - before);
    }
    let batches = if part == "source" { Vec::new() } else { records(&input, lines).await? };
    for _ in 0..ROUNDS {
        let mut add = |what, time| times.entry(what).or_default().push(time);
        if part == "source" {
            break;
        }
        add("sink put to /dev/null", sink("/dev/null", &batches, false).await?);
        add("sink put", sink(&output, &batches, false).await?);
        add("sink put, commits with fdatasync", sink(&output, &batches, true).await?);
        add("(plain write of the same bytes)", raw(&output, lines)?);
    }
    for (what, times) in &mut times {
        say(what, lines, times)?;
    }
    fs::remove_file(input)?;
    if Path::new(&output).exists() {
        fs::remove_file(output)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let lines = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let folder = args.next().unwrap_or_else(|| "/tmp".to_owned());
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(
        lines,
        &folder,
        &args.next().unwrap_or_default(),
    ))
}
