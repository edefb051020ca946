//! `gantry streams …`: jobs that run on a worker's log, by what they say of themselves.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::args::{StreamsArgs, StreamsCommand};
use super::client::{Client, Failure};
use super::output::{say, table};
use super::topic_io::texts;

/// A report is believed for so many times the interval in which it comes.
const INTERVALS_TO_BELIEVE: i64 = 5;
const NOT_FOUND: u16 = 404;

/// What an instance says of itself; `gantry-streams` writes it.
#[derive(Debug, Deserialize)]
struct Report {
    job: String,
    instance: String,
    state: String,
    error: Option<String>,
    at_ms: i64,
    interval_ms: i64,
    tasks_of_job: usize,
    tasks: Vec<Task>,
    topology: String,
}

#[derive(Debug, Deserialize)]
struct Task {
    sub_topology: usize,
    queue: u32,
    lag: u64,
    records: u64,
    late: u64,
    bad: u64,
    watermark_ms: Option<i64>,
    cached_entries: usize,
    checkpoints: u64,
}

/// Runs a streams command.
pub(super) fn run(args: StreamsArgs) -> Result<(), String> {
    let client = Client::new(&args.worker)?;
    let jobs = jobs(&client, &args.topic)?;
    match args.command {
        StreamsCommand::List => list(&jobs),
        StreamsCommand::Show { job } => match jobs.get(&job) {
            Some(reports) => show(&job, reports),
            None => {
                let known: Vec<&str> = jobs.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                Err(format!(
                    "no job {job} reports to the topic {}; jobs there: {known}",
                    args.topic
                ))
            }
        },
    }
}

/// The last report of each instance, by job.
fn jobs(client: &Client, topic: &str) -> Result<BTreeMap<String, Vec<Report>>, String> {
    let mut last: BTreeMap<String, Option<String>> = BTreeMap::new();
    let read = texts(client, topic, |key, value| {
        last.insert(key.unwrap_or_default(), value);
    });
    match read {
        // No job was ever there.
        Err(Failure::Refused(refusal)) if refusal.status == NOT_FOUND => {}
        read => read?,
    }
    let mut jobs: BTreeMap<String, Vec<Report>> = BTreeMap::new();
    for report in last.into_values().flatten() {
        // What is no report was written by somebody else.
        if let Ok(report) = serde_json::from_str::<Report>(&report) {
            jobs.entry(report.job.clone()).or_default().push(report);
        }
    }
    Ok(jobs)
}

impl Report {
    /// RUNNING, FAILED, or LOST if it is silent.
    fn state(&self, now_ms: i64) -> &str {
        let silent_ms = now_ms.saturating_sub(self.at_ms);
        let lost = silent_ms > self.interval_ms.saturating_mul(INTERVALS_TO_BELIEVE);
        if lost && self.state == "RUNNING" { "LOST" } else { &self.state }
    }

    fn sum(&self, of: impl Fn(&Task) -> u64) -> u64 {
        self.tasks.iter().map(of).sum()
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn list(jobs: &BTreeMap<String, Vec<Report>>) -> Result<(), String> {
    let now_ms = now_ms();
    let rows = jobs.iter().map(|(job, reports)| {
        let running: Vec<&Report> =
            reports.iter().filter(|report| report.state(now_ms) == "RUNNING").collect();
        let tasks: usize = running.iter().map(|report| report.tasks.len()).sum();
        let all = reports.iter().map(|report| report.tasks_of_job).max().unwrap_or_default();
        let sum = |of: fn(&Task) -> u64| running.iter().map(|report| report.sum(of)).sum::<u64>();
        vec![
            job.clone(),
            states(reports, now_ms),
            format!("{tasks}/{all}"),
            sum(|task| task.lag).to_string(),
            sum(|task| task.records).to_string(),
            sum(|task| task.late).to_string(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    say(table(&["JOB", "INSTANCES", "TASKS", "LAG", "RECORDS", "LATE"], &rows))
}

/// How many instances are in which state.
fn states(reports: &[Report], now_ms: i64) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    reports.iter().for_each(|report| *states.entry(report.state(now_ms)).or_default() += 1);
    let states = states.into_iter().rev().map(|(state, count)| format!("{count} {state}"));
    states.collect::<Vec<_>>().join(", ")
}

fn show(job: &str, reports: &[Report]) -> Result<(), String> {
    let now_ms = now_ms();
    let newest = reports.iter().max_by_key(|report| report.at_ms);
    say(format!("{job}: {}", states(reports, now_ms)))?;
    let mut rows = Vec::new();
    for report in reports {
        let state = report.state(now_ms);
        say(format!(
            "  {}: {state}, {} task(s), last heard of {} s ago{}",
            report.instance,
            report.tasks.len(),
            now_ms.saturating_sub(report.at_ms) / 1000,
            report.error.as_ref().map(|error| format!("\n    {error}")).unwrap_or_default(),
        ))?;
        if state == "RUNNING" {
            rows.extend(report.tasks.iter().map(|task| row(task, &report.instance)));
        }
    }
    rows.sort();
    say("")?;
    let head =
        ["TASK", "LAG", "RECORDS", "LATE", "BAD", "WATERMARK", "CACHED", "CHECKPOINTS", "INSTANCE"];
    say(table(&head, &rows))?;
    say("")?;
    say(newest.map_or("", |report| report.topology.trim_end()))
}

fn row(task: &Task, instance: &str) -> Vec<String> {
    let watermark = task.watermark_ms.map(|time| time.to_string());
    vec![
        format!("{}-{}", task.sub_topology, task.queue),
        task.lag.to_string(),
        task.records.to_string(),
        task.late.to_string(),
        task.bad.to_string(),
        watermark.unwrap_or_else(|| "-".to_owned()),
        task.cached_entries.to_string(),
        task.checkpoints.to_string(),
        instance.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(state: &str, at_ms: i64) -> Report {
        let text = serde_json::json!({
            "v": 1, "job": "j", "instance": "i", "state": state, "at_ms": at_ms, "interval_ms": 2000,
            "tasks_of_job": 1, "tasks": [], "topology": "",
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn who_is_silent_is_lost_and_who_failed_stays_so() {
        let reports = [report("RUNNING", 99_000), report("RUNNING", 80_000), report("FAILED", 0)];
        assert_eq!(states(&reports, 100_000), "1 RUNNING, 1 LOST, 1 FAILED");
    }
}
