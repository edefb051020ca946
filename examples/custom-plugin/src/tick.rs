//! A source that writes one line at each interval, numbered on without a gap after a restart.

use std::time::{Duration, Instant};

use gantry_api::{
    ConfigDef, ConfigKey, ConnectRecord, Connector, ConnectorContext, ConnectorPlugin, Datum,
    Importance, PluginInfo, Props, Result, Schema, SourceOffset, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext, Str, Type, Validator, Value, async_trait,
};

const TOPIC: &str = "topic";
const INTERVAL_MS: &str = "interval.ms";

/// The offset's only name.
const COUNT: &str = "count";

/// The keys: they also feed `/validate` and the defaults.
fn definition() -> ConfigDef {
    let topic = ConfigKey::required(TOPIC, Type::String, Importance::High, "Where ticks go.")
        .validator(Validator::NonEmptyString);
    let doc = "Milliseconds between two ticks.";
    let interval = ConfigKey::new(INTERVAL_MS, Type::Long, 1_000_i64, Importance::Medium, doc)
        .validator(Validator::at_least(1_i32));
    ConfigDef::new().define(topic).define(interval)
}

/// How Gantry finds and makes it.
pub(crate) fn plugin() -> ConnectorPlugin {
    let info = PluginInfo::new("org.example.TickSource", "Source", definition);
    ConnectorPlugin::source(info, TickConnector::default, TickTask::default)
}

/// Gives its configuration to its one task.
#[derive(Debug, Default)]
struct TickConnector {
    props: Props,
}

#[async_trait]
impl Connector for TickConnector {
    async fn start(&mut self, _: ConnectorContext, props: &Props) -> Result<()> {
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone()])
    }
}

/// Counts.
#[derive(Debug, Default)]
struct TickTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    topic: Str,
    interval: Duration,
    /// When the next tick is due.
    next: Instant,
    partition: SourcePartition,
    offset_name: Str,
    count: i64,
}

#[async_trait]
impl SourceTask for TickTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = definition().parse(props)?;
        let partition = SourcePartition::of("ticker", &ctx.connector);
        let committed = ctx.offsets.offset(&partition);
        let count = committed.and_then(|offset| offset.get(COUNT)?.as_i64()).unwrap_or_default();
        let interval_ms = config.long(INTERVAL_MS).and_then(|ms| u64::try_from(ms).ok());
        self.running = Some(Running {
            topic: config.string(TOPIC).unwrap_or_default().into(),
            interval: Duration::from_millis(interval_ms.unwrap_or(1_000)),
            next: Instant::now(),
            partition,
            offset_name: COUNT.into(),
            count,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let Some(task) = &mut self.running else { return Ok(Vec::new()) };
        if Instant::now() < task.next {
            // Nothing yet: the runtime asks again after a moment.
            return Ok(Vec::new());
        }
        task.next = Instant::now() + task.interval;
        task.count += 1;
        let datum = Datum::new(Schema::string(), Value::str(&format!("tick {}", task.count)));
        Ok(vec![SourceRecord::new(
            ConnectRecord::new(task.topic.clone(), datum),
            task.partition.clone(),
            SourceOffset::Number(task.offset_name.clone(), task.count),
        )])
    }
}
