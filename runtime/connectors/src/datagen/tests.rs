use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    CancellationToken, Connector, OffsetMap, OffsetReader, Props, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext, Value,
};
use serde_json::json;

use super::{DatagenSource, DatagenSourceTask};

struct Offsets(BTreeMap<String, OffsetMap>);
impl OffsetReader for Offsets {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.get(&**partition.canonical()).cloned()
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    let mut props = Props::from([("topic".to_owned(), "t".to_owned())]);
    props.extend(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    props
}
fn context(offsets: &[(&str, i64)]) -> SourceTaskContext {
    let map = |n: i64| OffsetMap::from_iter([("sequence".to_owned(), json!(n))]);
    let offsets = offsets.iter().map(|(p, n)| ((*p).to_owned(), map(*n))).collect();
    SourceTaskContext {
        connector: "c".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(offsets)),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    }
}
async fn task(pairs: &[(&str, &str)], offsets: &[(&str, i64)]) -> DatagenSourceTask {
    let mut task = DatagenSourceTask::default();
    task.start(context(offsets), &props(pairs)).await.unwrap();
    task
}
async fn poll_all(task: &mut DatagenSourceTask) -> Vec<SourceRecord> {
    let mut all = Vec::new();
    while let Ok(batch) = tokio::time::timeout(Duration::from_millis(100), task.poll()).await {
        all.extend(batch.unwrap());
    }
    all
}
fn text(record: &SourceRecord) -> String {
    record.record.value.value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn gives_as_many_as_asked_and_then_waits() {
    let mut task = task(&[("max.records", "10001")], &[]).await;
    let all = poll_all(&mut task).await;
    assert_eq!(all.len(), 10_001);
    assert!(all.iter().all(|record| text(record).len() == 100));
    assert!(text(&all[7]).starts_with("0-7 "));
    assert_ne!(text(&all[7])[4..], text(&all[8])[4..]);
    assert_eq!(all[10_000].offset.to_map()["sequence"], json!(10_001));
    assert_eq!(&**all[0].partition.canonical(), r#"{"task":0}"#);
}

#[tokio::test]
async fn resumes_with_the_same_content() {
    let mut whole = task(&[("max.records", "500"), ("seed", "3")], &[]).await;
    let whole = poll_all(&mut whole).await;
    let mut rest = task(&[("max.records", "500"), ("seed", "3")], &[(r#"{"task":0}"#, 123)]).await;
    let rest = poll_all(&mut rest).await;
    assert_eq!(rest.len(), 377);
    for (a, b) in whole[123..].iter().zip(&rest) {
        assert_eq!(text(a), text(b));
        assert_eq!(a.offset, b.offset);
    }
    let mut other = task(&[("max.records", "500"), ("seed", "4")], &[]).await;
    assert_ne!(text(&poll_all(&mut other).await[0]), text(&whole[0]));
}

#[tokio::test]
async fn tasks_share_the_records() {
    let mut connector = DatagenSource::default();
    let given = props(&[("max.records", "11"), ("record.bytes", "8")]);
    let ctx = gantry_api::ConnectorContext {
        name: "c".into(),
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(BTreeMap::new())),
        requests: Arc::default(),
        isolation: gantry_api::Isolation::Shared,
    };
    connector.start(ctx, &given).await.unwrap();
    let mut texts = Vec::new();
    for config in connector.task_configs(3).await.unwrap() {
        let mut task = DatagenSourceTask::default();
        task.start(context(&[]), &config).await.unwrap();
        texts.extend(poll_all(&mut task).await.iter().map(text));
    }
    assert_eq!(texts.len(), 11);
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 11);
    assert!(texts.iter().all(|text| text.len() == 8), "{texts:?}");
}

#[tokio::test]
async fn keys_and_structs() {
    let pairs = [("max.records", "5"), ("key.mode", "mod"), ("keys", "3"), ("format", "json")];
    let mut task = task(&pairs, &[]).await;
    let all = poll_all(&mut task).await;
    let keys: Vec<_> = all.iter().map(|record| record.record.key.value.clone()).collect();
    assert_eq!(keys, [0, 1, 2, 0, 1].map(Value::Int64));
    let Value::Struct(value) = &all[4].record.value.value else { panic!("no struct") };
    value.validate().unwrap();
    assert_eq!(value.get("sequence").unwrap(), &Value::Int64(4));
    assert_eq!(value.get("text").unwrap().as_str().unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_rate() {
    let mut task = task(&[("records.per.second", "1000")], &[]).await;
    let begun = tokio::time::Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_secs(5) {
        count += task.poll().await.unwrap().len();
    }
    assert!((4990..=5020).contains(&count), "{count}");
    // A standstill is made up for by one second's worth at most.
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut burst = 0;
    let resumed = tokio::time::Instant::now();
    while resumed.elapsed() < Duration::from_millis(1) {
        burst += task.poll().await.unwrap().len();
    }
    assert!(burst <= 1020, "{burst}");
}

#[tokio::test(start_paused = true)]
async fn slow_rate() {
    let mut task = task(&[("records.per.second", "1")], &[]).await;
    let begun = tokio::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(task.poll().await.unwrap().len(), 1);
    }
    assert!((2.9..3.2).contains(&begun.elapsed().as_secs_f64()));
}

#[tokio::test]
async fn bad_offsets_and_keys() {
    let mut connector = DatagenSource::default();
    let map = |text: &str| serde_json::from_str::<OffsetMap>(text).unwrap();
    for (partition, offset, good) in [
        (r#"{"task":1}"#, Some(r#"{"sequence":5}"#), true),
        (r#"{"x":1}"#, None, true),
        (r#"{"x":1}"#, Some(r#"{"sequence":5}"#), false),
        (r#"{"task":1}"#, Some(r#"{"sequence":-5}"#), false),
        (r#"{"task":1}"#, Some(r#"{"sequence":"5"}"#), false),
    ] {
        let change = [(map(partition), offset.map(map))];
        assert_eq!(connector.alter_offsets(&props(&[]), &change).await.is_ok(), good);
    }
    for (key, value) in [("format", "xml"), ("record.bytes", "0"), ("keys", "0"), ("topic", "")] {
        let mut task = DatagenSourceTask::default();
        let error = task.start(context(&[]), &props(&[(key, value)])).await.unwrap_err();
        assert!(error.message().contains(key), "{error}");
    }
}
