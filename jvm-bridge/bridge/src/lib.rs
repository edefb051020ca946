//! Kafka Connect's Java plugins as plugins of Gantry.
//!
//! A JVM in this process, or in a child process, holds the plugins; batches of records cross in
//! frames (`jvm-bridge/PROTOCOL.md`). Nobody outside this crate sees that a plugin is Java's: it
//! is one more implementation of the traits of `gantry_api`.

mod caller;
mod child;
mod connector;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod history;
mod home;
pub mod index;
mod jars;
mod jvm;
mod objects;
mod plugins;
mod sink;
mod sink_log;
mod source;
mod targets;
mod wire;

pub use history::keep_histories_in;
pub use home::JavaSettings;
pub use index::DiscoveryMode;
pub use plugins::JavaPlugins;
