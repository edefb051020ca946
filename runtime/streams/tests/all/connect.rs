//! What connectors write is read by a job, and what it writes by connectors: with any converter.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gantry_log::{EmbeddedLog, FullLog, Log, LogRecord, MemoryLog, QueueBatch, TopicPartition};
use gantry_streams::connect::{
    self, Connect, Converter, Datum, Error, Props, Schema, SchemaBuilder,
};
use gantry_streams::{
    BadRecords, Settings, StreamBuilder, Streams, TestDriver, Topology, Tumbling, json_data, text,
};
use serde::{Deserialize, Serialize};

use crate::on_log::{all, make_topics, open, wait_for};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    cents: i64,
    note: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Total {
    customer: String,
    cents: i64,
}

json_data!(Order, Total);

fn order(number: i64) -> Order {
    let note = (number % 3 == 0).then(|| format!("note {number}"));
    Order { customer: format!("c{}", number % 5), cents: number, note }
}

fn order_schema() -> Schema {
    let fields = vec![
        ("customer".into(), Schema::string()),
        ("cents".into(), Schema::int64()),
        ("note".into(), Schema::optional_string()),
    ];
    let schema = SchemaBuilder::structure(fields).unwrap();
    schema.name(Some("shop.Order".into())).build().unwrap()
}

fn total_schema() -> Schema {
    let fields = vec![("customer".into(), Schema::string()), ("cents".into(), Schema::int64())];
    let schema = SchemaBuilder::structure(fields).unwrap();
    schema.name(Some("shop.Total".into())).build().unwrap()
}

/// The address of a registry that all tests share.
fn registry() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let settings = gantry_schema_registry::Settings::default();
                let log = Arc::new(MemoryLog::new());
                let registry = gantry_schema_registry::Registry::open(log, settings).await.unwrap();
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                axum::serve(listener, gantry_schema_registry::router(registry)).await.unwrap();
            });
        });
        told.recv().unwrap()
    })
}

/// A converter by the name that connectors' settings have.
fn converter(class: &str, props: &[(&str, &str)]) -> Result<Box<dyn Converter>, Error> {
    let mut plugins = gantry_converters::converters();
    plugins.extend(gantry_schema_converters::converters());
    let plugin = plugins.iter().find(|plugin| plugin.info.answers_to(class)).unwrap();
    let props = props.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    plugin.create(&props.collect::<Props>())
}

/// Keys as text, values by a converter.
fn connect(class: &'static str, props: &'static [(&str, &str)]) -> Connect {
    let with_registry = |props: &'static [(&'static str, &'static str)]| {
        let registry =
            class.starts_with("io.confluent").then(|| ("schema.registry.url", registry()));
        props.iter().copied().chain(registry).collect::<Vec<_>>()
    };
    let keys = || converter("StringConverter", &[("converter.type", "key")]);
    Connect::new(keys, move || converter(class, &with_registry(props)))
}

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const JSON: &str = "JsonConverter";
/// With the registry or without, with schemas or without.
const CONVERTERS: [(&str, &[(&str, &str)]); 5] = [
    (JSON, &[]),
    (JSON, &[("schemas.enable", "false")]),
    (AVRO, &[]),
    ("io.confluent.connect.protobuf.ProtobufConverter", &[]),
    ("io.confluent.connect.json.JsonSchemaConverter", &[]),
];

/// The records that a source connector would write.
fn orders(topic: &str, class: &'static str, props: &'static [(&str, &str)]) -> Vec<LogRecord> {
    let builder = StreamBuilder::new("source");
    builder
        .source("numbers", text())
        .map(|_, number| {
            let order = order(number.parse().unwrap());
            (order.customer.clone(), order)
        })
        .connect_sink_as(
            topic,
            &connect(class, props),
            (Some(Schema::string()), Some(order_schema())),
        );
    let mut driver = TestDriver::new(builder.build()).unwrap();
    for number in 0..100 {
        driver.send("numbers", None, &number.to_string(), 1_000).unwrap();
    }
    driver.records(topic)
}

/// Sums up what customers paid.
fn totals(from: &str, to: &str, connect: &Connect) -> Topology {
    let builder = StreamBuilder::new("totals");
    builder
        .connect_source_as::<serde_json::Value, Order>(from, connect)
        .group_by(|_, order| order.customer.clone())
        .window(Tumbling::of(Duration::from_secs(10)))
        .sum(|order| order.cents)
        .to_stream()
        .map(|place, cents| (place.key.clone(), Total { customer: place.key.clone(), cents }))
        .connect_sink_as(to, connect, (Some(Schema::string()), Some(total_schema())));
    builder.build()
}

fn wanted() -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    (0..100).map(order).for_each(|order| *sums.entry(order.customer).or_default() += order.cents);
    sums
}

/// The last total of each customer, as a sink connector reads them.
fn read_totals(topic: &str, connect: &Connect, records: Vec<LogRecord>) -> BTreeMap<String, i64> {
    let builder = StreamBuilder::new("sink");
    let told = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
    let shared = Arc::clone(&told);
    builder.connect_source(topic, connect).for_each(move |record| {
        let total: Total = connect::to(&record.value).unwrap();
        assert_eq!(record.key.value.as_str(), Some(&*total.customer));
        shared.lock().unwrap().insert(total.customer, total.cents);
    });
    let mut driver = TestDriver::new(builder.build()).unwrap();
    driver.send_batch(topic, records).unwrap();
    let told = told.lock().unwrap();
    told.clone()
}

#[test]
fn a_job_reads_and_writes_with_each_converter() {
    for (at, (class, props)) in CONVERTERS.into_iter().enumerate() {
        let (from, to) = (format!("orders-{at}"), format!("totals-{at}"));
        let connect = connect(class, props);
        let records = orders(&from, class, props);
        assert_eq!(records.len(), 100);
        // What needs the registry has the id of a schema in front, and no field names.
        let value = String::from_utf8_lossy(records[0].value.as_deref().unwrap()).into_owned();
        assert_eq!(value.contains("\"schema\""), class == JSON && props.is_empty(), "{value}");
        let mut driver = TestDriver::new(totals(&from, &to, &connect)).unwrap();
        driver.send_batch(&from, records).unwrap();
        let told = read_totals(&to, &connect, driver.records(&to));
        assert_eq!(told, wanted(), "{class} {props:?}");
    }
}

#[test]
fn a_job_on_a_log_has_converters_for_each_task() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    for (queue, records) in (0..).zip(orders("words", AVRO, &[]).chunks(25)) {
        let to = TopicPartition::new("words", queue);
        let batch = QueueBatch { to, records: records.to_vec() };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async { log.append(vec![batch]).await.unwrap().await.unwrap() });
    }
    let connect = connect(AVRO, &[]);
    let topology = totals("words", "counts", &connect);
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let mut settings = Settings::new(dir.path().join("state"));
    settings.threads = 3;
    let job = Streams::start(topology, shared, settings).unwrap();
    wait_for("all totals", || {
        assert!(job.failure().is_none(), "{:?}", job.failure());
        read_totals("counts", &connect, all(&log, "counts")) == wanted()
    });
    job.stop().unwrap();
}

#[test]
fn a_table_of_what_a_connector_writes_loses_keys_without_a_value() {
    let connect = connect(JSON, &[("schemas.enable", "false")]);
    let builder = StreamBuilder::new("table");
    builder
        .connect_table_as::<String, Order>("orders", &connect)
        .map_values(|_, order| order.cents.to_string())
        .sink("cents", text(), text());
    let mut driver = TestDriver::new(builder.build()).unwrap();
    driver.send("orders", Some("k"), r#"{"customer":"c","cents":5}"#, 0).unwrap();
    let gone = LogRecord { key: Some("k".into()), ..LogRecord::default() };
    driver.send_record("orders", gone).unwrap();
    driver.send_record("orders", LogRecord::default()).unwrap();
    let told = driver.read("cents", &text(), &text()).unwrap();
    assert_eq!(told, [("k".to_owned(), Some("5".to_owned())), ("k".to_owned(), None)]);
}

#[test]
fn what_a_converter_cannot_read_is_a_bad_record() {
    let connect = connect(JSON, &[("schemas.enable", "false")]);
    let mut settings = Settings::new("");
    settings.bad_records = BadRecords::DeadLetter("bad".to_owned());
    let mut driver =
        TestDriver::with_settings(totals("orders", "totals", &connect), settings).unwrap();
    for value in ["no json", r#"{"customer":"c","cents":"many"}"#, r#"{"customer":"c","cents":7}"#]
    {
        driver.send("orders", None, value, 0).unwrap();
    }
    let errors = driver.records("bad").into_iter().map(|record| {
        let error = record.headers.into_iter().find(|h| &*h.key == "gantry.streams.error").unwrap();
        String::from_utf8(error.value.unwrap().to_vec()).unwrap()
    });
    let errors: Vec<String> = errors.collect();
    assert_eq!(errors.len(), 2);
    let begin = "record 0 of orders-0 cannot be read: its value: org.apache.kafka.connect.errors.DataException: ";
    assert!(errors[0].starts_with(begin), "{}", errors[0]);
    assert_eq!(
        errors[1],
        "record 1 of orders-0 cannot be read: invalid type: string \"many\", expected i64"
    );
    let told = read_totals("totals", &connect, driver.records("totals"));
    assert_eq!(told, BTreeMap::from([("c".to_owned(), 7)]));
}

/// Works only after it was asked a few times.
struct Away(u32);

impl Converter for Away {
    fn from_connect(
        &mut self,
        _: &str,
        _: &mut Vec<gantry_log::RecordHeader>,
        _: &Datum,
    ) -> Result<Option<bytes::Bytes>, Error> {
        Ok(None)
    }

    fn to_connect(
        &mut self,
        _: &str,
        _: &[gantry_log::RecordHeader],
        _: Option<bytes::Bytes>,
    ) -> Result<Datum, Error> {
        self.0 = self.0.saturating_sub(1);
        if self.0 > 0 { Err(Error::retriable("not now")) } else { Ok(Datum::NULL) }
    }
}

#[test]
fn a_converter_that_may_work_later_makes_no_bad_records() {
    let read = |times| {
        let keys = || converter("StringConverter", &[("converter.type", "key")]);
        let connect = Connect::new(keys, move || Ok(Box::new(Away(times)) as Box<dyn Converter>));
        let builder = StreamBuilder::new("away");
        builder
            .connect_source("from", &connect)
            .map_values(|_, _| "came".to_owned())
            .sink("to", text());
        let mut settings = Settings::new("");
        settings.bad_records = BadRecords::Skip;
        let mut driver = TestDriver::with_settings(builder.build(), settings).unwrap();
        driver.send("from", None, "x", 0).map(|()| driver.texts("to").len())
    };
    assert_eq!(read(3).unwrap(), 1);
    assert_eq!(
        read(u32::MAX).unwrap_err().to_string(),
        "source-0 failed: org.apache.kafka.connect.errors.RetriableException: not now"
    );
}

#[test]
fn what_does_not_fit_its_schema_stops_the_job_and_names_the_field() {
    let builder = StreamBuilder::new("misfit");
    builder
        .source("from", text())
        .map(|_, text| (None::<String>, BTreeMap::from([("customer".to_owned(), text)])))
        .connect_sink_as("to", &connect(JSON, &[]), (None, Some(total_schema())));
    let mut driver = TestDriver::new(builder.build()).unwrap();
    let error = driver.send("from", None, "x", 0).unwrap_err().to_string();
    assert_eq!(
        error,
        "sink-2 failed: a record cannot be written to to: cents: null is no value of it: it is not optional"
    );
}
