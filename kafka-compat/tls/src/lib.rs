//! TLS: key and trust stores as Java's tools write them (JKS, PKCS12) and as PEM, and what an
//! HTTPS listener needs of them.

mod client;
mod clients;
mod connection;
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

pub use client::{Identity, client_config, store_client_config, system_certificates};
pub use connection::{ServerProof, connection_config, server_verifier};
pub use pem::{parse_certificates, parse_key};
pub use server::server_config;
pub use settings::{ClientAuth, Secret, StoreSettings, TlsSettings};
