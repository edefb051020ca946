//! Processors of a program's own: their state, their punctuators, and what they may not do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_log::{FullLog, LogRecord, RecordHeader};
use gantry_streams::{
    Processor, ProcessorContext, PunctuationType, Punctuator, Record, Settings, Store,
    StreamBuilder, Streams, StreamsError, SystemMessage, TestDriver, Topology, text,
};
use proptest::prelude::*;

use crate::on_log::{all, make_topics, open, send, wait_for};

type Context<'a> = ProcessorContext<'a, String, String>;
type Done = Result<(), StreamsError>;

/// Sums of each key, and how many came in each ten milliseconds of the last thirty; tells all of it
/// at each punctuation.
struct Sums {
    interval: Duration,
}

impl Processor<String, String> for Sums {
    type Key = String;
    type Value = String;

    fn init(&mut self, context: &mut Context<'_>) -> Done {
        context.schedule(self.interval, PunctuationType::StreamTime);
        Ok(())
    }

    fn record(&mut self, record: Record<String, String>, context: &mut Context<'_>) -> Done {
        let value: i64 = record.value.parse().unwrap();
        *context.keyed::<String, i64>("sums")?.change(&record.key)?.get_or_insert(0) += value;
        let time = record.timestamp_ms / 10 * 10;
        *context.windowed::<String, i64>("times")?.change(time, &record.key)?.get_or_insert(0) += 1;
        Ok(())
    }

    fn punctuate(&mut self, _: Punctuator, time_ms: i64, context: &mut Context<'_>) -> Done {
        assert_eq!(context.stream_time_ms(), Some(time_ms));
        let mut told = Vec::new();
        for (key, sum) in context.keyed::<String, i64>("sums")?.range(None, None)? {
            told.push(format!("{key}={sum}"));
        }
        let mut times = context.windowed::<String, i64>("times")?;
        for time in times.times(i64::MIN..i64::MAX) {
            for (key, count) in times.at(time)? {
                told.push(format!("{time}:{key}={count}"));
            }
        }
        times.expire(time_ms - 30);
        // What expired is gone at once, also for one who writes there again.
        let gone = (time_ms - 40) / 10 * 10;
        *times.change(gone, &"k0".to_owned())?.get_or_insert(0) += 1;
        drop(times);
        context.forward(Record::new(time_ms.to_string(), told.join(" "), time_ms))
    }
}

fn sums(interval: i64) -> Topology {
    let builder = StreamBuilder::new("sums");
    let interval = Duration::from_millis(interval.unsigned_abs());
    let stores = [Store::keyed::<String, i64>("sums"), Store::windowed::<String, i64>("times")];
    builder
        .keyed_source("events", text(), text())
        .process(stores, move || Sums { interval })
        .keyed_sink("out", text(), text());
    builder.build()
}

/// The same from all records, with maps and a loop.
fn wanted(interval: i64, events: &[(u8, i64, i64)], restart: usize) -> Vec<(String, String)> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    let mut times: BTreeMap<(i64, String), i64> = BTreeMap::new();
    let (mut next, mut now, mut told) = (0, i64::MIN, Vec::new());
    for (at, (key, value, time)) in events.iter().enumerate() {
        if at == restart {
            next = 0;
        }
        let key = format!("k{key}");
        now = now.max(*time);
        *sums.entry(key.clone()).or_default() += value;
        *times.entry((time / 10 * 10, key)).or_default() += 1;
        if now < next {
            continue;
        }
        while next <= now {
            next += interval;
        }
        let sums = sums.iter().map(|(key, sum)| format!("{key}={sum}"));
        let counts = times.iter().map(|((time, key), count)| format!("{time}:{key}={count}"));
        let all: Vec<String> = sums.chain(counts).collect();
        told.push((now.to_string(), all.join(" ")));
        times.retain(|(time, _), _| *time >= now - 30);
        *times.entry(((now - 40) / 10 * 10, "k0".to_owned())).or_default() += 1;
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn state_and_event_time_punctuators_are_as_a_model_has_them(
        events in prop::collection::vec((0..3_u8, -9..9_i64, 0..40_i64), 1..60),
        interval in 1..60_i64,
        restart in 0..60_usize,
    ) {
        // Forward on the whole, with records that come late.
        let mut now = 100;
        let events: Vec<(u8, i64, i64)> = events.into_iter().map(|(key, value, step)| {
            now += step - 12;
            (key, value, now)
        }).collect();
        let mut driver = TestDriver::new(sums(interval)).unwrap();
        for (at, (key, value, time)) in events.iter().enumerate() {
            if at == restart {
                driver.restart().unwrap();
            }
            driver.send("events", Some(&format!("k{key}")), &value.to_string(), *time).unwrap();
        }
        let told = driver.read("out", &text(), &text()).unwrap();
        let told: Vec<(String, String)> =
            told.into_iter().map(|(time, all)| (time, all.unwrap())).collect();
        prop_assert_eq!(told, wanted(interval, &events, restart));
    }

    #[test]
    fn wall_clock_punctuators_come_once_after_a_gap(
        steps in prop::collection::vec(0..200_i64, 1..40),
        intervals in (1..90_i64, 1..90_i64),
    ) {
        let intervals = [intervals.0, intervals.1];
        let builder = StreamBuilder::new("ticks");
        builder
            .keyed_source("events", text(), text())
            .process([], move || Ticks { intervals, known: Vec::new() })
            .sink("out", text());
        let mut driver = TestDriver::new(builder.build()).unwrap();
        let (mut now, mut due, mut wanted) = (0, intervals, Vec::new());
        for step in steps {
            now += step;
            driver.set_wall_clock_ms(now).unwrap();
            let mut came: Vec<(i64, usize)> =
                (0..2).filter(|at| due[*at] <= now).map(|at| (due[at], at)).collect();
            came.sort_unstable();
            for (_, at) in came {
                wanted.push(format!("{at}@{now}"));
                while due[at] <= now {
                    due[at] += intervals[at];
                }
            }
        }
        prop_assert_eq!(driver.texts("out"), wanted);
    }
}

/// Tells each tick of two wall-clock punctuators; the text `end 0` ends the first one.
struct Ticks {
    intervals: [i64; 2],
    known: Vec<Punctuator>,
}

impl Processor<String, String> for Ticks {
    type Key = String;
    type Value = String;

    fn init(&mut self, context: &mut Context<'_>) -> Done {
        for interval in self.intervals {
            let interval = Duration::from_millis(interval.unsigned_abs());
            self.known.push(context.schedule(interval, PunctuationType::WallClockTime));
        }
        Ok(())
    }

    fn record(&mut self, record: Record<String, String>, context: &mut Context<'_>) -> Done {
        let ends = record.value.strip_prefix("end ");
        let ends: usize = ends.unwrap().parse().unwrap();
        context.cancel(self.known[ends]);
        Ok(())
    }

    fn punctuate(&mut self, which: Punctuator, time_ms: i64, context: &mut Context<'_>) -> Done {
        assert_eq!(context.wall_clock_ms(), time_ms);
        let at = self.known.iter().position(|known| *known == which).unwrap();
        context.forward(Record::new(String::new(), format!("{at}@{time_ms}"), time_ms))
    }
}

#[test]
fn a_punctuator_that_was_cancelled_comes_no_more() {
    let builder = StreamBuilder::new("ticks");
    builder
        .keyed_source("events", text(), text())
        .process([], || Ticks { intervals: [10, 10], known: Vec::new() })
        .sink("out", text());
    let mut driver = TestDriver::new(builder.build()).unwrap();
    driver.set_wall_clock_ms(10).unwrap();
    driver.send("events", Some("k"), "end 0", 0).unwrap();
    driver.set_wall_clock_ms(20).unwrap();
    assert_eq!(driver.texts("out"), ["0@10", "1@10", "1@20"]);
}

/// What a processor does with a record, by a function.
struct By(Box<Function>);

type Function = dyn FnMut(Record<String, String>, &mut Context<'_>) -> Done;

fn by(function: impl FnMut(Record<String, String>, &mut Context<'_>) -> Done + 'static) -> By {
    By(Box::new(function))
}

impl Processor<String, String> for By {
    type Key = String;
    type Value = String;
    fn record(&mut self, record: Record<String, String>, context: &mut Context<'_>) -> Done {
        (self.0)(record, context)
    }
}

#[test]
fn processors_share_a_store_by_its_name_and_run_in_one_task() {
    let builder = StreamBuilder::new("shared");
    let rates = || [Store::keyed::<String, String>("rates")];
    builder.keyed_source("rates", text(), text()).process(rates(), || {
        by(|record, context| {
            let mut rates = context.keyed::<String, String>("rates")?;
            rates.put(&record.key, Some(record.value))
        })
    });
    builder
        .keyed_source("orders", text(), text())
        .process(rates(), || {
            by(|record, context| {
                let mut rates = context.keyed::<String, String>("rates")?;
                let rate = rates.get(&record.key)?.cloned().unwrap_or_default();
                let value = format!("{} at {rate}", record.value);
                context.forward(Record { value, ..record })
            })
        })
        .sink("out", text());
    let mut driver = TestDriver::new(builder.build()).unwrap();
    driver.send("orders", Some("EUR"), "3", 1).unwrap();
    driver.send("rates", Some("EUR"), "1.1", 2).unwrap();
    driver.restart().unwrap();
    driver.send("orders", Some("EUR"), "4", 3).unwrap();
    assert_eq!(driver.texts("out"), ["3 at ", "4 at 1.1"]);
}

#[test]
fn headers_are_read_and_given_on() {
    let builder = StreamBuilder::new("headers");
    builder
        .keyed_source("events", text(), text())
        .process_values([], || {
            by(|mut record, context| {
                record.value = record.headers.iter().map(|header| &*header.key).collect();
                record.headers.truncate(1);
                context.forward(record)
            })
        })
        .sink("out", text());
    let mut driver = TestDriver::new(builder.build()).unwrap();
    let header = |key: &str| RecordHeader { key: key.into(), value: Some("v".into()) };
    let record = LogRecord {
        key: Some("k".into()),
        value: Some("v".into()),
        headers: vec![header("a"), header("b")],
        timestamp_ms: 7,
    };
    driver.send_record("events", record).unwrap();
    let out = driver.records("out");
    assert_eq!(out[0].value.as_deref(), Some(&b"ab"[..]));
    assert_eq!((&out[0].headers, out[0].timestamp_ms), (&vec![header("a")], 7));
}

/// Forwards in `init`, which it may not.
struct Early;

impl Processor<String, String> for Early {
    type Key = String;
    type Value = String;
    fn init(&mut self, context: &mut Context<'_>) -> Done {
        context.forward(Record::new(String::new(), String::new(), 0))
    }
    fn record(&mut self, _: Record<String, String>, _: &mut Context<'_>) -> Done {
        Ok(())
    }
}

#[test]
fn what_a_processor_may_not_do_is_an_error_that_says_what_to_do() {
    let fault = |function: fn(&mut Context<'_>) -> Done| {
        let builder = StreamBuilder::new("faults");
        builder
            .keyed_source("events", text(), text())
            .process([Store::keyed::<String, u64>("known")], move || {
                by(move |_, context| function(context))
            });
        let mut driver = TestDriver::new(builder.build()).unwrap();
        driver.send("events", Some("k"), "v", 0).unwrap_err().to_string()
    };
    assert_eq!(
        fault(|context| context.keyed::<String, u64>("other").map(|_| ())),
        "process-1 failed: it has no store other: declare it where process is called"
    );
    assert_eq!(
        fault(|context| context.keyed::<String, i64>("known").map(|_| ())),
        "process-1 failed: store known is asked for with other types than those it was declared with"
    );
    let twice = fault(|context| {
        let _held = context.keyed::<String, u64>("known")?;
        context.keyed::<String, u64>("known").map(|_| ())
    });
    assert!(twice.contains("store known is in use"), "{twice}");
    let builder = StreamBuilder::new("early");
    builder.keyed_source("events", text(), text()).process([], || Early);
    let early = TestDriver::new(builder.build()).unwrap_err().to_string();
    assert!(early.starts_with("process-1 failed: init forwards a record"), "{early}");
}

#[test]
fn system_messages_reach_a_processor_in_order() {
    struct Messages(Arc<Mutex<Vec<String>>>);
    impl Processor<String, String> for Messages {
        type Key = String;
        type Value = String;
        fn record(&mut self, record: Record<String, String>, _: &mut Context<'_>) -> Done {
            self.0.lock().unwrap().push(record.value);
            Ok(())
        }
        fn message(&mut self, message: SystemMessage, context: &mut Context<'_>) -> Done {
            let told = match message {
                SystemMessage::NewSplit(split) => format!("queue {}", split.queue),
                SystemMessage::CheckPoint(point) => format!("checkpoint {}", point.number),
                SystemMessage::Watermark(mark) => {
                    assert_eq!(context.watermark_ms(), Some(mark.time_ms));
                    format!("watermark {}", mark.time_ms)
                }
                _ => return Ok(()),
            };
            self.0.lock().unwrap().push(told);
            Ok(())
        }
    }
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let builder = StreamBuilder::new("messages");
    let heard = Arc::clone(&seen);
    let factory = move || Messages(Arc::clone(&heard));
    builder.keyed_source("events", text(), text()).process([], factory);
    let mut driver = TestDriver::new(builder.build()).unwrap();
    driver.send("events", Some("k"), "a", 5).unwrap();
    let wanted = ["queue 0", "a", "watermark 5", "checkpoint 1"];
    assert_eq!(*seen.lock().unwrap(), wanted);
}

/// Counts records, and tells the count whenever the wall clock ticks.
struct Told;

impl Processor<Option<bytes::Bytes>, String> for Told {
    type Key = String;
    type Value = String;
    fn init(&mut self, context: &mut Context<'_>) -> Done {
        context.schedule(Duration::from_millis(30), PunctuationType::WallClockTime);
        Ok(())
    }
    fn record(
        &mut self,
        record: Record<Option<bytes::Bytes>, String>,
        context: &mut Context<'_>,
    ) -> Done {
        *context.keyed::<String, u64>("counts")?.change(&record.value)?.get_or_insert(0) += 1;
        Ok(())
    }
    fn punctuate(&mut self, _: Punctuator, time_ms: i64, context: &mut Context<'_>) -> Done {
        for (word, count) in context.keyed::<String, u64>("counts")?.range(None, None)? {
            context.forward(Record::new(word, count.to_string(), time_ms))?;
        }
        Ok(())
    }
}

#[test]
fn what_a_punctuator_does_is_committed_and_its_state_comes_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let last = |word: &str| {
        let counts = all(&log, "counts").into_iter();
        let mine = counts.filter(|record| record.key.as_deref() == Some(word.as_bytes()));
        mine.last().map(|record| String::from_utf8(record.value.unwrap().to_vec()).unwrap())
    };
    for round in 1..=2 {
        let builder = StreamBuilder::new("told");
        builder
            .source("words", text())
            .process([Store::keyed::<String, u64>("counts")], || Told)
            .keyed_sink("counts", text(), text());
        let mut settings = Settings::new(dir.path().join("state"));
        settings.checkpoint_interval = Duration::from_millis(20);
        let shared: Arc<dyn FullLog> = Arc::<gantry_log::EmbeddedLog>::clone(&log);
        let job = Streams::start(builder.build(), shared, settings).unwrap();
        send(&log, 2, &["a".to_owned(), "a".to_owned()]);
        let wanted = (2 * round).to_string();
        wait_for("the count", || last("a").as_ref() == Some(&wanted));
        let before = all(&log, "counts").len();
        // Nothing comes any more, and it is told all the same.
        wait_for("another tick", || all(&log, "counts").len() > before + 2);
        job.stop().unwrap();
        std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    }
}
