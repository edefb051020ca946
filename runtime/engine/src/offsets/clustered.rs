//! What the offset log of a cluster holds, as Connect's offsets.

use gantry_api::{OffsetMap, SourcePartition};
use gantry_coordination::{FencedOffsets, Texts};
use serde_json::Value as Json;

use super::Change;
use crate::cluster::REQUEST_LIMIT;
use crate::error::HerderError;

/// Writes what a user asks for, of a connector that has no tasks.
pub(super) async fn edit(
    offsets: &FencedOffsets,
    connector: &str,
    changes: Vec<Change>,
) -> Result<(), HerderError> {
    let written = tokio::time::timeout(REQUEST_LIMIT, offsets.edit(connector, texts(changes)));
    let counts = written.await.map_err(|_| {
        HerderError::timeout(format!(
            "The offsets of connector {connector} could not be written within {} s: look at them \
             before they are changed again, as they may be written yet",
            REQUEST_LIMIT.as_secs()
        ))
    })??;
    match counts {
        true => Ok(()),
        false => Err(HerderError::conflict(format!(
            "Connector {connector} was started, or its offsets were changed by another request, \
             at the same time; try again while it is stopped"
        ))),
    }
}

/// All partitions and offsets of a connector.
pub(super) fn each(offsets: &FencedOffsets, connector: &str) -> Vec<(OffsetMap, OffsetMap)> {
    let read = |(partition, offset): (&str, &str)| {
        Some((serde_json::from_str(partition).ok()?, serde_json::from_str(offset).ok()?))
    };
    offsets.read(|fold| fold.of(connector).filter_map(read).collect())
}

/// The offset of one partition.
pub(super) fn get(
    offsets: &FencedOffsets,
    connector: &str,
    partition: &SourcePartition,
) -> Option<OffsetMap> {
    offsets.read(|fold| serde_json::from_str(fold.get(connector, partition.canonical())?).ok())
}

/// Changes as the offset log has them.
pub(super) fn texts(changes: Vec<Change>) -> Texts {
    let text = |(partition, offset): Change| {
        let offset = offset.map(|map| Json::Object(map).to_string());
        (partition.canonical().to_string(), offset)
    };
    changes.into_iter().map(text).collect()
}
