//! Gantry's native connectors: one folder and one cargo feature for each.

#[cfg(feature = "datagen")]
pub mod datagen;
#[cfg(feature = "file")]
pub mod file;

mod registry;

pub use registry::plugins;
