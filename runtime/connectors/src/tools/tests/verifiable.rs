use std::time::Duration;

use gantry_api::model::MapValue;
use gantry_api::{
    ConnectRecord, Connector, Datum, Schema, SinkOffset, SinkOffsets, SinkRecord, SinkTask,
    SinkTaskContext, SourceTask, TimestampType, TopicPartition, Value,
};
use serde_json::json;

use super::*;
use crate::tools::{NumberedConnector, VerifiableSinkTask, VerifiableSourceTask};

async fn source(
    pairs: &[(&str, &str)],
    seqno: Option<serde_json::Value>,
) -> Result<(VerifiableSourceTask, Paper)> {
    let paper = Paper::default();
    let mut task = VerifiableSourceTask::default();
    task.printer = paper.printer();
    let mut given = props(&[("name", "n"), ("id", "3"), ("topic", "t"), ("throughput", "1000")]);
    given.extend(props(pairs));
    task.start(context(seqno), &given).await?;
    Ok((task, paper))
}

#[tokio::test]
async fn each_task_gets_its_number() {
    let ctx = gantry_api::ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(BTreeMap::new())),
        requests: Arc::default(),
        isolation: gantry_api::Isolation::Shared,
    };
    let mut connector = NumberedConnector::default();
    // What a user sets as id is not a task's number.
    connector.start(ctx, &props(&[("id", "9"), ("topic", "t")])).await.unwrap();
    let configs = connector.task_configs(2).await.unwrap();
    assert_eq!(configs[1], props(&[("id", "1"), ("topic", "t")]));
    assert_eq!(configs.len(), 2);
    assert!(!connector.alter_offsets(&Props::new(), &[]).await.unwrap(), "it does not look");
}

#[tokio::test]
async fn records_are_printed_when_made_and_when_in_the_log() {
    let (mut task, paper) = source(&[("throughput", "0")], Some(json!(41))).await.unwrap();
    assert!(task.wants_acknowledgements());
    let all = poll_records(&mut task, 1).await;
    assert_eq!(seqnos(&all), [json!(42)]);
    assert_eq!(&**all[0].partition.canonical(), r#"{"id":3}"#);
    assert_eq!(all[0].record.key, Datum::new(Schema::int32(), Value::Int32(3)));
    assert_eq!(all[0].record.value, Datum::new(Schema::int64(), Value::Int64(42)));
    assert_eq!(all[0].record.partition, None);
    let made = r#"{"task":3,"seqno":42,"time_ms":0,"name":"n","topic":"t"}"#;
    assert_eq!(paper.lines(), [made]);
    // More than were given are not there to be printed.
    task.acknowledge(2).await.unwrap();
    let committed = r#"{"committed":true,"task":3,"seqno":42,"time_ms":0,"name":"n","topic":"t"}"#;
    assert_eq!(paper.lines(), [made, committed]);
    assert!(tokio::time::timeout(Duration::from_millis(50), task.poll()).await.is_err());
}

#[tokio::test]
async fn a_poll_that_is_left_gives_its_records_to_the_next() {
    let (mut task, paper) = source(&[("throughput", "-1")], None).await.unwrap();
    for _ in 0..20 {
        // Left while it prints.
        tokio::select! {
            biased;
            _ = task.poll() => panic!("printing takes longer"),
            () = std::future::ready(()) => {}
        }
    }
    let all = poll_records(&mut task, 1_000).await;
    let expected: Vec<_> = (0..all.len()).map(|n| json!(n)).collect();
    assert_eq!(seqnos(&all), expected);
    assert_eq!(paper.lines().len(), all.len(), "each line once");
}

#[tokio::test]
async fn complete_record_data_is_a_struct_of_what_is_printed() {
    let config = [("throughput", "0"), ("complete.record.data", "True")];
    let (mut task, paper) = source(&config, None).await.unwrap();
    let all = poll_records(&mut task, 1).await;
    let Value::Struct(inner) = &all[0].record.value.value else { panic!("no struct") };
    inner.validate().unwrap();
    let Value::Int64(time_ms) = *inner.get("time_ms").unwrap() else { panic!("no time") };
    assert!(paper.text().contains(&format!("\"time_ms\":{time_ms},")));
    let expected =
        [Value::str("n"), Value::Int32(3), Value::str("t"), Value::Int64(time_ms), Value::Int64(0)];
    assert_eq!(inner.values(), expected);
    task.acknowledge(1).await.unwrap();
    let line = paper.text().lines().nth(1).unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["seqno"]["task"], json!(3));
}

#[tokio::test]
async fn a_stored_offset_must_be_a_number() {
    let error = trace(source(&[], Some(json!("3"))).await.map(drop));
    assert!(error.contains(r#"The stored offset {"seqno":"3"} has no whole number"#), "{error}");
    let error = trace(source(&[("throughput", "x")], None).await.map(drop));
    assert!(
        error.starts_with(
            "org.apache.kafka.connect.errors.ConnectException: Invalid VerifiableSourceTask \
             configuration\nCaused by: java.lang.NumberFormatException: For input string: \"x\"\n"
        ),
        "{error}"
    );
}

struct SinkBench {
    task: VerifiableSinkTask,
    paper: Paper,
    ctx: SinkTaskContext,
}

impl SinkBench {
    async fn new() -> Self {
        let paper = Paper::default();
        let mut task = VerifiableSinkTask::default();
        task.printer = paper.printer();
        let ctx = SinkTaskContext::new("c".into(), 1, CancellationToken::new());
        task.start(ctx.clone(), &props(&[("name", "n"), ("id", "1")])).await.unwrap();
        Self { task, paper, ctx }
    }
    async fn flush(&mut self, queues: &[u32]) {
        let at = |queue: &u32| (TopicPartition::new("t", *queue), SinkOffset::new(9));
        let written: SinkOffsets = queues.iter().map(at).collect();
        assert_eq!(self.task.pre_commit(&written).await.unwrap(), written);
    }
}

fn sink_record(queue: u32, offset: u64, key: Value, value: Value) -> SinkRecord {
    // As a transformation leaves it: under another name.
    let mut record = ConnectRecord::new("t-new".into(), Datum::schemaless(value));
    record.key = Datum::schemaless(key);
    let timestamp_type = TimestampType::CreateTime;
    SinkRecord { record, origin: TopicPartition::new("t", queue), offset, timestamp_type }
}

#[tokio::test]
async fn records_are_printed_when_put_and_when_flushed() {
    let mut bench = SinkBench::new().await;
    let records = [
        sink_record(0, 5, Value::Int32(3), Value::Int64(7)),
        sink_record(1, 6, Value::Null, Value::str("x")),
    ];
    bench.task.put(&records).await.unwrap();
    let put = [
        r#"{"task":3,"seqno":7,"offset":5,"time_ms":0,"name":"n","topic":"t-new","sinkTask":1}"#,
        r#"{"task":null,"seqno":"x","offset":6,"time_ms":0,"name":"n","topic":"t-new","sinkTask":1}"#,
    ];
    assert_eq!(bench.paper.lines(), put);
    bench.flush(&[0]).await;
    let flushed = put[0].replace('}', ",\"flushed\":true}");
    assert_eq!(bench.paper.lines()[2..], [flushed]);
    // Once only; and the other queue with its own commit.
    bench.flush(&[0, 1]).await;
    assert_eq!(bench.paper.lines().len(), 4);
    assert!(bench.paper.lines()[3].contains("\"offset\":6,"));
}

#[tokio::test]
async fn what_has_no_json_form_is_told_in_kafkas_words() {
    let mut bench = SinkBench::new().await;
    let map = Value::map(MapValue::from_distinct(vec![(Value::Null, Value::Int8(1))]));
    bench.task.put(&[sink_record(0, 0, Value::Null, map)]).await.unwrap();
    bench.flush(&[0]).await;
    let line = "Bad data can't be written as json: Null key for a Map not allowed in JSON";
    assert_eq!(bench.paper.lines(), [line, line]);
}

#[tokio::test]
async fn a_sink_asks_for_a_commit_before_too_much_waits_for_it() {
    let mut bench = SinkBench::new().await;
    let long = "x".repeat(1 << 20);
    // Slow paper is not the matter here.
    bench.task.printer = Printer::to(Box::new(tokio::io::sink()));
    for offset in 0..8 {
        let record = sink_record(0, offset, Value::Null, Value::str(&long));
        bench.task.put(&[record]).await.unwrap();
        assert_eq!(bench.ctx.take_requests().commit, offset == 7, "{offset}");
    }
    bench.flush(&[0]).await;
    let record = sink_record(0, 8, Value::Null, Value::str(&long));
    bench.task.put(&[record]).await.unwrap();
    assert!(!bench.ctx.take_requests().commit, "the commit has made room");
}
