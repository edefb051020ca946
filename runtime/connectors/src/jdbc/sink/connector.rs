//! The sink connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, OffsetMap, Props, Result, TaskEpoch, TopicPartition,
    async_trait,
};

use super::config::{Config, DELETE, PK_FIELDS, PK_MODE};
use super::offsets::Offsets;
use crate::jdbc::{Flavour, keys};

/// Writes tables.
pub(crate) struct JdbcSink {
    flavour: Flavour,
    props: Props,
}

impl JdbcSink {
    pub(in crate::jdbc) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }
}

#[async_trait]
impl Connector for JdbcSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        self.validate_offline(props, findings)?;
        if findings.iter().any(|value| !value.errors.is_empty()) {
            return Ok(());
        }
        let access = Config::parse(self.flavour, props).map(|config| config.connecting.access);
        let Err(error) = keys::connected(access) else { return Ok(()) };
        if let Some(value) = findings.iter_mut().find(|value| value.name == keys::URL) {
            value.errors.push(error);
        }
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let text = |name: &str| props.get(name).map_or("", String::as_str).trim().to_lowercase();
        let mut add = |name: &str, error: String| {
            if let Some(value) = findings.iter_mut().find(|value| value.name == name) {
                value.errors.push(error);
            }
        };
        let (mode, fields) = (text(PK_MODE), text(PK_FIELDS));
        if text(DELETE) == "true" && mode != "record_key" {
            match self.flavour {
                Flavour::Confluent => {
                    for name in [DELETE, PK_MODE] {
                        add(name, "Deletes are only supported for pk.mode record_key".to_owned());
                    }
                }
                Flavour::Aiven => {
                    add(DELETE, "Delete support only works with pk.mode=record_key".to_owned())
                }
            }
        }
        if self.flavour == Flavour::Aiven {
            if (mode.is_empty() || mode == "none") && !fields.is_empty() {
                add(
                    PK_FIELDS,
                    "Primary key fields should not be set when pkMode is 'none'.".to_owned(),
                );
            }
            if mode == "kafka" && !fields.is_empty() && fields.split(',').count() != 3 {
                add(
                    PK_FIELDS,
                    "Primary key fields must be set with three fields (topic, partition, offset) when pkMode is 'kafka'."
                        .to_owned(),
                );
            }
        }
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

    /// Offsets that stand beside the rows are changed there, too: they would be taken up again.
    async fn alter_offsets(
        &mut self,
        props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        let config = Config::parse(self.flavour, props)?;
        let name = props.get("name").map_or("", String::as_str);
        let Some(offsets) = Offsets::new(&config, name, TaskEpoch::default())? else {
            return Ok(true);
        };
        let number = |map: &OffsetMap, key: &str| map.get(key).and_then(|value| value.as_u64());
        let changes: Option<Vec<(TopicPartition, Option<u64>)>> = changes
            .iter()
            .map(|(partition, offset)| {
                let topic = partition.get("kafka_topic")?.as_str()?;
                let queue = u32::try_from(number(partition, "kafka_partition")?).ok()?;
                let next = offset.as_ref().map(|offset| number(offset, "kafka_offset"));
                Some((TopicPartition::new(topic, queue), next.flatten()))
            })
            .collect();
        let Some(changes) = changes else {
            return Err(Error::connect(
                "An offset must name kafka_topic, kafka_partition and kafka_offset",
            ));
        };
        let altered = tokio::task::spawn_blocking(move || {
            let mut session = config.connecting.access.open_soon()?;
            offsets.alter(&config, &mut *session, &changes)
        });
        match altered.await {
            Ok(done) => done.map(|()| true).map_err(Error::from),
            Err(error) => Err(Error::connect(format!("changing offsets failed: {error}"))),
        }
    }
}
