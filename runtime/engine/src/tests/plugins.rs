//! A source that counts, a sink that remembers; both fail when told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gantry_api::{
    ConfigDef, ConfigKey, ConnectRecord, Connector, ConnectorContext, ConnectorPlugin, Datum,
    Destination, Error, Fate, Importance, OffsetMap, Plugin, PluginInfo, PluginRegistry, Props,
    Result, Schema, SinkLog, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext,
    SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, TaskFactory,
    TopicPartition, TopicRecord, Transformation, Type, Value, async_trait,
};

pub(super) const SOURCE: &str = "test.CountingSourceConnector";
pub(super) const SINK: &str = "test.RememberingSinkConnector";
pub(super) const COPY: &str = "test.CopyingSinkConnector";
pub(super) const PANIC: &str = "test.PanickingTransformation";

/// A queue, and what was committed for it.
type Opened = (TopicPartition, Option<SinkOffset>);

/// What the plugins saw and what they shall do.
#[derive(Clone, Default)]
pub(super) struct Probe(Arc<State>);

#[derive(Default)]
pub(super) struct State {
    /// Texts put, by task.
    pub(super) put: Mutex<BTreeMap<u32, Vec<String>>>,
    /// Keys and texts in the order in which all tasks put them.
    pub(super) put_order: Mutex<Vec<(String, String)>>,
    /// Names of headers put.
    pub(super) put_headers: Mutex<Vec<String>>,
    /// Queues opened, by task.
    pub(super) opened: Mutex<BTreeMap<u32, Vec<Opened>>>,
    /// Puts that shall fail in a way worth trying again.
    pub(super) put_failures: AtomicU64,
    /// Starts of source tasks.
    pub(super) starts: AtomicU64,
    /// The properties with which source tasks were started.
    pub(super) source_props: Mutex<Vec<Props>>,
    pub(super) acknowledged: AtomicU64,
    pub(super) connector_stops: AtomicU64,
    /// Contexts of started connectors.
    pub(super) connectors: Mutex<Vec<ConnectorContext>>,
    /// Puts without records.
    pub(super) empty_puts: AtomicU64,
    /// How many records the copying sink has read back.
    pub(super) read_back: AtomicU64,
    /// The sink reports texts that hold "errant".
    pub(super) report_errant: AtomicBool,
    /// After a report it fails once in a way worth trying again, and does not report again.
    pub(super) fail_after_report: AtomicBool,
}

impl std::ops::Deref for Probe {
    type Target = State;
    fn deref(&self) -> &State {
        &self.0
    }
}

impl Probe {
    pub(super) fn put_texts(&self) -> Vec<String> {
        self.put.lock().expect("lock").values().flatten().cloned().collect()
    }
}

pub(super) fn registry(probe: &Probe) -> PluginRegistry {
    let mut registry = PluginRegistry {
        converters: gantry_converters::converters(),
        header_converters: gantry_converters::header_converters(),
        transformations: gantry_transforms::transformations(),
        predicates: gantry_transforms::predicates(),
        ..PluginRegistry::default()
    };
    let (a, b, c, d) = (probe.clone(), probe.clone(), probe.clone(), probe.clone());
    let (e, f) = (probe.clone(), probe.clone());
    let plain = |probe: Probe| TestConnector { props: Props::new(), probe };
    registry.connector(ConnectorPlugin::new(
        PluginInfo::new(SOURCE, "Connector", source_keys),
        Arc::new(move || Ok(Box::new(plain(a.clone())))),
        TaskFactory::Source(Arc::new(move || Ok(Box::new(Source::new(b.clone()))))),
    ));
    registry.connector(ConnectorPlugin::new(
        PluginInfo::new(SINK, "Connector", ConfigDef::new),
        Arc::new(move || Ok(Box::new(plain(c.clone())))),
        TaskFactory::Sink(Arc::new(move || {
            Ok(Box::new(Sink { probe: d.clone(), context: None, wait_ms: None, record_us: 0 }))
        })),
    ));
    registry.connector(ConnectorPlugin::new(
        PluginInfo::new(COPY, "Connector", ConfigDef::new),
        Arc::new(move || Ok(Box::new(plain(e.clone())))),
        TaskFactory::Sink(Arc::new(move || {
            Ok(Box::new(Copying { probe: f.clone(), log: None, to: String::new() }))
        })),
    ));
    registry.transformation(Plugin::new(PluginInfo::new(PANIC, "", ConfigDef::new), |_| {
        Ok(Box::new(Panicking) as Box<dyn Transformation>)
    }));
    registry
}

fn source_keys() -> ConfigDef {
    ConfigDef::new().define(ConfigKey::nullable("secret", Type::Password, Importance::Low, "Hush."))
}

struct Panicking;

impl Transformation for Panicking {
    fn apply(&mut self, _record: &mut ConnectRecord) -> Result<Fate> {
        panic!("no such luck")
    }
}

struct TestConnector {
    props: Props,
    probe: Probe,
}

#[async_trait]
impl Connector for TestConnector {
    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        if props.contains_key("fail.connector") {
            return Err(Error::connect("the connector was told to fail"));
        }
        self.probe.connectors.lock().expect("lock").push(ctx);
        self.props = props.clone();
        Ok(())
    }
    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        if self.props.contains_key("fail.task.configs") {
            return Err(Error::connect("task_configs was told to fail"));
        }
        let props = |task: u32| {
            let mut props = self.props.clone();
            if let Some(topic) = props.get_mut("topic.per.task") {
                *topic = format!("{topic}-{task}");
                let topic = topic.clone();
                props.insert("topic".to_owned(), topic);
            }
            props
        };
        Ok((0..max_tasks).map(props).collect())
    }
    async fn stop(&mut self) -> Result<()> {
        self.probe.connector_stops.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    async fn alter_offsets(
        &mut self,
        props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        if props.contains_key("refuse.offsets") {
            return Err(Error::connect(format!("{} offsets are refused", changes.len())));
        }
        Ok(props.contains_key("know.offsets"))
    }
}

/// Emits `n-<i>` for i in 0..count; keys: topic, count, fail.at, panic.at, bytes.at,
/// position.at, key.mod.
struct Source {
    probe: Probe,
    props: Props,
    next: i64,
    partition: SourcePartition,
}

impl Source {
    fn new(probe: Probe) -> Self {
        Self { probe, props: Props::new(), next: 0, partition: SourcePartition::of("id", "0") }
    }
    fn number(&self, key: &str) -> Option<i64> {
        self.props.get(key).and_then(|text| text.parse().ok())
    }
}

#[async_trait]
impl SourceTask for Source {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        self.probe.starts.fetch_add(1, Ordering::SeqCst);
        self.probe.source_props.lock().expect("lock").push(props.clone());
        self.props = props.clone();
        self.partition = SourcePartition::of("id", &ctx.task.to_string());
        let stored = ctx.offsets.offset(&self.partition);
        self.next = stored.and_then(|map| map["n"].as_i64()).unwrap_or(0);
        Ok(())
    }
    fn wants_acknowledgements(&self) -> bool {
        true
    }
    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        self.probe.acknowledged.fetch_add(count, Ordering::SeqCst);
        Ok(())
    }
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let count = self.number("count").unwrap_or(i64::MAX);
        if self.next >= count {
            return std::future::pending().await;
        }
        if let Some(delay_ms) = self.number("delay.ms") {
            tokio::time::sleep(std::time::Duration::from_millis(delay_ms.unsigned_abs())).await;
        }
        if self.number("fail.at") == Some(self.next) {
            return Err(Error::connect("the task was told to fail"));
        }
        assert_ne!(self.number("panic.at"), Some(self.next), "the task was told to panic");
        let topic = self.props["topic"].as_str().into();
        let value = if self.number("bytes.at") == Some(self.next) {
            Datum::new(Schema::bytes(), Value::Bytes(vec![0xff].into()))
        } else {
            Datum::new(Schema::string(), Value::str(&format!("n-{}", self.next)))
        };
        let mut record = ConnectRecord::new(topic, value);
        if let Some(modulus) = self.number("key.mod") {
            let key = format!("k{}", self.next % modulus);
            record.key = Datum::new(Schema::string(), Value::str(&key));
        }
        self.next += 1;
        let offset = SourceOffset::Number("n".into(), self.next);
        if self.number("position.at") == Some(self.next - 1) {
            return Ok(vec![SourceRecord::position(self.partition.clone(), offset)]);
        }
        Ok(vec![SourceRecord::new(record, self.partition.clone(), offset)])
    }
}

/// Keys: wait.ms, which it asks for after each put without records; record.us, which it takes for
/// each record.
struct Sink {
    probe: Probe,
    context: Option<SinkTaskContext>,
    wait_ms: Option<u64>,
    record_us: u64,
}

impl Sink {
    fn task(&self) -> u32 {
        self.context.as_ref().map_or(0, |context| context.task)
    }
}

#[async_trait]
impl SinkTask for Sink {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        self.context = Some(ctx);
        self.wait_ms = props.get("wait.ms").and_then(|text| text.parse().ok());
        self.record_us = props.get("record.us").and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(())
    }
    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let mut opened = self.probe.opened.lock().expect("lock");
        opened.entry(self.task()).or_default().extend_from_slice(queues);
        Ok(())
    }
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        if records.is_empty() {
            self.probe.empty_puts.fetch_add(1, Ordering::SeqCst);
            if let (Some(context), Some(wait_ms)) = (&self.context, self.wait_ms) {
                context.timeout(wait_ms);
            }
            return Ok(());
        }
        let left = self.probe.put_failures.load(Ordering::SeqCst);
        if left > 0 {
            self.probe.put_failures.store(left - 1, Ordering::SeqCst);
            if let Some(context) = &self.context {
                context.timeout(5);
            }
            return Err(Error::retriable("not now"));
        }
        let took = self.record_us * records.len() as u64;
        tokio::time::sleep(std::time::Duration::from_micros(took)).await;
        let names = records.iter().flat_map(|record| &record.record.headers);
        let mut headers = self.probe.put_headers.lock().expect("lock");
        headers.extend(names.map(|header| header.key.to_string()));
        let mut put = self.probe.put.lock().expect("lock");
        let texts = put.entry(self.task()).or_default();
        for record in records {
            let text = gantry_api::model::text::java_string(&record.record.value.value);
            if text.contains("errant") && self.probe.report_errant.load(Ordering::SeqCst) {
                let retried = !texts.is_empty() && texts[texts.len() - 1] == "(reported)";
                if let (Some(context), false) = (&self.context, retried) {
                    context.report(record.clone(), Error::data("errant it is"));
                    if self.probe.fail_after_report.swap(false, Ordering::SeqCst) {
                        context.timeout(5);
                        texts.clear();
                        texts.push("(reported)".to_owned());
                        return Err(Error::retriable("not now"));
                    }
                }
                continue;
            }
            let key = gantry_api::model::text::java_string(&record.record.key.value);
            self.probe.put_order.lock().expect("lock").push((key, text.clone()));
            texts.push(text);
        }
        Ok(())
    }
    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        let mut safe = written.clone();
        for offset in safe.values_mut() {
            offset.metadata = Some("mark".into());
        }
        Ok(safe)
    }
}

/// Copies texts to the topic `copy.to` and commits its offsets itself, both in one write.
struct Copying {
    probe: Probe,
    log: Option<Arc<dyn SinkLog>>,
    to: String,
}

impl Copying {
    /// How many records of the copy count by now.
    async fn read_back(&self, log: &dyn SinkLog) -> Result<u64> {
        let queue = TopicPartition::new(self.to.as_str(), 0);
        let (mut next, mut count) = (0, 0);
        loop {
            let read = log.read(&[(queue.clone(), next)], std::time::Duration::ZERO).await?;
            let Some(batch) = read.last().filter(|batch| batch.next > next) else {
                return Ok(count);
            };
            next = batch.next;
            count += read.iter().map(|batch| batch.records.len() as u64).sum::<u64>();
        }
    }
}

#[async_trait]
impl SinkTask for Copying {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        self.log = ctx.log;
        self.to = props["copy.to"].clone();
        Ok(())
    }
    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let log = self.log.clone().expect("a worker gives a log");
        let mut offsets = BTreeMap::new();
        let mut copies = Vec::new();
        for record in records {
            let text = gantry_api::model::text::java_string(&record.record.value.value);
            let copy = TopicRecord { value: Some(text.into()), ..TopicRecord::default() };
            copies.push((Destination { topic: self.to.as_str().into(), queue: None }, copy));
            offsets.insert(record.origin.clone(), record.offset + 1);
        }
        if !records.is_empty() {
            // As a plugin of Java's fails, which knows nothing of what is worth trying again.
            log.write(copies, offsets).await.map_err(|error| Error::connect(error.message()))?;
            let members = log.members().await?.concat();
            assert!(records.iter().all(|record| members.contains(&record.origin)));
        }
        if log.queues(&self.to).await? == 1 {
            self.probe.read_back.fetch_max(self.read_back(&*log).await?, Ordering::SeqCst);
        }
        Ok(())
    }
    async fn pre_commit(&mut self, _written: &SinkOffsets) -> Result<SinkOffsets> {
        Ok(SinkOffsets::new())
    }
}
