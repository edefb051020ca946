//! Gantry's native connectors: one folder and one cargo feature for each,
//! or for each family.

#[cfg(feature = "cdc")]
pub mod cdc;
#[cfg(feature = "datagen")]
pub mod datagen;
#[cfg(feature = "elasticsearch")]
pub mod elasticsearch;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "jdbc")]
pub mod jdbc;
#[cfg(feature = "objects")]
pub mod objects;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sftp")]
pub mod sftp;
#[cfg(feature = "spooldir")]
pub mod spooldir;
#[cfg(feature = "tools")]
pub mod tools;

#[allow(dead_code, reason = "a build with few features uses a part of it")]
mod keys;
#[cfg(any(feature = "cdc", feature = "http"))]
mod name_uuid;
#[cfg(feature = "jdbc")]
#[allow(dead_code, reason = "a build with few features uses a part of it")]
mod out;
mod registry;
#[cfg(feature = "web")]
#[allow(dead_code, reason = "a build with few features uses a part of it")]
mod web;

pub use registry::plugins;
