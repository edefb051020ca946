//! The connector: checks its keys, and has one task.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::Flavour;
use super::config::{Config, unsupported};
use super::server::Server;
use crate::cdc::findings;

/// Reads the changes of a server's databases.
#[derive(Debug)]
pub(crate) struct BinlogSource {
    flavour: Flavour,
    props: Props,
}

impl BinlogSource {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }

    fn check(&self, props: &Props, findings: &mut [ConfigValue]) -> Option<Config> {
        findings::check(findings, unsupported(self.flavour, props), || {
            Config::parse(self.flavour, props)
        })
    }
}

#[async_trait]
impl Connector for BinlogSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let Some(mut config) = self.check(props, findings) else { return Ok(()) };
        let limit = config.validation_timeout;
        if !limit.is_zero() {
            config.connect_timeout = config.connect_timeout.min(limit);
        }
        if let Err(error) = Server::connect(&config) {
            findings::add(
                findings,
                "database.hostname",
                format!("Unable to connect: {}", error.message()),
            );
        }
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        self.check(props, findings);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        Config::parse(self.flavour, props)?;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone()])
    }

    fn exactly_once_support(&self, _props: &Props) -> Result<ExactlyOnceSupport> {
        Ok(ExactlyOnceSupport::Supported)
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        for (partition, offset) in changes {
            if partition.get("server").is_none_or(|server| !server.is_string()) {
                return Err(Error::connect(
                    "A source partition must contain the key 'server' with the connector's topic.prefix",
                ));
            }
            let Some(offset) = offset else { continue };
            if partition.contains_key("gantry.structures") {
                continue;
            }
            if offset.get("file").is_none_or(|file| !file.is_string()) {
                return Err(Error::connect("Source offset 'file' parameter is missing"));
            }
            for name in ["pos", "event", "row", "ts_sec", "server_id"] {
                if let Some(value) = offset.get(name).filter(|value| value.as_i64().is_none()) {
                    return Err(Error::connect(format!(
                        "{name}={value} is no part of an offset: it must be a whole number"
                    )));
                }
            }
        }
        Ok(true)
    }
}
