//! Runs connectors and their tasks as the runtime does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_api::{
    CancellationToken, ConnectRecord, Connector, ConnectorContext, ConnectorRequests, Datum,
    Isolation, OffsetMap, OffsetReader, PluginRegistry, Props, Result, SinkRecord, SinkTask,
    SinkTaskContext, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Struct,
    TaskEpoch, TaskFactory, TimestampType, TopicPartition, Value,
};

use super::Database;

pub(crate) const SOURCE: &str = "io.confluent.connect.jdbc.JdbcSourceConnector";
pub(crate) const SINK: &str = "io.confluent.connect.jdbc.JdbcSinkConnector";
/// The longest that records may take.
const LIMIT: Duration = Duration::from_secs(20);
/// When there are no more.
const CALM: Duration = Duration::from_millis(400);

#[derive(Default)]
pub(crate) struct Stored(Mutex<BTreeMap<String, OffsetMap>>);

impl OffsetReader for Stored {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.lock().unwrap().get(&**partition.canonical()).cloned()
    }
}

impl Stored {
    pub(crate) fn keep(&self, record: &SourceRecord) {
        let key = record.partition.canonical().to_string();
        self.0.lock().unwrap().insert(key, record.offset.to_map());
    }
    pub(crate) fn text(&self) -> String {
        let all: Vec<String> = self
            .0
            .lock()
            .unwrap()
            .iter()
            .map(|(key, offset)| format!("{key} {}", serde_json::Value::Object(offset.clone())))
            .collect();
        all.join("; ")
    }
}

pub(crate) fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

fn registry() -> PluginRegistry {
    let mut registry = PluginRegistry::default();
    for plugin in gantry_connectors::plugins() {
        registry.connector(plugin);
    }
    registry
}

pub(crate) fn props(database: &Database, more: &[(&str, &str)]) -> Props {
    let mut props = Props::new();
    props.insert("connection.url".to_owned(), database.url.clone());
    if let Some((user, password)) = &database.user {
        props.insert("connection.user".to_owned(), user.clone());
        props.insert("connection.password".to_owned(), password.clone());
    }
    for (key, value) in more {
        props.insert((*key).to_owned(), (*value).to_owned());
    }
    props
}

/// A source's properties, polled often.
pub(crate) fn source_props(database: &Database, more: &[(&str, &str)]) -> Props {
    let mut all =
        vec![("poll.interval.ms", "20"), ("topic.prefix", "t-"), ("connection.backoff.ms", "100")];
    if let Some(place) = database.place().filter(|_| database.is_postgres()) {
        all.push(("schema.pattern", place));
    }
    all.extend_from_slice(more);
    props(database, &all)
}

fn context(requests: &Arc<ConnectorRequests>, cancel: &CancellationToken) -> ConnectorContext {
    ConnectorContext {
        name: "c".into(),
        cancel: cancel.clone(),
        offsets: Arc::new(Stored::default()),
        requests: Arc::clone(requests),
        isolation: Isolation::Shared,
    }
}

/// A connector that runs.
pub(crate) struct Running {
    pub(crate) connector: Box<dyn Connector>,
    pub(crate) requests: Arc<ConnectorRequests>,
    pub(crate) cancel: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

pub(crate) async fn connector(class: &str, props: &Props) -> Result<Running> {
    let mut connector = registry().find_connector(class).expect("the class").create()?;
    let (requests, cancel) = (Arc::new(ConnectorRequests::default()), CancellationToken::new());
    connector.start(context(&requests, &cancel), props).await?;
    Ok(Running { connector, requests, cancel })
}

/// The errors of a configuration, by key.
pub(crate) fn errors(class: &str, props: &Props) -> Vec<(String, String)> {
    let registry = registry();
    let plugin = registry.find_connector(class).expect("the class");
    let mut values = plugin.info.config_def().validate(props);
    plugin.create().unwrap().validate(props, &mut values).unwrap();
    values
        .into_iter()
        .flat_map(|v| v.errors.into_iter().map(move |e| (v.name.clone(), e)))
        .collect()
}

/// A source's task that runs.
pub(crate) struct Source {
    task: Box<dyn SourceTask>,
    cancel: CancellationToken,
}

impl Source {
    pub(crate) async fn start(class: &str, props: &Props, offsets: &Arc<Stored>) -> Result<Self> {
        let registry = registry();
        let TaskFactory::Source(make) = &registry.find_connector(class).expect("the class").tasks
        else {
            panic!("{class} is no source")
        };
        let mut task = make()?;
        let cancel = CancellationToken::new();
        let context = SourceTaskContext {
            connector: "c".into(),
            task: 0,
            cancel: cancel.clone(),
            offsets: Arc::<Stored>::clone(offsets),
            defines_transactions: false,
            isolation: Isolation::Shared,
        };
        task.start(context, props).await?;
        Ok(Self { task, cancel })
    }

    pub(crate) fn task_mut(&mut self) -> &mut dyn SourceTask {
        &mut *self.task
    }

    /// The next batch.
    pub(crate) async fn one(&mut self) -> Result<Vec<SourceRecord>> {
        tokio::time::timeout(LIMIT, self.task.poll()).await.expect("a batch or an error")
    }

    /// All that was given is safe, and so are its offsets.
    pub(crate) async fn settle(&mut self, count: usize) -> Result<()> {
        self.task.acknowledge(count as u64).await?;
        self.task.commit().await?;
        self.task.commit().await
    }

    /// The next so many records, and whatever comes at once behind them.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Vec<SourceRecord>> {
        let mut records = Vec::new();
        loop {
            let wait = if records.len() < count { LIMIT } else { CALM };
            match tokio::time::timeout(wait, self.task.poll()).await {
                Ok(batch) => records.extend(batch?),
                Err(_) if records.len() >= count => return Ok(records),
                Err(_) => panic!("{} of {count} records within {LIMIT:?}", records.len()),
            }
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// All that a source gives of a database at once: its connector's tasks one after the other.
pub(crate) async fn read(
    props: &Props,
    offsets: &Arc<Stored>,
    count: usize,
) -> Result<Vec<SourceRecord>> {
    let mut running = connector(SOURCE, props).await?;
    let configs = running.connector.task_configs(1).await?;
    let mut source = Source::start(SOURCE, &configs[0], offsets).await?;
    let records = source.take(count).await?;
    records.iter().for_each(|record| offsets.keep(record));
    Ok(records)
}

/// The struct of a record's value.
pub(crate) fn value(record: &SourceRecord) -> Arc<Struct> {
    match &record.record.value.value {
        Value::Struct(inner) => Arc::clone(inner),
        other => panic!("{other:?} is no struct"),
    }
}

/// A field of each record, as text.
pub(crate) fn column(records: &[SourceRecord], name: &str) -> Vec<String> {
    records.iter().map(|record| show(value(record).get(name).unwrap())).collect()
}

pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => text.to_string(),
        Value::Int8(n) => n.to_string(),
        Value::Int16(n) => n.to_string(),
        Value::Int32(n) => n.to_string(),
        Value::Int64(n) | Value::Date(n) => n.to_string(),
        Value::Float32(n) => n.to_string(),
        Value::Float64(n) => n.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Decimal(n) => n.to_plain_string(),
        Value::Bytes(bytes) => format!("{bytes:?}"),
        other => format!("{other:?}"),
    }
}

/// A sink's task that runs, and where its records are from.
pub(crate) struct Sink {
    pub(crate) task: Box<dyn SinkTask>,
    pub(crate) context: SinkTaskContext,
    pub(crate) next: u64,
}

impl Sink {
    pub(crate) async fn start(props: &Props) -> Result<Self> {
        Self::start_as(SINK, props, TaskEpoch::default()).await
    }

    pub(crate) async fn start_as(class: &str, props: &Props, epoch: TaskEpoch) -> Result<Self> {
        let registry = registry();
        let TaskFactory::Sink(make) = &registry.find_connector(class).expect("the class").tasks
        else {
            panic!("{class} is no sink")
        };
        let mut task = make()?;
        let context =
            SinkTaskContext::new("c".into(), 0, CancellationToken::new()).with_epoch(epoch);
        task.start(context.clone(), props).await?;
        Ok(Self { task, context, next: 0 })
    }

    /// Records that follow each other in the first queue of a topic.
    pub(crate) fn records(&mut self, topic: &str, data: Vec<(Datum, Datum)>) -> Vec<SinkRecord> {
        let records = data.into_iter().enumerate().map(|(at, (key, value))| {
            let mut record = ConnectRecord::new(topic.into(), value);
            record.key = key;
            record.timestamp_ms = Some(1);
            SinkRecord {
                record,
                origin: TopicPartition::new(topic, 0),
                offset: self.next + at as u64,
                timestamp_type: TimestampType::CreateTime,
            }
        });
        let records: Vec<SinkRecord> = records.collect();
        self.next += records.len() as u64;
        records
    }

    pub(crate) async fn put(&mut self, topic: &str, data: Vec<(Datum, Datum)>) -> Result<()> {
        let records = self.records(topic, data);
        self.task.put(&records).await
    }
}
