//! Jobs as programs run them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod connect;
mod describe;
mod instances;
mod joins;
mod json;
mod killed;
mod metrics;
mod model;
mod mysql;
mod nexmark;
mod on_log;
mod processing_time;
mod processor;
mod queries;
mod report;
mod suppress;
mod tables;
mod windows;
