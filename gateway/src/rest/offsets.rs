//! A connector's offsets.

use axum::extract::Path;
use axum::response::Response;
use gantry_api::OffsetMap;
use gantry_engine::{ConnectorOffset, ConnectorOffsets};
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::exchange::{Api, Payload, ok, to_the_end};

/// `{"offsets":[…]}` as it may come.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlterRequest {
    #[serde(default)]
    offsets: Option<Vec<AlterOffset>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlterOffset {
    #[serde(default)]
    partition: Option<OffsetMap>,
    #[serde(default)]
    offset: Option<OffsetMap>,
}

#[derive(Serialize)]
struct Message {
    message: String,
}

/// `GET /connectors/{name}/offsets`
pub(super) async fn get(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    ok(&state.herder.offsets(&name)?)
}

/// `PATCH /connectors/{name}/offsets`
pub(super) async fn alter(
    Api(state): Api,
    Path(name): Path<String>,
    Payload(body): Payload,
) -> Result<Response, ApiError> {
    let given = parse_alter(&body)?;
    state.herder.require_stopped(&name)?;
    let type_ = state.herder.connector_info(&name)?.type_;
    let offsets = with_partitions(given, type_)?;
    let message =
        to_the_end(async move { state.herder.alter_offsets(&name, offsets).await }).await?;
    ok(&Message { message })
}

/// The body of a change of offsets; never empty.
pub(super) fn parse_alter(body: &[u8]) -> Result<Vec<AlterOffset>, ApiError> {
    let request: AlterRequest = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!(
            "the body is wrong: {error}; write {{\"offsets\":[{{\"partition\":{{…}},\
             \"offset\":{{…}}}}]}}"
        ))
    })?;
    let given = request.offsets.unwrap_or_default();
    require_some(&given)?;
    Ok(given)
}

/// Refuses to alter nothing.
pub(super) fn require_some(given: &[AlterOffset]) -> Result<(), ApiError> {
    match given {
        [] => Err(ApiError::bad_request(
            "Partitions / offsets need to be provided for an alter offsets request",
        )),
        _ => Ok(()),
    }
}

/// Offsets of a connector of that type, each with its partition. To reset what has no partition
/// changes nothing for a source.
pub(super) fn with_partitions(
    given: Vec<AlterOffset>,
    type_: &str,
) -> Result<ConnectorOffsets, ApiError> {
    let mut offsets = Vec::with_capacity(given.len());
    for AlterOffset { partition, offset } in given {
        match (partition, offset) {
            (Some(partition), offset) => offsets.push(ConnectorOffset { partition, offset }),
            (None, None) if type_ == "source" => {}
            // The words of Kafka's file source: other sources have none.
            (None, Some(_)) if type_ == "source" => {
                return Err(ApiError::internal("Partition objects cannot be null"));
            }
            (None, _) => {
                return Err(ApiError::bad_request(format!(
                    "The partition for a {type_} connector offset cannot be null or missing"
                )));
            }
        }
    }
    Ok(ConnectorOffsets { offsets })
}

/// `DELETE /connectors/{name}/offsets`
pub(super) async fn reset(Api(state): Api, Path(name): Path<String>) -> Result<Response, ApiError> {
    let message = to_the_end(async move { state.herder.reset_offsets(&name).await }).await?;
    ok(&Message { message })
}
