//! The sink connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, OffsetMap, Props, Result, TopicPartition, async_trait,
};
use std::sync::Arc;
use std::time::Duration;

use super::super::Flavour;
use super::super::client::Client;
use super::super::keys::report;
use super::config::Config;
use super::offsets::Offsets;

/// Writes records to Redis.
#[derive(Debug)]
pub(crate) struct RedisSink {
    flavour: Flavour,
    props: Props,
}

impl RedisSink {
    pub(in super::super) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }
}

#[async_trait]
impl Connector for RedisSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        report(findings, || Config::read(self.flavour, props));
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        Config::parse(self.flavour, props)?;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone(); max_tasks as usize])
    }

    /// Offsets that stand beside the records are changed there, too: they would be taken up again.
    async fn alter_offsets(
        &mut self,
        props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        let config = Config::parse(self.flavour, props)?;
        let name = props.get("name").map_or("", String::as_str);
        let Some(names) = config.names(name).filter(|_| config.is_exact) else { return Ok(true) };
        let mut parsed = Vec::with_capacity(changes.len());
        for (partition, offset) in changes {
            let queue = queue(partition).ok_or_else(|| {
                Error::connect("a sink's partition has kafka_topic and kafka_partition")
            })?;
            let next = match offset {
                None => None,
                Some(map) => {
                    let next = map.get("kafka_offset").and_then(serde_json::Value::as_u64);
                    Some(next.ok_or_else(|| {
                        Error::connect("a sink's offset has kafka_offset, a whole number")
                    })?)
                }
            };
            parsed.push((queue, next));
        }
        let mut client = Client::new(Arc::clone(&config.place), Duration::ZERO);
        let shown = config.place.shown();
        let done = async {
            let commands = Offsets::new(names).alter(&parsed);
            let link = client.link().await?;
            for cmd in commands {
                link.one(cmd).await?;
            }
            Ok::<_, super::super::client::Fault>(())
        };
        done.await.map_err(|fault| fault.error(&shown))?;
        Ok(true)
    }
}

fn queue(partition: &OffsetMap) -> Option<TopicPartition> {
    let topic = partition.get("kafka_topic")?.as_str()?;
    let number = partition.get("kafka_partition")?;
    // Both forms come over REST.
    let number = number.as_u64().or_else(|| number.as_str()?.parse().ok())?;
    Some(TopicPartition::new(topic, u32::try_from(number).ok()?))
}
