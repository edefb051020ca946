//! Writes the metrics at each look; nothing is copied into counters of this crate.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gantry_engine::{Herder, TaskId, TaskSnapshot, UnitState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::names::{self, Name};
use super::process::{Process, dir_bytes};
use super::rates::{Rate, Rates};

/// The media type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const MICROS_PER_SECOND: f64 = 1_000_000.0;
const MILLIS_PER_SECOND: f64 = 1_000.0;

/// What `/metrics` gives.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics of a herder whose log is below `data_dir`, if on disk.
    pub(crate) fn new(herder: Arc<Herder>, data_dir: Option<PathBuf>) -> Self {
        let mut registry = Registry::default();
        let started = Instant::now();
        let source = Source { herder, data_dir, started, rates: Rates::default() };
        registry.register_collector(Box::new(source));
        Self { registry }
    }

    /// The text.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Source {
    herder: Arc<Herder>,
    data_dir: Option<PathBuf>,
    started: Instant,
    rates: Rates,
}

/// Picks one number of a task.
type Count = fn(&TaskSnapshot) -> u64;

type Task = (TaskId, &'static str, UnitState, TaskSnapshot);

impl Collector for Source {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tasks = self.herder.task_metrics();
        let totals = tasks.iter().map(|(id, _, _, snapshot)| (id.clone(), *snapshot));
        let rates = self.rates.update(Instant::now(), totals);
        task_counters(&mut encoder, &tasks)?;
        task_gauges(&mut encoder, &tasks)?;
        let rate = |pick: fn(&Rate) -> f64| {
            let rates = &rates;
            move |task: &Task| rates.get(&task.0).map_or(0.0, pick)
        };
        per_task(&mut encoder, names::RATE_IN, &tasks, rate(|rate| rate.records_in))?;
        per_task(&mut encoder, names::RATE_OUT, &tasks, rate(|rate| rate.records_out))?;
        per_task(&mut encoder, names::RATE_BYTES, &tasks, rate(|rate| rate.bytes))?;
        self.worker(&mut encoder)
    }
}

fn task_counters(encoder: &mut DescriptorEncoder<'_>, tasks: &[Task]) -> fmt::Result {
    let counts: [(Name, Count); 15] = [
        (names::RECORDS_IN, |task| task.records_in),
        (names::RECORDS_OUT, |task| task.records_out),
        (names::BYTES, |task| task.bytes),
        (names::BATCHES, |task| task.batches),
        (names::FILTERED, |task| task.records_filtered),
        (names::ERRORS, |task| task.errors),
        (names::FAILED, |task| task.records_failed),
        (names::SKIPPED, |task| task.records_skipped),
        (names::RETRIES, |task| task.retries),
        (names::ERRORS_LOGGED, |task| task.errors_logged),
        (names::DLQ_RECORDS, |task| task.deadletterqueue_records),
        (names::DLQ_FAILURES, |task| task.deadletterqueue_failures),
        (names::COMMITS, |task| task.offset_commits),
        (names::COMMIT_FAILURES, |task| task.offset_commit_failures),
        (names::RESTARTS, |task| task.restarts),
    ];
    for (name, value) in counts {
        counter(encoder, name, tasks, |task| value(&task.3))?;
    }
    let seconds = |micros: u64| micros as f64 / MICROS_PER_SECOND;
    counter(encoder, names::BATCH_TIME, tasks, |task| seconds(task.3.batch_time_us))?;
    counter(encoder, names::COMMIT_TIME, tasks, |task| seconds(task.3.offset_commit_time_us))
}

fn task_gauges(encoder: &mut DescriptorEncoder<'_>, tasks: &[Task]) -> fmt::Result {
    let max = |task: &Task| task.3.batch_time_max_us as f64 / MICROS_PER_SECOND;
    per_task(encoder, names::BATCH_TIME_MAX, tasks, max)?;
    per_task(encoder, names::QUEUE_BYTES, tasks, |task| task.3.queue_bytes)?;
    per_task(encoder, names::LAG, tasks, |task| task.3.lag_records)?;
    let progress = |task: &Task| task.3.last_progress_ms as f64 / MILLIS_PER_SECOND;
    per_task(encoder, names::LAST_PROGRESS, tasks, progress)?;
    if tasks.is_empty() {
        return Ok(());
    }
    let mut family =
        encoder.encode_descriptor(names::STATE.name, names::STATE.help, None, MetricType::Gauge)?;
    for (id, type_, state, _) in tasks {
        let number = id.task.to_string();
        let state = format!("{state:?}").to_lowercase();
        let labels = [
            ("connector", id.connector.as_str()),
            ("task", number.as_str()),
            ("type", type_),
            ("state", state.as_str()),
        ];
        family.encode_family(&labels)?.encode_gauge(&1_u64)?;
    }
    Ok(())
}

impl Source {
    fn worker(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.herder.counts();
        gauge(encoder, names::CONNECTORS, counts.connectors)?;
        gauge(encoder, names::TASKS, counts.tasks)?;
        gauge(encoder, names::UPTIME, self.started.elapsed().as_secs_f64())?;
        if let Some(dir) = &self.data_dir {
            gauge(encoder, names::LOG_SIZE, dir_bytes(dir))?;
        }
        let process = Process::now();
        gauge(encoder, names::MEMORY, process.resident_bytes)?;
        gauge(encoder, names::OPEN_FDS, process.open_fds)?;
        let unit = unit(names::CPU);
        encoder
            .encode_descriptor(
                names::CPU.name,
                names::CPU.help,
                unit.as_ref(),
                MetricType::Counter,
            )?
            .encode_counter::<NoLabelSet, f64, f64>(&process.cpu_seconds, None)?;
        encoder
            .encode_descriptor(names::BUILD.name, names::BUILD.help, None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

fn unit(name: Name) -> Option<Unit> {
    name.unit.map(|unit| Unit::Other(unit.to_owned()))
}

fn counter<V: prometheus_client::encoding::EncodeCounterValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: Name,
    tasks: &[Task],
    value: impl Fn(&Task) -> V,
) -> fmt::Result {
    if tasks.is_empty() {
        return Ok(());
    }
    let unit = unit(name);
    let mut family =
        encoder.encode_descriptor(name.name, name.help, unit.as_ref(), MetricType::Counter)?;
    for task in tasks {
        let number = task.0.task.to_string();
        let labels =
            [("connector", task.0.connector.as_str()), ("task", number.as_str()), ("type", task.1)];
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, V, u64>(&value(task), None)?;
    }
    Ok(())
}

fn per_task<V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: Name,
    tasks: &[Task],
    value: impl Fn(&Task) -> V,
) -> fmt::Result {
    if tasks.is_empty() {
        return Ok(());
    }
    let unit = unit(name);
    let mut family =
        encoder.encode_descriptor(name.name, name.help, unit.as_ref(), MetricType::Gauge)?;
    for task in tasks {
        let number = task.0.task.to_string();
        let labels =
            [("connector", task.0.connector.as_str()), ("task", number.as_str()), ("type", task.1)];
        family.encode_family(&labels)?.encode_gauge(&value(task))?;
    }
    Ok(())
}

fn gauge<V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: Name,
    value: V,
) -> fmt::Result {
    let unit = unit(name);
    encoder
        .encode_descriptor(name.name, name.help, unit.as_ref(), MetricType::Gauge)?
        .encode_gauge(&value)
}
