//! The sink connector: every task appends to the same file.

use gantry_api::{Connector, ConnectorContext, OffsetMap, Props, Result, async_trait};
use tracing::info;

use super::config::{file_of, sink_config};

/// Appends values to a file, one line each.
#[derive(Debug, Default)]
pub struct FileStreamSink {
    props: Props,
}

#[async_trait]
impl Connector for FileStreamSink {
    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let file = file_of(&sink_config().parse(props)?);
        info!(connector = %ctx.name, file = file.as_deref().unwrap_or("stdout"), "file sink");
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        Ok((0..max_tasks).map(|_| self.props.clone()).collect())
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
