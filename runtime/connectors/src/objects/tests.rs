//! Both sinks with a directory as their store: names, contents, and what is safe to commit.

use std::collections::BTreeMap;
use std::path::Path;

use gantry_api::model::ConnectRecord;
use gantry_api::model::config::ConfigValue;
use gantry_api::{
    CancellationToken, Connector, Datum, Header, Props, Schema, SchemaBuilder, SinkOffset,
    SinkOffsets, SinkRecord, SinkTask, SinkTaskContext, Struct, TimestampType, TopicPartition,
    Value,
};

use super::{Flavour, ObjectSink, aiven, confluent};

const FORMATS: &str = "io.confluent.connect.s3.format.";
const PARTITIONERS: &str = "io.confluent.connect.storage.partitioner.";

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn confluent(place: &Path, more: &[(&str, &str)]) -> Props {
    let url = format!("file://{}", place.display());
    let mut all = props(&[
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
        ("s3.bucket.name", "b"),
        ("format.class", "io.confluent.connect.s3.format.json.JsonFormat"),
        ("flush.size", "3"),
        ("store.url", &url),
    ]);
    all.extend(props(more));
    all
}

fn aiven(place: &Path, more: &[(&str, &str)]) -> Props {
    let url = format!("file://{}", place.display());
    let mut all = props(&[("aws.s3.bucket.name", "bucket"), ("aws.s3.endpoint", &url)]);
    all.extend(props(more));
    all
}

fn record(offset: u64, value: Datum) -> SinkRecord {
    let mut record = ConnectRecord::new("t".into(), value);
    record.key = Datum::new(Schema::string(), Value::str(&format!("k{}", offset % 2)));
    record.timestamp_ms = Some(1_700_000_000_000 + i64::try_from(offset).unwrap() * 1000);
    SinkRecord {
        record,
        origin: TopicPartition::new("t", 1),
        offset,
        timestamp_type: TimestampType::CreateTime,
    }
}

fn text(offset: u64) -> SinkRecord {
    record(offset, Datum::new(Schema::string(), Value::str(&format!("v{offset}"))))
}

struct Run {
    task: Box<dyn SinkTask>,
    context: SinkTaskContext,
    written: SinkOffsets,
}

impl Run {
    async fn start(mut task: Box<dyn SinkTask>, props: &Props) -> Self {
        let context = SinkTaskContext::new("sink".into(), 0, CancellationToken::new());
        task.start(context.clone(), props).await.unwrap();
        task.open(&[(TopicPartition::new("t", 1), None)]).await.unwrap();
        Self { task, context, written: SinkOffsets::new() }
    }

    async fn confluent(props: &Props) -> Self {
        Self::start(Box::new(confluent::ConfluentTask::default()), props).await
    }

    async fn aiven(props: &Props) -> Self {
        Self::start(Box::new(aiven::AivenTask::default()), props).await
    }

    async fn put(&mut self, records: &[SinkRecord]) {
        self.task.put(records).await.unwrap();
        if let Some(last) = records.last() {
            self.written.insert(last.origin.clone(), SinkOffset::new(last.offset + 1));
        }
    }

    async fn safe(&mut self) -> Option<u64> {
        let safe = self.task.pre_commit(&self.written).await.unwrap();
        safe.get(&TopicPartition::new("t", 1)).map(|at| at.offset)
    }

    /// Offsets of records that were handed back.
    fn errant(&self) -> Vec<u64> {
        self.context.take_errant().iter().map(|errant| errant.record.offset).collect()
    }
}

/// All files below a directory with their contents.
fn files(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![place.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(place).unwrap().display().to_string();
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
    found
}

fn texts(place: &Path) -> Vec<(String, String)> {
    let text = |(name, bytes)| (name, String::from_utf8(bytes).unwrap());
    files(place).into_iter().map(text).collect()
}

#[tokio::test]
async fn files_end_at_the_same_records_each_time() {
    let home = tempfile::tempdir().unwrap();
    let props = confluent(home.path(), &[]);
    let all: Vec<SinkRecord> = (10..18).map(text).collect();
    let mut run = Run::confluent(&props).await;
    run.put(&all[..5]).await;
    assert_eq!(run.safe().await, Some(13));
    let one = (
        "b/topics/t/partition=1/t+1+0000000010.json".to_owned(),
        "\"v10\"\n\"v11\"\n\"v12\"\n".to_owned(),
    );
    assert_eq!(texts(home.path()), std::slice::from_ref(&one));
    // The task dies; what is not committed comes again, in other batches.
    drop(run);
    let mut run = Run::confluent(&props).await;
    run.put(&all[3..4]).await;
    assert_eq!(run.safe().await, Some(13));
    run.put(&all[4..]).await;
    assert_eq!(run.safe().await, Some(16));
    run.task.close(&[TopicPartition::new("t", 1)]).await.unwrap();
    run.task.stop().await.unwrap();
    let two = (
        "b/topics/t/partition=1/t+1+0000000013.json".to_owned(),
        "\"v13\"\n\"v14\"\n\"v15\"\n".to_owned(),
    );
    assert_eq!(texts(home.path()), [one, two]);
}

fn row(offset: u64, region: Option<&str>, schema: &Schema) -> SinkRecord {
    let mut value = Struct::new(schema.clone()).unwrap();
    value.put("region", region.map_or(Value::Null, Value::str)).unwrap();
    value.put("n", Value::Int64(i64::try_from(offset).unwrap())).unwrap();
    record(offset, Datum::new(schema.clone(), Value::Struct(value.into())))
}

fn row_schema(version: i32) -> Schema {
    let fields = vec![("region".into(), Schema::optional_string()), ("n".into(), Schema::int64())];
    SchemaBuilder::structure(fields).unwrap().version(Some(version)).build().unwrap()
}

#[tokio::test]
async fn a_new_schema_ends_all_files() {
    let home = tempfile::tempdir().unwrap();
    let fields = [
        ("partitioner.class", &*format!("{PARTITIONERS}FieldPartitioner")),
        ("partition.field.name", "region"),
        ("flush.size", "100"),
        ("topics.dir", ""),
    ];
    let mut run = Run::confluent(&confluent(home.path(), &fields)).await;
    let (one, two) = (row_schema(1), row_schema(2));
    run.put(&[row(0, Some("eu"), &one), row(1, None, &one), row(2, Some("eu"), &two)]).await;
    assert_eq!(run.safe().await, Some(2));
    let found: Vec<String> = files(home.path()).into_keys().collect();
    assert_eq!(found, ["b/t/region=eu/t+1+0000000000.json", "b/t/region=null/t+1+0000000001.json"]);
    // No struct: nowhere to go. A directory that leads out is none.
    run.put(&[text(3), row(4, Some("../../x/../.."), &two)]).await;
    assert_eq!(run.errant(), [3, 4]);
    assert_eq!(run.safe().await, Some(2));
}

#[tokio::test]
async fn time_and_the_clock_end_files() {
    let home = tempfile::tempdir().unwrap();
    let keys = [
        ("partitioner.class", &*format!("{PARTITIONERS}HourlyPartitioner")),
        ("timestamp.extractor", "Record"),
        ("timezone", "UTC"),
        ("locale", "en"),
        ("rotate.interval.ms", "2000"),
        ("flush.size", "100"),
    ];
    let mut run = Run::confluent(&confluent(home.path(), &keys)).await;
    run.put(&(0..5).map(text).collect::<Vec<_>>()).await;
    assert_eq!(run.safe().await, Some(4));
    let found: Vec<String> = files(home.path()).into_keys().collect();
    let place = "b/topics/t/year=2023/month=11/day=14/hour=22";
    assert_eq!(
        found,
        [format!("{place}/t+1+0000000000.json"), format!("{place}/t+1+0000000002.json")]
    );
    // By the clock, without a further record.
    let scheduled =
        [("rotate.schedule.interval.ms", "50"), ("timezone", "UTC"), ("flush.size", "100")];
    let mut run = Run::confluent(&confluent(&home.path().join("b"), &scheduled)).await;
    run.put(&[text(0)]).await;
    tokio::time::sleep(std::time::Duration::from_millis(120)).await;
    run.put(&[]).await;
    assert_eq!(run.safe().await, Some(1));
}

#[tokio::test]
async fn keys_headers_and_tombstones_have_files_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let json = format!("{FORMATS}json.JsonFormat");
    let keys = [
        ("store.kafka.keys", "true"),
        ("keys.format.class", &*json),
        ("store.kafka.headers", "true"),
        ("headers.format.class", &*json),
        ("behavior.on.null.values", "write"),
        ("flush.size", "2"),
    ];
    let mut run = Run::confluent(&confluent(home.path(), &keys)).await;
    let with_header = |mut record: SinkRecord| {
        let datum = Datum::new(Schema::int32(), Value::Int32(7));
        record.record.headers.push(Header::new("h".into(), datum).unwrap());
        record
    };
    let tombstone = with_header(record(1, Datum::NULL));
    run.put(&[with_header(text(0)), tombstone, text(2)]).await;
    // Without headers it goes into none of the files.
    assert_eq!(run.errant(), [2]);
    let headers = "{\"headers\":[{\"key\":\"h\",\"value\":\"7\"}]}\n";
    let (rows, dead) =
        ("b/topics/t/partition=1/t+1+0000000000", "b/topics/t/tombstone/t+1+0000000001");
    let expected = [
        (format!("{rows}.headers.json"), headers),
        (format!("{rows}.json"), "\"v0\"\n"),
        (format!("{rows}.keys.json"), "\"k0\"\n"),
        (format!("{dead}.headers.json"), headers),
        (format!("{dead}.keys.json"), "\"k1\"\n"),
    ];
    assert_eq!(texts(home.path()), expected.map(|(name, text)| (name, text.to_owned())));
}

#[tokio::test]
async fn records_without_values_fail_or_are_left_out() {
    let home = tempfile::tempdir().unwrap();
    let nulls = [record(0, Datum::NULL)];
    let mut run = Run::confluent(&confluent(home.path(), &[])).await;
    let error = run.task.put(&nulls).await.unwrap_err();
    assert!(
        error.message().contains("behavior.on.null.values") && !error.is_retriable(),
        "{error}"
    );
    let ignore = confluent(home.path(), &[("behavior.on.null.values", "ignore")]);
    let mut run = Run::confluent(&ignore).await;
    run.put(&nulls).await;
    assert_eq!((run.errant(), run.safe().await), (vec![0], Some(1)));
}

#[tokio::test]
async fn a_directory_that_is_lost_is_written_again() {
    let home = tempfile::tempdir().unwrap();
    let mut run = Run::confluent(&confluent(home.path(), &[("retry.backoff.ms", "7")])).await;
    // A file in the way of the directory.
    std::fs::write(home.path().join("b/topics"), "").unwrap();
    let all: Vec<SinkRecord> = (0..3).map(text).collect();
    let error = run.task.put(&all).await.unwrap_err();
    assert!(error.message().contains("b/topics"), "{error}");
    std::fs::remove_file(home.path().join("b/topics")).unwrap();
    run.put(&all).await;
    assert_eq!(run.safe().await, Some(3));
    assert_eq!(files(home.path()).len(), 1);
    let missing = home.path().join("missing");
    let mut task = confluent::ConfluentTask::default();
    let context = SinkTaskContext::new("sink".into(), 0, CancellationToken::new());
    let error = task.start(context, &confluent(&missing, &[])).await.unwrap_err();
    assert!(error.message().contains("store.url"), "{error}");
}

#[tokio::test]
async fn aivens_files_end_with_the_commit() {
    let home = tempfile::tempdir().unwrap();
    let keys = [
        ("file.compression.type", "none"),
        ("format.output.type", "json"),
        ("format.output.fields", "key,value,offset,timestamp,headers"),
        ("file.max.records", "2"),
    ];
    let mut run = Run::aiven(&aiven(home.path(), &keys)).await;
    run.put(&[text(0), text(1), text(2)]).await;
    assert!(texts(home.path()).is_empty());
    assert_eq!(run.safe().await, Some(3));
    let object = |n: u64| {
        format!(
            "{{\"headers\":[],\"offset\":{n},\"value\":\"v{n}\",\"key\":\"k{}\",\"timestamp\":\"2023-11-14T22:13:2{n}Z\"}}",
            n % 2
        )
    };
    let expected = [
        ("bucket/t-1-0".to_owned(), format!("[\n{},\n{}\n]", object(0), object(1))),
        ("bucket/t-1-2".to_owned(), format!("[\n{}\n]", object(2))),
    ];
    let mut found = texts(home.path());
    // The order of fields is that of Java's HashMap, which the model knows.
    for (_, text) in &mut found {
        assert!(text.contains("\"offset\":") && text.starts_with("[\n{"), "{text}");
    }
    let sorted = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        json.to_string()
    };
    let sort = |all: &[(String, String)]| -> Vec<(String, String)> {
        all.iter().map(|(name, text)| (name.clone(), sorted(text))).collect()
    };
    assert_eq!(sort(&found), sort(&expected));
}

#[tokio::test]
async fn aivens_keys_name_files_and_csv_has_bytes() {
    let home = tempfile::tempdir().unwrap();
    let keys = [
        ("file.compression.type", "none"),
        ("file.name.template", "k/{{key}}"),
        ("format.output.fields", "key,value,offset"),
    ];
    let mut run = Run::aiven(&aiven(home.path(), &keys)).await;
    let bytes = |offset: u64| {
        let value = Value::Bytes(format!("b{offset}").into_bytes().into());
        record(offset, Datum::new(Schema::bytes(), value))
    };
    run.put(&[bytes(0), bytes(1), bytes(2), text(3)]).await;
    assert_eq!(run.errant(), [3]);
    assert_eq!(run.safe().await, Some(4));
    let expected = [("bucket/k/k0", "azA=,YjI=,2"), ("bucket/k/k1", "azE=,YjE=,1")];
    assert_eq!(texts(home.path()), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

fn faults(flavour: Flavour, props: &Props) -> Vec<String> {
    let mut findings: Vec<ConfigValue> = Vec::new();
    ObjectSink::new(flavour).validate(props, &mut findings).unwrap();
    findings
        .into_iter()
        .flat_map(|value| {
            value.errors.into_iter().map(move |text| format!("{}: {text}", value.name))
        })
        .collect()
}

#[test]
fn what_is_not_here_is_refused() {
    let place = Path::new("/data");
    assert!(faults(Flavour::Confluent, &confluent(place, &[])).is_empty());
    for (key, value, says) in [
        ("format.class", "com.example.MyFormat", "JsonFormat"),
        ("storage.class", "com.example.Store", "S3Storage"),
        ("partitioner.class", "com.example.P", "plugin.path"),
        (
            "partitioner.class",
            "io.confluent.connect.storage.partitioner.FieldPartitioner",
            "cannot be null or empty",
        ),
        (
            "partitioner.class",
            "io.confluent.connect.storage.partitioner.DailyPartitioner",
            "Locale cannot be empty",
        ),
        ("avro.codec", "bzip2", "not supported"),
        ("parquet.codec", "lzo", "not supported"),
        ("s3.ssea.name", "aws:fsx", "AES256"),
        ("s3.credentials.provider.class", "com.example.Keys", "no provider"),
        ("rotate.schedule.interval.ms", "60000", "timezone configuration must be set"),
        ("behavior.on.null.values", "write", "record keys to storage is mandatory"),
        ("s3.proxy.url", "no url", "no URL of a proxy"),
        ("store.url", "gs://bucket", "S3's protocol"),
        ("gantry.objects.bufer", "1", "no key of this connector"),
    ] {
        let found = faults(Flavour::Confluent, &confluent(place, &[(key, value)]));
        assert!(found.iter().any(|text| text.contains(says)), "{key}={value}: {found:?}");
    }
    assert!(faults(Flavour::Aiven, &aiven(place, &[])).is_empty());
    for (key, value, says) in [
        ("file.name.template", "{{topic}}", "unsupported set of template variables"),
        ("format.output.envelope", "false", "only one field"),
        ("avro.codec", "xz", "not supported"),
        ("aws.credentials.provider", "com.example.Keys", "no provider"),
        ("aws.s3.sse.algorithm", "ROT13", "AES256"),
    ] {
        let found = faults(Flavour::Aiven, &aiven(place, &[(key, value)]));
        assert!(found.iter().any(|text| text.contains(says)), "{key}={value}: {found:?}");
    }
    let secret = confluent(
        place,
        &[("s3.proxy.url", "http://u:hunter2@"), ("aws.secret.access.key", "hunter2")],
    );
    assert!(!faults(Flavour::Confluent, &secret).concat().contains("hunter2"));
}
