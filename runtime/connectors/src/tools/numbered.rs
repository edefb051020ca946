//! The connector of all that have tasks which differ by their number only.

use gantry_api::{Connector, ConnectorContext, Props, Result, async_trait};

use super::config::ID;

/// Gives each of `tasks.max` tasks the connector's configuration and its number as `id`.
#[derive(Debug, Default)]
pub struct NumberedConnector {
    props: Props,
}

#[async_trait]
impl Connector for NumberedConnector {
    async fn start(&mut self, _ctx: ConnectorContext, props: &Props) -> Result<()> {
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let config = |task: u32| {
            let mut props = self.props.clone();
            props.insert(ID.to_owned(), task.to_string());
            props
        };
        Ok((0..max_tasks).map(config).collect())
    }
}
