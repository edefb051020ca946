//! The connector: checks its keys, and has one task.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::Flavour;
use super::config::{Config, unsupported};
use super::server::Server;

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
        for (key, text) in unsupported(self.flavour, props) {
            add(findings, key, text);
        }
        if findings.iter().any(|finding| !finding.errors.is_empty()) {
            return None;
        }
        match Config::parse(self.flavour, props) {
            Ok(config) => Some(config),
            Err(error) => {
                let key = key_of(error.message()).unwrap_or("database.hostname");
                add(findings, key, error.message().to_owned());
                None
            }
        }
    }
}

/// Keys that the definition does not have are shown at one that it has.
fn add(findings: &mut [ConfigValue], key: &str, text: String) {
    let at = findings.iter().position(|finding| finding.name == key);
    let at = at.or_else(|| findings.iter().position(|finding| finding.name == "topic.prefix"));
    if let Some(finding) = at.and_then(|at| findings.get_mut(at)) {
        finding.errors.push(text);
    }
}

/// The key that an error of a configuration names: `The 'key' value …`.
fn key_of(text: &str) -> Option<&str> {
    text.strip_prefix("The '")?.split_once('\'').map(|(key, _)| key)
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
            add(findings, "database.hostname", format!("Unable to connect: {}", error.message()));
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
