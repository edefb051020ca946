//! TLS: key and trust stores as Java's tools write them (JKS, PKCS12) and as PEM, and what an
//! HTTPS listener needs of them.

mod clients;
mod ec;
mod jks;
mod keys;
mod pem;
mod pkcs12;
mod server;
mod settings;
mod store;

#[cfg(test)]
mod tests;

pub(crate) use ec::complete;
pub(crate) use pem::{parse_certificates, parse_key};
pub(crate) use server::server_config;
pub(crate) use settings::{ClientAuth, Secret, StoreSettings, TlsSettings};
