//! The source connector.

use gantry_api::model::config::ConfigValue;
use gantry_api::{Connector, ConnectorContext, OffsetMap, Props, Result, async_trait};

use super::config::{self, Config};

/// Asks a web service for records.
#[derive(Debug, Default)]
pub struct HttpSource {
    props: Props,
}

#[async_trait]
impl Connector for HttpSource {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(props, findings, true);
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(props, findings, false);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        let checked = props.clone();
        // Key stores are files, which may be slow.
        let parsed = tokio::task::spawn_blocking(move || Config::parse(&checked)).await;
        parsed.map_err(|error| gantry_api::Error::connect(error.to_string()))??;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        // Each would ask for the same.
        Ok(vec![self.props.clone()])
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        _changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        // Where to go on is all that it keeps.
        Ok(true)
    }
}
