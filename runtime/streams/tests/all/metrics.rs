//! What a job counts, against what happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_log::{EmbeddedLog, FullLog};
use gantry_streams::{
    OperatorStatus, Settings, StreamBuilder, Streams, TestDriver, Topology, Tumbling, text,
};
use proptest::prelude::*;

use crate::on_log::{all, make_topics, open, send, wait_for};

/// Each word as often as it has letters, twice if it has an `a`; counted in windows.
fn topology() -> Topology {
    let builder = StreamBuilder::new("counted");
    let letters = builder
        .source("words", text())
        .flat_map_values(|word: &String| vec![word.clone(); word.len()]);
    let with_a = letters.filter(|_, word| word.contains('a'));
    letters
        .merge(&with_a)
        .group_by(|_, word| word.clone())
        .window(Tumbling::of(Duration::from_millis(10)))
        .count()
        .to_stream()
        .map(|place, count| (place.key.clone(), count.to_string()))
        .keyed_sink("counts", text(), text());
    builder.build()
}

/// By the kind of operator: in, out, late.
fn by_kind(operators: &[OperatorStatus]) -> BTreeMap<String, (u64, u64, u64)> {
    let mut found: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    for operator in operators {
        let (kind, _) = operator.name.rsplit_once('-').unwrap();
        let sums = found.entry(kind.to_owned()).or_default();
        sums.0 += operator.records_in;
        sums.1 += operator.records_out;
        sums.2 += operator.late;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn operators_count_what_they_take_and_give(words in prop::collection::vec(("[ab]{0,4}", 0..40_i64), 0..40)) {
        let mut driver = TestDriver::new(topology()).unwrap();
        let (mut letters, mut with_a, mut late, mut now) = (0, 0, 0, i64::MIN);
        for (word, time) in &words {
            driver.send("words", None, word, *time).unwrap();
            let count = word.len() as u64;
            letters += count;
            with_a += if word.contains('a') { count } else { 0 };
            // Only what comes through to the windows moves their time.
            now = if word.is_empty() { now } else { now.max(*time) };
            if time / 10 * 10 + 10 <= now {
                late += if word.contains('a') { 2 * count } else { count };
            }
        }
        let told = driver.records("counts").len() as u64;
        let (taken, merged) = (words.len() as u64, letters + with_a);
        let found = by_kind(&driver.operators());
        let wanted = [
            ("source", (taken, taken, 0)),
            // A table as a stream is one too.
            ("flat-map-values", (taken + told, letters + told, 0)),
            ("filter", (letters, with_a, 0)),
            ("merge", (merged, merged, 0)),
            ("key-by", (merged, merged, 0)),
            ("shuffle-sink", (merged, merged, 0)),
            ("shuffle", (merged, merged, 0)),
            ("window", (merged, told, late)),
            ("map", (told, told, 0)),
            ("sink", (told, told, 0)),
        ];
        for (kind, counts) in wanted {
            prop_assert_eq!(found.get(kind), Some(&counts), "{}", kind);
        }
    }
}

#[test]
fn a_job_tells_prometheus_what_its_operators_did() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let mut settings = Settings::new(dir.path().join("state"));
    settings.checkpoint_interval = Duration::from_millis(20);
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let job = Streams::start(topology(), shared, settings).unwrap();
    let words: Vec<String> = (0..100).map(|n| format!("w{}", n % 7)).collect();
    (0..4).for_each(|queue| send(&log, queue, &words));
    let operators = || {
        let tasks = job.status().into_iter();
        tasks.flat_map(|task| task.operators).collect::<Vec<_>>()
    };
    let taken = || by_kind(&operators()).get("window").map(|counts| counts.0);
    wait_for("all words", || taken() == Some(800));
    let (found, told) = (by_kind(&operators()), all(&log, "counts").len() as u64);
    assert_eq!((found["source"], found["sink"]), ((400, 400, 0), (told, told, 0)));
    let entries: usize = operators().iter().map(|operator| operator.state_entries).sum();
    assert_eq!(entries, 7);
    let busy = job.status().into_iter().filter(|task| task.records > 0);
    for task in busy {
        assert!(task.checkpoint_time_us >= task.checkpoint_last_us && task.checkpoint_last_us > 0);
        // The words are of the first second of all times.
        assert!(task.watermark_lag_ms.unwrap() > 1_000_000_000_000);
    }
    let text = job.prometheus();
    job.stop().unwrap();
    for wanted in [
        "# TYPE gantry_streams_records_in_total counter",
        "gantry_streams_records_in_total{job=\"counted\",sub_topology=\"0\",queue=\"2\",operator=\"source-0\"} 100",
        "gantry_streams_records_out_total{job=\"counted\",sub_topology=\"0\",queue=\"2\",operator=\"flat-map-values-1\"} 200",
        "gantry_streams_task_records_total{job=\"counted\",sub_topology=\"0\",queue=\"1\"} 100",
        "gantry_streams_records_lag{job=\"counted\",sub_topology=\"0\",queue=\"0\"} 0",
    ] {
        assert!(text.lines().any(|line| line == wanted), "no {wanted} in\n{text}");
    }
    // Each sample stands behind the type of its family, and is a number.
    let mut family = "";
    for line in text.lines().filter(|line| !line.starts_with("# HELP")) {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split_once(' ').unwrap().0;
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(&format!("{family}{{")), "{line}");
            value.parse::<f64>().unwrap();
        }
    }
}
