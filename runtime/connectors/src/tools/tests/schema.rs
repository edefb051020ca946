use std::time::Duration;

use gantry_api::{SourceTask, Struct, Value};
use serde_json::json;

use super::*;
use crate::tools::SchemaSourceTask;

async fn start(
    pairs: &[(&str, &str)],
    seqno: Option<serde_json::Value>,
) -> Result<(SchemaSourceTask, Paper)> {
    let paper = Paper::default();
    let mut task = SchemaSourceTask::default();
    task.printer = paper.printer();
    let mut given = props(&[("name", "n"), ("id", "3"), ("topic", "t"), ("throughput", "-1")]);
    given.extend(props(pairs));
    task.start(context(seqno), &given).await?;
    Ok((task, paper))
}

fn inner(record: &SourceRecord) -> &Struct {
    let Value::Struct(inner) = &record.record.value.value else { panic!("no struct") };
    inner.validate().unwrap();
    inner
}

#[tokio::test]
async fn gives_so_many_structs_into_its_own_queue_and_then_waits() {
    let config = [("num.messages", "4"), ("partition.count", "3")];
    let (mut task, paper) = start(&config, None).await.unwrap();
    let all = poll_records(&mut task, 4).await;
    assert_eq!(seqnos(&all), [0, 1, 2, 3].map(|n| json!(n)));
    for (n, record) in all.iter().enumerate() {
        assert_eq!(record.record.partition, Some(3));
        assert_eq!(&*record.record.topic, "t");
        assert_eq!(record.record.key.value, Value::str("key"));
        assert_eq!(&**record.partition.canonical(), r#"{"id":3}"#);
        let schema = record.record.value.schema.as_ref().unwrap();
        assert_eq!((schema.name().map(|n| &**n), schema.version()), (Some("record"), Some(1)));
        let expected = [
            Value::Boolean(true),
            Value::Int32(12),
            Value::Int64(12),
            Value::Float32(12.2),
            Value::Float64(12.2),
            Value::Int32(n as i32 % 3),
            Value::Int32(3),
            Value::Int64(n as i64),
        ];
        assert_eq!(inner(record).values(), expected);
    }
    assert_eq!(paper.lines()[1], r#"{"task": 3, "seqno": 1}"#);
    let more = tokio::time::timeout(Duration::from_millis(50), task.poll()).await;
    assert!(more.is_err(), "it gives no more");
}

#[tokio::test]
async fn two_schemas_take_turns_from_each_start_on() {
    let config = [("num.messages", "3"), ("multiple.schema", "TRUE")];
    let (mut task, _) = start(&config, Some(json!(6))).await.unwrap();
    let all = poll_records(&mut task, 3).await;
    assert_eq!(seqnos(&all), [7, 8, 9].map(|n| json!(n)), "it goes on behind the stored offset");
    let versions: Vec<_> =
        all.iter().map(|r| r.record.value.schema.as_ref().unwrap().version().unwrap()).collect();
    assert_eq!(versions, [1, 2, 1]);
    assert_eq!(inner(&all[1]).get("string").unwrap(), &Value::str("def"));
    let schema = all[1].record.value.schema.as_ref().unwrap();
    let names: Vec<_> = schema.fields().unwrap().list().iter().map(|f| &*f.name).collect();
    assert_eq!(names[5..], ["partitioning", "string", "id", "seqno"]);
    let text = schema.field("string").unwrap();
    assert_eq!(text.schema.default_value(), Some(&Value::str("abc")));
    assert!(
        all[0]
            .record
            .value
            .schema
            .as_ref()
            .unwrap()
            .same(all[2].record.value.schema.as_ref().unwrap())
    );
}

#[tokio::test]
async fn what_it_needs_must_be_set() {
    let kafkas = "org.apache.kafka.connect.errors.ConnectException: Invalid SchemaSourceTask \
                  configuration\nCaused by: ";
    for (pairs, reason) in [
        (&[][..], "\"num.messages\""),
        (&[("num.messages", "x")], "Invalid value x for configuration num.messages"),
        (&[("num.messages", "1"), ("throughput", "1.5")], "Invalid value 1.5 for"),
        (&[("num.messages", "1"), ("partition.count", "0")], "it must not be 0"),
        (&[("num.messages", "1"), ("topic", "")], "\"topic\""),
    ] {
        let trace = trace(start(pairs, None).await.map(drop));
        assert!(trace.starts_with(kafkas) && trace.contains(reason), "{trace}");
    }
    let (mut none, _) = start(&[("num.messages", "0")], None).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(30), none.poll()).await.is_err());
}
