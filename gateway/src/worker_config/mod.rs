//! The worker file: one table of all keys feeds reading, warnings, and the reference page
//! `docs/worker-config.md`.

mod client_keys;
mod cors;
mod environment;
mod headers;
mod jaas;
mod listeners;
mod load;
mod log_choice;
mod providers;
mod reference;
mod registry;
mod rest;
mod retired;
mod row;
mod table;
mod table_clients;
mod table_distributed;
mod table_registry;
mod table_rocketmq;
mod table_sasl;
mod table_worker;
mod tls;

#[cfg(test)]
mod tests;

pub(crate) use cors::{Cors, Grant};
pub(crate) use headers::HeaderRules;
pub(crate) use jaas::{Login, named_in as jaas_named_in, users_files};
pub(crate) use listeners::{Listener, Scheme, host_port};
pub(crate) use load::{Given, Mode, Settings, built_in, load, settings};
#[cfg(feature = "replicator")]
pub(crate) use log_choice::source_cluster;
pub(crate) use reference::markdown;
pub(crate) use registry::{
    LISTENERS as REGISTRY_LISTENERS, RIGHTS_FILE, RegistrySettings, TOPIC as REGISTRY_TOPIC,
};
pub(crate) use rest::{Admin, AuthSource, RestSettings};
pub(crate) use retired::advice as retired_worker_key;
pub(crate) use row::Effect;
pub(crate) use table::{definition, is_known, nearest, row};
