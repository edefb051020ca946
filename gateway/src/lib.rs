//! The `gantry` binary as a library: the command line, the REST API, start-up and shutdown.
//!
//! A program that registers plugins of its own and calls [`Gantry::main`] is a Gantry with them
//! inside:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     gantry::Gantry::new()
//!         .register(|registry| {
//!             // registry.connector(…); registry.transformation(…);
//!             let _ = registry;
//!         })
//!         .main()
//! }
//! ```

mod cli;
mod connector_keys;
mod files;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gantry;
mod hex;
mod identity;
mod java;
mod json;
mod lint;
mod logging;
mod logs;
mod metrics;
mod nearest;
mod presence;
mod preview;
#[cfg(feature = "replicator")]
mod replicator;
mod rest;
mod rocketmq_connect;
mod schema_registry;
mod shutdown;
mod startup;
mod worker_config;

pub use gantry::Gantry;
pub use metrics::{MetricSample, MetricsReporter};
