//! The worker file: one table of all keys feeds reading, warnings, and the reference page
//! `docs/worker-config.md`.

mod environment;
mod headers;
mod listeners;
mod load;
mod providers;
mod reference;
mod retired;
mod row;
mod table;
mod table_clients;
mod table_distributed;
mod table_rocketmq;
mod table_sasl;
mod table_worker;

#[cfg(test)]
mod tests;

pub(crate) use headers::HeaderRules;
pub(crate) use listeners::{Listener, host_port};
pub(crate) use load::{Mode, Settings, built_in, load, settings};
pub(crate) use reference::markdown;
pub(crate) use retired::advice as retired_worker_key;
pub(crate) use row::Effect;
pub(crate) use table::{definition, is_known, nearest, row};
