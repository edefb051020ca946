//! What connectors that speak HTTP share: connections, requests and the keys that say where to and who asks.

pub(crate) mod client;
pub(crate) mod connect;
pub(crate) mod keys;
#[cfg(test)]
pub(crate) mod server;
pub(crate) mod target;
