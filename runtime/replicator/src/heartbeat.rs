//! `MirrorHeartbeatConnector`: a record now and then, which shows that records get through.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    ConfigDef, ConnectRecord, Connector, ConnectorContext, Datum, ExactlyOnceSupport, OffsetMap,
    Props, Result, Schema, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext, Type, Value, async_trait, now_ms,
};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep_until};

use crate::clusters::Clusters;
use crate::keys::{self, Common};
use crate::policy::HEARTBEATS;
use crate::source::ensure_own;
use crate::{offsets, wire};

const EMIT: &str = "emit.heartbeats";
const SOURCE_ALIAS: &str = "sourceClusterAlias";
const TARGET_ALIAS: &str = "targetClusterAlias";

pub(crate) fn definition() -> ConfigDef {
    let mut keys = keys::common(false);
    keys.group("Heartbeats")
        .repeated(EMIT, true, 1, "heartbeats are written into the topic `heartbeats`")
        .replication_factor("heartbeats.topic.replication.factor", Type::Short, 3);
    keys.done()
}

fn parse(props: &Props) -> Result<(Common, Option<Duration>)> {
    let config = definition().parse(props)?;
    let common = Common::of(&config)?;
    let interval = keys::interval(&config, EMIT).filter(|_| common.enabled);
    Ok((common, interval))
}

pub(crate) struct MirrorHeartbeat {
    clusters: Arc<Clusters>,
    props: Props,
}

impl MirrorHeartbeat {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters, props: Props::new() }
    }
}

#[async_trait]
impl Connector for MirrorHeartbeat {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        keys::validate(&self.clusters, false, &[], props, findings);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        self.props = props.clone();
        if parse(props)?.1.is_some() {
            ensure_own(&*self.clusters.target()?, HEARTBEATS).await?;
        }
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        if parse(&self.props)?.1.is_none() {
            return Ok(Vec::new());
        }
        let mut task = Props::new();
        keys::with_byte_converters(&self.props, &mut task);
        Ok(vec![task])
    }

    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        offsets::check(changes, &[SOURCE_ALIAS, TARGET_ALIAS], false, true)?;
        Ok(true)
    }
}

pub(crate) struct MirrorHeartbeatTask {
    common: Option<Common>,
    interval: Duration,
    due: Instant,
}

impl MirrorHeartbeatTask {
    pub(crate) fn new(_clusters: Arc<Clusters>) -> Self {
        Self { common: None, interval: Duration::from_secs(1), due: Instant::now() }
    }
}

#[async_trait]
impl SourceTask for MirrorHeartbeatTask {
    async fn start(&mut self, _ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let (common, interval) = parse(props)?;
        self.interval = interval.unwrap_or(self.interval);
        self.common = Some(common);
        self.due = Instant::now();
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        sleep_until(self.due).await;
        let Some(Common { source, target, .. }) = &self.common else { return Ok(Vec::new()) };
        self.due = Instant::now() + self.interval;
        let now_ms = now_ms();
        let (key, value) = wire::heartbeat(source, target, now_ms);
        let mut partition = OffsetMap::new();
        partition.insert(SOURCE_ALIAS.to_owned(), Json::from(source.as_str()));
        partition.insert(TARGET_ALIAS.to_owned(), Json::from(target.as_str()));
        let record = ConnectRecord {
            partition: Some(0),
            key: Datum::new(Schema::bytes(), Value::Bytes(key)),
            timestamp_ms: Some(now_ms),
            ..ConnectRecord::new(
                HEARTBEATS.into(),
                Datum::new(Schema::bytes(), Value::Bytes(value)),
            )
        };
        let offset = SourceOffset::Number(offsets::offset_name(), 0);
        Ok(vec![SourceRecord::new(record, SourcePartition::new(partition), offset)])
    }
}
