//! Gantry's native connectors: one folder and one cargo feature for each,
//! or for each family.

#[cfg(feature = "datagen")]
pub mod datagen;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "jdbc")]
pub mod jdbc;
#[cfg(feature = "spooldir")]
pub mod spooldir;
#[cfg(feature = "tools")]
pub mod tools;

#[allow(dead_code, reason = "a build with few features uses a part of it")]
mod keys;
mod registry;

pub use registry::plugins;
