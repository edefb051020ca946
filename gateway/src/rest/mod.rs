//! Kafka Connect's REST API, and our own endpoints for topics under `/gantry`. Handlers are thin:
//! what they do is the herder's and the log's.

mod auth;
mod config_body;
mod connectors;
mod error;
mod exchange;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod lifecycle;
mod loggers;
mod media_type;
mod offsets;
mod password;
mod path;
mod plugins;
mod ports;
mod preview;
mod record_line;
mod router;
mod server;
mod state;
mod topic_records;
mod topics;
mod worker;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use auth::{BasicAuth, Credentials, Fingerprint, authorization, fingerprint};
pub(crate) use error::ApiError;
#[cfg(test)]
pub(crate) use exchange::BODY_BYTES_MAX;
pub(crate) use exchange::{json, read_body, read_body_of, to_the_end};
pub(crate) use path::{Path, clean, encode_segment};
pub(crate) use ports::{Port, Ports, registry_ports};
pub(crate) use router::{Edge, admin_router, is_quick, replace_path, router};
pub(crate) use server::{Endpoint, Server, none_is_quick};
pub(crate) use state::{AppState, BodyTimes, Identity};
