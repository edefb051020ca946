//! A preview shows what a task does, and does nothing itself.

use gantry_api::{ConnectRecord, Datum, Schema, Value};
use gantry_log::{QueueBatch, TopicSpec};

use super::plugins::{SINK, SOURCE};
use super::*;
use crate::{
    HerderErrorKind, Preview, PreviewOutcome, PreviewSamples, RawRecord, StartAt, StepOutcome,
    TopicSample,
};

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// The records that the counting source makes.
fn counted(range: std::ops::Range<u32>) -> PreviewSamples {
    let record = |i: u32| {
        let value = Datum::new(Schema::string(), Value::str(&format!("n-{i}")));
        let mut record = ConnectRecord::new("t".into(), value);
        record.key = Datum::new(Schema::string(), Value::str(&format!("k{i}")));
        record
    };
    PreviewSamples::Source(range.map(record).collect())
}

async fn load(bench: &Bench, topic: &str, queues: u32, values: &[&str]) {
    bench.log.create_topic(topic, TopicSpec::with_queues(queues)).await.expect("topic");
    for (i, value) in (0u32..).zip(values) {
        let record = LogRecord {
            key: Some("k".into()),
            value: Some((*value).to_owned().into()),
            headers: vec![gantry_log::RecordHeader { key: "h".into(), value: Some("1".into()) }],
            timestamp_ms: i64::from(i),
        };
        let to = TopicPartition::new(topic, i % queues);
        let batch = QueueBatch { to, records: vec![record] };
        bench.log.append(vec![batch]).await.expect("accepted").await.expect("durable");
    }
}

fn sample(topic: &str, start: StartAt, max: usize) -> TopicSample {
    TopicSample { topic: topic.to_owned(), partition: None, start, max }
}

async fn of_topic(bench: &Bench, config: &[(&str, &str)], topic: &str) -> Preview {
    let records = bench.herder.read_samples(&sample(topic, StartAt::Earliest, 100)).await;
    let samples = PreviewSamples::Sink(records.expect("records"));
    bench.herder.preview(props(config), samples).await.expect("a preview")
}

/// All that a log holds: topics with their ends, records and committed offsets.
async fn state(bench: &Bench) -> String {
    let topics = bench.log.topics().await.expect("topics");
    let mut all = format!("{:?}\n", bench.log.groups().await.expect("groups"));
    for (name, info) in topics {
        for queue in 0..info.spec.queues {
            all += &format!("{name}-{queue}: {:?}\n", bench.records(&name, queue).await);
        }
    }
    all
}

#[tokio::test]
async fn what_a_source_would_write_is_what_its_task_writes() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "3"),
        ("key.mod", "9"),
        ("value.converter", JSON),
        ("transforms", "hoist,stamp,skip,route"),
        ("transforms.hoist.type", "org.apache.kafka.connect.transforms.HoistField$Value"),
        ("transforms.hoist.field", "line"),
        ("transforms.stamp.type", "org.apache.kafka.connect.transforms.InsertField$Value"),
        ("transforms.stamp.topic.field", "from"),
        ("transforms.skip.type", "org.apache.kafka.connect.transforms.Filter"),
        ("transforms.skip.predicate", "dead"),
        ("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter"),
        ("transforms.route.regex", "t"),
        ("transforms.route.replacement", "u"),
        ("predicates", "dead"),
        (
            "predicates.dead.type",
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        ),
    ];
    let preview = bench.herder.preview(props(&config), counted(0..3)).await.expect("a preview");
    assert_eq!((preview.type_, preview.class.as_str(), preview.cut), ("source", SOURCE, None));
    bench.create("source", &config).await;
    bench.until("3 written", || bench.probe.acknowledged.load(SeqCst) == 3).await;
    let written = bench.records("u", 0).await;
    assert_eq!(written.len(), 3);
    for (shown, written) in preview.records.iter().zip(&written) {
        let PreviewOutcome::Written(raw) = &shown.outcome else { panic!("{:?}", shown.outcome) };
        assert_eq!(&*raw.topic, "u");
        assert_eq!((&raw.record.key, &raw.record.value), (&written.key, &written.value));
        assert_eq!(raw.record.headers, written.headers);
        let outcomes: Vec<_> = shown.steps.iter().map(|step| &step.outcome).collect();
        let [StepOutcome::Applied(hoisted), StepOutcome::Applied(_), skip, routed] = outcomes[..]
        else {
            panic!("{outcomes:?}")
        };
        let Value::Struct(value) = &hoisted.value.value else { panic!("{hoisted:?}") };
        assert!(value.get("line").is_ok() && value.get("from").is_err());
        assert_eq!(*skip, StepOutcome::Skipped);
        assert!(matches!(routed, StepOutcome::Applied(record) if &*record.topic == "u"));
        let condition = shown.steps[2].condition.as_ref().expect("a predicate");
        assert_eq!((condition.predicate.as_str(), condition.negate), ("dead", false));
    }
}

#[tokio::test]
async fn what_a_sink_would_get_is_what_its_task_gets_and_failures_are_the_same() {
    let bench = Bench::new().await;
    load(&bench, "t", 1, &["\"one\"", "{bad", "[1]", "\"two\"", "null"]).await;
    let config = [
        ("name", "sink"),
        ("connector.class", SINK),
        ("topics", "t"),
        ("value.converter", JSON),
        ("value.converter.schemas.enable", "false"),
        ("transforms", "dead,cast"),
        ("transforms.dead.type", "org.apache.kafka.connect.transforms.Filter"),
        ("transforms.dead.predicate", "dead"),
        ("transforms.cast.type", "org.apache.kafka.connect.transforms.Cast$Value"),
        ("transforms.cast.spec", "string"),
        ("predicates", "dead"),
        (
            "predicates.dead.type",
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        ),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
    ];
    let preview = of_topic(&bench, &config, "t").await;
    bench.create("sink", &config).await;
    bench.until("2 put", || bench.probe.put_texts().len() >= 2).await;
    bench.herder.shutdown().await;

    let (mut delivered, mut dead, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for record in &preview.records {
        ends.push(match &record.outcome {
            PreviewOutcome::Delivered(record) => {
                delivered.push(gantry_api::model::text::java_string(&record.value.value));
                "delivered"
            }
            PreviewOutcome::Dropped(step) => {
                assert_eq!(record.steps[*step].name, "dead");
                assert_eq!(record.steps[1].outcome, StepOutcome::NotReached);
                "dropped"
            }
            PreviewOutcome::Failed(failed) => {
                assert!(failed.handling.fails_with.is_none(), "all is tolerated");
                dead.push(failed.handling.dead_letter.clone().expect("a dead letter"));
                failed.stage.expect("a stage")
            }
            PreviewOutcome::Written(raw) => panic!("{raw:?}"),
        });
    }
    assert_eq!(ends, ["delivered", "VALUE_CONVERTER", "TRANSFORMATION", "delivered", "dropped"]);
    assert_eq!(delivered, bench.probe.put_texts());
    assert!(dead.iter().all(|raw| &*raw.topic == "d"));
    let dead: Vec<LogRecord> = dead.into_iter().map(|raw| raw.record).collect();
    assert_eq!(dead, bench.records("d", 0).await, "the dead letters, headers and all");
}

#[tokio::test]
async fn a_sources_dead_letters_and_what_ends_the_task_are_the_same() {
    let bench = Bench::new().await;
    let bytes = "org.apache.kafka.connect.converters.ByteArrayConverter";
    let config = [
        ("connector.class", SOURCE),
        ("topic", "t"),
        ("count", "2"),
        ("value.converter", bytes),
        ("errors.deadletterqueue.topic.name", "d"),
        ("errors.deadletterqueue.context.headers.enable", "true"),
        ("errors.log.enable", "true"),
    ];
    let mut named = props(&config);
    named.insert("name".to_owned(), "source".to_owned());
    let preview = bench.herder.preview(named, counted(0..2)).await.expect("a preview");
    bench.create("source", &config).await;
    bench.until_task("source", 0, UnitState::Failed).await;
    let trace = bench.herder.task_status("source", 0).expect("status").trace.expect("a trace");
    let PreviewOutcome::Failed(failed) = &preview.records[0].outcome else { panic!() };
    assert_eq!((failed.stage, failed.class.as_str()), (Some("VALUE_CONVERTER"), bytes));
    assert_eq!(failed.handling.fails_with.as_ref().map(|error| error.trace()), Some(trace));
    assert!(failed.handling.logged);
    let shown = failed.handling.dead_letter.as_ref().expect("a dead letter").record.clone();
    let written = bench.records("d", 0).await;
    assert_eq!(written.len(), 1);
    // The counting source gives no key here, and neither record has a time of its own.
    let expected = LogRecord { key: shown.key.clone(), ..written[0].clone() };
    assert_eq!(LogRecord { timestamp_ms: expected.timestamp_ms, ..shown }, expected);
}

#[tokio::test]
async fn nothing_is_written_committed_or_created() {
    let bench = Bench::new().await;
    load(&bench, "t", 3, &["a", "b", "{", "d"]).await;
    let before = state(&bench).await;
    let errors = [
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "d"),
        ("value.converter", JSON),
    ];
    let sink = [("connector.class", SINK), ("topics", "t,missing")];
    let preview = of_topic(&bench, &[&sink[..], &errors[..]].concat(), "t").await;
    assert_eq!(preview.records.len(), 4);
    let source = [("connector.class", SOURCE), ("topic", "new")];
    bench.herder.preview(props(&source), counted(0..3)).await.expect("a preview");
    assert_eq!(state(&bench).await, before);
    assert_eq!(bench.probe.starts.load(SeqCst), 0);
    assert!(bench.herder.connectors().is_empty());
    assert!(bench.probe.put_texts().is_empty());
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_in_kafkas_words() {
    let bench = Bench::new().await;
    let refusal = |config: &[(&str, &str)]| {
        let config = props(config);
        let herder = Arc::clone(&bench.herder);
        async move {
            let refused = herder.preview(config, counted(0..1)).await.expect_err("refused");
            assert_eq!(refused.kind, HerderErrorKind::BadRequest);
            refused.message
        }
    };
    let text = refusal(&[("connector.class", SINK)]).await;
    assert!(text.starts_with("Connector configuration is invalid and contains the following 2"));
    let text = refusal(&[("connector.class", "Nope")]).await;
    assert!(text.contains("which name matches Nope, available connectors are: "), "{text}");
    let stage = [
        ("connector.class", SOURCE),
        ("transforms", "i"),
        ("transforms.i.type", "org.apache.kafka.connect.transforms.InsertField$Value"),
    ];
    let text = refusal(&stage).await;
    assert_eq!(
        text,
        "org.apache.kafka.common.config.ConfigException: No field insertion configured"
    );
    let text = refusal(&[("connector.class", SINK), ("topics", "t")]).await;
    assert!(text.starts_with("a sink reads records from topics"), "{text}");
}

#[tokio::test]
async fn samples_of_a_topic_begin_where_told_and_end_in_time() {
    let bench = Bench::new().await;
    let values: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    load(&bench, "t", 4, &values.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let read = |wanted: TopicSample| {
        let herder = Arc::clone(&bench.herder);
        async move {
            let records = herder.read_samples(&wanted).await.expect("records");
            let place =
                |raw: &RawRecord| (raw.partition.expect("queue"), raw.offset.expect("offset"));
            records.iter().map(place).collect::<Vec<_>>()
        }
    };
    assert_eq!(read(sample("t", StartAt::Earliest, 100)).await.len(), 40);
    assert_eq!(read(sample("t", StartAt::Earliest, 7)).await.len(), 7);
    let newest = read(sample("t", StartAt::Latest, 4)).await;
    assert_eq!(newest, [(0, 9), (1, 9), (2, 9), (3, 9)]);
    let one = TopicSample { partition: Some(2), ..sample("t", StartAt::Offset(8), 100) };
    assert_eq!(read(one).await, [(2, 8), (2, 9)]);
    assert!(read(sample("t", StartAt::Offset(99), 5)).await.is_empty());
    let missing = bench.herder.read_samples(&sample("no", StartAt::Earliest, 1)).await;
    assert_eq!(missing.expect_err("missing").kind, HerderErrorKind::NotFound);
    let queue = TopicSample { partition: Some(4), ..sample("t", StartAt::Earliest, 1) };
    let refused = bench.herder.read_samples(&queue).await.expect_err("no queue");
    assert_eq!(refused.kind, HerderErrorKind::BadRequest);
}

#[tokio::test]
async fn a_panic_ends_the_preview_as_it_ends_the_task() {
    let bench = Bench::new().await;
    let config = [
        ("connector.class", SOURCE),
        ("transforms", "p"),
        ("transforms.p.type", super::plugins::PANIC),
    ];
    let preview = bench.herder.preview(props(&config), counted(0..3)).await.expect("a preview");
    assert_eq!(preview.records.len(), 1);
    assert!(preview.cut.is_some_and(|cut| cut.contains("panicked")));
    let PreviewOutcome::Failed(failed) = &preview.records[0].outcome else { panic!() };
    let error = failed.handling.fails_with.as_ref().expect("the task fails").to_string();
    assert_eq!(error, "java.lang.RuntimeException: the task panicked: no such luck");
}
