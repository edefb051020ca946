//! Tasks: keys, headers, offsets, seeds, the end and the pace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    CancellationToken, Connector, ConnectorContext, OffsetMap, Schema, SourceRecord, SourceTask,
    Value,
};
use serde_json::json;

use super::super::{DatagenConnector, DatagenTask};
use super::{Offsets, context, fields, props, records, schema, take, task, values};

fn connector_context() -> ConnectorContext {
    ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(BTreeMap::new())),
        requests: Arc::default(),
        isolation: gantry_api::Isolation::Shared,
    }
}

fn map(json: serde_json::Value) -> OffsetMap {
    json.as_object().unwrap().clone()
}

fn shown(records: &[SourceRecord]) -> Vec<String> {
    let shown = |r: &SourceRecord| format!("{:?} {:?}", r.record.value.value, r.offset.to_map());
    records.iter().map(shown).collect()
}

#[tokio::test]
async fn a_record_is_as_confluents() {
    let all = records(&[("quickstart", "users"), ("random.seed", "3")], 2).await.unwrap();
    let second = &all[1];
    assert_eq!(&*second.record.topic, "t");
    assert_eq!((second.record.partition, second.record.timestamp_ms), (None, None));
    assert_eq!(&second.record.key.value, fields(second).get("userid").unwrap());
    let headers: Vec<(&str, &Value)> =
        second.record.headers.iter().map(|h| (&*h.key, &h.datum.value)).collect();
    let expected = [("task.generation", 0), ("task.id", 0), ("current.iteration", 1)];
    assert_eq!(
        headers,
        expected
            .map(|(key, _)| key)
            .into_iter()
            .zip(&expected.map(|(_, number)| Value::Int64(number)))
            .collect::<Vec<_>>()
    );
    assert_eq!(second.record.headers[0].datum.schema, Some(Schema::int64()));
    assert_eq!(second.partition.map(), &map(json!({"task.id": 0})));
    let offset = second.offset.to_map();
    assert_eq!(offset["task.generation"], json!(1));
    assert_eq!(offset["current.iteration"], json!(2));
    assert!(offset["random.seed"].is_i64());
}

#[tokio::test]
async fn keys() {
    let own = [("quickstart", "users"), ("schema.keyfield", "registertime")];
    let record = &records(&own, 1).await.unwrap()[0];
    assert_eq!(record.record.key.schema, Some(Schema::int64()));
    assert!(matches!(record.record.key.value, Value::Int64(_)));
    let record = &records(&[("schema.string", &schema(r#""int""#))], 1).await.unwrap()[0];
    assert_eq!(record.record.key.schema, Some(Schema::optional_string()));
    assert_eq!(record.record.key.value, Value::Null);
    // A schema in a file of a quickstart does not bring the quickstart's key along.
    let record = &records(&[("schema.filename", "users_schema.avro")], 1).await.unwrap()[0];
    assert_eq!(record.record.key.value, Value::Null);
    let nullable = schema(r#"["null","long"]"#);
    let keyed = [("schema.string", nullable.as_str()), ("schema.keyfield", "f")];
    let all = records(&keyed, 50).await.unwrap();
    assert!(all.iter().all(|r| r.record.key.schema == Some(Schema::optional_int64())));
    assert!(all.iter().any(|r| r.record.key.value.is_null()));
}

#[tokio::test]
async fn the_end_is_a_failure() {
    let pairs = [("quickstart", "users"), ("iterations", "1500")];
    let mut task = task(&pairs, None).await.unwrap();
    assert_eq!(take(&mut task, 1500).await.unwrap().len(), 1500);
    let text = "Stopping connector: generated the configured 1500 number of messages";
    assert_eq!(task.poll().await.unwrap_err().message(), text);
    assert_eq!(task.poll().await.unwrap_err().message(), text);
    // And again when it is started again, where nothing is left to do.
    let offset = map(json!({"task.generation": 1, "current.iteration": 1500, "random.seed": 1}));
    let mut task = super::task(&pairs, Some(offset)).await.unwrap();
    assert_eq!(task.poll().await.unwrap_err().message(), text);
    let mut endless =
        super::task(&[("quickstart", "users"), ("iterations", "0")], None).await.unwrap();
    assert_eq!(take(&mut endless, 3000).await.unwrap().len(), 3000);
}

#[tokio::test]
async fn goes_on_where_it_was() {
    let pairs = [("quickstart", "ratings")];
    let whole = records(&pairs, 100).await.unwrap();
    // The seed of the configuration is not that of the offset.
    let offset = whole[41].offset.to_map();
    let changed = [("quickstart", "ratings"), ("random.seed", "99")];
    let mut task = task(&changed, Some(offset)).await.unwrap();
    let rest = take(&mut task, 58).await.unwrap();
    for (one, other) in whole[42..].iter().zip(&rest) {
        assert_eq!(fields(one), fields(other));
        let of = |r: &SourceRecord, key: &str| r.offset.to_map()[key].as_i64().unwrap();
        assert_eq!(of(one, "current.iteration"), of(other, "current.iteration"));
        assert_eq!(of(one, "random.seed"), of(other, "random.seed"));
        assert_eq!(of(other, "task.generation"), 2);
    }
    assert_eq!(rest[0].record.headers[0].datum.value, Value::Int64(1));
    assert_eq!(fields(&rest[0]).get("rating_id").unwrap(), &Value::Int64(43));
    for wrong in
        [json!({}), json!({"task.generation": 1, "current.iteration": -1, "random.seed": 1})]
    {
        assert!(super::task(&pairs, Some(map(wrong))).await.is_err());
    }
}

#[tokio::test]
async fn seeds() {
    let of = |seed: &'static str| async move {
        shown(&records(&[("quickstart", "orders"), ("random.seed", seed)], 50).await.unwrap())
    };
    assert_eq!(of("1").await, of("1").await);
    assert_ne!(of("1").await, of("2").await);
    let mut unseeded = props(&[("quickstart", "orders")]);
    unseeded.remove("random.seed");
    let mut firsts = Vec::new();
    for _ in 0..2 {
        let mut task = DatagenTask::default();
        task.start(context(None), &unseeded).await.unwrap();
        firsts.push(shown(&take(&mut task, 5).await.unwrap()));
    }
    assert_ne!(firsts[0], firsts[1]);
    // The very numbers of Java's generator: of seed 42, and then of the seed that follows.
    let text = schema(r#"{"type":"int","arg.properties":{"range":{"min":0,"max":1000}}}"#);
    let first = &records(&[("schema.string", &text), ("random.seed", "42")], 1).await.unwrap()[0];
    assert_eq!(fields(first).get("f").unwrap(), &Value::Int32(727));
}

#[tokio::test]
async fn tasks_make_different_records() {
    let mut connector = DatagenConnector::default();
    connector.start(connector_context(), &props(&[("quickstart", "orders")])).await.unwrap();
    let configs = connector.task_configs(3).await.unwrap();
    assert_eq!(configs.len(), 3);
    let mut seen = Vec::new();
    for (number, config) in configs.iter().enumerate() {
        assert_eq!(config["task.id"], number.to_string());
        let mut task = DatagenTask::default();
        task.start(context(None), config).await.unwrap();
        let all = take(&mut task, 5).await.unwrap();
        assert_eq!(all[0].partition.map(), &map(json!({"task.id": number})));
        assert_eq!(fields(&all[0]).get("orderid").unwrap(), &Value::Int32(0));
        let times = all.iter().map(|r| format!("{:?}", fields(r).get("ordertime")));
        seen.push(times.collect::<Vec<_>>());
    }
    assert!(seen[0] != seen[1] && seen[1] != seen[2]);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_pace() {
    let pairs = [("quickstart", "users"), ("max.interval", "100")];
    let mut task = task(&pairs, None).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(100) {
        // A wait that is broken off is taken up again.
        if let Ok(records) = tokio::time::timeout(Duration::from_millis(30), task.poll()).await {
            count += records.unwrap().len();
        }
    }
    assert!((1850..2150).contains(&count), "{count}");
    // A standstill is not made up for.
    tokio::time::advance(Duration::from_secs(60)).await;
    let resumed = tokio::time::Instant::now();
    let mut burst = 0;
    while resumed.elapsed() < Duration::from_millis(1) {
        burst += task.poll().await.unwrap().len();
    }
    assert!(burst <= 10, "{burst}");
}

#[tokio::test]
async fn a_batch_ends_where_it_is_large() {
    let text = schema(r#"{"type":"string","arg.properties":{"length":100000}}"#);
    let mut task = task(&[("schema.string", &text)], None).await.unwrap();
    let count = task.poll().await.unwrap().len();
    assert!((5..20).contains(&count), "{count}");
}

#[tokio::test]
async fn records_before_a_bad_one_are_given() {
    // A time of the day has 24 hours.
    let time = r#"{"type":"int","logicalType":"time-millis","arg.properties":
        {"iteration":{"start":86399000,"step":500}}}"#;
    let text = schema(time);
    let mut task = task(&[("schema.string", &text)], None).await.unwrap();
    assert_eq!(task.poll().await.unwrap().len(), 3);
    assert!(task.poll().await.unwrap_err().message().contains("Time values must use"));
    assert!(values(r#"{"type":"int","logicalType":"time-millis"}"#, 100).await.is_err());
}

#[tokio::test]
async fn bad_starts_and_offsets() {
    let mut connector = DatagenConnector::default();
    let error = connector.start(connector_context(), &props(&[])).await.unwrap_err();
    let text = "Datagen connector could not start because of an error in the configuration: ";
    assert_eq!(error.message(), text);
    let cause = error.cause().unwrap().message();
    assert!(cause.starts_with("Must set exactly one of"), "{cause}");
    let good = json!({"task.generation": 1, "current.iteration": 5, "random.seed": -3});
    for (partition, offset, is_good) in [
        (json!({"task.id": 1}), Some(good.clone()), true),
        (json!({"x": 1}), None, true),
        (json!({"x": 1}), Some(good.clone()), false),
        (json!({"task.id": 1}), Some(json!({"current.iteration": 5})), false),
    ] {
        let change = [(map(partition), offset.map(map))];
        assert_eq!(connector.alter_offsets(&props(&[]), &change).await.is_ok(), is_good);
    }
}
