//! The source connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::super::keys::report;
use super::config::{CHANNELS, ChannelConfig, Kind, StreamConfig, TASK, TASKS};

/// Reads Redis.
#[derive(Debug)]
pub(crate) struct RedisSource {
    kind: Kind,
    props: Props,
}

impl RedisSource {
    pub(in super::super) fn new(kind: Kind) -> Self {
        Self { kind, props: Props::new() }
    }

    /// How many tasks have something to do, of at most so many, and what each has besides.
    fn divided(&self, max_tasks: u32) -> Result<Vec<Vec<(&'static str, String)>>> {
        Ok(match self.kind {
            Kind::Stream => (0..max_tasks)
                .map(|at| vec![(TASK, at.to_string()), (TASKS, max_tasks.to_string())])
                .collect(),
            // Each would hear all.
            Kind::Keys => vec![vec![(TASK, "0".to_owned())]],
            Kind::Channels => {
                let names = ChannelConfig::read(&self.props)??.channels.names;
                let count = names.len().min(max_tasks as usize).max(1);
                // As Kafka's ConnectorUtils divides: the first ones have one more.
                let (each, more) = (names.len() / count, names.len() % count);
                let mut rest = names.into_iter();
                (0..count)
                    .map(|at| {
                        let part: Vec<String> =
                            rest.by_ref().take(each + usize::from(at < more)).collect();
                        vec![(CHANNELS, part.join(","))]
                    })
                    .collect()
            }
        })
    }
}

#[async_trait]
impl Connector for RedisSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        report(findings, || self.kind.check(props));
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        self.kind.check(props)??;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let with = |more: Vec<(&'static str, String)>| {
            let mut props = self.props.clone();
            props.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
            props
        };
        Ok(self.divided(max_tasks.max(1))?.into_iter().map(with).collect())
    }

    fn exactly_once_support(&self, props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(match self.kind {
            Kind::Stream if !StreamConfig::read(props)??.is_at_most_once => {
                ExactlyOnceSupport::Supported
            }
            _ => ExactlyOnceSupport::Unsupported,
        })
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        // What is acknowledged in the group is not read again, whatever stands here.
        Ok(self.kind == Kind::Stream && changes.iter().all(|(_, offset)| offset.is_none()))
    }
}
