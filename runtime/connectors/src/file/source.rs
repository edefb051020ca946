//! The source connector: one task, whatever `tasks.max` says.

use gantry_api::{
    Connector, ConnectorContext, Error, ExactlyOnceSupport, OffsetMap, Props, Result, async_trait,
};
use serde_json::Value as Json;
use tracing::info;

use super::config::{FILE, file_of, source_config};

pub(super) const FILENAME: &str = "filename";
pub(super) const POSITION: &str = "position";

/// Reads a file line by line.
#[derive(Debug, Default)]
pub struct FileStreamSource {
    props: Props,
}

#[async_trait]
impl Connector for FileStreamSource {
    async fn start(&mut self, ctx: ConnectorContext, props: &Props) -> Result<()> {
        let config = source_config().parse(props)?;
        let file = file_of(&config);
        info!(connector = %ctx.name, file = file.as_deref().unwrap_or("stdin"), "file source");
        self.props = props.clone();
        Ok(())
    }

    async fn task_configs(&mut self, _max_tasks: u32) -> Result<Vec<Props>> {
        Ok(vec![self.props.clone()])
    }

    fn exactly_once_support(&self, props: &Props) -> Result<ExactlyOnceSupport> {
        // Standard input cannot be read again.
        Ok(match props.get(FILE) {
            Some(file) if !file.trim().is_empty() => ExactlyOnceSupport::Supported,
            _ => ExactlyOnceSupport::Unsupported,
        })
    }

    async fn alter_offsets(
        &mut self,
        props: &Props,
        changes: &[(OffsetMap, Option<OffsetMap>)],
    ) -> Result<bool> {
        if file_of(&source_config().parse(props)?).is_none() {
            return Err(Error::connect(format!(
                "Offsets cannot be modified if the '{FILE}' configuration is unspecified. This \
                 is because stdin is used for input and offsets are not tracked."
            )));
        }
        changes.iter().try_for_each(|(partition, offset)| match offset {
            // Whatever is stored may be removed, so that a user can clean up.
            None => Ok(()),
            Some(offset) => check_offset(partition, offset),
        })?;
        Ok(true)
    }
}

fn check_offset(partition: &OffsetMap, offset: &OffsetMap) -> Result<()> {
    let Some(position) = offset.get(POSITION) else {
        return Err(Error::connect(format!(
            "Offset objects should either be null or contain the key '{POSITION}'"
        )));
    };
    match position.as_i64() {
        None => Err(Error::connect(format!(
            "The value for the '{POSITION}' key in the offset is expected to be a Long value"
        ))),
        Some(position) if position < 0 => Err(Error::connect(format!(
            "The value for the '{POSITION}' key in the offset should be a non-negative value"
        ))),
        Some(_) if !partition.contains_key(FILENAME) => {
            Err(Error::connect(format!("Partition objects should contain the key '{FILENAME}'")))
        }
        Some(_) => Ok(()),
    }
}

/// Where a stored offset says to go on, in bytes; 0 for none.
pub(super) fn stored_position(offset: Option<&OffsetMap>) -> Result<u64> {
    match offset.and_then(|offset| offset.get(POSITION)) {
        None | Some(Json::Null) => Ok(0),
        Some(position) => {
            position.as_u64().ok_or_else(|| Error::connect("Offset position is the incorrect type"))
        }
    }
}
