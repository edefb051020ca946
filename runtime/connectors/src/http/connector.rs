//! The sink connectors.

use gantry_api::model::config::ConfigValue;
use gantry_api::{Connector, ConnectorContext, OffsetMap, Props, Result, async_trait};

use super::Flavour;
use super::config::{self, Config};

/// Sends records to a web service.
#[derive(Debug)]
pub struct HttpSink {
    flavour: Flavour,
    props: Props,
}

impl HttpSink {
    /// A connector with these keys.
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, props: Props::new() }
    }
}

#[async_trait]
impl Connector for HttpSink {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(self.flavour, props, findings, true);
        Ok(())
    }

    fn validate_offline(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(self.flavour, props, findings, false);
        Ok(())
    }

    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        let flavour = self.flavour;
        let checked = props.clone();
        // Key stores are files, which may be slow.
        let parsed = tokio::task::spawn_blocking(move || Config::parse(flavour, &checked)).await;
        parsed.map_err(|error| gantry_api::Error::connect(error.to_string()))??;
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone(); max_tasks as usize])
    }

    async fn alter_offsets(
        &mut self,
        _props: &Props,
        _changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        // Where to read on is all that it keeps.
        Ok(true)
    }
}
