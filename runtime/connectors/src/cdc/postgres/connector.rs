//! The connector: checks its keys, and has one task.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    CancellationToken, Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props,
    Result, async_trait,
};

use super::super::findings;
use super::config::{Config, unsupported};
use super::wire::Wire;

/// Reads the changes of a database.
#[derive(Debug, Default)]
pub(crate) struct PostgresSource {
    props: Props,
}

impl PostgresSource {
    pub(in crate::cdc) fn new() -> Self {
        Self::default()
    }
}

fn check(props: &Props, findings: &mut [ConfigValue]) -> Option<Config> {
    findings::check(findings, unsupported(props), || Config::parse(props))
}

#[async_trait]
impl Connector for PostgresSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        let Some(config) = check(props, findings) else { return Ok(()) };
        let opened = Wire::open(&config.access, false, &CancellationToken::new())
            .and_then(|mut wire| wire.value("SELECT version()").map(|_| ()));
        if let Err(cause) = opened {
            let text = format!(
                "The 'database.hostname' value is invalid: Error while validating connector config: {cause}"
            );
            findings::add(findings, "database.hostname", text);
        }
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        check(props, findings);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        Config::parse(props)?;
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
            for name in ["lsn", "lsn_proc", "lsn_commit", "txId", "ts_usec"] {
                let value = offset.as_ref().and_then(|offset| offset.get(name));
                if let Some(value) = value.filter(|value| value.as_i64().is_none()) {
                    return Err(Error::connect(format!(
                        "{name}={value} is no part of an offset: it must be a whole number"
                    )));
                }
            }
        }
        Ok(true)
    }
}
