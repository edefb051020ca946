//! The connector: as many tasks as it may have.

use gantry_api::model::config::ConfigValue;
use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};

use super::config::{self, Settings, TASK_ID};
use super::task::Position;

/// Makes up records by an Avro schema.
#[derive(Debug, Default)]
pub struct DatagenConnector {
    props: Props,
}

/// The settings, read on a thread that may be held up.
pub(super) async fn read(props: Props) -> Result<Settings> {
    let read = tokio::task::spawn_blocking(move || Settings::read(&props)).await;
    read.map_err(|error| Error::connect(error.to_string()))?
}

#[async_trait]
impl Connector for DatagenConnector {
    fn validate(&self, props: &Props, findings: &mut Vec<ConfigValue>) -> Result<()> {
        config::validate(props, findings);
        Ok(())
    }

    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let settings = read(props.clone()).await.map_err(|error| {
            let text =
                "Datagen connector could not start because of an error in the configuration: ";
            Error::connect(text).caused_by(error)
        })?;
        for warning in &settings.plan.compiled.warnings {
            tracing::warn!(connector = %ctx.name, "{warning}");
        }
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, max_tasks: u32) -> Result<Vec<Props>> {
        let config = |task: u32| {
            let mut props = self.props.clone();
            props.insert(TASK_ID.to_owned(), task.to_string());
            props
        };
        Ok((0..max_tasks).map(config).collect())
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
            let Some(offset) = offset else { continue };
            if partition.get(TASK_ID).and_then(|task| task.as_u64()).is_none() {
                return Err(Error::connect(format!(
                    "A source partition must contain the key '{TASK_ID}' with a task's number"
                )));
            }
            Position::stored(offset)?;
        }
        Ok(true)
    }
}
